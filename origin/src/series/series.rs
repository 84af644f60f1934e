//! A series: the ring, and what of it waits for the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use farcast_feed::steady::Steady;
use farcast_feed::time::WallTime;
use farcast_store::{Items, Key, Scan, Store, StoreError, Tuple, decode};
use tokio::sync::Notify;

use super::ring::Ring;
use super::sample::{Sample, Saved, seconds};
use super::{Kind, Metrics, Writer};

/// Samples that may wait for the store, a day's; beyond, the oldest are lost to it (they stay in memory) and counted.
pub const MAX_PENDING: usize = 1440;

/// A series. Cheap to clone; all clones are the same series.
#[derive(Clone, Debug)]
pub struct Series {
    shared: Arc<Shared>,
}

/// The state that a series and its writer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) kind: Kind,
    state: Mutex<State>,
    /// There is something to write.
    pub(super) changed: Notify,
    metrics: Metrics,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    /// Values by second.
    pending: BTreeMap<u64, f64>,
    /// The second by which samples are old; 0 while the clock is not believed, and nothing is.
    now_s: u64,
    steady: Steady,
}

impl Series {
    /// A series with its stored samples, and the writer that keeps the store up to date: it is to be run. Cancel safe.
    ///
    /// # Errors
    /// When the store cannot be read. Samples that are damaged are left out, with a warning.
    pub async fn load(
        store: &Store,
        kind: Kind,
        now: WallTime,
        metrics: Metrics,
    ) -> Result<(Self, Writer), StoreError> {
        let now_s = seconds(now);
        let mut ring = Ring::new(kind);
        let prefix = prefix(kind).key();
        let mut damaged = 0;
        let mut next = Some(Scan::range(key(kind, ring.oldest_s(now_s)), prefix.after_all_with_prefix()));
        while let Some(scan) = next {
            let page = store.scan(scan.clone()).await?;
            for (key, value) in &page.entries {
                match read(&prefix, key, value) {
                    Some(sample) => ring.push(sample, now_s),
                    None => damaged += 1,
                }
            }
            next = scan.behind(&page);
        }
        if damaged > 0 {
            tracing::warn!(series = kind.name, samples = damaged, "stored samples cannot be read");
        }
        let state = State { ring, pending: BTreeMap::new(), now_s: 0, steady: Steady::default() };
        let shared = Arc::new(Shared { kind, state: Mutex::new(state), changed: Notify::new(), metrics });
        Ok((Self { shared: Arc::clone(&shared) }, Writer::new(store.clone(), shared)))
    }

    /// Takes a sample, in place of one of the same second. Never waits for the store. A value that is not finite is
    /// ignored. `now` and `at` are the same moment, by both clocks.
    pub fn push(&self, now: WallTime, at: Instant, value: f64) {
        let Some(sample) = Sample::new(now, value) else { return };
        let mut state = self.shared.lock();
        let now_s = state.steady.now(now, at).map_or(0, seconds);
        state.now_s = now_s;
        state.ring.push(sample, now_s);
        state.pending.insert(sample.unix_s, value);
        if state.pending.len() > MAX_PENDING {
            state.pending.pop_first();
            self.shared.metrics.lost.inc();
        }
        drop(state);
        self.shared.changed.notify_one();
    }

    /// The samples from `start` on, in order of time.
    #[must_use]
    pub fn since(&self, start: WallTime) -> Vec<Sample> {
        self.shared.lock().ring.since(seconds(start))
    }
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn prefix(kind: Kind) -> Tuple {
    Tuple::new().text("series").text(kind.name)
}

pub(super) fn key(kind: Kind, unix_s: u64) -> Key {
    prefix(kind).uint(unix_s).key()
}

fn read(prefix: &Key, key: &Key, value: &[u8]) -> Option<Sample> {
    let mut items = Items::behind(prefix, key).ok()?;
    let unix_s = items.uint().ok()?;
    items.end().ok()?;
    let Saved { value } = decode(value).ok()?;
    value.is_finite().then_some(Sample { unix_s, value })
}
