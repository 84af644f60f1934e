//! Lookups in small files, which change, break and vanish.

use std::fs;

use farcast_service::tasks::Part;
use maxminddb_writer::Database;
use maxminddb_writer::metadata::IpVersion;
use maxminddb_writer::paths::IpAddrWithMask;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

fn city(country: &str, region: &str, zone: &str) -> Value {
    json!({
        "city": { "names": { "en": "Somewhere", "de": "Irgendwo" } },
        "country": { "iso_code": country, "names": { "en": "Somewhere" } },
        "location": { "latitude": 1.5, "longitude": -1.5, "time_zone": zone },
        "subdivisions": [{ "iso_code": "X", "names": { "de": "Anders", "en": region } }, { "iso_code": "Y" }],
    })
}

/// A database of IPv6 with IPv4 below it, as they are sold; or one of IPv4 only.
fn database(version: IpVersion, records: &[(&str, Value)]) -> Vec<u8> {
    let mut database = Database::default();
    database.metadata.ip_version = version;
    database.metadata.binary_format_major_version = 2;
    database.metadata.database_type = "GeoLite2-City".to_owned();
    database.metadata.description = [("en".to_owned(), "Test".to_owned())].into();
    for (network, record) in records {
        let data = database.insert_value(record).unwrap();
        database.insert_node(network.parse::<IpAddrWithMask>().unwrap(), data);
    }
    database.write_to(Vec::new()).unwrap()
}

fn cities() -> Vec<u8> {
    let proxy = |is| {
        let mut record = city("DE", "Berlin", "Europe/Berlin");
        record["traits"] = json!({ "is_anonymous_proxy": is });
        record
    };
    database(
        IpVersion::V6,
        &[
            ("::192.0.2.0/120", city("CH", "Bern", "Europe/Zurich")),
            ("::198.51.100.0/122", json!({ "country": { "iso_code": "NZ" } })),
            (
                "::198.51.100.64/122",
                json!({ "country": { "iso_code": "NZ" }, "subdivisions": [{ "names": {} }] }),
            ),
            ("::198.51.100.128/122", json!({ "country": {}, "location": { "time_zone": "UTC" } })),
            ("::203.0.113.0/121", proxy(true)),
            ("::203.0.113.128/121", proxy(false)),
            ("::127.0.0.0/104", city("XX", "Wrong", "")),
            ("2001:db8::/32", city("JP", "Tokyo", "Asia/Tokyo")),
        ],
    )
}

fn place(country: &str, region: &str, zone: &str) -> Option<Place> {
    let [country_code, region_name, time_zone] = [country, region, zone].map(str::to_owned);
    Some(Place { country_code, region_name, time_zone })
}

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("city.mmdb");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// As those who update it do: another file takes its place.
fn replace(path: &Path, bytes: &[u8]) {
    let other = path.with_extension("new");
    fs::write(&other, bytes).unwrap();
    fs::rename(other, path).unwrap();
}

fn look(geo: &Geo, address: &str) -> Option<Place> {
    geo.lookup(address.parse().unwrap())
}

#[test]
fn addresses_have_the_places_of_the_file() {
    let (_folder, path) = file(&cities());
    let geo = Geo::open(&path).unwrap();
    for (address, expected) in [
        ("192.0.2.7", place("CH", "Bern", "Europe/Zurich")),
        ("::ffff:192.0.2.7", place("CH", "Bern", "Europe/Zurich")),
        ("2001:db8::1", place("JP", "Tokyo", "Asia/Tokyo")),
        ("198.51.100.1", place("NZ", "Unknown", "")),
        ("198.51.100.65", place("NZ", "Unknown", "")),
        ("198.51.100.129", None),
        ("203.0.113.1", None),
        ("203.0.113.129", place("DE", "Berlin", "Europe/Berlin")),
        ("8.8.8.8", None),
        ("2001:db9::1", None),
        ("127.0.0.1", place("N/A", "Localhost", "")),
        ("::ffff:127.0.0.1", place("N/A", "Localhost", "")),
        ("::1", place("N/A", "Localhost", "")),
    ] {
        assert_eq!(look(&geo, address), expected, "{address}");
    }
}

#[test]
fn without_a_file_only_this_machine_has_a_place() {
    let geo = Geo::none();
    assert_eq!(look(&geo, "127.0.0.1"), place("N/A", "Localhost", ""));
    assert_eq!(look(&geo, "192.0.2.7"), None);
    assert!(!geo.reload().unwrap());
}

#[test]
fn coordinates_are_those_of_the_record() {
    let flat = json!({ "country_code": "FR", "latitude": 48.4, "longitude": -4.5 });
    let wrong = json!({ "location": { "latitude": 91.0, "longitude": 0.0 } });
    let half = json!({ "location": { "latitude": 1.0 } });
    let records = [
        ("::192.0.2.0/120", city("CH", "Bern", "")),
        ("2001:db8::/34", flat),
        ("2001:db8:4000::/34", wrong),
        ("2001:db8:8000::/34", half),
        ("2001:db8:c000::/34", json!({ "country_code": "FR" })),
    ];
    let (_folder, path) = file(&database(IpVersion::V6, &records));
    let geo = Geo::open(&path).unwrap();
    let at = |address: &str| geo.coordinates(address.parse().unwrap());
    assert_eq!(at("192.0.2.7"), Coordinates::new(1.5, -1.5).ok());
    assert_eq!(at("::ffff:192.0.2.7"), Coordinates::new(1.5, -1.5).ok());
    assert_eq!(at("2001:db8::1"), Coordinates::new(48.4, -4.5).ok());
    for unknown in ["2001:db8:4000::1", "2001:db8:8000::1", "2001:db8:c000::1", "8.8.8.8", "127.0.0.1"] {
        assert_eq!(at(unknown), None, "{unknown}");
    }
    assert_eq!(Geo::none().coordinates("192.0.2.7".parse().unwrap()), None);
}

#[test]
fn golden_json() {
    let json = serde_json::to_string(&place("CH", "Bern", "Europe/Zurich")).unwrap();
    assert_eq!(json, r#"{"countryCode":"CH","regionName":"Bern","timeZone":"Europe/Zurich"}"#);
}

#[test]
fn a_file_of_ipv4_says_nothing_of_ipv6() {
    let (_folder, path) = file(&database(IpVersion::V4, &[("192.0.2.0/24", city("CH", "Bern", ""))]));
    let geo = Geo::open(&path).unwrap();
    assert_eq!(look(&geo, "192.0.2.7"), place("CH", "Bern", ""));
    assert_eq!(look(&geo, "2001:db8::1"), None);
    assert_eq!(geo.complaints.lock().unwrap().admit(std::time::Instant::now()), Some(0), "that is no damage");
}

#[test]
fn a_file_that_changes_is_read_anew_and_one_that_breaks_or_vanishes_is_not() {
    let (_folder, path) = file(&cities());
    let geo = Geo::open(&path).unwrap();
    assert!(!geo.reload().unwrap());
    let moved = database(IpVersion::V6, &[("::192.0.2.0/120", city("FR", "Brittany", ""))]);
    replace(&path, &moved);
    assert!(geo.reload().unwrap());
    assert!(!geo.reload().unwrap());
    assert_eq!(look(&geo, "192.0.2.7"), place("FR", "Brittany", ""));

    replace(&path, b"damaged");
    assert!(matches!(geo.reload(), Err(GeoError::Damaged { .. })));
    assert!(!geo.reload().unwrap(), "it is told once");
    fs::remove_file(&path).unwrap();
    assert!(matches!(geo.reload(), Err(GeoError::Read { .. })));
    assert!(!geo.reload().unwrap(), "it is told once");
    assert_eq!(look(&geo, "192.0.2.7"), place("FR", "Brittany", ""));
    fs::write(&path, cities()).unwrap();
    assert!(geo.reload().unwrap());
    assert_eq!(look(&geo, "192.0.2.7"), place("CH", "Bern", "Europe/Zurich"));
}

#[tokio::test]
async fn a_running_edge_looks_at_the_file_every_minute() {
    let (_folder, path) = file(&cities());
    let geo = Arc::new(Geo::open(&path).unwrap());
    replace(&path, &database(IpVersion::V6, &[("::192.0.2.0/120", city("FR", "Brittany", ""))]));
    let shutdown = CancellationToken::new();
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let panics = Contained::new(Part::GeoReload, &prometheus::Registry::new()).unwrap();
    let task = tokio::spawn(Arc::clone(&geo).run(panics, shutdown.clone()));
    while look(&geo, "192.0.2.7") != place("FR", "Brittany", "") {
        assert!(before.elapsed() < Duration::from_secs(3600), "never read");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(before.elapsed() >= CHECK_EVERY);
    shutdown.cancel();
    task.await.unwrap();
}

#[test]
fn what_is_no_database_is_refused_at_the_start() {
    for bytes in [&b""[..], b"x", b"\xab\xcd\xefMaxMind.com", &cities()[..100]] {
        let (_folder, path) = file(bytes);
        assert!(matches!(Geo::open(&path), Err(GeoError::Damaged { .. })), "{bytes:?}");
    }
    assert!(matches!(Geo::open(Path::new("/nowhere/at/all")), Err(GeoError::Read { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damage_anywhere_in_a_file_panics_nowhere(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
        any_address in any::<u128>(),
    ) {
        let mut bytes = cities();
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(reader) = Reader::from_source(bytes) {
            let any_address = IpAddr::from(any_address.to_be_bytes());
            let mut known: Vec<IpAddr> = ["192.0.2.7", "198.51.100.65", "203.0.113.1", "2001:db8::1", "8.8.8.8"]
                .iter().map(|text| text.parse().unwrap()).collect();
            known.push(any_address);
            for address in known {
                let _ = (record::place(&reader, address), record::coordinates(&reader, address));
            }
        }
    }
}

#[test]
fn flat_records_are_read_too() {
    let flat =
        json!({ "country_code": "FR", "state1": "Bretagne", "timezone": "Europe/Paris", "city": "Brest" });
    let bare = json!({ "country_code": "FR" });
    let (_folder, path) =
        file(&database(IpVersion::V6, &[("2001:db8::/33", flat), ("2001:db8:8000::/33", bare)]));
    let geo = Geo::open(&path).unwrap();
    assert_eq!(look(&geo, "2001:db8::1"), place("FR", "Bretagne", "Europe/Paris"));
    assert_eq!(look(&geo, "2001:db8:8000::1"), place("FR", "Unknown", ""));
}

/// A file as it is given away: DB-IP Lite. `FARCAST_GEOIP` names it, `make setup-test` brings it.
#[test]
fn a_real_file_is_read() {
    let Some(path) = std::env::var_os("FARCAST_GEOIP").filter(|path| !path.is_empty()) else {
        eprintln!("skipped: FARCAST_GEOIP names no file, `make setup-test` brings one");
        return;
    };
    let geo = Geo::open(Path::new(&path)).unwrap();
    // Networks of universities, which have been theirs for decades.
    assert_eq!(look(&geo, "129.132.1.1").unwrap().country_code, "CH");
    assert_eq!(look(&geo, "18.9.22.69").unwrap().country_code, "US");
    assert_eq!(look(&geo, "2001:620:8::1").unwrap().country_code, "CH");
    assert_eq!(look(&geo, "10.1.2.3"), None);
}
