//! Limits on new users per network: each is a record that is kept.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::metrics::Refusal;
use crate::bucket::{Bucket, Rate};

/// Users of one network: a school behind one address may come at once.
const PER_NETWORK: Rate = Rate { burst: 200, each: Duration::from_secs(1) };
/// Users of all networks together, on this edge.
const TOGETHER: Rate = Rate { burst: 20_000, each: Duration::from_millis(20) };
/// Networks that are remembered; beyond it only the rate for all together holds.
const MAX_NETWORKS: usize = 50_000;

/// Counts registrations. Sans-IO.
#[derive(Debug, Default)]
pub struct Registrar {
    networks: HashMap<IpAddr, Bucket>,
    together: Bucket,
}

impl Registrar {
    /// True if a user from the network may register; without a network, only all together are limited.
    ///
    /// # Errors
    /// The limit that is reached.
    pub(super) fn register(&mut self, network: Option<IpAddr>, now: Instant) -> Result<(), Refusal> {
        if let Some(network) = network {
            let known = self.networks.len() < MAX_NETWORKS || self.networks.contains_key(&network);
            if known && !self.networks.entry(network).or_default().take(PER_NETWORK, now) {
                return Err(Refusal::UsersOfNetwork);
            }
        }
        if self.together.take(TOGETHER, now) { Ok(()) } else { Err(Refusal::Users) }
    }

    /// Forgets networks that have done nothing for long.
    pub fn forget(&mut self, now: Instant) {
        self.networks.retain(|_, bucket| !bucket.is_full(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_may_add_so_many_and_others_do_not_suffer() {
        let (mut registrar, now) = (Registrar::default(), Instant::now());
        let of = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for n in 0..200 {
            assert_eq!(registrar.register(of("2001:db8::"), now), Ok(()), "{n}");
        }
        assert_eq!(registrar.register(of("2001:db8::"), now), Err(Refusal::UsersOfNetwork));
        for other in ["2001:db8:0:1::", "192.0.2.1"] {
            assert_eq!(registrar.register(of(other), now), Ok(()));
        }
        let later = now + Duration::from_secs(1);
        assert_eq!(registrar.register(of("2001:db8::"), later), Ok(()));
        let together = (0..30_000).map(|_| registrar.register(None, now)).filter(Result::is_ok).count();
        assert!((19_000..20_000).contains(&together), "{together}");
        assert_eq!(registrar.register(None, now), Err(Refusal::Users));
        registrar.forget(now + Duration::from_secs(1000));
        assert!(registrar.networks.is_empty());
    }
}
