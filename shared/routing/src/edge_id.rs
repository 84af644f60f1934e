//! The name by which an edge is known to all others.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An edge's name as the origin gave it when the edge enrolled: 1 to [`EdgeId::MAX_BYTES`] printable ASCII characters
/// without a space. Never given to another edge. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EdgeId(Arc<str>);

/// A text that is no [`EdgeId`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an edge's id is 1 to 80 printable ASCII characters without a space")]
pub struct InvalidEdgeId;

impl EdgeId {
    /// Longest id, in bytes.
    pub const MAX_BYTES: usize = 80;

    /// The id of a text.
    ///
    /// # Errors
    /// [`InvalidEdgeId`].
    pub fn new(text: &str) -> Result<Self, InvalidEdgeId> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidEdgeId);
        }
        Ok(Self(text.into()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EdgeId {
    type Error = InvalidEdgeId;

    fn try_from(text: String) -> Result<Self, InvalidEdgeId> {
        Self::new(&text)
    }
}

impl From<EdgeId> for String {
    fn from(id: EdgeId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl Borrow<str> for EdgeId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EdgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EdgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EdgeId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_printable() {
        assert_eq!(EdgeId::new("frankfurt-1").unwrap().as_str(), "frankfurt-1");
        assert!(EdgeId::new(&"x".repeat(80)).is_ok());
        for bad in ["", "a b", "é", "a\n", &"x".repeat(81)] {
            assert_eq!(EdgeId::new(bad), Err(InvalidEdgeId), "{bad:?}");
        }
    }
}
