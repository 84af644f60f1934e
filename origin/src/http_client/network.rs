//! The addresses of the public network: those to which requests may go on behalf of people who give an address.
//!
//! After IANA's registries of special-purpose addresses (RFC 6890, RFC 8190). Of IPv6 only addresses allocated as
//! global unicast (`2000::/3`) count as public, and forms that stand for an IPv4 address count as that address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address that a URL's host is, if it is not a name.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// True if an address is of no public network.
#[must_use]
pub fn is_private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => embedded(v6).map_or_else(|| is_private_v6(v6), is_private_v4),
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_documentation()
        || v4.is_multicast()
        // This network (RFC 791).
        || a == 0
        // Shared address space (RFC 6598).
        || (a == 100 && (64..128).contains(&b))
        // IETF protocol assignments (RFC 6890), relays of 6to4 (RFC 7526).
        || matches!([a, b, c], [192, 0, 0] | [192, 88, 99])
        // Benchmarks (RFC 2544).
        || (a == 198 && (b == 18 || b == 19))
        // Reserved (RFC 1112), broadcast.
        || a >= 240
}

/// The IPv4 address that an IPv6 address leads to.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = v6.octets();
    match v6.segments() {
        // Mapped (RFC 4291 §2.5.5.2), translated (RFC 2765), NAT64's well-known prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            Some(Ipv4Addr::new(a, b, c, d))
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
}

fn is_private_v6(v6: Ipv6Addr) -> bool {
    let [first, second, ..] = v6.segments();
    // Everything else is loopback, local, multicast, translated locally or not allocated.
    let global_unicast = first & 0xe000 == 0x2000;
    !global_unicast
        // IETF protocol assignments (RFC 2928): Teredo, benchmarks, identifiers that are no addresses.
        || (first == 0x2001 && second < 0x200)
        // Documentation (RFC 3849, RFC 9637).
        || (first == 0x2001 && second == 0xdb8)
        || (first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_no_public_network_is_known_in_every_form() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            // IPv4-compatible, deprecated.
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            // NAT64 of one's own network (RFC 8215).
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "2002:a9fe:a9fe::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_private_address(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn what_is_of_the_public_network_is_not_refused() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2002:808:808::1",
            "2606:4700::1111",
            "2a00:1450::1",
            "3fff:1000::1",
        ] {
            assert!(!is_private_address(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_host_is_an_address_or_a_name() {
        assert_eq!(literal("[::1]"), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(literal("127.0.0.1"), Some(Ipv4Addr::LOCALHOST.into()));
        // Resolvers take such for addresses: it is their answer that is checked.
        for name in ["localhost", "127.1", "2130706433", "0x7f.1", "[fe80::1%25eth0]"] {
            assert_eq!(literal(name), None, "{name}");
        }
    }
}
