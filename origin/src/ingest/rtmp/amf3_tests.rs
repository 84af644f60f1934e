//! Tests of the AMF3 reader: bytes as the specification has them, and a writer of its own for properties.

use proptest::prelude::*;

use super::*;
use crate::ingest::rtmp::amf0::{MAX_TEXT_BYTES, MAX_VALUES, decode};

/// All values of `amf3`, each after the switch of AMF0.
fn values(amf3: &[&[u8]]) -> Result<Vec<Value>, DecodeError> {
    decode(&amf3.iter().flat_map(|value| [&[0x11][..], value].concat()).collect::<Vec<_>>())
}

fn value(amf3: &[u8]) -> Value {
    let values = values(&[amf3]).unwrap_or_else(|error| panic!("{amf3:02x?}: {error}"));
    assert_eq!(values.len(), 1, "{amf3:02x?}");
    values.into_iter().next().unwrap()
}

#[test]
fn simple_types_are_read() {
    for (bytes, read) in [
        (&[0x00][..], Value::Undefined),
        (&[0x01], Value::Null),
        (&[0x02], Value::Boolean(false)),
        (&[0x03], Value::Boolean(true)),
        (&[0x05, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0], Value::Number(0.5)),
        (&[0x06, 0x01], Value::text("")),
        (&[0x06, 0x07, b'a', 0xc3, 0xa4], Value::text("aä")),
        (&[0x07, 0x09, b'<', b'a', b'/', b'>'], Value::text("<a/>")),
        (&[0x0b, 0x09, b'<', b'b', b'/', b'>'], Value::text("<b/>")),
        (&[0x08, 0x01, 0x42, 0, 0, 0, 0, 0, 0, 0], Value::Date(8_589_934_592.0)),
        (&[0x0c, 0x07, 1, 2, 3], Value::Null),
    ] {
        assert_eq!(value(bytes), read, "{bytes:02x?}");
    }
}

#[test]
fn integers_have_29_bits_and_a_sign() {
    for (bytes, read) in [
        (&[0x04, 0x00][..], 0.0),
        (&[0x04, 0x7f], 127.0),
        (&[0x04, 0x81, 0x00], 128.0),
        (&[0x04, 0xff, 0x7f], 16383.0),
        (&[0x04, 0x81, 0x80, 0x00], 16384.0),
        (&[0x04, 0xff, 0xff, 0x7f], 2_097_151.0),
        (&[0x04, 0x80, 0xc0, 0x80, 0x00], 2_097_152.0),
        (&[0x04, 0xbf, 0xff, 0xff, 0xff], 268_435_455.0),
        (&[0x04, 0xff, 0xff, 0xff, 0xff], -1.0),
        (&[0x04, 0xc0, 0x80, 0x80, 0x00], -268_435_456.0),
    ] {
        assert_eq!(value(bytes), Value::Number(read), "{bytes:02x?}");
    }
}

#[test]
fn arrays_vectors_and_dictionaries_are_read() {
    let numbers = |numbers: &[f64]| Value::Array(numbers.iter().map(|n| Value::Number(*n)).collect());
    assert_eq!(value(&[0x09, 0x05, 0x01, 0x04, 1, 0x04, 2]), numbers(&[1.0, 2.0]));
    let mixed = value(&[0x09, 0x03, 0x03, b'k', 0x03, 0x01, 0x04, 7]);
    assert_eq!(mixed, Value::object([("k", Value::Boolean(true)), ("0", Value::Number(7.0))]));
    assert_eq!(value(&[0x0d, 0x03, 0, 0xff, 0xff, 0xff, 0xff]), numbers(&[-1.0]));
    assert_eq!(value(&[0x0e, 0x03, 1, 0xff, 0xff, 0xff, 0xff]), numbers(&[4_294_967_295.0]));
    assert_eq!(value(&[0x0f, 0x03, 0, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]), numbers(&[0.5]));
    assert_eq!(value(&[0x10, 0x05, 0, 0x03, b'C', 0x04, 3, 0x04, 4]), numbers(&[3.0, 4.0]));
    let dictionary = value(&[0x11, 0x07, 0, 0x06, 0x03, b'k', 0x03, 0x04, 5, 0x02, 0x01, 0x01]);
    assert_eq!(dictionary, Value::object([("k", Value::Boolean(true)), ("5", Value::Boolean(false))]));
}

#[test]
fn objects_have_sealed_and_dynamic_properties() {
    // Two sealed names, dynamic, class "C".
    let object =
        [&[0x0a, 0x2b, 0x03, b'C', 0x03, b'a', 0x03, b'b', 0x04, 1, 0x04, 2][..], b"\x03c\x03\x01"].concat();
    let read =
        Value::object([("a", Value::Number(1.0)), ("b", Value::Number(2.0)), ("c", Value::Boolean(true))]);
    assert_eq!(value(&object), read);
    // Externalizable, but of a class whose content is a value.
    let class = b"flex.messaging.io.ArrayCollection";
    let wrapped = [&[0x0a, 0x07, 0x43][..], class, &[0x09, 0x03, 0x01, 0x02]].concat();
    assert_eq!(value(&wrapped), Value::Array(vec![Value::Boolean(false)]));
    let other = [0x0a, 0x07, 0x03, b'X', 0x01];
    assert!(matches!(values(&[&other]), Err(DecodeError::Externalizable { at: 1 })));
}

#[test]
fn strings_and_classes_are_found_again_in_later_values() {
    let first = [0x0a, 0x13, 0x03, b'C', 0x03, b'a', 0x06, 0x03, b'v'];
    // The same class, with the string "v" (the third: C, a, v) as its value.
    let second = [0x0a, 0x01, 0x06, 0x04];
    let read = values(&[&first, &second, &[0x06, 0x00]]).unwrap();
    let object = Value::object([("a", Value::text("v"))]);
    assert_eq!(read, [object.clone(), object, Value::text("C")]);
}

#[test]
fn references_to_objects_are_null_and_to_nothing_an_error() {
    for complex in [
        &[0x09, 0x01, 0x01][..],
        &[0x0a, 0x0b, 0x01, 0x01],
        &[0x08, 0x01, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x0c, 0x01],
        &[0x0d, 0x01, 0],
        &[0x11, 0x01, 0],
        &[0x0b, 0x01],
    ] {
        let marker = complex[0];
        assert_eq!(values(&[complex, &[marker, 0x00]]).unwrap()[1], Value::Null, "{complex:02x?}");
        assert!(matches!(values(&[complex, &[marker, 0x02]]), Err(DecodeError::Reference { .. })));
    }
    // An array that is its own member.
    assert_eq!(value(&[0x09, 0x03, 0x01, 0x09, 0x00]), Value::Array(vec![Value::Null]));
    for nothing in [&[0x06, 0x00][..], &[0x0a, 0x01], &[0x0a, 0x05], &[0x09, 0x00], &[0x08, 0x7e]] {
        assert!(matches!(values(&[nothing]), Err(DecodeError::Reference { .. })), "{nothing:02x?}");
    }
}

#[test]
fn depth_values_and_text_are_bounded() {
    let deep = [0x09, 0x03, 0x01].repeat(100_000);
    assert!(matches!(values(&[&deep]), Err(DecodeError::TooMuch { what: "deep", .. })));
    let wrapper = [&[0x0a, 0x07, 0x43][..], b"flex.messaging.io.ArrayCollection"].concat();
    let again = [0x0a, 0x01].repeat(100_000);
    let wrapped = [wrapper, again].concat();
    assert!(matches!(values(&[&wrapped]), Err(DecodeError::TooMuch { what: "deep", .. })));
    // Counts that announce more than there is allocate nothing in advance.
    for head in [0x09, 0x0c, 0x0d, 0x0e, 0x0f, 0x11, 0x06, 0x07] {
        let huge = [&[head, 0xff, 0xff, 0xff, 0xff][..], &[0x01; 8]].concat();
        let error = values(&[&huge]).unwrap_err();
        let bounded = matches!(error, DecodeError::Truncated { .. } | DecodeError::TooMuch { .. });
        assert!(bounded || matches!(error, DecodeError::Amf3Marker { .. }), "{head:02x}: {error}");
    }
    let names = [&[0x0a, 0xff, 0xff, 0xff, 0xfb][..], &[0x01; MAX_VALUES * 2]].concat();
    assert!(matches!(values(&[&names]), Err(DecodeError::TooMuch { what: "many values", .. })));
    // A long string that is referred to again and again.
    let long = [&[0x06, 0x90, 0x01][..], &[b'x'; 1024]].concat();
    let times = MAX_TEXT_BYTES / 1024;
    let repeated = vec![&[0x06, 0x00][..]; times];
    let with = |times: usize| values(&[&[&long[..]], &repeated[..times]].concat());
    assert_eq!(with(times - 1).unwrap().len(), times);
    assert!(matches!(with(times), Err(DecodeError::TooMuch { what: "long", .. })));
    // A long name of a class that is referred to again and again.
    let class = [&[0x0a, 0x13, 0x01, 0x90, 0x01][..], &[b'x'; 1024], &[0x01]].concat();
    let objects = vec![&[0x0a, 0x01, 0x01][..]; times];
    let all = [&[&class[..]], &objects[..]].concat();
    assert!(matches!(values(&all), Err(DecodeError::TooMuch { what: "long", .. })));
}

/// Writes without references.
fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Undefined => out.push(0x00),
        Value::Null => out.push(0x01),
        Value::Boolean(flag) => out.push(0x02 + u8::from(*flag)),
        Value::Number(number) => {
            out.push(0x05);
            out.extend(number.to_be_bytes());
        }
        Value::Text(text) => {
            out.push(0x06);
            write_text(text, out);
        }
        Value::Date(milliseconds) => {
            out.extend([0x08, 0x01]);
            out.extend(milliseconds.to_be_bytes());
        }
        Value::Array(values) => {
            out.extend([0x09, u8::try_from(values.len() << 1 | 1).unwrap(), 0x01]);
            values.iter().for_each(|value| write(value, out));
        }
        Value::Object(properties) => {
            out.extend([0x0a, 0x0b, 0x01]);
            for (name, value) in properties {
                write_text(name, out);
                write(value, out);
            }
            out.push(0x01);
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(u8::try_from(text.len() << 1 | 1).unwrap());
    out.extend(text.as_bytes());
}

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
    fn what_is_written_is_read(written in any_value()) {
        let mut bytes = Vec::new();
        write(&written, &mut bytes);
        prop_assert_eq!(value(&bytes), written);
    }

    #[test]
    fn no_bytes_reach_a_panic_or_more_than_the_bounds(bytes in proptest::collection::vec(prop_oneof![0u8..0x12, any::<u8>()], 0..600)) {
        let bytes = [&[0x11][..], &bytes].concat();
        if let Ok(values) = decode(&bytes) {
            prop_assert!(size(&values) <= MAX_VALUES);
        }
    }

    #[test]
    fn what_is_cut_off_is_an_error(written in any_value(), cut: prop::sample::Index) {
        let mut bytes = Vec::new();
        write(&written, &mut bytes);
        prop_assert!(values(&[&bytes[..cut.index(bytes.len())]]).is_err());
    }
}

fn size(values: &[Value]) -> usize {
    let of = |value: &Value| match value {
        Value::Array(values) => 1 + size(values),
        Value::Object(properties) => {
            1 + properties.iter().map(|(_, v)| size(std::slice::from_ref(v))).sum::<usize>()
        }
        _ => 1,
    };
    values.iter().map(of).sum()
}
