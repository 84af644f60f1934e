//! An engine that lives in memory and can be made to fail, for tests of what uses the store.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::batch::{Batch, BatchId, Committed, Operation, added, appended_key};
use super::key::Key;
use super::scan::{Page, Scan};
use super::{Answer, Engine, Snapshot, Store, StoreError, Versionstamp};

/// Entries of a snapshot's page.
const ROWS: usize = 100;

/// The engine. Passes the suite of all engines.
#[derive(Debug, Default)]
pub struct Memory {
    content: watch::Sender<Content>,
}

#[derive(Debug, Default)]
struct Content {
    entries: BTreeMap<Key, Bytes>,
    applied: HashMap<BatchId, Committed>,
    commits: u64,
    failing: bool,
}

impl Memory {
    /// An empty store, and its engine to make it fail.
    #[must_use]
    pub fn store() -> (Store, Arc<Self>) {
        let engine = Arc::new(Self::default());
        (Store::new(Arc::clone(&engine) as Arc<dyn Engine>), engine)
    }

    /// Makes calls fail from now on, as [`StoreError::Unavailable`], or work again.
    pub fn fail(&self, failing: bool) {
        self.content.send_modify(|content| content.failing = failing);
    }

    /// Number of batches that were applied.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.content.borrow().commits
    }

    fn read<T>(&self, read: impl FnOnce(&BTreeMap<Key, Bytes>) -> T) -> Result<T, StoreError> {
        let content = self.content.borrow();
        if content.failing { Err(failing()) } else { Ok(read(&content.entries)) }
    }
}

impl Engine for Memory {
    fn get(&self, key: Key) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move { self.read(|entries| entries.get(&key).cloned()) })
    }

    fn scan(&self, scan: Scan) -> Answer<'_, Page> {
        Box::pin(async move {
            self.read(|entries| {
                let range = entries.range(scan.from..scan.to);
                let all = range.map(|(key, value)| Ok((key.clone(), value.clone())));
                if scan.reverse { Page::fill(scan.rows, all.rev()) } else { Page::fill(scan.rows, all) }
            })?
        })
    }

    fn commit(&self, batch: Arc<Batch>) -> Answer<'_, Committed> {
        Box::pin(async move {
            let mut outcome = Err(failing());
            self.content.send_modify(|content| outcome = content.commit(&batch));
            outcome
        })
    }

    fn snapshot(&self) -> Answer<'_, Box<dyn Snapshot>> {
        let version = self.commits();
        let copy = self.read(|entries| Copy { version, entries: entries.clone().into_iter() });
        Box::pin(std::future::ready(copy.map(|copy| Box::new(copy) as Box<dyn Snapshot>)))
    }

    fn changed(&self, key: Key, seen: Option<Bytes>) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            let mut content = self.content.subscribe();
            let differs = |content: &Content| !content.failing && content.entries.get(&key) != seen.as_ref();
            let content = content.wait_for(differs).await.map_err(|_| failing())?;
            Ok(content.entries.get(&key).cloned())
        })
    }
}

/// All that the engine had.
struct Copy {
    version: u64,
    entries: std::collections::btree_map::IntoIter<Key, Bytes>,
}

impl Snapshot for Copy {
    fn version(&self) -> u64 {
        self.version
    }

    fn next(&mut self) -> Answer<'_, Option<Page>> {
        let entries: Vec<_> = self.entries.by_ref().take(ROWS).collect();
        let page = Page { more: self.entries.len() > 0, entries };
        Box::pin(std::future::ready(Ok(Some(page).filter(|page| !page.entries.is_empty()))))
    }
}

impl Content {
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        if self.failing {
            return Err(failing());
        }
        if let Some(committed) = self.applied.get(&batch.id()) {
            return Ok(*committed);
        }
        for (precondition, index) in batch.preconditions().iter().zip(0..) {
            if !precondition.holds(self.entries.get(precondition.key()).map(AsRef::as_ref)) {
                return Err(StoreError::Precondition { index });
            }
        }
        self.commits += 1;
        let mut stamp = Versionstamp::ZERO;
        stamp.commit[..8].copy_from_slice(&self.commits.to_be_bytes());
        batch.operations().iter().for_each(|operation| self.apply(operation, stamp));
        let committed = Committed { stamp };
        self.applied.insert(batch.id(), committed);
        Ok(committed)
    }

    fn apply(&mut self, operation: &Operation, stamp: Versionstamp) {
        match operation {
            Operation::Set(key, value) => drop(self.entries.insert(key.clone(), value.clone())),
            Operation::Clear(key) => drop(self.entries.remove(key)),
            Operation::ClearRange(from, to) => self.entries.retain(|key, _| key < from || key >= to),
            Operation::Add(key, delta) => {
                let sum = added(self.entries.get(key).map(AsRef::as_ref), *delta);
                self.entries.insert(key.clone(), sum);
            }
            Operation::Append { prefix, order, value } => {
                let key = appended_key(prefix, Versionstamp { order: *order, ..stamp });
                self.entries.insert(key, value.clone());
            }
            Operation::SetStamp(key, order) => {
                let value = Versionstamp { order: *order, ..stamp }.to_bytes();
                self.entries.insert(key.clone(), Bytes::copy_from_slice(&value));
            }
        }
    }
}

fn failing() -> StoreError {
    StoreError::Unavailable("it was made to fail".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::store_conformance!(async { Memory::store() });
    crate::store_conformance!(snapshots: async { Memory::store() });
}
