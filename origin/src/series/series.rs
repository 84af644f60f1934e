//! A series: loading it, adding to it, looking at it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use farcast_feed::steady::Steady;
use farcast_feed::time::WallTime;
use farcast_store::{Items, Key, Scan, Store, StoreError, decode};
use tokio::sync::Notify;

use super::ring::Ring;
use super::sample::{Sample, Saved, seconds};
use super::shared::{Shared, State, key, prefix};
use super::{Kind, Metrics, Writer};

/// Samples that may wait for the store, a day's; beyond, the oldest are lost to it (they stay in memory) and counted.
pub const MAX_PENDING: usize = 1440;

/// A series. Cheap to clone; all clones are the same series.
#[derive(Clone, Debug)]
pub struct Series {
    shared: Arc<Shared>,
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

fn read(prefix: &Key, key: &Key, value: &[u8]) -> Option<Sample> {
    let mut items = Items::behind(prefix, key).ok()?;
    let unix_s = items.uint().ok()?;
    items.end().ok()?;
    let Saved { value } = decode(value).ok()?;
    value.is_finite().then_some(Sample { unix_s, value })
}
