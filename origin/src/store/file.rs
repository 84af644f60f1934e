//! The open file: reading from it, and opening it again. Readers and the writer share it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use farcast_store::{Answer, Key, Page, Place, Scan, Snapshot, StoreError};
use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, TableError};

use super::transaction::{self, ENTRIES};
use super::watches::Watches;

/// Memory for pages of the file.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// The entries at one instant.
type Entries = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// A snapshot. None of its pages goes from the file while it lives.
pub(super) struct Instant {
    entries: Option<Entries>,
    version: u64,
    place: Place,
}

/// The state that readers and the writer share.
#[derive(Debug)]
pub(super) struct OpenFile {
    path: PathBuf,
    /// None while the file is being opened again.
    database: RwLock<Option<Arc<Database>>>,
    pub(super) watches: Arc<Watches>,
}

impl OpenFile {
    /// Opens the file, or makes one; repairs it after a crash. Blocks on the disk.
    pub(super) fn open(path: PathBuf) -> Result<Self, redb::Error> {
        let database = RwLock::new(Some(Arc::new(open(&path)?)));
        Ok(Self { path, database, watches: Arc::default() })
    }

    /// The open file.
    pub(super) fn database(&self) -> Result<Arc<Database>, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.clone().ok_or_else(|| StoreError::Unavailable("the store's disk failed".to_owned()))
    }

    /// Opens the file again after a failure, which redb asks for; blocks for the pause, and leaves it closed when
    /// that fails too: the next call tries again.
    pub(super) fn reopen(&self, pause: Duration) {
        let slot = || self.database.write().unwrap_or_else(PoisonError::into_inner);
        drop(slot().take());
        std::thread::sleep(pause);
        if let Ok(database) = open(&self.path) {
            *slot() = Some(Arc::new(database));
        }
    }

    pub(super) fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let Some(entries) = self.entries()? else { return Ok(None) };
        let value = entries.get(key.as_bytes()).map_err(unavailable)?;
        Ok(value.map(|value| Bytes::copy_from_slice(value.value())))
    }

    pub(super) fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        self.entries()?.map_or_else(|| Ok(Page::default()), |entries| page(&entries, scan))
    }

    /// The present entries, for a snapshot.
    pub(super) fn instant(&self) -> Result<Instant, StoreError> {
        let transaction = self.database()?.begin_read().map_err(unavailable)?;
        let version = transaction::last_version(&transaction).map_err(unavailable)?;
        Ok(Instant { entries: entries(&transaction)?, version, place: Place::first() })
    }

    /// The entries as they are now; none when nothing was ever written.
    fn entries(&self) -> Result<Option<Entries>, StoreError> {
        entries(&self.database()?.begin_read().map_err(unavailable)?)
    }
}

impl Snapshot for Instant {
    fn version(&self) -> u64 {
        self.version
    }

    fn next(&mut self) -> Answer<'_, Option<Page>> {
        Box::pin(async move {
            let (Some(entries), Some(scan)) = (&self.entries, self.place.scan()) else { return Ok(None) };
            let page = page(entries, scan)?;
            self.place.pass(&page);
            Ok(Some(page))
        })
    }
}

fn entries(transaction: &ReadTransaction) -> Result<Option<Entries>, StoreError> {
    match transaction.open_table(ENTRIES) {
        Ok(entries) => Ok(Some(entries)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

fn page(entries: &Entries, scan: &Scan) -> Result<Page, StoreError> {
    let owned = |(key, value): (redb::AccessGuard<'_, &[u8]>, redb::AccessGuard<'_, &[u8]>)| {
        (Key::from_bytes(Bytes::copy_from_slice(key.value())), Bytes::copy_from_slice(value.value()))
    };
    let range = entries
        .range::<&[u8]>(scan.from.as_bytes()..scan.to.as_bytes())
        .map_err(unavailable)?
        .map(|entry| entry.map(owned));
    let page = if scan.reverse { Page::fill(scan.rows, range.rev()) } else { Page::fill(scan.rows, range) };
    page.map_err(unavailable)
}

fn open(path: &Path) -> Result<Database, redb::Error> {
    Ok(Database::builder().set_cache_size(CACHE_BYTES).create(path)?)
}

fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
