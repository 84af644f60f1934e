//! The state that a series shares with its writer: the ring, and the samples that wait for the store, with their keys
//! there.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use farcast_feed::steady::Steady;
use farcast_store::{Key, Tuple};
use tokio::sync::Notify;

use super::ring::Ring;
use super::sample::Sample;
use super::{Kind, Metrics};

/// The state that a series and its writer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) kind: Kind,
    pub(super) state: Mutex<State>,
    /// Notified when there is something to write.
    pub(super) changed: Notify,
    pub(super) metrics: Metrics,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) ring: Ring,
    /// Values by second.
    pub(super) pending: BTreeMap<u64, f64>,
    /// The second by which samples are old; 0 while the clock is not believed, and nothing is.
    pub(super) now_s: u64,
    pub(super) steady: Steady,
}

impl Shared {
    /// The oldest samples that wait for the store.
    pub(super) fn pending(&self, limit: usize) -> Vec<Sample> {
        let state = self.lock();
        state.pending.iter().take(limit).map(|(&unix_s, &value)| Sample { unix_s, value }).collect()
    }

    /// These are stored. One that was replaced meanwhile still waits.
    pub(super) fn stored(&self, samples: &[Sample]) {
        let mut state = self.lock();
        for sample in samples {
            if state.pending.get(&sample.unix_s) == Some(&sample.value) {
                state.pending.remove(&sample.unix_s);
            }
        }
    }

    /// The second by which samples are old, and the oldest second that is kept.
    pub(super) fn bounds_s(&self) -> (u64, u64) {
        let state = self.lock();
        (state.now_s, state.ring.oldest_s(state.now_s))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn prefix(kind: Kind) -> Tuple {
    Tuple::new().text("series").text(kind.name)
}

pub(super) fn key(kind: Kind, unix_s: u64) -> Key {
    prefix(kind).uint(unix_s).key()
}
