use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn record() -> Value {
    json!({
        "id": "frankfurt-1", "name": "Frankfurt", "version": "0.1.0", "region": "eu",
        "coordinates": { "latitude": 50.03, "longitude": 8.57 },
        "urls": ["https://fra.example"], "addresses": ["192.0.2.7", "2001:db8::7"],
        "capacity": { "connections": 20_000, "egressBps": 10_000_000_000_u64 },
        "load": { "viewers": 7, "connections": 9, "egressBps": 21_000_000 },
        "state": "ready", "channels": { "live": { "lagMs": 40, "viewers": 7 } },
        "run": 1, "renewal": 2
    })
}

fn parse(value: &Value) -> Result<EdgeRecord, InvalidRecord> {
    EdgeRecord::parse(value.to_string().as_bytes())
}

fn with(field: &str, value: Value) -> Value {
    let mut record = record();
    record[field] = value;
    record
}

#[test]
fn a_record_survives_its_json() {
    let read = parse(&record()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), record());
    assert_eq!(EdgeRecord::parse(&read.to_json().unwrap()), Ok(read));
}

#[test]
fn what_is_unknown_is_ignored_and_what_is_left_out_is_unknown() {
    assert!(parse(&with("colour", json!({ "deep": [1] }))).is_ok());
    let least = parse(&json!({ "id": "a", "state": "ready", "renewal": 1 })).unwrap();
    assert_eq!((least.shown_name(), least.coordinates, least.capacity), ("a", None, Capacity::default()));
    assert!(least.channels.is_empty());
    let newer = parse(&with("state", json!("hibernating"))).unwrap();
    assert_eq!(newer.state, Announced::Joining, "nobody is sent to a state that is not known");
}

#[test]
fn what_is_missing_or_of_another_type_is_refused_with_its_place() {
    for field in ["id", "state", "renewal"] {
        let mut without = record();
        without.as_object_mut().unwrap().remove(field);
        let Err(InvalidRecord::Json(fault)) = parse(&without) else { panic!("{field} may not be missing") };
        assert!(fault.contains(field) && fault.contains("line 1"), "{fault}");
    }
    for (field, bad) in [
        ("id", json!("a b")),
        ("id", json!("x".repeat(81))),
        ("coordinates", json!({ "latitude": 91, "longitude": 0 })),
        ("coordinates", json!({ "latitude": null, "longitude": 0 })),
        ("urls", json!(["https://u@a.example"])),
        ("addresses", json!(["a.example"])),
        ("capacity", json!({ "connections": -1 })),
        ("load", json!({ "egressBps": 1e300 })),
        ("channels", json!({ "Live": { "lagMs": 0 } })),
        ("channels", json!({ "live": { "lagMs": -1 } })),
        ("channels", json!({ "live": { "lagMs": 1_u64 << 40 } })),
        ("renewal", json!("1")),
    ] {
        assert!(matches!(parse(&with(field, bad.clone())), Err(InvalidRecord::Json(_))), "{field}: {bad}");
    }
    assert!(matches!(EdgeRecord::parse(b"[1e999]"), Err(InvalidRecord::Json(_))));
    let deep = "[".repeat(20_000);
    assert!(matches!(EdgeRecord::parse(deep.as_bytes()), Err(InvalidRecord::Json(_))));
}

#[test]
fn texts_and_lists_are_bounded() {
    for (field, most) in [("name", 80), ("version", 64), ("region", 64)] {
        assert!(parse(&with(field, json!("é".repeat(most)))).is_ok());
        for bad in ["é".repeat(most + 1), "a\u{202e}b".to_owned(), "a\nb".to_owned(), "\u{200b}".to_owned()]
        {
            assert_eq!(parse(&with(field, json!(bad))), Err(InvalidRecord::Text { field, most }));
        }
    }
    let urls: Vec<_> = (0..9).map(|n| format!("https://{n}.example")).collect();
    let many = |field, found, most| Err(InvalidRecord::TooMany { field, found, most });
    assert_eq!(parse(&with("urls", json!(urls))), many("urls", 9, 8));
    assert_eq!(parse(&with("addresses", json!(vec!["192.0.2.1"; 17]))), many("addresses", 17, 16));
    let channels: serde_json::Map<_, _> =
        (0..257).map(|n| (format!("c{n}"), json!({ "lagMs": 0 }))).collect();
    assert_eq!(parse(&with("channels", Value::Object(channels))), many("channels", 257, 256));
    let bytes = MAX_RECORD_BYTES + 1;
    assert_eq!(EdgeRecord::parse(&vec![b' '; bytes]), Err(InvalidRecord::TooLarge { bytes }));
}

#[test]
fn an_address_belongs_to_one_machine() {
    for bad in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0"] {
        let address = bad.parse().unwrap();
        assert_eq!(parse(&with("addresses", json!([bad]))), Err(InvalidRecord::Address(address)));
    }
}

#[test]
fn what_a_reader_would_refuse_is_not_written() {
    let mut record = parse(&record()).unwrap();
    record.name = "x".repeat(81);
    assert!(matches!(record.to_json(), Err(InvalidRecord::Text { .. })));
    record.name = String::new();
    let long = |n: usize| StreamName::try_from(format!("{n:x<64}")).unwrap();
    let carried = Carried { lag_ms: u32::MAX, viewers: u64::MAX };
    record.channels = (0..256).map(|n| (long(n), carried)).collect();
    assert_eq!(record.to_json().map(|json| json.len() <= MAX_RECORD_BYTES), Ok(true));
}

proptest! {
    #[test]
    fn no_bytes_reach_a_panic(bytes: Vec<u8>) {
        let _ = EdgeRecord::parse(&bytes);
    }

    #[test]
    fn no_value_of_any_field_reaches_a_panic(at in 0usize..13, text in "\\PC{0,40}", number: f64, kind in 0u8..5) {
        let record = record();
        let field = record.as_object().unwrap().keys().nth(at).unwrap().clone();
        let value = match kind {
            0 => json!(text),
            1 => json!(number),
            2 => json!([text, number]),
            3 => json!({ text: number }),
            _ => Value::Null,
        };
        if let Ok(read) = parse(&with(&field, value)) {
            prop_assert_eq!(read.validate(), Ok(()));
        }
    }
}
