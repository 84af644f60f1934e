//! Sites: networks that easily belong to one party (an IPv6 /48) are counted as one.

use std::net::{IpAddr, Ipv6Addr};

/// The site that a network belongs to: of IPv6 the first 48 bits, which hold 65,536 networks and are given to one customer
/// for the asking (RFC 6177); of IPv4 the address itself. The loopback address stays as it is.
#[must_use]
pub fn of(network: IpAddr) -> IpAddr {
    match network.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
        other => other,
    }
}
