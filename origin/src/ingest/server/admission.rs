//! How many connections there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farcast_shared::network;

use super::{Config, Refused};

/// Counts connections against the limits of [`Config`].
pub(super) struct Admission {
    max_open: usize,
    max_pending: usize,
    max_pending_per_address: usize,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Default)]
struct Counts {
    open: usize,
    pending: usize,
    /// Pending connections per address; as many entries as pending connections at most.
    addresses: HashMap<IpAddr, usize>,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            max_open: config.max_connections,
            max_pending: config.max_pending,
            max_pending_per_address: config.max_pending_per_address,
            counts: Arc::default(),
        }
    }

    /// A place for a connection from `address`, or which limit there is none by.
    pub(super) fn enter(&self, address: IpAddr) -> Result<Slot, Refused> {
        let address = network::of(address);
        let mut counts = lock(&self.counts);
        if counts.open >= self.max_open {
            return Err(Refused::Connections);
        }
        if counts.pending >= self.max_pending {
            return Err(Refused::Pending);
        }
        let of_address = counts.addresses.entry(address).or_default();
        if *of_address >= self.max_pending_per_address {
            return Err(Refused::Address);
        }
        *of_address += 1;
        counts.open += 1;
        counts.pending += 1;
        Ok(Slot { counts: Arc::clone(&self.counts), pending: Some(address) })
    }
}

/// A connection's place; given back when dropped.
pub(super) struct Slot {
    counts: Arc<Mutex<Counts>>,
    pending: Option<IpAddr>,
}

impl Slot {
    /// The connection publishes: it is no longer pending.
    pub(super) fn publishes(&mut self) {
        let Some(address) = self.pending.take() else { return };
        let mut counts = lock(&self.counts);
        counts.pending = counts.pending.saturating_sub(1);
        if let Some(of_address) = counts.addresses.get_mut(&address) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                counts.addresses.remove(&address);
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.publishes();
        let mut counts = lock(&self.counts);
        counts.open = counts.open.saturating_sub(1);
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        let config =
            Config { max_connections: 3, max_pending: 2, max_pending_per_address: 1, ..Config::default() };
        Admission::new(&config)
    }

    #[test]
    fn each_limit_refuses_and_leaving_makes_room() {
        let admission = admission();
        let [a, b, c, d] = [1, 2, 3, 4].map(|last| IpAddr::from([10, 0, 0, last]));
        let mut first = admission.enter(a).unwrap();
        assert_eq!(admission.enter(a).err(), Some(Refused::Address));
        let mut second = admission.enter(b).unwrap();
        assert_eq!(admission.enter(c).err(), Some(Refused::Pending));
        first.publishes();
        second.publishes();
        let third = admission.enter(c).unwrap();
        assert_eq!(admission.enter(d).err(), Some(Refused::Connections));
        drop(third);
        drop(first);
        assert!(admission.enter(a).is_ok());
        assert!(lock(&admission.counts).addresses.is_empty());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let admission = admission();
        let _first = admission.enter("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(admission.enter("2001:db8::2".parse().unwrap()).err(), Some(Refused::Address));
        assert!(admission.enter("2001:db8:0:1::2".parse().unwrap()).is_ok());
    }
}
