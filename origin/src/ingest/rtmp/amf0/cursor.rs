//! A place in hostile bytes, with what may still be made of them.
//!
//! AMF0 and the AMF3 inside it spend from one budget: the limits hold for the message, whatever it switches between.

/// Deepest nesting of objects and arrays. `onMetaData` nests two deep, Enhanced RTMP's
/// per-track maps three; the limit keeps the recursion within a few kilobytes of stack.
pub const MAX_DEPTH: usize = 8;

/// Most values and property names in one message. OBS sends about 20, FFmpeg about 15; a list of
/// key frame positions, which some re-streamers copy from files, a few hundred.
pub const MAX_VALUES: usize = 4096;

/// Most bytes of text in one message, names included. A connect command has about 500.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The fault in a message of values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// The message ends inside a value.
    #[error("AMF ends inside a value at byte {at}")]
    Truncated {
        /// Offset in the message.
        at: usize,
    },
    /// A type marker that does not exist, or an end without a beginning (AMF 0 §2.1).
    #[error("AMF0 type 0x{marker:02x} at byte {at}")]
    Marker {
        /// The marker.
        marker: u8,
        /// Offset in the message.
        at: usize,
    },
    /// A type marker that AMF3 does not have (AMF 3 §3.1).
    #[error("AMF3 type 0x{marker:02x} at byte {at}")]
    Amf3Marker {
        /// The marker.
        marker: u8,
        /// Offset in the message.
        at: usize,
    },
    /// An AMF3 reference to a value that has not occurred (AMF 3 §2.2).
    #[error("AMF3 reference to a missing value at byte {at}")]
    Reference {
        /// Offset in the message.
        at: usize,
    },
    /// An AMF3 object that its class writes in a way of its own (AMF 3 §3.12, externalizable): its end is unknown.
    #[error("AMF3 object with an encoding of its own at byte {at}")]
    Externalizable {
        /// Offset in the message.
        at: usize,
    },
    /// More than [`MAX_DEPTH`], [`MAX_VALUES`] or [`MAX_TEXT_BYTES`].
    #[error("AMF is too {what} at byte {at}")]
    TooMuch {
        /// `deep`, `many values` or `long`.
        what: &'static str,
        /// Offset in the message.
        at: usize,
    },
}

/// See the module.
pub(in crate::ingest::rtmp) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    values: usize,
    text: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning of a message.
    pub(in crate::ingest::rtmp) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, values: 0, text: 0 }
    }

    /// Offset in the message.
    pub(in crate::ingest::rtmp) fn at(&self) -> usize {
        self.at
    }

    /// True if nothing is left.
    pub(in crate::ingest::rtmp) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next byte, which stays.
    pub(in crate::ingest::rtmp) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// One more value at this depth.
    pub(in crate::ingest::rtmp) fn value(&mut self, depth: usize) -> Result<(), DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooMuch { what: "deep", at: self.at });
        }
        self.count()
    }

    /// One more value or name.
    pub(in crate::ingest::rtmp) fn count(&mut self) -> Result<(), DecodeError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(DecodeError::TooMuch { what: "many values", at: self.at });
        }
        Ok(())
    }

    /// So many more bytes of text are kept, whether read or repeated.
    pub(in crate::ingest::rtmp) fn keep_text(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.text = self.text.saturating_add(bytes);
        if self.text > MAX_TEXT_BYTES {
            return Err(DecodeError::TooMuch { what: "long", at: self.at });
        }
        Ok(())
    }

    /// The text in the next `length` bytes, repaired where it is not UTF-8.
    pub(in crate::ingest::rtmp) fn text(&mut self, length: usize) -> Result<String, DecodeError> {
        self.keep_text(length)?;
        Ok(String::from_utf8_lossy(self.slice(length)?).into_owned())
    }

    /// The next `length` bytes.
    pub(in crate::ingest::rtmp) fn slice(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.saturating_add(length);
        let bytes = self.bytes.get(self.at..end).ok_or(DecodeError::Truncated { at: self.at })?;
        self.at = end;
        Ok(bytes)
    }

    /// The next `N` bytes.
    pub(in crate::ingest::rtmp) fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let bytes = *bytes.ok_or(DecodeError::Truncated { at: self.at })?;
        self.at += N;
        Ok(bytes)
    }
}
