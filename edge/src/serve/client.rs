//! The identity of a viewer, as far as an address and a trusted proxy tell.

use std::net::IpAddr;

use farcast_config::Networks;
use http::HeaderMap;

use crate::api::Caller;

/// Hops that are looked at; nobody has so many proxies.
const MAX_HOPS: usize = 32;

/// The sender of a request that `peer` brought.
pub(super) fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> Caller {
    Caller { address: address(peer, headers, trusted), name: name(peer, headers, trusted) }
}

/// The user's name that a trusted proxy sends (X-Forwarded-User), where the peer is one. The last one counts, as with
/// addresses: a header that a viewer put in front does not.
fn name(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> Option<String> {
    if trusted.is_empty() || !trusted.contain(peer.to_canonical()) {
        return None;
    }
    let last = headers.get_all("x-forwarded-user").iter().next_back()?;
    std::str::from_utf8(last.as_bytes()).ok().map(str::to_owned)
}

/// The address of the sender of a request that `peer` brought: the last hop of X-Forwarded-For that is no trusted
/// proxy, where the peer is one; else the peer's. Anything that the viewer put in front does not count.
pub(super) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let peer = peer.to_canonical();
    if trusted.is_empty() || !trusted.contain(peer) {
        return peer;
    }
    let lists = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = lists.flat_map(|list| list.split(',')).collect();
    let mut nearest = peer;
    for hop in hops.into_iter().rev().take(MAX_HOPS) {
        let Some(address) = parse(hop.trim()) else { return nearest };
        nearest = address;
        if !trusted.contain(address) {
            return address;
        }
    }
    nearest
}

/// An address, with a port or in brackets or neither.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    let address = match bare {
        Some(address) => address.parse(),
        None => hop.parse().or_else(|error| match hop.rsplit_once(':') {
            Some((address, _)) if !address.contains(':') => address.parse(),
            _ => Err(error),
        }),
    };
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use farcast_config::Value as _;
    use http::HeaderValue;

    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &str) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        address(peer.parse().unwrap(), &headers, &Networks::parse(trusted).unwrap()).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_who_a_viewer_is() {
        assert_eq!(seen("9.9.9.9", &["1.1.1.1"], ""), "9.9.9.9");
        assert_eq!(seen("9.9.9.9", &["1.1.1.1"], "10.0.0.0/8"), "9.9.9.9");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1"], "10.0.0.0/8"), "1.1.1.1");
        assert_eq!(seen("::ffff:10.0.0.1", &["1.1.1.1"], "10.0.0.0/8"), "1.1.1.1");
        assert_eq!(seen("10.0.0.1", &[], "10.0.0.0/8"), "10.0.0.1");
    }

    #[test]
    fn only_a_trusted_proxy_says_what_a_viewer_is_called() {
        let named = |peer: &str, names: &[&[u8]], trusted: &str| {
            let mut headers = HeaderMap::new();
            for value in names {
                headers.append("x-forwarded-user", HeaderValue::from_bytes(value).unwrap());
            }
            name(peer.parse().unwrap(), &headers, &Networks::parse(trusted).unwrap())
        };
        assert_eq!(named("9.9.9.9", &[b"Ada"], ""), None);
        assert_eq!(named("9.9.9.9", &[b"Ada"], "10.0.0.0/8"), None);
        assert_eq!(named("10.0.0.1", &[b"Ada"], "10.0.0.0/8").as_deref(), Some("Ada"));
        assert_eq!(named("::ffff:10.0.0.1", &[b"Ada"], "10.0.0.0/8").as_deref(), Some("Ada"));
        assert_eq!(
            named("10.0.0.1", &[b"Eve", "J\u{fc}rg".as_bytes()], "10.0.0.1").as_deref(),
            Some("J\u{fc}rg")
        );
        assert_eq!(named("10.0.0.1", &[], "10.0.0.1"), None);
        assert_eq!(named("10.0.0.1", &[b"Ada", b"\xff"], "10.0.0.1"), None);
    }

    #[test]
    fn what_a_viewer_put_in_front_does_not_count() {
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"], "10.0.0.0/8"), "1.1.1.1");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "1.1.1.1"], "10.0.0.0/8"), "1.1.1.1");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, nonsense"], "10.0.0.0/8"), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.0/8"), "10.0.0.3");
    }

    #[test]
    fn ports_and_brackets_are_left_out() {
        assert_eq!(seen("10.0.0.1", &["1.1.1.1:5000"], "10.0.0.1"), "1.1.1.1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]:5000"], "10.0.0.1"), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["2001:db8::1"], "10.0.0.1"), "2001:db8::1");
    }
}
