//! Clearing records of edges that are gone for good; the origin alone does it.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use farcast_store::{Batch, Key, Precondition};

use crate::records::Found;

/// Time without any change after which a record is cleared: long after its edge counts as lost, so that operators see it.
const GONE_AFTER: Duration = Duration::from_secs(600);

/// Since when each record has not changed, by the reader's clock.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    since: HashMap<Key, (Bytes, Duration)>,
}

impl Sweep {
    /// The batches that clear what has not changed for too long; each only as long as it stays unchanged.
    pub(crate) fn seen(&mut self, all: &[Found], now: Duration) -> Vec<Batch> {
        let mut before = std::mem::take(&mut self.since);
        let mut gone = Vec::new();
        for Found { key, value, .. } in all {
            let since = match before.remove(key) {
                Some((known, since)) if known == *value => since,
                _ => now,
            };
            if now.saturating_sub(since) >= GONE_AFTER {
                let unchanged = Precondition::Equals(key.clone(), value.clone());
                gone.push(Batch::new().require(unchanged).clear(key.clone()));
            }
            self.since.insert(key.clone(), (value.clone(), since));
        }
        gone
    }

    /// The store could not be read: what happened meanwhile is not known.
    pub(crate) fn blind(&mut self) {
        self.since.clear();
    }
}
