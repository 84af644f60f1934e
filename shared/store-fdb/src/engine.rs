//! The engine: opens a cluster's database and answers the store's calls.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_store::{
    Answer, Batch, Committed, Engine, Key, Metrics, Page, Retry, Scan, Snapshot, StoreError, limits,
};
use foundationdb::options::DatabaseOption;
use foundationdb::{Database, FdbError, Transaction};

use crate::cluster_file;
use crate::error::OpenError;
use crate::failure;
use crate::forget::Forgetting;
use crate::layout::Layout;
use crate::network::Network;
use crate::size;
use crate::snapshot::Instant;

/// Longest time for a call with all its tries. Shorter than the store's own deadline, so that the engine, which knows
/// whether a commit was sent, answers before the store has to assume that it was.
pub(crate) const CALL: Duration = Duration::from_millis(4_000);

/// Tries of a call, at most: more than fit into its time, with the client's growing pauses.
const TRIES: i32 = 100;

/// Keys that may be watched at once: FoundationDB's default. A caller that wants one more gets "not available",
/// and [`farcast_store::Store::changed`] then asks once a second.
const WATCHES: i32 = 10_000;

/// A cluster's store. Cheap to clone.
#[derive(Clone)]
pub struct Foundation {
    pub(crate) database: Arc<Database>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) forgetting: Arc<Forgetting>,
    cluster_file: PathBuf,
    metrics: Option<Metrics>,
    // The last field, so that the client is stopped after its database is gone.
    _network: Arc<Network>,
}

impl Foundation {
    /// Opens the store of a cluster, below a root ([`crate::ROOT`]; no root may begin with another one). Reads the cluster
    /// file; does not wait for the cluster: while it cannot be reached, calls say that the store is not available.
    ///
    /// # Errors
    /// When the file cannot be read or is no cluster file, the root does not fit, or the client refuses.
    pub fn open(network: &Arc<Network>, cluster_file: &Path, root: &[u8]) -> Result<Self, OpenError> {
        let layout = Layout::new(root)?;
        let path = cluster_file.to_path_buf();
        // The client would report it with the first call, and less clearly: 2104 for a text that is no cluster file.
        cluster_file::check(cluster_file)?;
        let name = cluster_file.to_str().filter(|name| !name.contains('\0'));
        let name = name.ok_or_else(|| OpenError::Path { path: path.clone() })?;
        let database = Database::from_path(name).and_then(|database| {
            database.set_option(DatabaseOption::TransactionTimeout(millis(CALL)))?;
            database.set_option(DatabaseOption::TransactionRetryLimit(TRIES))?;
            database.set_option(DatabaseOption::TransactionSizeLimit(size::TRANSACTION_BYTES as i32))?;
            database.set_option(DatabaseOption::MaxWatches(WATCHES))?;
            Ok(database)
        });
        let refused =
            |error: FdbError| OpenError::Client { code: error.code(), reason: failure::reason(error.code()) };
        Ok(Self {
            database: Arc::new(database.map_err(refused)?),
            layout: Arc::new(layout),
            forgetting: Arc::new(Forgetting::new()),
            cluster_file: path,
            metrics: None,
            _network: Arc::clone(network),
        })
    }

    /// Counts the tries that the engine makes itself, which its callers do not see.
    #[must_use]
    pub fn counting(self, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { metrics: Some(metrics), ..self })
    }

    pub(crate) fn retried(&self, why: Retry) {
        if let Some(metrics) = &self.metrics {
            metrics.retried(why);
        }
    }

    /// A transaction. Its time runs from here, through all of its tries.
    pub(crate) fn begin(&self) -> Result<Transaction, StoreError> {
        self.database.create_trx().map_err(|error| failure::of_read(error.code()))
    }
}

impl fmt::Debug for Foundation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foundation").field("cluster_file", &self.cluster_file).finish_non_exhaustive()
    }
}

impl Engine for Foundation {
    fn place(&self) -> &'static str {
        "the FoundationDB cluster"
    }

    fn get(&self, key: Key) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move { self.value(self.begin()?, &key).await })
    }

    fn scan(&self, scan: Scan) -> Answer<'_, Page> {
        Box::pin(async move { self.page(self.begin()?, &scan).await })
    }

    fn commit(&self, batch: Arc<Batch>) -> Answer<'_, Committed> {
        Box::pin(async move {
            let committed = self.apply(self.begin()?, &batch).await?;
            self.forget_now_and_then();
            Ok(committed)
        })
    }

    fn snapshot(&self) -> Answer<'_, Box<dyn Snapshot>> {
        Box::pin(async move { Ok(Box::new(Instant::now(self).await?) as Box<dyn Snapshot>) })
    }

    fn changed(&self, key: Key, seen: Option<Bytes>) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            let waited = self.wait(&key, seen.as_deref()).await;
            waited.map_err(|error| failure::of_read(error.code()))
        })
    }
}

const fn millis(duration: Duration) -> i32 {
    duration.as_millis() as i32
}

/// The engine answers in the store's time.
const _: () = assert!(CALL.as_millis() < limits::DEADLINE.as_millis());
