//! Admission, at a listener, of connections that have not authenticated yet: connections of RTMP, handshakes and
//! enrolments of QUIC.
//!
//! Thin glue around [`places`], which decides: a connection that has to give way is told by its [`Slot`].

mod places;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

pub use self::places::Config;
use self::places::{Entry, Id, Places};

/// All places are taken, and the newcomer's network takes more than any other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// The places of one listener. Clones share them.
#[derive(Clone, Debug)]
pub struct Admission {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    places: Places,
    /// The signals that end waiting connections.
    tokens: HashMap<Id, CancellationToken>,
}

impl Admission {
    /// All places are free.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { state: Arc::new(Mutex::new(State { places: Places::new(config), tokens: HashMap::new() })) }
    }

    /// A place for a connection from `address`. `validated` says that the address is surely its own.
    ///
    /// # Errors
    /// [`Full`].
    pub fn enter(&self, address: IpAddr, validated: bool, now: Instant) -> Result<Slot, Full> {
        let mut state = lock(&self.state);
        let Entry::In { id, evicted } = state.places.enter(address, validated, now) else { return Err(Full) };
        if let Some(token) = evicted.and_then(|evicted| state.tokens.remove(&evicted)) {
            token.cancel();
        }
        let evicted = CancellationToken::new();
        state.tokens.insert(id, evicted.clone());
        Ok(Slot { state: Arc::clone(&self.state), id, address, evicted })
    }

    /// Number of places that are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        lock(&self.state).places.taken()
    }

    /// A network proved itself elsewhere: it keeps places here as well.
    pub fn remember(&self, address: IpAddr, now: Instant) {
        lock(&self.state).places.remember(address, now);
    }
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub struct Slot {
    state: Arc<Mutex<State>>,
    id: Id,
    address: IpAddr,
    evicted: CancellationToken,
}

impl Slot {
    /// Cancelled when the connection has to give way.
    #[must_use]
    pub fn evicted(&self) -> CancellationToken {
        self.evicted.clone()
    }

    /// The connection proved its identity, and needs its place no longer. False if it had to give way before;
    /// after true it never has to.
    pub fn proved(&self, now: Instant) -> bool {
        lock(&self.state).places.remember(self.address, now);
        self.release()
    }

    /// The connection needs its place no longer, for another reason than a proof. As
    /// [`Self::proved`].
    pub fn release(&self) -> bool {
        let mut state = lock(&self.state);
        state.tokens.remove(&self.id);
        state.places.release(self.id)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.tokens.remove(&self.id);
        state.places.leave(self.id, Instant::now());
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_to_give_way_is_told_and_who_proved_itself_never_has_to() {
        let (admission, now) = (Admission::new(Config { places: 2, kept: 1 }), Instant::now());
        let [a, b] = [1, 2].map(|last| IpAddr::from([10, 0, 0, last]));
        let first = admission.enter(a, true, now).unwrap();
        let second = admission.enter(a, true, now).unwrap();
        assert!(first.proved(now) && admission.taken() == 1);
        let _third = admission.enter(b, true, now).unwrap();
        let fourth = admission.enter(b, true, now).unwrap();
        assert!(!first.evicted().is_cancelled() && !second.evicted().is_cancelled());
        drop((fourth, second));
        assert_eq!(admission.taken(), 0);
        // Given way: not let in any more.
        let late = admission.enter(b, true, now).unwrap();
        let others: Vec<_> = (0..3).map(|_| admission.enter(b, true, now)).collect();
        assert!(late.evicted().is_cancelled() && !late.proved(now));
        drop((late, others));
        assert_eq!(admission.taken(), 0);
        assert!(lock(&admission.state).tokens.is_empty());
    }
}
