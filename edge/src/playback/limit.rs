//! Limits on the reports that are read, of each network and of all: a sample is enough, and no network alone pushes
//! aside those of others.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use farcast_config::network;

use crate::bucket::{Bucket, Rate};

/// The limit of a network. Farcast's player reports each 30 s, so sixty viewers behind one address are heard in full,
/// and a player that tells something with every request now and then.
const NETWORK: Rate = Rate { burst: 60, each: Duration::from_millis(500) };

/// The limit of all together: 12,000 viewers are heard in full.
const ALL: Rate = Rate { burst: 800, each: Duration::from_micros(2500) };

/// Places for networks. Two that have the same place share it: they are heard less, never more.
const PLACES: usize = 4096;

/// Counts reports. Sans-IO; 64 KiB, however many networks there are.
#[derive(Debug)]
pub(super) struct Limit {
    networks: Vec<Bucket>,
    all: Bucket,
}

impl Default for Limit {
    fn default() -> Self {
        Self { networks: vec![Bucket::default(); PLACES], all: Bucket::default() }
    }
}

impl Limit {
    /// True if a report from this address is read. Reports from this machine come through a proxy or a test, from many
    /// viewers.
    pub(super) fn admits(&mut self, address: IpAddr, now: Instant) -> bool {
        let place = usize::from(network::tag(address)) % PLACES;
        if !network::is_this_machine(address) && !self.networks[place].take(NETWORK, now) {
            return false;
        }
        self.all.take(ALL, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn admitted(limit: &mut Limit, address: IpAddr, tries: usize, now: Instant) -> usize {
        (0..tries).filter(|_| limit.admits(address, now)).count()
    }

    #[test]
    fn a_network_that_tells_much_is_a_sample_and_others_are_heard() {
        let (mut limit, now) = (Limit::default(), Instant::now());
        assert_eq!(admitted(&mut limit, address(1), 1000, now), 60);
        assert_eq!(admitted(&mut limit, address(2), 10, now), 10);
        assert_eq!(admitted(&mut limit, address(1), 10, now + Duration::from_secs(2)), 4);
    }

    #[test]
    fn all_together_are_bounded_whoever_they_are() {
        let (mut limit, now) = (Limit::default(), Instant::now());
        let this_machine = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(admitted(&mut limit, this_machine, 5000, now), 800);
        assert_eq!(admitted(&mut limit, address(1), 10, now), 0);
        assert_eq!(admitted(&mut limit, address(1), 10, now + Duration::from_secs(1)), 10);
    }
}
