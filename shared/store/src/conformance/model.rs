//! The store as it is meant: a map.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::super::batch::{Batch, BatchId, Committed, Operation, added, appended_key};
use super::super::error::StoreError;
use super::super::key::Key;
use super::super::scan::Scan;

/// The expected contents of a store after the commits so far.
#[derive(Debug, Default)]
pub(super) struct Model {
    entries: BTreeMap<Key, Bytes>,
    applied: BTreeSet<BatchId>,
}

impl Model {
    pub(super) fn get(&self, key: &Key) -> Option<Bytes> {
        self.entries.get(key).cloned()
    }

    pub(super) fn scan(&self, scan: &Scan) -> Vec<(Key, Bytes)> {
        let range = self.entries.range(scan.from.clone()..scan.to.clone());
        let all = range.map(|(key, value)| (key.clone(), value.clone()));
        if scan.reverse { all.rev().collect() } else { all.collect() }
    }

    /// Follows a commit that the engine answered so; says whether that was right.
    pub(super) fn follow(&mut self, batch: &Batch, outcome: &Result<Committed, StoreError>) -> bool {
        if self.applied.contains(&batch.id()) {
            return outcome.is_ok();
        }
        let holds = |index: usize| {
            let precondition = &batch.preconditions()[index];
            precondition.holds(self.entries.get(precondition.key()).map(AsRef::as_ref))
        };
        match ((0..batch.preconditions().len()).find(|index| !holds(*index)), outcome) {
            (Some(broken), Err(StoreError::Precondition { index })) => u32::try_from(broken) == Ok(*index),
            (None, Ok(Committed { stamp })) => {
                self.applied.insert(batch.id());
                for operation in batch.operations() {
                    let stamped = |order| super::super::Versionstamp { order, ..*stamp };
                    match operation {
                        Operation::Set(key, value) => drop(self.entries.insert(key.clone(), value.clone())),
                        Operation::Clear(key) => drop(self.entries.remove(key)),
                        Operation::ClearRange(from, to) => {
                            self.entries.retain(|key, _| key < from || key >= to);
                        }
                        Operation::Add(key, delta) => {
                            let sum = added(self.entries.get(key).map(AsRef::as_ref), *delta);
                            self.entries.insert(key.clone(), sum);
                        }
                        Operation::Append { prefix, order, value } => {
                            self.entries.insert(appended_key(prefix, stamped(*order)), value.clone());
                        }
                        Operation::SetStamp(key, order) => {
                            let value = Bytes::copy_from_slice(&stamped(*order).to_bytes());
                            self.entries.insert(key.clone(), value);
                        }
                    }
                }
                true
            }
            _ => false,
        }
    }
}
