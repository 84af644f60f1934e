//! The effect of a batch on the tables.
//!
//! Tables: `entries`, the entries themselves; `applied`, the version that each batch id got, so that a batch that comes
//! again is recognised; `applied_order`, the ids by version, with their time, so that they can be forgotten; `meta`, the
//! last version. A version counts applied batches; it is the first eight bytes of a versionstamp.

use bytes::Bytes;
use farcast_feed::time::WallTime;
use farcast_store::limits::APPLIED_KEPT;
use farcast_store::{Batch, Committed, Key, Operation, StoreError, Versionstamp, added, appended_key};
use redb::{
    ReadTransaction, ReadableTable, StorageError, Table, TableDefinition, TableError, WriteTransaction,
};

use super::watches::Change;

pub(super) const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
const APPLIED: TableDefinition<'_, &[u8; 16], u64> = TableDefinition::new("applied");
const APPLIED_ORDER: TableDefinition<'_, u64, (u64, &[u8; 16])> = TableDefinition::new("applied_order");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const LAST_VERSION: &str = "last_version";

/// Ids that are forgotten with each new one, at most: more than come in.
const FORGET_AT_ONCE: usize = 4;

/// The outcome of a batch.
pub(super) enum Applied {
    /// Applied: in the tables, now or since an earlier time.
    Done(Committed),
    /// A precondition does not hold; the tables are as they were.
    Refused {
        /// Index of the precondition.
        precondition: u32,
    },
}

impl Applied {
    /// As the caller is told.
    pub(super) fn told(self) -> Result<Committed, StoreError> {
        match self {
            Self::Done(committed) => Ok(committed),
            Self::Refused { precondition } => Err(StoreError::Precondition { index: precondition }),
        }
    }
}

/// A transaction of redb, and its changes so far.
pub(super) struct Transaction<'t> {
    entries: Table<'t, &'static [u8], &'static [u8]>,
    applied: Table<'t, &'static [u8; 16], u64>,
    applied_order: Table<'t, u64, (u64, &'static [u8; 16])>,
    meta: Table<'t, &'static str, u64>,
    version: u64,
    pub(super) changes: Vec<Change>,
}

impl<'t> Transaction<'t> {
    pub(super) fn begin(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
        let meta = transaction.open_table(META)?;
        let version = meta.get(LAST_VERSION)?.map_or(0, |version| version.value());
        Ok(Self {
            entries: transaction.open_table(ENTRIES)?,
            applied: transaction.open_table(APPLIED)?,
            applied_order: transaction.open_table(APPLIED_ORDER)?,
            meta,
            version,
            changes: Vec::new(),
        })
    }

    /// Applies a batch, or finds that it was applied, or that a precondition does not hold; changes nothing then.
    pub(super) fn apply(&mut self, batch: &Batch, now: WallTime) -> Result<Applied, StorageError> {
        let known = self.applied.get(&batch.id().0)?.map(|version| version.value());
        if let Some(version) = known {
            return Ok(Applied::Done(Committed { stamp: stamp(version, 0) }));
        }
        for (index, precondition) in (0..).zip(batch.preconditions()) {
            let value = self.entries.get(precondition.key().as_bytes())?;
            if !precondition.holds(value.as_ref().map(redb::AccessGuard::value)) {
                return Ok(Applied::Refused { precondition: index });
            }
        }
        self.version += 1;
        self.meta.insert(LAST_VERSION, self.version)?;
        self.applied.insert(&batch.id().0, self.version)?;
        self.applied_order.insert(self.version, (now.0, &batch.id().0))?;
        self.forget_old(now)?;
        for operation in batch.operations() {
            self.change(operation)?;
        }
        Ok(Applied::Done(Committed { stamp: stamp(self.version, 0) }))
    }

    fn change(&mut self, operation: &Operation) -> Result<(), StorageError> {
        match operation {
            Operation::Set(key, value) => self.set(key.clone(), value),
            Operation::Clear(key) => {
                self.entries.remove(key.as_bytes())?;
                self.changes.push(Change::Key(key.clone()));
                Ok(())
            }
            Operation::ClearRange(from, to) => {
                if from < to {
                    self.entries.retain_in::<&[u8], _>(from.as_bytes()..to.as_bytes(), |_, _| false)?;
                    self.changes.push(Change::Range(from.clone(), to.clone()));
                }
                Ok(())
            }
            Operation::Add(key, delta) => {
                let sum =
                    added(self.entries.get(key.as_bytes())?.as_ref().map(redb::AccessGuard::value), *delta);
                self.set(key.clone(), &sum)
            }
            Operation::Append { prefix, order, value } => {
                self.set(appended_key(prefix, stamp(self.version, *order)), value)
            }
            Operation::SetStamp(key, order) => {
                let value = Bytes::copy_from_slice(&stamp(self.version, *order).to_bytes());
                self.set(key.clone(), &value)
            }
        }
    }

    fn set(&mut self, key: Key, value: &[u8]) -> Result<(), StorageError> {
        self.entries.insert(key.as_bytes(), value)?;
        self.changes.push(Change::Key(key));
        Ok(())
    }

    fn forget_old(&mut self, now: WallTime) -> Result<(), StorageError> {
        for _ in 0..FORGET_AT_ONCE {
            let old = match self.applied_order.first()? {
                Some((version, entry)) if now.since(WallTime(entry.value().0)) > APPLIED_KEPT => {
                    (version.value(), *entry.value().1)
                }
                _ => break,
            };
            self.applied_order.remove(old.0)?;
            self.applied.remove(&old.1)?;
        }
        Ok(())
    }
}

/// The entries of a new file.
pub(super) struct Filling<'t>(Table<'t, &'static [u8], &'static [u8]>);

impl<'t> Filling<'t> {
    pub(super) fn begin(transaction: &'t WriteTransaction, version: u64) -> Result<Self, redb::Error> {
        transaction.open_table(META)?.insert(LAST_VERSION, version)?;
        Ok(Self(transaction.open_table(ENTRIES)?))
    }

    pub(super) fn insert(&mut self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        self.0.insert(key.as_bytes(), value).map(drop)
    }
}

/// The last version as a reader sees it; 0 when nothing was ever written.
pub(super) fn last_version(transaction: &ReadTransaction) -> Result<u64, TableError> {
    match transaction.open_table(META) {
        Ok(meta) => Ok(meta.get(LAST_VERSION)?.map_or(0, |version| version.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

fn stamp(version: u64, order: u16) -> Versionstamp {
    let mut commit = [0; 10];
    commit[..8].copy_from_slice(&version.to_be_bytes());
    Versionstamp { commit, order }
}
