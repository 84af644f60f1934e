//! The zone: its name, what in it never changes, and which names it has.
//!
//! Invariants: a [`Zone`] can be served: it has name servers, those within the zone have addresses, all times fit.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::rr::Name;
use hickory_proto::rr::rdata::SOA;

/// The label before a host's name at which ACME's server looks (RFC 8555 §8.4).
const CHALLENGE: &str = "_acme-challenge";
/// Longest time that a record may be kept (RFC 8767 §4 recommends a cap of days).
const MAX_TTL: Duration = Duration::from_secs(7 * 86_400);
/// Most addresses in an answer: with 28 bytes each an answer stays far below 1232 bytes.
const MAX_ANSWERS: usize = 16;

/// A name server of the zone, this one or another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameServer {
    /// Its host name, such as `ns1.live.example.org`.
    pub name: String,
    /// Its addresses; needed if its name is within the zone, unused otherwise.
    pub addresses: Vec<IpAddr>,
}

/// What operators say of a zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Its name, such as `live.example.org`.
    pub zone: String,
    /// Its name servers, the same on all of them; at least one, two or more for a zone that survives.
    pub name_servers: Vec<NameServer>,
    /// Hosts within the zone that there always are, besides the zone's own name: `www`.
    pub hosts: Vec<String>,
    /// E-mail address of who is responsible, for the SOA record.
    pub contact: String,
    /// Serial number of the SOA record; nothing transfers the zone, so it only tells people which state they see.
    pub serial: u32,
    /// How long an answer with addresses, or to ACME, may be kept. Whole seconds.
    pub ttl: Duration,
    /// How long it may be kept that there is nothing. Whole seconds.
    pub negative_ttl: Duration,
    /// How long SOA, NS and the addresses of name servers may be kept. Whole seconds.
    pub record_ttl: Duration,
    /// Most addresses in an answer, 1 to 16.
    pub answers: usize,
}

impl Config {
    /// A zone with one name server, the rest as is usual.
    #[must_use]
    pub fn new(zone: &str, name_servers: Vec<NameServer>) -> Self {
        Self {
            zone: zone.to_owned(),
            name_servers,
            hosts: vec!["www".to_owned()],
            contact: format!("hostmaster@{zone}"),
            serial: 1,
            ttl: Duration::from_secs(20),
            negative_ttl: Duration::from_secs(10),
            record_ttl: Duration::from_secs(3600),
            answers: 3,
        }
    }
}

/// Why a zone cannot be served.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not a host name.
    #[error("{0:?} is not the name of a host or zone, such as live.example.org")]
    NotAName(String),
    /// Not an e-mail address.
    #[error("{0:?} is not an e-mail address")]
    NotAContact(String),
    /// There is no name server.
    #[error("a zone needs at least one name server")]
    NoNameServer,
    /// A name server within the zone without an address.
    #[error("name server {0:?} is within the zone and needs an address")]
    NoAddress(String),
    /// A name server that is a host of viewers as well.
    #[error("{0:?} cannot be a name server and lead viewers to edges")]
    NameServerIsHost(String),
    /// A time that is not in range.
    #[error("{0:?} is no time to keep a record: up to seven days are")]
    Ttl(Duration),
    /// A number of answers that is not in range.
    #[error("an answer may have 1 to {MAX_ANSWERS} addresses, not {0}")]
    Answers(usize),
}

/// Where in the zone a name is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place<'z> {
    /// A host that viewers ask for, named as in [`crate::records::Records::addresses`].
    Host(String),
    /// A name server of the zone, with its addresses.
    NameServer(&'z [IpAddr]),
    /// The texts for ACME of a host.
    Challenge(String),
    /// A name that has nothing but names below it (RFC 8020: it exists).
    Empty,
    /// A name that no host can have.
    Nothing,
}

/// See the module.
#[derive(Debug)]
pub struct Zone {
    apex: Name,
    hosts: HashSet<String>,
    servers: HashMap<String, Vec<IpAddr>>,
    empty: HashSet<String>,
    pub(crate) name_servers: Vec<Name>,
    pub(crate) soa: SOA,
    pub(crate) ttl: u32,
    pub(crate) negative_ttl: u32,
    pub(crate) record_ttl: u32,
    pub(crate) answers: usize,
}

impl Zone {
    /// A zone as it is described.
    ///
    /// # Errors
    /// When it cannot be served.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let apex = name(&config.zone)?;
        let first = config.name_servers.first().ok_or(ConfigError::NoNameServer)?;
        if !(1..=MAX_ANSWERS).contains(&config.answers) {
            return Err(ConfigError::Answers(config.answers));
        }
        let mut hosts = HashSet::from([String::new()]);
        for host in &config.hosts {
            name(&format!("{host}.{}", config.zone))?;
            hosts.insert(host.to_ascii_lowercase());
        }
        let mut zone = Self {
            soa: soa(config, name(&first.name)?)?,
            apex,
            hosts,
            servers: HashMap::new(),
            empty: HashSet::new(),
            name_servers: Vec::new(),
            ttl: seconds(config.ttl)?,
            negative_ttl: seconds(config.negative_ttl)?,
            record_ttl: seconds(config.record_ttl)?,
            answers: config.answers,
        };
        for server in &config.name_servers {
            zone.add(server)?;
        }
        zone.find_empty();
        Ok(zone)
    }

    fn add(&mut self, server: &NameServer) -> Result<(), ConfigError> {
        let its_name = name(&server.name)?;
        if let Some(path) = self.path(&its_name) {
            if self.hosts.contains(&path) {
                return Err(ConfigError::NameServerIsHost(server.name.clone()));
            }
            if server.addresses.is_empty() {
                return Err(ConfigError::NoAddress(server.name.clone()));
            }
            self.servers.insert(path, server.addresses.clone());
        }
        self.name_servers.push(its_name);
        Ok(())
    }

    /// Names above those that there are.
    fn find_empty(&mut self) {
        let above = |path: &String| {
            let dots = path.match_indices('.').map(|(at, _)| path[at + 1..].to_owned());
            dots.collect::<Vec<_>>()
        };
        let there: Vec<String> = self.hosts.iter().chain(self.servers.keys()).flat_map(above).collect();
        let is_new = |path: &String| !self.hosts.contains(path) && !self.servers.contains_key(path);
        self.empty = there.into_iter().filter(is_new).collect();
    }

    /// The zone's own name.
    pub(crate) fn apex(&self) -> &Name {
        &self.apex
    }

    /// True if there always is this host.
    pub(crate) fn always_has(&self, host: &str) -> bool {
        self.hosts.contains(host)
    }

    /// Where a name is; none if it is of another zone.
    pub(crate) fn place(&self, name: &Name) -> Option<Place<'_>> {
        if !self.apex.zone_of(name) {
            return None;
        }
        let Some(path) = self.path(name) else { return Some(Place::Nothing) };
        let host = path
            .strip_prefix(CHALLENGE)
            .and_then(|rest| if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') });
        Some(if let Some(host) = host {
            Place::Challenge(host.to_owned())
        } else if let Some(addresses) = self.servers.get(&path) {
            Place::NameServer(addresses)
        } else if self.empty.contains(&path) {
            Place::Empty
        } else {
            Place::Host(path)
        })
    }

    /// The part of a name before the zone's, in lower case. None if the name is of another zone, or has a character that
    /// the name of a host cannot have: then no label of it can be mistaken for two.
    fn path(&self, name: &Name) -> Option<String> {
        if !self.apex.zone_of(name) {
            return None;
        }
        // `Name::num_labels` does not count a `*`.
        let labels = name.iter().count().checked_sub(self.apex.iter().count())?;
        let mut path = String::with_capacity(name.len());
        for label in name.iter().take(labels) {
            if !path.is_empty() {
                path.push('.');
            }
            for byte in label {
                if !byte.is_ascii_alphanumeric() && !b"-_".contains(byte) {
                    return None;
                }
                path.push(char::from(byte.to_ascii_lowercase()));
            }
        }
        Some(path)
    }
}

fn soa(config: &Config, first: Name) -> Result<SOA, ConfigError> {
    let wrong = || ConfigError::NotAContact(config.contact.clone());
    let (local, domain) = config.contact.split_once('@').ok_or_else(wrong)?;
    let domain = name(domain).map_err(|_| wrong())?;
    let labels = std::iter::once(local.as_bytes()).chain(domain.iter());
    let contact = Name::from_labels(labels).map_err(|_| wrong())?;
    let time = |of: Duration| Ok::<_, ConfigError>(seconds(of)?.cast_signed());
    // Refresh, retry and expiry are for secondaries by zone transfer, of which there are none.
    let (refresh, retry, expire) = (time(config.record_ttl)?, time(config.record_ttl)?, time(MAX_TTL)?);
    let minimum = seconds(config.negative_ttl)?;
    Ok(SOA::new(first, contact, config.serial, refresh, retry, expire, minimum))
}

/// A name as people write it, of hosts' characters only.
fn name(text: &str) -> Result<Name, ConfigError> {
    let wrong = || ConfigError::NotAName(text.to_owned());
    let bare = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !label.is_empty() && label.bytes().all(is_good)
    };
    if !bare.split('.').all(is_label) {
        return Err(wrong());
    }
    Name::from_labels(bare.split('.').map(str::as_bytes)).map_err(|_| wrong())
}

fn seconds(time: Duration) -> Result<u32, ConfigError> {
    if time > MAX_TTL {
        return Err(ConfigError::Ttl(time));
    }
    u32::try_from(time.as_secs()).map_err(|_| ConfigError::Ttl(time))
}

#[cfg(test)]
#[path = "zone_tests.rs"]
mod tests;
