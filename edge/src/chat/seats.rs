//! Seats: how many connections the chat has, and how many of them one network may take.
//!
//! A network gets no further seat when it has as many as are free. So one network alone may have half of all, two a
//! third each, and a user from elsewhere finds a seat, however many a hostile client takes. There is no number to
//! choose that would be too small for a school or a mobile carrier and too large for a small server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The reason why there is no free seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    /// All are taken.
    All,
    /// The network has its share.
    Network,
}

/// The seats.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    taken: Mutex<Taken>,
}

/// Bounded by the seats: a network without one is not remembered.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    networks: HashMap<IpAddr, usize>,
}

/// One of them; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    network: Option<IpAddr>,
}

impl Seats {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// Takes one for somebody of a network; without a network, all of them may be taken.
    pub(super) fn take(self: &Arc<Self>, network: Option<IpAddr>) -> Result<Seat, Full> {
        let mut taken = self.lock();
        let free = self.most.saturating_sub(taken.all);
        if free == 0 {
            return Err(Full::All);
        }
        if let Some(network) = network {
            let own = taken.networks.get(&network).copied().unwrap_or_default();
            if own >= free {
                return Err(Full::Network);
            }
            taken.networks.insert(network, own + 1);
        }
        taken.all += 1;
        Ok(Seat { seats: Arc::clone(self), network })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        let Some(network) = self.network else { return };
        match taken.networks.get_mut(&network) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.networks.remove(&network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(n: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, n]))
    }

    fn fill(seats: &Arc<Seats>, network: Option<IpAddr>) -> Vec<Seat> {
        std::iter::from_fn(|| seats.take(network).ok()).collect()
    }

    #[test]
    fn strangers_leave_a_seat_for_everybody_else() {
        let seats = Seats::new(1000);
        let mut held = vec![fill(&seats, network(0))];
        assert_eq!((held[0].len(), seats.take(network(0)).unwrap_err()), (500, Full::Network));
        // From however many addresses they come.
        held.extend((1..8).map(|n| fill(&seats, network(n))));
        let newcomer = seats.take(network(100)).unwrap();
        drop(newcomer);
        held.remove(0);
        let half = fill(&seats, network(101)).len();
        assert!((250..255).contains(&half), "half of what is free: {half}");
        held.clear();
        assert!(seats.lock().networks.is_empty() && seats.lock().all == 0);
    }

    #[test]
    fn who_has_no_network_may_take_all() {
        let seats = Seats::new(10);
        let all = fill(&seats, None);
        assert_eq!((all.len(), seats.take(network(1)).unwrap_err()), (10, Full::All));
    }
}
