//! The store: an ordered key-value store in FoundationDB's manner, where shared state lives.
//!
//! Place in the flow: origin and edges keep in it what outlives a process and what several processes share;
//! never media. Callers see [`Store`], engines implement [`Engine`]:
//!
//! - `embedded`, on redb, in the origin's process (`farcast_origin::store`): the default;
//! - `origin`, how an edge reaches the origin's engine over its QUIC connection (`farcast_edge::store`);
//! - `foundationdb`, a cluster that origin and edges reach directly (`shared/store-fdb`).
//!
//! One suite (`store::conformance`, with the feature of that name) says what they have in common and runs on each:
//!
//! - **Order**: keys sort by their bytes; [`Tuple`] makes them from typed items.
//! - **Batches** are applied together or not at all, if their preconditions hold; they have an id, and an engine applies a
//!   batch once, however often it is sent. So a commit of unknown result is resolved by committing it again.
//! - **Versionstamps** order all commits; an entry that is appended to a log gets one into its key.
//! - **Reads** are of the present: an acknowledged change is seen by every later read.
//! - **Watches** ([`Store::changed`]) say that a value differs from one that was seen, and miss nothing: they compare values.
//! - **Limits** are FoundationDB's, checked in front of every engine ([`limits`]).
//! - **Leases** ([`lease`]) are records with an end, built from the above.

mod batch;
mod checks;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod key;
pub mod lease;
pub mod limits;
#[cfg(any(test, feature = "conformance"))]
pub mod memory;
mod observed;
mod record;
mod scan;
mod snapshot;
mod stamp;
mod together;
pub mod wire;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;

use observed::{Call, Observer};

pub use batch::{Batch, BatchId, Committed, Operation, Precondition, added, appended_key, counter};
pub use checks::{check_batch, check_scan};
pub use error::StoreError;
pub use key::{InvalidTuple, Items, Key, Tuple};
pub use limits::LimitError;
pub use observed::{Metrics, Retry};
pub use record::{Record, Stored, TypedKey, decode, encode};
pub use scan::{Page, Scan};
pub use snapshot::{Place, Snapshot};
pub use stamp::{STAMP_BYTES, Versionstamp};
pub use together::Together;

/// Pauses between tries of an unavailable store: the first, and the longest.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];

/// Pause of whoever follows a record, after it could not be read.
const FOLLOW_AGAIN: Duration = Duration::from_millis(500);

/// Tries of an update that others keep overtaking: each time somebody else got on.
const UPDATE_TRIES: u32 = 64;

/// An engine's answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The engine that keeps the entries. Called through [`Store`], which checks limits and keeps deadlines: an engine
/// sees valid calls only. Dropping a future is always allowed; a commit whose future was dropped may be applied.
pub trait Engine: Send + Sync + fmt::Debug + 'static {
    /// The value of a key.
    fn get(&self, key: Key) -> Answer<'_, Option<Bytes>>;

    /// A page of a range.
    fn scan(&self, scan: Scan) -> Answer<'_, Page>;

    /// One try of a commit: [`StoreError::Unknown`] when the batch may have been applied.
    fn commit(&self, batch: Arc<Batch>) -> Answer<'_, Committed>;

    /// Waits until the value of a key differs from `seen`, and returns it. No deadline.
    fn changed(&self, key: Key, seen: Option<Bytes>) -> Answer<'_, Option<Bytes>>;

    /// All entries as they are now.
    fn snapshot(&self) -> Answer<'_, Box<dyn Snapshot>> {
        snapshot::unsupported()
    }

    /// The name of the place of the entries for people: in the log, and in the texts of a 503.
    fn place(&self) -> &'static str {
        "the store"
    }
}

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Arc<dyn Engine>,
    observer: Arc<Observer>,
}

impl Store {
    /// A store on an engine.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, observer: Arc::new(Observer::new(None)) }
    }

    /// The same store, whose calls are counted.
    #[must_use]
    pub fn observed(self, metrics: Metrics) -> Self {
        Self { observer: Arc::new(Observer::new(Some(metrics))), ..self }
    }

    /// A store on an engine that is made of this one's, observed as this one is.
    #[must_use]
    pub fn through(&self, make: impl FnOnce(Arc<dyn Engine>) -> Arc<dyn Engine>) -> Self {
        Self { engine: make(Arc::clone(&self.engine)), observer: Arc::clone(&self.observer) }
    }

    /// The name of the place of its entries, for people.
    #[must_use]
    pub fn place(&self) -> &'static str {
        self.engine.place()
    }

    /// True if it has not answered for a while, as far as anyone asked.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.observer.is_away()
    }

    /// Reads a key again and again, so that [`Self::is_away`] is right although nobody asks for anything else. Runs until
    /// dropped, which is always allowed.
    pub async fn pulse(&self, key: &Key) {
        loop {
            // The observer notes and reports the result.
            let _ = self.get(key).await;
            tokio::time::sleep(observed::PULSE).await;
        }
    }

    fn ended<T>(&self, call: Call, began: Instant, done: &Result<T, StoreError>) {
        self.observer.ended(self.place(), call, began, done.as_ref().err());
    }

    /// The value of a key. Cancel safe.
    ///
    /// # Errors
    /// [`StoreError::Limit`], [`StoreError::Unavailable`].
    pub async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        limits::check_key(key)?;
        let began = observed::now();
        let done = within_deadline(self.engine.get(key.clone())).await;
        self.ended(Call::Get, began, &done);
        done
    }

    /// A page of a range. Cancel safe.
    ///
    /// # Errors
    /// [`StoreError::Limit`], [`StoreError::Unavailable`].
    pub async fn scan(&self, scan: Scan) -> Result<Page, StoreError> {
        checks::check_scan(&scan)?;
        let began = observed::now();
        let done = within_deadline(self.engine.scan(scan)).await;
        self.ended(Call::Scan, began, &done);
        done
    }

    /// All entries of the store as they are now, for a backup. Only where the engine is a file or a cluster of this process.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also from reading it.
    pub async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        within_deadline(self.engine.snapshot()).await
    }

    /// All entries of a range, page by page, up to `limit`; for ranges that are known to be small. Cancel safe.
    ///
    /// # Errors
    /// The errors of [`Self::scan`]; [`StoreError::Damaged`] when there are more than `limit` entries.
    pub async fn scan_all(&self, scan: Scan, limit: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let (mut all, mut next) = (Vec::new(), Some(scan));
        while let Some(scan) = next {
            let page = self.scan(scan.clone()).await?;
            next = scan.behind(&page);
            all.extend(page.entries);
            if all.len() > limit {
                return Err(StoreError::Damaged(format!("a range has more than {limit} entries")));
            }
        }
        Ok(all)
    }

    /// Applies a batch, if its preconditions hold. Tries again while the store is not available or the result is
    /// not known, for [`limits::COMMIT_DEADLINE`] in all. When the future is dropped the batch may be applied.
    ///
    /// # Errors
    /// [`StoreError::Precondition`] and [`StoreError::Limit`]: nothing was changed. [`StoreError::Unavailable`]: no try
    /// reached the store. [`StoreError::Unknown`]: commit the same batch again to know.
    pub async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        let batch = Arc::new(batch);
        let mut pauses = Pauses::new();
        let mut last = StoreError::Unavailable("no answer in time".to_owned());
        let tries = async {
            loop {
                let error = match self.try_commit(Arc::clone(&batch)).await {
                    Err(error) if error.may_pass() => error,
                    done => return done,
                };
                let retried = error.clone();
                // One try of unknown result leaves the whole unknown.
                if !matches!(last, StoreError::Unknown(_)) {
                    last = error;
                }
                pauses.wait().await;
                self.observer.retried(&retried);
            }
        };
        match tokio::time::timeout(limits::COMMIT_DEADLINE, tries).await {
            Ok(done) => done,
            Err(_) => Err(last),
        }
    }

    async fn try_commit(&self, batch: Arc<Batch>) -> Result<Committed, StoreError> {
        checks::check_batch(&batch)?;
        let began = observed::now();
        let done = match tokio::time::timeout(limits::DEADLINE, self.engine.commit(batch)).await {
            Ok(done) => done,
            Err(_) => Err(StoreError::Unknown("no answer in time".to_owned())),
        };
        self.ended(Call::Commit, began, &done);
        done
    }

    /// Waits until the value of a key differs from `seen`, and returns it. Tries again for ever while the store is
    /// not available. A value that changes and changes back may go unseen, so values that are watched should not.
    /// Cancel safe.
    ///
    /// # Errors
    /// [`StoreError::Limit`].
    pub async fn changed(&self, key: &Key, seen: Option<Bytes>) -> Result<Option<Bytes>, StoreError> {
        limits::check_key(key)?;
        let mut pauses = Pauses::new();
        loop {
            let began = observed::now();
            let done = self.engine.changed(key.clone(), seen.clone()).await;
            self.ended(Call::Watch, began, &done);
            match done {
                Err(error) if error.may_pass() => pauses.wait().await,
                done => return done,
            }
        }
    }

    /// The record of a key. Cancel safe.
    ///
    /// # Errors
    /// The errors of [`Self::get`], [`StoreError::Damaged`].
    pub async fn load<T: Record>(&self, key: &TypedKey<T>) -> Result<Option<Stored<T>>, StoreError> {
        let Some(bytes) = self.get(key.key()).await? else { return Ok(None) };
        Ok(Some(Stored { record: decode(&bytes)?, bytes }))
    }

    /// Keeps `record` as the store has it, whatever happens to the store meanwhile; `None` until it was read for the first
    /// time, and the default where there is none or it cannot be read, which is logged. `what` names it there. Runs until
    /// dropped, which is always allowed.
    pub async fn follow<T: Record + Default>(
        &self,
        key: &TypedKey<T>,
        record: &watch::Sender<Option<Arc<T>>>,
        what: &'static str,
    ) {
        let (mut read, mut seen) = (false, None);
        loop {
            let value =
                if read { self.changed(key.key(), seen.clone()).await } else { self.get(key.key()).await };
            match value {
                Ok(value) => {
                    let known = value.as_deref().map(decode::<T>).transpose().unwrap_or_else(|error| {
                        tracing::error!(%error, what, "a record of the store cannot be read");
                        None
                    });
                    (read, seen) = (true, value);
                    record.send_replace(Some(Arc::new(known.unwrap_or_default())));
                }
                Err(error) => {
                    tracing::debug!(%error, what, "the store is asked again");
                    tokio::time::sleep(FOLLOW_AGAIN).await;
                }
            }
        }
    }

    /// Changes the record of a key by `change`, which may be called several times, because others change it too; where
    /// there is none it starts from the default. `also` adds to the batch, such as a tip to be watched. Returns the
    /// record as it is now; an unchanged one is not written.
    ///
    /// # Errors
    /// The error of `change`, or the store's failures: [`StoreError::Unavailable`] also when others kept
    /// overtaking.
    pub async fn update<T, E>(
        &self,
        key: &TypedKey<T>,
        mut change: impl FnMut(&mut T) -> Result<(), E>,
        also: impl Fn(Batch) -> Batch,
    ) -> Result<T, E>
    where
        T: Record + Default,
        E: From<StoreError>,
    {
        for _ in 0..UPDATE_TRIES {
            let stored = self.load(key).await?;
            let (mut record, before) = match stored {
                Some(Stored { record, bytes }) => (record, Some(bytes)),
                None => (T::default(), None),
            };
            change(&mut record)?;
            let bytes = encode(&record)?;
            if before.as_ref() == Some(&bytes) {
                return Ok(record);
            }
            let unchanged = match before {
                Some(bytes) => Precondition::Equals(key.key().clone(), bytes),
                None => Precondition::Absent(key.key().clone()),
            };
            let batch = Batch::new().require(unchanged).set(key.key().clone(), bytes);
            match self.commit(also(batch)).await {
                Err(StoreError::Precondition { .. }) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(record),
            }
        }
        Err(StoreError::Unavailable("others change the same record all the time".to_owned()).into())
    }
}

async fn within_deadline<T>(answer: Answer<'_, T>) -> Result<T, StoreError> {
    match tokio::time::timeout(limits::DEADLINE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned())),
    }
}

/// Growing pauses between tries.
#[derive(Debug)]
struct Pauses {
    next: Duration,
}

impl Pauses {
    fn new() -> Self {
        Self { next: RETRY_PAUSES[0] }
    }

    async fn wait(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(RETRY_PAUSES[1]);
    }
}
