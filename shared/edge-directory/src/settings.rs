//! Types of the settings by which an edge says where it is, as files, flags and the environment have them.

use std::net::{IpAddr, SocketAddr};

use farcast_config::{InvalidValue, Value};
use farcast_dns::zone::{Config, ConfigError, NameServer, Zone};
use farcast_routing::{BaseUrl, Coordinates, MAX_ADDRESSES, MAX_URLS};

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn joined(items: impl Iterator<Item = String>) -> Option<String> {
    Some(items.collect::<Vec<_>>().join(", "))
}

fn at_most<T>(items: Vec<T>, most: usize) -> Result<Vec<T>, InvalidValue> {
    if items.len() <= most { Ok(items) } else { Err(InvalidValue::new(format!("has more than {most}"))) }
}

/// Addresses at which viewers reach an edge, the best first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PublicUrls(pub Vec<BaseUrl>);

impl Value for PublicUrls {
    const EXPECTS: &'static str = "addresses such as https://fra.example.org, comma-separated";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let url = |part: &str| {
            BaseUrl::new(part).map_err(|error| InvalidValue::new(format!("{part:?} is wrong: {error}")))
        };
        at_most(items(text).map(url).collect::<Result<_, _>>()?, MAX_URLS).map(Self)
    }

    fn show(&self) -> Option<String> {
        joined(self.0.iter().map(ToString::to_string))
    }
}

/// IP addresses at which viewers reach an edge.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PublicAddresses(pub Vec<IpAddr>);

impl Value for PublicAddresses {
    const EXPECTS: &'static str = "IP addresses such as 192.0.2.7, 2001:db8::7, comma-separated";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let address = |part: &str| {
            part.parse().map_err(|_| InvalidValue::new(format!("{part:?} is not one of {}", Self::EXPECTS)))
        };
        at_most(items(text).map(address).collect::<Result<_, _>>()?, MAX_ADDRESSES).map(Self)
    }

    fn show(&self) -> Option<String> {
        joined(self.0.iter().map(ToString::to_string))
    }
}

/// A place on the globe.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Position(pub Coordinates);

impl Value for Position {
    const EXPECTS: &'static str = "latitude and longitude in degrees, such as 50.11,8.68";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let degrees = |part: &str| part.trim().parse::<f64>().ok();
        let pair = text.split_once(',').and_then(|(north, east)| degrees(north).zip(degrees(east)));
        let point = pair.and_then(|(north, east)| Coordinates::new(north, east).ok());
        point.map(Self).ok_or_else(|| InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS)))
    }

    fn show(&self) -> Option<String> {
        Some(format!("{},{}", self.0.latitude(), self.0.longitude()))
    }
}

/// The name servers of a DNS zone, each with its addresses where its name is within the zone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NameServers(pub Vec<NameServer>);

impl Value for NameServers {
    const EXPECTS: &'static str =
        "names with their addresses, such as ns1.live.example.org=192.0.2.7+2001:db8::7, comma-separated";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let server = |part: &str| {
            let (name, listed) = part.split_once('=').unwrap_or((part, ""));
            let listed = listed.split('+').map(str::trim).filter(|address| !address.is_empty());
            let addresses = listed.map(str::parse).collect::<Result<Vec<IpAddr>, _>>().ok()?;
            Some(NameServer { name: name.trim().to_owned(), addresses })
        };
        let named = |part| {
            server(part).ok_or_else(|| InvalidValue::new(format!("{part:?} is not one of {}", Self::EXPECTS)))
        };
        items(text).map(named).collect::<Result<_, _>>().map(Self)
    }

    fn show(&self) -> Option<String> {
        joined(self.0.iter().map(|server| {
            let addresses: Vec<_> = server.addresses.iter().map(ToString::to_string).collect();
            if addresses.is_empty() {
                server.name.clone()
            } else {
                format!("{}={}", server.name, addresses.join("+"))
            }
        }))
    }
}

/// Host names within a DNS zone, without the zone's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hosts(pub Vec<String>);

impl Value for Hosts {
    const EXPECTS: &'static str = "names of hosts without the zone's, such as www, comma-separated";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        Ok(Self(items(text).map(str::to_ascii_lowercase).collect()))
    }

    fn show(&self) -> Option<String> {
        joined(self.0.iter().cloned())
    }
}

/// The settings of the DNS server, of either program.
#[derive(Clone, Debug)]
pub struct DnsSettings<'a> {
    /// Where it listens, by UDP and TCP.
    pub listen: Option<SocketAddr>,
    /// The zone.
    pub zone: Option<&'a str>,
    /// Its name servers.
    pub name_servers: &'a NameServers,
    /// The hosts besides the zone's own name that lead viewers to edges.
    pub hosts: &'a Hosts,
}

impl DnsSettings<'_> {
    /// The zone, if one is to be served.
    ///
    /// # Errors
    /// The setting that is wrong, and why.
    pub fn zone(&self) -> Result<Option<Zone>, (&'static str, String)> {
        let named = self.zone.is_some() || !self.name_servers.0.is_empty();
        let Some(_) = self.listen else {
            return if named {
                Err(("dns_listen", "is missing: dns_zone and dns_name_servers need it".to_owned()))
            } else {
                Ok(None)
            };
        };
        let Some(zone) = self.zone else {
            return Err(("dns_zone", "is missing: dns_listen needs it".to_owned()));
        };
        let config = Config { hosts: self.hosts.0.clone(), ..Config::new(zone, self.name_servers.0.clone()) };
        Zone::new(&config).map(Some).map_err(|error| {
            let key = match error {
                ConfigError::NoNameServer | ConfigError::NoAddress(_) | ConfigError::NameServerIsHost(_) => {
                    "dns_name_servers"
                }
                _ => "dns_zone",
            };
            (key, format!("cannot be served: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<T: Value>(text: &str) -> Result<String, String> {
        T::parse(text).map(|value| value.show().unwrap()).map_err(|error| error.0)
    }

    #[test]
    fn what_is_read_is_shown_again() {
        let urls = shown::<PublicUrls>(" https://Fra.example/,http://192.0.2.7:8080 ,");
        assert_eq!(urls.as_deref(), Ok("https://fra.example, http://192.0.2.7:8080"));
        assert_eq!(shown::<PublicUrls>("").as_deref(), Ok(""));
        let addresses = shown::<PublicAddresses>("192.0.2.7, 2001:DB8::7");
        assert_eq!(addresses.as_deref(), Ok("192.0.2.7, 2001:db8::7"));
        assert_eq!(shown::<Position>("50.11, -8.68").as_deref(), Ok("50.11,-8.68"));
    }

    #[test]
    fn name_servers_and_hosts_are_read_and_shown() {
        let servers = shown::<NameServers>(" ns1.a.example = 192.0.2.7 + 2001:db8::7 ,ns.other.example");
        assert_eq!(servers.as_deref(), Ok("ns1.a.example=192.0.2.7+2001:db8::7, ns.other.example"));
        assert!(shown::<NameServers>("ns1.a.example=x").unwrap_err().contains("ns1.a.example=x"));
        assert_eq!(shown::<Hosts>("WWW, live").as_deref(), Ok("www, live"));
    }

    #[test]
    fn a_zone_needs_what_it_is_served_with() {
        let servers = NameServers::parse("ns1.a.example=192.0.2.7").unwrap();
        let none = NameServers::default();
        let hosts = Hosts(vec!["www".to_owned()]);
        let of = |listen: Option<&str>, zone, name_servers| {
            let listen = listen.map(|listen| listen.parse().unwrap());
            let settings = DnsSettings { listen, zone, name_servers, hosts: &hosts };
            settings.zone().map(|zone| zone.is_some()).map_err(|(key, _)| key)
        };
        let here = Some("127.0.0.1:53");
        assert_eq!(of(None, None, &none), Ok(false));
        assert_eq!(of(here, Some("a.example"), &servers), Ok(true));
        assert_eq!(of(None, Some("a.example"), &none), Err("dns_listen"));
        assert_eq!(of(None, None, &servers), Err("dns_listen"));
        assert_eq!(of(here, None, &servers), Err("dns_zone"));
        assert_eq!(of(here, Some("a.example"), &none), Err("dns_name_servers"));
        assert_eq!(of(here, Some("a b"), &servers), Err("dns_zone"));
        let without_address = NameServers::parse("ns1.a.example").unwrap();
        assert_eq!(of(here, Some("a.example"), &without_address), Err("dns_name_servers"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for wrong in ["fra.example", "https://fra.example/live", "https://a.example,ftp://b.example"] {
            let error = shown::<PublicUrls>(wrong).unwrap_err();
            assert!(error.contains("http:// or https://"), "{error}");
        }
        let nine = ["http://a.example"; 9].join(",");
        assert_eq!(shown::<PublicUrls>(&nine).unwrap_err(), "has more than 8");
        for wrong in ["fra.example", "192.0.2.300", "192.0.2.0/24"] {
            assert!(shown::<PublicAddresses>(wrong).unwrap_err().contains(wrong));
        }
        for wrong in ["", "50", "50;8", "91,0", "0,181", "nan,0", "a,b", "1,2,3"] {
            assert!(shown::<Position>(wrong).unwrap_err().contains("latitude"), "{wrong}");
        }
    }
}
