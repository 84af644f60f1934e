//! All edges that a reader knows of, and what it has seen of each.
//!
//! Place in the flow: whoever reads the records from the store tells [`Directory::read`] of each that it read and
//! [`Directory::removed`] of each that is gone, and takes a [`Snapshot`] at most every few hundred milliseconds, which
//! copies all edges. Snapshots may be used for as long as one likes: edges become late and lost in them by themselves.
//!
//! Invariants: an edge is judged by the reader's clock alone; at most [`MAX_EDGES`] are kept; while the store cannot be
//! read nobody becomes late or lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::edge_id::EdgeId;
use crate::level::Level;
use crate::liveness::{Beat, Life, Timing};
use crate::record::{Announced, EdgeRecord};
use crate::snapshot::{Seen, Snapshot, Times};

/// Most edges that are known, those included that are gone and remembered for their returns: four times as many as the
/// origin lets enrol.
pub const MAX_EDGES: usize = 16_384;

/// The directory. Times are durations since any fixed moment of the process, by a clock that never goes back.
#[derive(Clone, Debug)]
pub struct Directory {
    timing: Timing,
    edges: BTreeMap<EdgeId, Entry>,
    /// Since when the store cannot be read.
    blind_since: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Entry {
    record: Arc<EdgeRecord>,
    life: Life,
    level: Level,
}

/// There is no room for another edge, and all that are known live.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("more than {MAX_EDGES} edges have a record")]
pub struct TooManyEdges;

impl Directory {
    /// An empty one.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self { timing, edges: BTreeMap::new(), blind_since: None }
    }

    /// A record was read, for the first time or again.
    ///
    /// # Errors
    /// [`TooManyEdges`]: the record is not taken. An edge that is gone or lost gives way first.
    pub fn read(&mut self, record: EdgeRecord, now: Duration) -> Result<(), TooManyEdges> {
        let beat = Beat { run: record.run, renewal: record.renewal };
        if let Some(entry) = self.edges.get_mut(&record.id) {
            // One that crashed does not take its record back.
            let left_in_order = entry.record.state == Announced::Draining || entry.life.removed_at.is_some();
            entry.life.read(beat, left_in_order, now, &self.timing);
            if *entry.record != record {
                entry.level = entry.level.after(&record.load, &record.capacity);
                entry.record = Arc::new(record);
            }
            return Ok(());
        }
        if self.edges.len() >= MAX_EDGES {
            self.make_room(now)?;
        }
        let level = Level::default().after(&record.load, &record.capacity);
        let id = record.id.clone();
        self.edges.insert(id, Entry { record: Arc::new(record), life: Life::new(beat, now), level });
        Ok(())
    }

    /// An edge has no record any more.
    pub fn removed(&mut self, id: &EdgeId, now: Duration) {
        if let Some(entry) = self.edges.get_mut(id) {
            entry.life.removed_at.get_or_insert(now);
        }
    }

    /// The store cannot be read from now on: silence says nothing until [`Self::sees`].
    pub fn blind(&mut self, now: Duration) {
        self.blind_since.get_or_insert(now);
    }

    /// The store can be read again.
    pub fn sees(&mut self, now: Duration) {
        if let Some(since) = self.blind_since.take() {
            let skipped = now.saturating_sub(since);
            self.edges.values_mut().for_each(|entry| entry.life.skip(skipped, now));
        }
    }

    /// The directory as it is, without edges that have no record. Forgets those that are gone for long.
    pub fn snapshot(&mut self, now: Duration) -> Snapshot {
        let timing = self.timing;
        self.edges.retain(|_, entry| !entry.life.is_forgotten(now, &timing));
        let here = self.edges.values().filter(|entry| entry.life.removed_at.is_none());
        let edges =
            here.map(|entry| Seen::new(Arc::clone(&entry.record), entry.level, times(&entry.life, &timing)));
        Snapshot::new(edges.collect(), self.blind_since)
    }

    /// Forgets the edge that was silent for longest, if it is gone or lost.
    fn make_room(&mut self, now: Duration) -> Result<(), TooManyEdges> {
        let now = self.blind_since.map_or(now, |since| since.min(now));
        let is_of_use = |life: &Life| {
            life.removed_at.is_none() && now.saturating_sub(life.changed_at) < self.timing.lost_after
        };
        let oldest =
            self.edges.iter().min_by_key(|(_, entry)| (is_of_use(&entry.life), entry.life.changed_at));
        let Some((id, entry)) = oldest else { return Ok(()) };
        if is_of_use(&entry.life) {
            return Err(TooManyEdges);
        }
        let id = id.clone();
        self.edges.remove(&id);
        Ok(())
    }
}

fn times(life: &Life, timing: &Timing) -> Times {
    Times {
        proven: life.proven,
        late_at: life.changed_at.saturating_add(timing.late_after),
        lost_at: life.changed_at.saturating_add(timing.lost_after),
        damped_until: life.damped_until,
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
