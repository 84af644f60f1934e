use std::net::Ipv4Addr;

use super::*;

fn config() -> Config {
    let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    Config::new(
        "live.example.org",
        vec![
            NameServer { name: "ns1.live.example.org".to_owned(), addresses: addresses.clone() },
            NameServer { name: "a.b.live.example.org.".to_owned(), addresses },
            NameServer { name: "ns.example.net".to_owned(), addresses: vec![] },
        ],
    )
}

fn refused(change: impl FnOnce(&mut Config)) -> ConfigError {
    let mut config = config();
    change(&mut config);
    Zone::new(&config).unwrap_err()
}

#[test]
fn names_are_where_they_are() {
    let zone = Zone::new(&config()).unwrap();
    let place = |text: &str| zone.place(&Name::from_ascii(text).unwrap());
    let host = |text: &str| Some(Place::Host(text.to_owned()));
    let challenge = |text: &str| Some(Place::Challenge(text.to_owned()));
    assert_eq!(place("LIVE.example.org."), host(""));
    assert_eq!(place("Edge-7.Live.example.org."), host("edge-7"));
    assert_eq!(place("x.y.live.example.org."), host("x.y"));
    assert_eq!(place("_acme-challenge.live.example.org."), challenge(""));
    assert_eq!(place("_ACME-challenge.www.live.example.org."), challenge("www"));
    assert_eq!(place("_acme-challengex.live.example.org."), host("_acme-challengex"));
    assert!(matches!(place("NS1.live.example.org."), Some(Place::NameServer([_]))));
    assert_eq!(place("b.live.example.org."), Some(Place::Empty));
    assert_eq!(place("*.live.example.org."), Some(Place::Nothing));
    for other in ["example.org.", ".", "alive.example.org.", "live.example.com.", "ns.example.net."] {
        assert_eq!(place(other), None, "{other}");
    }
    assert!(zone.always_has("") && zone.always_has("www") && !zone.always_has("edge-7"));
}

#[test]
fn a_zone_that_cannot_be_served_is_refused() {
    for wrong in ["", ".", "live..example.org", "live example.org", "*.example.org", &"a".repeat(64)] {
        assert_eq!(refused(|config| config.zone = wrong.to_owned()), ConfigError::NotAName(wrong.to_owned()));
    }
    assert_eq!(refused(|config| config.name_servers.clear()), ConfigError::NoNameServer);
    let none = refused(|config| config.name_servers[0].addresses.clear());
    assert_eq!(none, ConfigError::NoAddress("ns1.live.example.org".to_owned()));
    let host = refused(|config| config.hosts.push("NS1".to_owned()));
    assert_eq!(host, ConfigError::NameServerIsHost("ns1.live.example.org".to_owned()));
    let apex = refused(|config| config.name_servers[0].name = "live.example.org".to_owned());
    assert_eq!(apex, ConfigError::NameServerIsHost("live.example.org".to_owned()));
    for wrong in ["hostmaster", "@example.org", "a@", &format!("{}@example.org", "a".repeat(64))] {
        assert_eq!(refused(|c| c.contact = wrong.to_owned()), ConfigError::NotAContact(wrong.to_owned()));
    }
    assert_eq!(refused(|config| config.answers = 0), ConfigError::Answers(0));
    assert_eq!(refused(|config| config.answers = 17), ConfigError::Answers(17));
    let month = Duration::from_secs(30 * 86_400);
    assert_eq!(refused(|config| config.ttl = month), ConfigError::Ttl(month));
    assert_eq!(refused(|config| config.negative_ttl = month), ConfigError::Ttl(month));
    assert_eq!(refused(|config| config.record_ttl = month), ConfigError::Ttl(month));
}

#[test]
fn a_dot_in_a_contact_is_not_one_of_its_name() {
    let mut config = config();
    config.contact = "first.last@example.org".to_owned();
    let zone = Zone::new(&config).unwrap();
    assert_eq!(zone.soa.rname.iter().next(), Some(&b"first.last"[..]));
    assert!(zone.soa.rname.is_fqdn() && zone.soa.mname.is_fqdn());
}
