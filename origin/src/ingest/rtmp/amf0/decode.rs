//! Reads AMF0 values from hostile bytes.

use super::{Cursor, DecodeError, Value};
use crate::ingest::rtmp::amf3;

/// All values of a message.
///
/// Text that is not UTF-8 is repaired rather than refused: encoders put file names and titles in
/// their metadata in whatever encoding the system has.
///
/// # Errors
/// [`DecodeError`] has the fault and its place.
pub fn decode(bytes: &[u8]) -> Result<Vec<Value>, DecodeError> {
    match decode_prefix(bytes) {
        (values, None) => Ok(values),
        (_, Some(error)) => Err(error),
    }
}

/// The values of a message up to one that cannot be read, and the fault in that one.
#[must_use]
pub fn decode_prefix(bytes: &[u8]) -> (Vec<Value>, Option<DecodeError>) {
    let mut reader = Reader { cursor: Cursor::new(bytes), amf3: amf3::Tables::default() };
    let mut values = Vec::new();
    while !reader.cursor.is_at_end() {
        match reader.value(0) {
            Ok(value) => values.push(value),
            Err(error) => return (values, Some(error)),
        }
    }
    (values, None)
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    /// The tables to which AMF3 values refer back: one for all of them in a message.
    amf3: amf3::Tables,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        let at = self.cursor.at();
        self.cursor.value(depth)?;
        let [marker] = self.cursor.take()?;
        Ok(match marker {
            0x00 => Value::Number(f64::from_be_bytes(self.cursor.take()?)),
            0x01 => Value::Boolean(self.cursor.take::<1>()? != [0]),
            0x02 => Value::Text(self.short_text()?),
            0x03 => self.object(depth, None)?,
            // Movie clip and record set are reserved and have no content (§2.6, §2.16); 0x0d is "unsupported".
            0x04 | 0x06 | 0x0d | 0x0e => Value::Undefined,
            0x05 => Value::Null,
            0x07 => {
                // A reference to an object before (§2.9). Nothing that matters here comes twice, and copies of copies
                // could grow without end.
                self.cursor.take::<2>()?;
                Value::Null
            }
            0x08 => {
                let count = u32::from_be_bytes(self.cursor.take()?);
                self.object(depth, Some(count))?
            }
            0x0a => {
                let count = u32::from_be_bytes(self.cursor.take()?);
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Value::Array(values)
            }
            0x0b => {
                let milliseconds = f64::from_be_bytes(self.cursor.take()?);
                self.cursor.take::<2>()?;
                Value::Date(milliseconds)
            }
            0x0c | 0x0f => {
                let length = u32::from_be_bytes(self.cursor.take()?);
                Value::Text(self.cursor.text(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            0x10 => {
                self.short_text()?;
                self.object(depth, None)?
            }
            // The switch to AMF3, for one value (§3.1).
            0x11 => amf3::read(&mut self.cursor, &mut self.amf3, depth)?,
            marker => return Err(DecodeError::Marker { marker, at }),
        })
    }

    /// Properties up to the end marker. The count of an ECMA array is a hint (§2.10): encoders write 0, or too many,
    /// and end the array like an object; one that leaves the end marker out is whole at the end of the message.
    fn object(&mut self, depth: usize, hint: Option<u32>) -> Result<Value, DecodeError> {
        let mut properties = Vec::new();
        loop {
            let complete = hint.is_some_and(|count| u32::try_from(properties.len()) == Ok(count));
            if complete && self.cursor.is_at_end() {
                return Ok(Value::Object(properties));
            }
            self.cursor.count()?;
            let name = self.short_text()?;
            if name.is_empty() && self.cursor.peek() == Some(0x09) {
                self.cursor.take::<1>()?;
                return Ok(Value::Object(properties));
            }
            properties.push((name, self.value(depth + 1)?));
        }
    }

    fn short_text(&mut self) -> Result<String, DecodeError> {
        let length = u16::from_be_bytes(self.cursor.take()?);
        self.cursor.text(usize::from(length))
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_VALUES;
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

    fn object(content: &[u8]) -> Vec<u8> {
        [&[0x03, 0, 1, b'a'][..], content, &[0, 1, b'n', 0x00, 0x40, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 9]]
            .concat()
    }

    #[test]
    fn every_type_is_read_and_what_follows_it_too() {
        let text = |text: &str| Some(Value::text(text));
        for (content, read) in [
            (&[0x0c, 0, 0, 0, 2, b'h', b'i'][..], text("hi")),
            (&[0x0f, 0, 0, 0, 3, b'<', b'a', b'>'], text("<a>")),
            (&[0x0b, 0x42, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xc4], Some(Value::Date(8_589_934_592.0))),
            (
                &[0x10, 0, 1, b'C', 0, 1, b'x', 0x01, 1, 0, 0, 9],
                Some(Value::object([("x", Value::Boolean(true))])),
            ),
            (&[0x07, 0, 0], Some(Value::Null)),
            (&[0x07, 0xff, 0xff], Some(Value::Null)),
            (&[0x04], Some(Value::Undefined)),
            (&[0x0d], Some(Value::Undefined)),
            (&[0x0e], Some(Value::Undefined)),
            (&[0x0a, 0, 0, 0, 2, 0x05, 0x06], Some(Value::Array(vec![Value::Null, Value::Undefined]))),
            (&[0x0a, 0, 0, 0, 0], Some(Value::Array(vec![]))),
            (&[0x08, 0, 0, 0, 0, 0, 1, b'x', 0x05, 0, 0, 9], Some(Value::object([("x", Value::Null)]))),
            (&[0x08, 0, 0, 0, 0, 0, 0, 9], Some(Value::Object(vec![]))),
            (&[0x11, 0x04, 0x07], Some(Value::Number(7.0))),
            (&[0x11, 0x06, 0x05, b'h', b'i'], text("hi")),
            (
                &[0x11, 0x0a, 0x0b, 0x01, 0x03, b'x', 0x03, 0x01],
                Some(Value::object([("x", Value::Boolean(true))])),
            ),
        ] {
            let values = decode(&object(content)).unwrap_or_else(|error| panic!("{content:02x?}: {error}"));
            assert_eq!((values.len(), values[0].get("a")), (1, read.as_ref()), "{content:02x?}");
            assert_eq!(values[0].get("n"), Some(&Value::Number(42.0)), "{content:02x?}");
        }
    }

    #[test]
    fn what_comes_before_an_unreadable_value_is_kept() {
        for bad in
            [&[0x09][..], &[0x12], &[0xff, 0xff], &[0x11], &[0x11, 0x12], &[0x00, 1], &[0x02, 0, 9, b'x']]
        {
            let (values, error) = decode_prefix(&[&[0x02, 0, 1, b'c', 0x05][..], bad].concat());
            assert_eq!(values, [Value::text("c"), Value::Null], "{bad:02x?}");
            assert!(error.is_some(), "{bad:02x?}");
        }
    }

    #[test]
    fn an_ecma_array_may_lack_its_end_where_the_message_ends() {
        let bytes = [0x08, 0, 0, 0, 1, 0, 1, b'w', 0x05];
        assert_eq!(decode(&bytes).unwrap(), [Value::object([("w", Value::Null)])]);
        for missing in [&bytes[..8], &[0x08, 0, 0, 0, 2, 0, 1, b'w', 0x05], &[0x03, 0, 1, b'w', 0x05]] {
            assert!(matches!(decode(missing), Err(DecodeError::Truncated { .. })), "{missing:02x?}");
        }
    }

    #[test]
    fn depth_is_one_budget_of_both_encodings() {
        // Objects of AMF0 around arrays of AMF3.
        let deep = [[0x03, 0, 1, b'a'].repeat(5), vec![0x11], [0x09, 0x03, 0x01].repeat(5)].concat();
        assert!(matches!(decode(&deep), Err(DecodeError::TooMuch { what: "deep", .. })));
    }
}
