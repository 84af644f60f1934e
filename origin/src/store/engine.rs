//! The engine: reads directly, writes through the writer's thread.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use farcast_service::tasks::{Ended, Running};
use farcast_store::{Answer, Batch, Committed, Engine, Key, Page, Place, Scan, Snapshot, StoreError, limits};
use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, TableError};
use tokio::sync::{mpsc, oneshot};

use super::metrics::Metrics;
use super::transaction::{self, ENTRIES};
use super::watches::Watches;
use super::writer::{self, Request};

/// Name of the store's file in the data folder.
pub const FILE_NAME: &str = "store.redb";

/// Most batches that wait for the writer; further ones wait for their turn, and are told that the store is busy.
const QUEUE: usize = 1024;

/// Longest wait of a batch for its turn: then nothing has been done yet, and the caller can be told so.
const TURN_DEADLINE: Duration = Duration::from_secs(2);

/// Memory for pages of the file.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// The entries at one instant.
type Entries = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// A snapshot. None of its pages goes from the file while it lives.
struct Instant {
    entries: Option<Entries>,
    version: u64,
    place: Place,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be used.
    #[error("cannot open the store {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<redb::Error>,
    },
    /// The system gives no thread.
    #[error("cannot start the store's thread")]
    Thread(#[source] io::Error),
}

/// The engine. Dropping it writes what waits, closes the file and joins the thread, and so may block.
#[derive(Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    ended: Ended,
}

/// The state that readers and the writer share.
#[derive(Debug)]
pub(super) struct Shared {
    path: PathBuf,
    /// None while the file is being opened again.
    database: RwLock<Option<Arc<Database>>>,
    pub(super) watches: Arc<Watches>,
}

impl Embedded {
    /// Opens the store of a data folder, or makes one; repairs it after a crash. Blocks on the disk; starts the
    /// writer's thread.
    ///
    /// # Errors
    /// When the file cannot be made, read or repaired, or another process has it open.
    pub fn open(folder: &Path, metrics: Metrics) -> Result<Self, OpenError> {
        let path = folder.join(FILE_NAME);
        let file = |source| OpenError::File { path: path.clone(), source: Box::new(source) };
        let database = open(&path).map_err(file)?;
        let shared = Arc::new(Shared {
            path: path.clone(),
            database: RwLock::new(Some(Arc::new(database))),
            watches: Arc::default(),
        });
        let (requests, queue) = mpsc::channel(QUEUE);
        let (running, ended) = Running::new();
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                let _running = running;
                writer::run(&shared, queue, &metrics);
            }
        });
        let thread = Some(thread.map_err(OpenError::Thread)?);
        Ok(Self { shared, requests: Some(requests), thread, ended })
    }

    /// Says when the writer's thread has ended: nothing can be written any more.
    #[must_use]
    pub fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// Number of keys that are watched.
    #[must_use]
    pub fn watched_keys(&self) -> usize {
        self.shared.watches.len()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // It panicked, which is in the log.
            let _ = thread.join();
        }
    }
}

impl Engine for Embedded {
    fn place(&self) -> &'static str {
        "the store's file"
    }

    fn get(&self, key: Key) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move { self.shared.get(&key) })
    }

    fn scan(&self, scan: Scan) -> Answer<'_, Page> {
        Box::pin(async move { self.shared.scan(&scan) })
    }

    fn commit(&self, batch: Arc<Batch>) -> Answer<'_, Committed> {
        Box::pin(async move {
            let stopped = || StoreError::Unavailable("the store has stopped".to_owned());
            let requests = self.requests.as_ref().ok_or_else(stopped)?;
            let turn = tokio::time::timeout(TURN_DEADLINE, requests.reserve()).await;
            let turn = turn.map_err(|_| StoreError::Unavailable("the store is busy".to_owned()))?;
            let turn = turn.map_err(|_| stopped())?;
            let (reply, answer) = oneshot::channel();
            turn.send(Request { batch, arrived: std::time::Instant::now(), reply });
            let lost = || StoreError::Unknown("the store has stopped".to_owned());
            answer.await.unwrap_or_else(|_| Err(lost()))
        })
    }

    fn snapshot(&self) -> Answer<'_, Box<dyn Snapshot>> {
        Box::pin(async move { Ok(Box::new(self.shared.instant()?) as Box<dyn Snapshot>) })
    }

    fn changed(&self, key: Key, seen: Option<Bytes>) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            let registration = self.shared.watches.register(key.clone());
            loop {
                let notified = registration.notify.notified();
                tokio::pin!(notified);
                // Before reading, so that no change falls in between.
                notified.as_mut().enable();
                let value = self.shared.get(&key)?;
                if value != seen {
                    return Ok(value);
                }
                notified.await;
            }
        })
    }
}

impl Shared {
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

    fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let Some(entries) = self.entries()? else { return Ok(None) };
        let value = entries.get(key.as_bytes()).map_err(unavailable)?;
        Ok(value.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn scan(&self, scan: &Scan) -> Result<Page, StoreError> {
        self.entries()?.map_or_else(|| Ok(Page::default()), |entries| page(&entries, scan))
    }

    /// The present entries, for a snapshot.
    fn instant(&self) -> Result<Instant, StoreError> {
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

/// Kept in step by hand: a batch that waits its turn and one that is tried must both be answered in time.
const _: () = assert!(TURN_DEADLINE.as_secs() < limits::DEADLINE.as_secs());
