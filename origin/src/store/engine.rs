//! The engine: reads directly, writes through the writer's thread.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use farcast_service::tasks::{Ended, Running};
use farcast_store::{Answer, Batch, Committed, Engine, Key, Page, Scan, Snapshot, StoreError, limits};
use tokio::sync::{mpsc, oneshot};

use super::file::OpenFile;
use super::metrics::Metrics;
use super::writer::{self, Request};

/// Name of the store's file in the data folder.
pub const FILE_NAME: &str = "store.redb";

/// Most batches that wait for the writer; further ones wait for their turn, and are told that the store is busy.
const QUEUE: usize = 1024;

/// Longest wait of a batch for its turn: then nothing has been done yet, and the caller can be told so.
const TURN_DEADLINE: Duration = Duration::from_secs(2);

/// The reason why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be used.
    #[error("cannot open the store {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
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
    file: Arc<OpenFile>,
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    ended: Ended,
}

impl Embedded {
    /// Opens the store of a data folder, or makes one; repairs it after a crash. Blocks on the disk; starts the
    /// writer's thread.
    ///
    /// # Errors
    /// When the file cannot be made, read or repaired, or another process has it open.
    pub fn open(folder: &Path, metrics: Metrics) -> Result<Self, OpenError> {
        let path = folder.join(FILE_NAME);
        let file = OpenFile::open(path.clone())
            .map_err(|source| OpenError::File { path, source: Box::new(source) })?;
        let file = Arc::new(file);
        let (requests, queue) = mpsc::channel(QUEUE);
        let (running, ended) = Running::new();
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn({
            let file = Arc::clone(&file);
            move || {
                let _running = running;
                writer::run(&file, queue, &metrics);
            }
        });
        let thread = Some(thread.map_err(OpenError::Thread)?);
        Ok(Self { file, requests: Some(requests), thread, ended })
    }

    /// The end of the writer's thread, to be awaited: nothing can be written any more.
    #[must_use]
    pub fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// Number of keys that are watched.
    #[must_use]
    pub fn watched_keys(&self) -> usize {
        self.file.watches.len()
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
        Box::pin(async move { self.file.get(&key) })
    }

    fn scan(&self, scan: Scan) -> Answer<'_, Page> {
        Box::pin(async move { self.file.scan(&scan) })
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
        Box::pin(async move { Ok(Box::new(self.file.instant()?) as Box<dyn Snapshot>) })
    }

    fn changed(&self, key: Key, seen: Option<Bytes>) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            let registration = self.file.watches.register(key.clone());
            loop {
                let notified = registration.notify.notified();
                tokio::pin!(notified);
                // Before reading, so that no change falls in between.
                notified.as_mut().enable();
                let value = self.file.get(&key)?;
                if value != seen {
                    return Ok(value);
                }
                notified.await;
            }
        })
    }
}

/// Kept in step by hand: a batch that waits its turn and one that is tried must both be answered in time.
const _: () = assert!(TURN_DEADLINE.as_secs() < limits::DEADLINE.as_secs());
