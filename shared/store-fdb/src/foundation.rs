//! A cluster's database, opened: what reads, commits and all else here stand on.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farcast_store::{Metrics, Retry, StoreError};
use farcast_telemetry::throttle::Throttle;
use foundationdb::options::DatabaseOption;
use foundationdb::{Database, FdbError, Transaction};

use crate::cluster_file;
use crate::error::OpenError;
use crate::failure;
use crate::layout::Layout;
use crate::network::Network;
use crate::size;

/// Longest time for a call with all its tries. Shorter than the store's own deadline, so that the engine, which knows
/// whether a commit was sent, answers before the store has to assume that it was.
pub(crate) const CALL: Duration = Duration::from_millis(4_000);

/// Tries of a call, at most: more than fit into its time, with the client's growing pauses.
const TRIES: i32 = 100;

/// Keys that may be watched at once: FoundationDB's default. A caller that wants one more gets "not available",
/// and [`farcast_store::Store::changed`] then asks once a second.
const WATCHES: i32 = 10_000;

/// Between two complaints in the log that applied batches are not forgotten.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

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

/// The timing of forgetting applied batches, and of the complaint that they are not forgotten.
#[derive(Debug)]
pub(crate) struct Forgetting {
    pub(crate) commits: AtomicU64,
    /// Held by the pass that runs.
    pub(crate) running: Arc<tokio::sync::Mutex<()>>,
    pub(crate) complaints: Mutex<Throttle>,
}

impl Forgetting {
    fn new() -> Self {
        Self {
            commits: AtomicU64::new(0),
            running: Arc::default(),
            complaints: Mutex::new(Throttle::new(COMPLAINT_INTERVAL)),
        }
    }
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

const fn millis(duration: Duration) -> i32 {
    duration.as_millis() as i32
}
