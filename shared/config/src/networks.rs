//! A list of networks.

use std::net::IpAddr;

use super::{InvalidValue, Value};

/// Addresses and networks, such as `127.0.0.1, 10.0.0.0/8, 2001:db8::/32`; may be empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Networks(Vec<Network>);

/// The first `bits` of `address` are the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Networks {
    /// True if an address lies in one of them. IPv4 within IPv6 is IPv4.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let bits = u32::from(self.bits);
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(32 - bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(128 - bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        (bits <= all).then_some(Self { address, bits })
    }
}

impl Value for Networks {
    const EXPECTS: &'static str = "addresses and networks, such as 127.0.0.1, 10.0.0.0/8";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let wrong = |part: &str| InvalidValue::new(format!("{part:?} is not one of {}", Self::EXPECTS));
        parts.map(|part| Network::parse(part).ok_or_else(|| wrong(part))).collect::<Result<_, _>>().map(Self)
    }

    fn show(&self) -> Option<String> {
        Some(
            self.0
                .iter()
                .map(|network| format!("{}/{}", network.address, network.bits))
                .collect::<Vec<_>>()
                .join(", "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses_and_no_others() {
        let networks = Networks::parse("127.0.0.1, 10.0.0.0/8,2001:db8::/32 ,0.0.0.0/32").unwrap();
        for (address, inside) in [
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("10.255.0.1", true),
            ("11.0.0.0", false),
            ("::ffff:10.1.1.1", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("0.0.0.1", false),
        ] {
            assert_eq!(networks.contain(address.parse().unwrap()), inside, "{address}");
        }
        assert_eq!(Networks::parse(&networks.show().unwrap()).unwrap(), networks);
        assert!(Networks::parse("0.0.0.0/0").unwrap().contain("9.9.9.9".parse().unwrap()));
        assert!(Networks::parse("").unwrap().is_empty());
        for wrong in ["localhost", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/"] {
            assert!(Networks::parse(wrong).is_err(), "{wrong}");
        }
    }
}
