//! A host and a port that others dial.

use std::fmt;

use super::{InvalidValue, Value};

/// Longest DNS name in text form (RFC 1035 §2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// A host name or address and a port, as others dial it: `origin.example:4433`, `[2001:db8::1]:4433`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// Host without brackets: a name, an IPv4 or an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port, never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Value for HostPort {
    const EXPECTS: &'static str = "a host and port, such as origin.example:4433";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let wrong = || InvalidValue::new(format!("{text:?} is not {}", Self::EXPECTS));
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = match bracketed {
            Some(address) => {
                address.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
                address
            }
            None => host,
        };
        let name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_';
        let named = bracketed.is_some() || host.bytes().all(name);
        if host.is_empty() || host.len() > MAX_HOST_BYTES || !named || port == 0 {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read_and_shown_alike() {
        for good in ["origin.example:4433", "127.0.0.1:1", "[2001:db8::1]:4433"] {
            assert_eq!(HostPort::parse(good).unwrap().to_string(), good);
        }
        assert_eq!(HostPort::parse("[::1]:5").unwrap().host(), "::1");
        for bad in ["", "origin", ":4433", "a:0", "a:70000", "::1:5", "a b:5", "[x]:5", "http://a:5"] {
            assert!(HostPort::parse(bad).is_err(), "{bad:?}");
        }
    }
}
