//! How many users an address may add: each is a record that is kept.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use farcast_shared::network;

use super::bucket::{Bucket, Rate};

/// Users of one address: a school behind one address may come at once.
const PER_ADDRESS: Rate = Rate { burst: 200, each: Duration::from_secs(1) };
/// Users of all addresses together, on this edge.
const TOGETHER: Rate = Rate { burst: 20_000, each: Duration::from_millis(20) };
/// Addresses that are remembered; beyond it only the rate for all together holds.
const MAX_ADDRESSES: usize = 50_000;

/// Counts registrations. Sans-IO.
#[derive(Debug, Default)]
pub struct Registrar {
    addresses: HashMap<IpAddr, Bucket>,
    together: Bucket,
}

impl Registrar {
    /// Whether somebody at `address` may register. This machine always may: it is its owner's, or a proxy without
    /// `trusted_proxies`, behind which all are one address.
    pub fn may(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = network::of(address);
        if !address.is_loopback() {
            let known = self.addresses.len() < MAX_ADDRESSES || self.addresses.contains_key(&address);
            if known && !self.addresses.entry(address).or_default().take(PER_ADDRESS, now) {
                return false;
            }
        }
        self.together.take(TOGETHER, now)
    }

    /// Forgets who did nothing for long.
    pub fn forget(&mut self, now: Instant) {
        self.addresses.retain(|_, bucket| !bucket.is_full(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_add_so_many_and_others_do_not_suffer() {
        let (mut registrar, now) = (Registrar::default(), Instant::now());
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        let may = |registrar: &mut Registrar, text: &str| registrar.may(of(text), now);
        for n in 0..200 {
            assert!(may(&mut registrar, &format!("2001:db8::{n:x}")), "{n}");
        }
        assert!(!may(&mut registrar, "2001:db8::ffff"));
        assert!(may(&mut registrar, "2001:db8:0:1::1") && may(&mut registrar, "192.0.2.1"));
        for _ in 0..1000 {
            assert!(may(&mut registrar, "127.0.0.1"));
        }
        assert!(registrar.may(of("2001:db8::1"), now + Duration::from_secs(1)));
        registrar.forget(now + Duration::from_secs(1000));
        assert!(registrar.addresses.is_empty());
    }
}
