//! The cluster that tests run on: `FDB_CLUSTER_FILE` names its file. Whoever includes this has `Foundation` and `Network` at
//! hand.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use farcast_store::{Key, Tuple};
use foundationdb::options::DatabaseOption;
use foundationdb::{Database, FdbBindingError, RetryableTransaction};
use tokio::runtime::Handle;

use super::{Foundation, Network};

/// Longest time for one try to clear what a test left.
const TRY_MS: i32 = 10_000;
/// Longest time for all tries together.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client runs as long as the process; what stops it then is the exit handler.
pub(crate) fn network() -> &'static Arc<Network> {
    static NETWORK: OnceLock<Arc<Network>> = OnceLock::new();
    NETWORK.get_or_init(|| Network::boot().expect("FoundationDB's client starts"))
}

/// The cluster's file.
///
/// # Panics
/// When the environment does not name one.
fn cluster_file() -> PathBuf {
    let file = std::env::var_os("FDB_CLUSTER_FILE");
    file.expect("FDB_CLUSTER_FILE names the cluster file of a cluster for tests").into()
}

/// A part of the cluster's keys that nobody else has, empty again when this is dropped. Needs a runtime of several threads.
#[derive(Debug)]
pub(crate) struct Place {
    cluster_file: PathBuf,
    root: Vec<u8>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let name = format!("test{:016x}", rand::random::<u64>());
        let root = Tuple::new().text(&name).key().as_bytes().to_vec();
        Self { cluster_file: cluster_file(), root }
    }

    /// One more engine that keeps its entries there.
    pub(crate) fn open(&self) -> Arc<Foundation> {
        let foundation = Foundation::open(network(), &self.cluster_file, &self.root);
        Arc::new(foundation.expect("the cluster file can be read"))
    }

    async fn clear(&self) -> Result<(), FdbBindingError> {
        let database = Database::from_path(self.cluster_file.to_str().expect("it was opened before"))?;
        database.set_option(DatabaseOption::TransactionTimeout(TRY_MS))?;
        let end = Key::from_bytes(self.root.clone()).after_all_with_prefix();
        let (from, to) = (self.root.as_slice(), end.as_bytes());
        let clear = |transaction: RetryableTransaction, _| async move {
            transaction.clear_range(from, to);
            Ok(())
        };
        database.run(clear).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let clear = || tokio::task::block_in_place(|| Handle::current().block_on(self.clear()));
        // A client that injects faults lets some tries end too late.
        let begun = Instant::now();
        let mut cleared = clear();
        while cleared.is_err() && begun.elapsed() < PATIENCE {
            cleared = clear();
        }
        // A second panic would end the process, and hide the first one.
        assert!(cleared.is_ok() || std::thread::panicking(), "what a test left is not cleared: {cleared:?}");
    }
}
