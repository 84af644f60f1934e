//! AMF0, the value encoding of RTMP commands and metadata (Adobe AMF 0 specification, 2007).
//!
//! Values may switch to AMF3 ([`super::amf3`]), which reads as the same [`Value`]s.
//!
//! Own and small because `rml_amf0` 0.3 recurses without a limit, pads short strings with zeros and
//! rejects types that encoders send (long string, date). Decoding is bounded in depth, number
//! of values and text, and never panics; encoding keeps the order of properties.

mod cursor;
mod decode;
mod encode;

pub(super) use cursor::Cursor;
pub use cursor::{DecodeError, MAX_DEPTH, MAX_TEXT_BYTES, MAX_VALUES};
pub use decode::{decode, decode_prefix};
pub use encode::encode;

/// An AMF0 value.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Marker 0x00.
    Number(f64),
    /// Marker 0x01.
    Boolean(bool),
    /// Markers 0x02, 0x0c and 0x0f (XML).
    Text(String),
    /// Markers 0x03, 0x08 and 0x10: properties in the order of the wire.
    Object(Vec<(String, Value)>),
    /// Marker 0x0a.
    Array(Vec<Value>),
    /// Marker 0x0b: milliseconds since 1970.
    Date(f64),
    /// Marker 0x05; 0x07 (a reference).
    Null,
    /// Marker 0x06; 0x04, 0x0d and 0x0e, which have no content.
    Undefined,
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An object of the given properties.
    #[must_use]
    pub fn object<'a>(properties: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Object(properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a finite one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) if number.is_finite() => Some(*number),
            _ => None,
        }
    }

    /// The property called `name`, if this is an object that has it; the last one wins.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(properties) => {
                properties.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (-1e15..1e15).prop_map(Value::Number),
            any::<bool>().prop_map(Value::Boolean),
            "[a-zA-Zä ]{0,20}".prop_map(Value::Text),
            (0.0..1e15).prop_map(Value::Date),
            Just(Value::Null),
            Just(Value::Undefined),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(("[a-z]{1,8}", inner.clone()), 0..6).prop_map(Value::Object),
                proptest::collection::vec(inner, 0..6).prop_map(Value::Array),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_survive_the_wire(values in proptest::collection::vec(any_value(), 0..6)) {
            prop_assert_eq!(decode(&encode(&values)).unwrap(), values);
        }

        #[test]
        fn rml_amf0_reads_what_is_written(text in "[a-z]{0,20}", number in -1e9..1e9f64, flag: bool) {
            use rml_amf0::Amf0Value as Theirs;
            let ours = [
                Value::text(text.clone()),
                Value::object([("n", Value::Number(number)), ("b", Value::Boolean(flag))]),
                Value::Null,
            ];
            let theirs = rml_amf0::deserialize(&mut std::io::Cursor::new(encode(&ours))).unwrap();
            let object = [("n", Theirs::Number(number)), ("b", Theirs::Boolean(flag))];
            let object = object.map(|(k, v)| (k.to_owned(), v)).into_iter().collect();
            prop_assert_eq!(&theirs, &[Theirs::Utf8String(text), Theirs::Object(object), Theirs::Null]);
            let back = decode(&rml_amf0::serialize(&theirs).unwrap()).unwrap();
            prop_assert_eq!(back[1].get("n"), ours[1].get("n"));
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_truncated_encoding_is_an_error_or_a_prefix(values in proptest::collection::vec(any_value(), 1..4), cut: proptest::sample::Index) {
            let bytes = encode(&values);
            if let Ok(read) = decode(&bytes[..cut.index(bytes.len())]) {
                prop_assert_eq!(&read[..], &values[..read.len()]);
            }
        }
    }
}
