//! Networks: the unit of every limit "per network".
//!
//! A host of IPv4 has one address. A host of IPv6 has at least all addresses of a /64 (RFC 4291 §2.5.1, RFC 6177),
//! so that a limit per address would be none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};

/// The network that `address` is counted with: of IPv4 (also within IPv6) the address itself, of IPv6 the first
/// 64 bits. The loopback address stays as it is.
#[must_use]
pub fn of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        other => other,
    }
}

/// A number that tells networks apart without naming them, for storage: 65,536 addresses of IPv4 share each.
#[must_use]
pub fn tag(address: IpAddr) -> u16 {
    let digest = match of(address) {
        IpAddr::V4(v4) => Sha256::digest(v4.octets()),
        IpAddr::V6(v6) => Sha256::digest(v6.octets()),
    };
    u16::from_be_bytes([digest[0], digest[1]])
}

/// True if `address` is this machine's own, 127.0.0.1 or ::1: a proxy on it, whose clients are many, or a test. Limits
/// per network do not hold for it. The other addresses of 127.0.0.0/8 are networks like any other: nobody connects
/// from them without intent.
#[must_use]
pub fn is_this_machine(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4 == Ipv4Addr::LOCALHOST,
        IpAddr::V6(v6) => v6.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_leave_its_network() {
        let network = |text: &str| of(text.parse().unwrap()).to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::1"), "::1");
    }

    #[test]
    fn a_tag_is_of_a_network_and_the_same_everywhere() {
        let tag = |text: &str| tag(text.parse().unwrap());
        assert_eq!(tag("2001:db8:1:2::1"), tag("2001:db8:1:2:ffff::"));
        assert_eq!(tag("192.0.2.7"), tag("::ffff:192.0.2.7"));
        assert_ne!(tag("192.0.2.7"), tag("192.0.2.8"));
        // Edges of different builds must agree.
        assert_eq!((tag("192.0.2.7"), tag("2001:db8::")), (49_164, 6_733));
    }

    #[test]
    fn only_the_usual_addresses_are_this_machine() {
        for (address, this) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("127.0.0.2", false),
            ("::2", false),
        ] {
            assert_eq!(is_this_machine(address.parse().unwrap()), this, "{address}");
        }
    }
}
