//! Names of the things that travel and are cached.
//!
//! An object is immutable and is named by (stream, epoch, variant, media sequence number, part):
//! the same name means the same bytes on the origin and on every edge, for ever.
//! The path of an object below `/hls/` is made and parsed here and nowhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A stream: one broadcaster's output under one application. The API shows one, `live`.
///
/// At most [`StreamName::MAX_BYTES`] bytes of `[a-z0-9_-]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamName(String);

impl StreamName {
    /// Longest accepted name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// The stream that the public API shows.
    #[must_use]
    pub fn live() -> Self {
        Self("live".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no [`StreamName`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stream name is 1 to 64 characters of a-z, 0-9, '-' and '_'")]
pub struct InvalidStreamName;

impl TryFrom<String> for StreamName {
    type Error = InvalidStreamName;

    fn try_from(text: String) -> Result<Self, InvalidStreamName> {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(ok) {
            return Err(InvalidStreamName);
        }
        Ok(Self(text))
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> Self {
        name.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
        )]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// Changes when a broadcast's timeline could not be continued; grows for the life of an origin's state.
    Epoch(u64)
}
number! {
    /// Index of a variant in the configured ladder, from 0.
    VariantId(u16)
}
number! {
    /// Media sequence number of a segment (RFC 8216bis §4.4.3.2); never reused, survives origin restarts.
    Msn(u64)
}

impl Msn {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Name of an immutable object within a stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ObjectName {
    /// Timeline the object belongs to.
    pub epoch: Epoch,
    /// Quality the object belongs to.
    pub variant: VariantId,
    /// The kind and number of the object within that quality.
    pub kind: ObjectKind,
}

/// The kind and number of an object of a variant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ObjectKind {
    /// Initialisation section (EXT-X-MAP), numbered from 0 within the epoch and variant.
    Init(u32),
    /// A whole media segment: the concatenation of its parts.
    Segment(Msn),
    /// A part of a segment, numbered from 0 (EXT-X-PART).
    Part(Msn, u32),
}

impl ObjectName {
    /// Path relative to `/hls/<variant>/`, as written in a media playlist:
    /// `<epoch>/init-<n>.mp4`, `<epoch>/<msn>.m4s`, `<epoch>/<msn>.<part>.m4s`.
    #[must_use]
    pub fn relative_uri(&self) -> String {
        let epoch = self.epoch;
        match self.kind {
            ObjectKind::Init(n) => format!("{epoch}/init-{n}.mp4"),
            ObjectKind::Segment(msn) => format!("{epoch}/{msn}.m4s"),
            ObjectKind::Part(msn, part) => format!("{epoch}/{msn}.{part}.m4s"),
        }
    }
}

impl fmt::Display for ObjectName {
    /// Path relative to `/hls/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.variant, self.relative_uri())
    }
}

/// A path that names no object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a media object")]
pub struct InvalidObjectName;

impl FromStr for ObjectName {
    type Err = InvalidObjectName;

    /// Parses what [`fmt::Display`] writes, and only that: one spelling per object, so one cache entry.
    fn from_str(path: &str) -> Result<Self, InvalidObjectName> {
        fn number<T: FromStr>(text: &str) -> Result<T, InvalidObjectName> {
            let canonical = text == "0" || !text.starts_with(['0', '+']);
            if !canonical {
                return Err(InvalidObjectName);
            }
            text.parse().map_err(|_| InvalidObjectName)
        }
        let mut pieces = path.split('/');
        let (Some(variant), Some(epoch), Some(file), None) =
            (pieces.next(), pieces.next(), pieces.next(), pieces.next())
        else {
            return Err(InvalidObjectName);
        };
        let kind = if let Some(n) = file.strip_prefix("init-") {
            ObjectKind::Init(number(n.strip_suffix(".mp4").ok_or(InvalidObjectName)?)?)
        } else {
            let stem = file.strip_suffix(".m4s").ok_or(InvalidObjectName)?;
            match stem.split_once('.') {
                Some((msn, part)) => ObjectKind::Part(Msn(number(msn)?), number(part)?),
                None => ObjectKind::Segment(Msn(number(stem)?)),
            }
        };
        Ok(Self { epoch: Epoch(number(epoch)?), variant: VariantId(number(variant)?), kind })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_kind() -> impl Strategy<Value = ObjectKind> {
        prop_oneof![
            any::<u32>().prop_map(ObjectKind::Init),
            any::<u64>().prop_map(|m| ObjectKind::Segment(Msn(m))),
            any::<(u64, u32)>().prop_map(|(m, p)| ObjectKind::Part(Msn(m), p)),
        ]
    }

    proptest! {
        #[test]
        fn an_object_name_survives_its_path(e: u64, v: u16, kind in any_kind()) {
            let name = ObjectName { epoch: Epoch(e), variant: VariantId(v), kind };
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }

        #[test]
        fn any_text_that_parses_is_the_only_spelling(text in "[0-9a-z./+-]{0,24}") {
            if let Ok(name) = text.parse::<ObjectName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }

    #[test]
    fn other_spellings_and_overflows_are_refused() {
        for path in
            ["0/1/+2.m4s", "0/01/2.m4s", "0/1/2.m4s/", "65536/1/2.m4s", "0/1/2.3.4.m4s", "", "0/1/init-.mp4"]
        {
            assert_eq!(path.parse::<ObjectName>(), Err(InvalidObjectName), "{path}");
        }
    }

    #[test]
    fn a_stream_name_is_short_and_plain() {
        assert!(StreamName::try_from("live".to_owned()).is_ok());
        for bad in ["", "Live", "a/b", "ä"] {
            assert!(StreamName::try_from(bad.to_owned()).is_err());
        }
        assert!(StreamName::try_from("a".repeat(65)).is_err());
    }
}
