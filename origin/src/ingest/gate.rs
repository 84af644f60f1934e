//! Who may publish: the stream key, and one publisher at a time.
//!
//! The key is kept as a SHA-256 digest and compared in constant time. A second publisher with the right key is
//! refused while one is live. An encoder that lost its connection comes back before this side has noticed: when
//! nothing has been heard from the present publisher for [`PRESUMED_DEAD`], the same encoder takes over.
//!
//! One lock, held for a few instructions and never across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::session::StreamKey;

/// Silence after which the same encoder may take over. An encoder sends audio every 20 ms or so; three
/// seconds of nothing is a dead connection or one that viewers no longer benefit from.
pub const PRESUMED_DEAD: Duration = Duration::from_secs(3);

/// Why a publisher is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
pub enum GateError {
    /// The key is not the stream's. The peer is told no more.
    #[error("the stream key is wrong")]
    WrongKey,
    /// Another publisher is live.
    #[error("another broadcast is live")]
    Busy,
}

/// See the module.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
}

struct State {
    key: [u8; 32],
    live: Option<Live>,
    next_id: u64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("live", &self.live).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Live {
    id: u64,
    encoder: String,
    heard_at: Instant,
    taken_over: CancellationToken,
    left: CancellationToken,
}

impl Gate {
    /// A gate for the stream with this key.
    #[must_use]
    pub fn new(key: &StreamKey) -> Self {
        Self::from_digest(digest(key))
    }

    /// A gate for the stream whose key has this SHA-256 digest.
    #[must_use]
    pub fn from_digest(key: [u8; 32]) -> Self {
        Self { state: Mutex::new(State { key, live: None, next_id: 0 }) }
    }

    /// Changes the key. Whoever publishes now goes on.
    pub fn set_key(&self, key: &StreamKey) {
        self.set_digest(digest(key));
    }

    /// Changes the key by its SHA-256 digest. Whoever publishes now goes on.
    pub fn set_digest(&self, key: [u8; 32]) {
        self.lock().key = key;
    }

    /// Whether someone publishes.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.lock().live.is_some()
    }

    /// Lets a publisher in, if the key is right and no other one is live.
    ///
    /// # Errors
    /// [`GateError`]; the key is looked at first, so a stranger does not learn whether someone is live.
    pub fn admit(
        self: &Arc<Self>,
        key: &StreamKey,
        encoder: &str,
        now: Instant,
    ) -> Result<Permit, GateError> {
        let given = digest(key);
        let mut state = self.lock();
        if !bool::from(state.key.ct_eq(&given)) {
            return Err(GateError::WrongKey);
        }
        let mut predecessor = None;
        if let Some(live) = &state.live {
            let dead = now.saturating_duration_since(live.heard_at) >= PRESUMED_DEAD;
            if !dead || live.encoder != encoder {
                return Err(GateError::Busy);
            }
            live.taken_over.cancel();
            predecessor = Some(live.left.clone());
        }
        let id = state.next_id;
        state.next_id += 1;
        let taken_over = CancellationToken::new();
        let left = CancellationToken::new();
        state.live = Some(Live {
            id,
            encoder: encoder.to_owned(),
            heard_at: now,
            taken_over: taken_over.clone(),
            left: left.clone(),
        });
        Ok(Permit { gate: Arc::clone(self), id, taken_over, left, predecessor })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; the state is whole in any case.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to publish. Dropping it lets the next one in.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
    id: u64,
    taken_over: CancellationToken,
    left: CancellationToken,
    predecessor: Option<CancellationToken>,
}

impl Permit {
    /// Says that the publisher is alive.
    pub fn heard(&self, now: Instant) {
        if let Some(live) = &mut self.gate.lock().live
            && live.id == self.id
        {
            live.heard_at = now;
        }
    }

    /// Cancelled when another connection has taken over.
    #[must_use]
    pub fn taken_over(&self) -> CancellationToken {
        self.taken_over.clone()
    }

    /// For one that took over: cancelled when the predecessor has left. Its owner says so by
    /// dropping its permit after its last event.
    pub fn predecessor(&mut self) -> Option<CancellationToken> {
        self.predecessor.take()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.left.cancel();
        let live = &mut self.gate.lock().live;
        if live.as_ref().is_some_and(|live| live.id == self.id) {
            *live = None;
        }
    }
}

/// The digest by which a key is kept: SHA-256. Keys are random or at least secret texts of their owner's
/// choice that no reply carries; guessing is slowed down by the server.
#[must_use]
pub fn digest(key: &StreamKey) -> [u8; 32] {
    Sha256::digest(key.reveal().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> (Arc<Gate>, StreamKey, Instant) {
        let key = StreamKey::new("one/two");
        (Arc::new(Gate::new(&key)), key, Instant::now())
    }

    #[test]
    fn only_the_right_key_is_let_in() {
        let (gate, key, now) = gate();
        for wrong in ["", "one", "one/two ", "ONE/TWO"] {
            assert_eq!(gate.admit(&StreamKey::new(wrong), "e", now).err(), Some(GateError::WrongKey));
        }
        assert!(gate.admit(&key, "e", now).is_ok());
    }

    #[test]
    fn a_second_publisher_is_refused_until_the_first_leaves() {
        let (gate, key, now) = gate();
        let first = gate.admit(&key, "e", now).unwrap();
        assert_eq!(gate.admit(&key, "e", now).err(), Some(GateError::Busy));
        assert_eq!(gate.admit(&StreamKey::new("x"), "e", now).err(), Some(GateError::WrongKey));
        drop(first);
        assert!(!gate.is_live());
        assert!(gate.admit(&key, "e", now).is_ok());
    }

    #[test]
    fn the_same_encoder_takes_over_a_dead_connection_and_only_that() {
        let (gate, key, now) = gate();
        let first = gate.admit(&key, "obs", now).unwrap();
        first.heard(now + Duration::from_secs(1));
        let before = now + Duration::from_secs(1) + PRESUMED_DEAD - Duration::from_millis(1);
        let after = now + Duration::from_secs(1) + PRESUMED_DEAD;
        assert_eq!(gate.admit(&key, "obs", before).err(), Some(GateError::Busy));
        assert_eq!(gate.admit(&key, "ffmpeg", after).err(), Some(GateError::Busy));
        let mut second = gate.admit(&key, "obs", after).unwrap();
        assert!(first.taken_over().is_cancelled() && !second.taken_over().is_cancelled());
        let left = second.predecessor().unwrap();
        assert!(!left.is_cancelled());
        drop(first);
        assert!(left.is_cancelled());
        assert!(gate.is_live(), "the permit that was taken over must not open the gate");
    }

    #[test]
    fn a_changed_key_holds_for_the_next_publisher() {
        let (gate, key, now) = gate();
        let permit = gate.admit(&key, "e", now).unwrap();
        gate.set_key(&StreamKey::new("new"));
        assert!(!permit.taken_over().is_cancelled());
        drop(permit);
        assert_eq!(gate.admit(&key, "e", now).err(), Some(GateError::WrongKey));
        assert!(gate.admit(&StreamKey::new("new"), "e", now).is_ok());
    }
}
