//! Names of pathways: an edge's id in the characters that RFC 8216bis §7.1 allows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::edge_id::EdgeId;

/// Begins each id. Without it an edge could have the id `.`, which means a variant without a pathway, or one like
/// `constructor`, which hls.js 1.7 takes for a pathway that has failed.
const PREFIX: &str = "e-";

/// Stands before the two hexadecimal digits of a byte that is not allowed, or is this one itself.
const ESCAPE: char = '_';

/// A pathway's id: letters, digits, `-`, `.` and `_`, at most [`PathwayId::MAX_BYTES`] bytes. One for each edge, and the
/// edge can be read from it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathwayId(String);

/// A text that is the id of no edge's pathway.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the pathway of an edge")]
pub struct InvalidPathwayId;

impl PathwayId {
    /// Longest id, in bytes: the longest id of an edge, each character escaped.
    pub const MAX_BYTES: usize = PREFIX.len() + 3 * EdgeId::MAX_BYTES;

    /// The pathway of an edge.
    #[must_use]
    pub fn of(edge: &EdgeId) -> Self {
        let mut text = PREFIX.to_owned();
        for byte in edge.as_str().bytes() {
            if is_plain(byte) {
                text.push(char::from(byte));
            } else {
                text.push(ESCAPE);
                text.extend([byte >> 4, byte & 15].map(digit));
            }
        }
        Self(text)
    }

    /// The edge of a pathway.
    ///
    /// # Errors
    /// [`InvalidPathwayId`]: each edge has one spelling.
    pub fn edge_of(text: &str) -> Result<EdgeId, InvalidPathwayId> {
        let escaped =
            text.strip_prefix(PREFIX).filter(|_| text.len() <= Self::MAX_BYTES).ok_or(InvalidPathwayId)?;
        let mut id = String::with_capacity(escaped.len());
        let mut characters = escaped.chars();
        while let Some(character) = characters.next() {
            if character == ESCAPE {
                let mut digit =
                    || characters.next().and_then(|digit| digit.to_digit(16)).ok_or(InvalidPathwayId);
                let code = digit()? << 4 | digit()?;
                id.push(char::from_u32(code).ok_or(InvalidPathwayId)?);
            } else {
                id.push(character);
            }
        }
        let edge = EdgeId::new(&id).map_err(|_| InvalidPathwayId)?;
        if Self::of(&edge).as_str() == text { Ok(edge) } else { Err(InvalidPathwayId) }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0')
}

impl TryFrom<String> for PathwayId {
    type Error = InvalidPathwayId;

    fn try_from(text: String) -> Result<Self, InvalidPathwayId> {
        Self::edge_of(&text).map(|edge| Self::of(&edge))
    }
}

impl From<PathwayId> for String {
    fn from(id: PathwayId) -> Self {
        id.0
    }
}

impl fmt::Display for PathwayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> String {
        PathwayId::of(&EdgeId::new(text).unwrap()).into()
    }

    #[test]
    fn usual_names_stay_as_they_are() {
        assert_eq!(of("frankfurt-1"), "e-frankfurt-1");
        assert_eq!(of("a_b/c"), "e-a_5fb_2fc");
        assert_eq!(of("."), "e-.");
    }

    #[test]
    fn there_is_one_spelling() {
        for bad in
            ["", ".", "frankfurt-1", "e-", "e-_", "e-_2", "e-_41", "e-_2F", "e-a b", "e-é", "e-_ff", "e-_+1"]
        {
            assert_eq!(PathwayId::edge_of(bad), Err(InvalidPathwayId), "{bad}");
        }
        assert_eq!(PathwayId::edge_of(&format!("e-{}", "x".repeat(81))), Err(InvalidPathwayId));
    }

    proptest! {
        #[test]
        fn every_edge_is_read_from_its_pathway(text in "[!-~]{1,80}") {
            let edge = EdgeId::new(&text).unwrap();
            let id = PathwayId::of(&edge);
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            prop_assert!(id.as_str().chars().all(allowed) && id.as_str().len() <= PathwayId::MAX_BYTES);
            prop_assert_eq!(PathwayId::edge_of(id.as_str()), Ok(edge));
        }

        #[test]
        fn any_text_is_survived(text in "(e-)?\\PC{0,20}") {
            if let Ok(edge) = PathwayId::edge_of(&text) {
                let id = PathwayId::of(&edge);
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }
}
