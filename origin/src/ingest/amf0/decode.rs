//! Reads AMF0 values from hostile bytes.

use super::Value;

/// Deepest nesting of objects and arrays. `onMetaData` nests two deep, Enhanced RTMP's
/// per-track maps three; the limit keeps the recursion within a few kilobytes of stack.
pub const MAX_DEPTH: usize = 8;

/// Most values and property names in one message. OBS sends about 20, FFmpeg about 15; a list of
/// key frame positions, which some re-streamers copy from files, a few hundred.
pub const MAX_VALUES: usize = 4096;

/// Most bytes of text in one message, names included. A connect command has about 500.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// What is wrong with an AMF0 message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// The message ends inside a value.
    #[error("AMF0 ends inside a value at byte {at}")]
    Truncated {
        /// Offset in the message.
        at: usize,
    },
    /// A type marker that commands and metadata do not use (AMF 0 §2.1).
    #[error("AMF0 type 0x{marker:02x} at byte {at}")]
    Marker {
        /// The marker.
        marker: u8,
        /// Offset in the message.
        at: usize,
    },
    /// More than [`MAX_DEPTH`], [`MAX_VALUES`] or [`MAX_TEXT_BYTES`].
    #[error("AMF0 is too {what} at byte {at}")]
    TooMuch {
        /// `deep`, `many values` or `long`.
        what: &'static str,
        /// Offset in the message.
        at: usize,
    },
}

/// All values of a message.
///
/// Text that is not UTF-8 is repaired rather than refused: encoders put file names and titles in
/// their metadata in whatever encoding the system has.
///
/// # Errors
/// [`DecodeError`] says what is wrong and where.
pub fn decode(bytes: &[u8]) -> Result<Vec<Value>, DecodeError> {
    let mut reader = Reader { bytes, at: 0, values: 0, text: 0 };
    let mut values = Vec::new();
    while reader.at < bytes.len() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    values: usize,
    text: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let at = self.at;
        self.count()?;
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooMuch { what: "deep", at });
        }
        let [marker] = self.take()?;
        Ok(match marker {
            0x00 => Value::Number(f64::from_be_bytes(self.take()?)),
            0x01 => Value::Boolean(self.take::<1>()? != [0]),
            0x02 => Value::Text(self.short_text()?),
            0x03 => self.object(depth)?,
            0x05 => Value::Null,
            0x06 | 0x0d => Value::Undefined,
            0x08 => {
                // The count is a hint (§2.10): encoders write 0 and end the array like an object.
                self.take::<4>()?;
                self.object(depth)?
            }
            0x0a => {
                let count = u32::from_be_bytes(self.take()?);
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Value::Array(values)
            }
            0x0b => {
                let milliseconds = f64::from_be_bytes(self.take()?);
                self.take::<2>()?;
                Value::Date(milliseconds)
            }
            0x0c | 0x0f => {
                let length = u32::from_be_bytes(self.take()?);
                Value::Text(self.text(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            0x10 => {
                self.short_text()?;
                self.object(depth)?
            }
            marker => return Err(DecodeError::Marker { marker, at }),
        })
    }

    fn object(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let mut properties = Vec::new();
        loop {
            self.count()?;
            let name = self.short_text()?;
            if name.is_empty() && self.bytes.get(self.at) == Some(&0x09) {
                self.at += 1;
                return Ok(Value::Object(properties));
            }
            properties.push((name, self.value(depth + 1)?));
        }
    }

    fn count(&mut self) -> Result<(), DecodeError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(DecodeError::TooMuch { what: "many values", at: self.at });
        }
        Ok(())
    }

    fn short_text(&mut self) -> Result<String, DecodeError> {
        let length = u16::from_be_bytes(self.take()?);
        self.text(usize::from(length))
    }

    fn text(&mut self, length: usize) -> Result<String, DecodeError> {
        self.text = self.text.saturating_add(length);
        if self.text > MAX_TEXT_BYTES {
            return Err(DecodeError::TooMuch { what: "long", at: self.at });
        }
        let end = self.at.saturating_add(length);
        let bytes = self.bytes.get(self.at..end).ok_or(DecodeError::Truncated { at: self.at })?;
        self.at = end;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let bytes = *bytes.ok_or(DecodeError::Truncated { at: self.at })?;
        self.at += N;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_bounded() {
        let deep = [0x0a, 0, 0, 0, 1].repeat(100_000);
        assert!(matches!(decode(&deep), Err(DecodeError::TooMuch { what: "deep", .. })));
    }

    #[test]
    fn a_large_array_count_allocates_nothing_in_advance() {
        assert!(matches!(decode(&[0x0a, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::Truncated { .. })));
    }

    #[test]
    fn values_and_text_are_bounded() {
        assert!(matches!(decode(&[0x05; MAX_VALUES + 1]), Err(DecodeError::TooMuch { .. })));
        assert!(matches!(decode(&[0x0c, 0x7f, 0, 0, 0]), Err(DecodeError::TooMuch { what: "long", .. })));
    }

    #[test]
    fn an_ecma_array_with_a_wrong_count_reads_as_an_object() {
        let bytes = [0x08, 0, 0, 0, 99, 0, 1, b'w', 0x00, 0x40, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        let values = decode(&bytes).unwrap();
        assert_eq!(values[0].get("w"), Some(&Value::Number(42.0)));
    }
}
