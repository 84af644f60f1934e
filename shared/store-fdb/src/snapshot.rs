//! Snapshots: one transaction that reads all there is at its version. FoundationDB keeps a version for about 5 s, so a
//! store that takes longer to read has none; its own backup program is for such.

use farcast_store::{Answer, Page, Place, Snapshot, StoreError};
use foundationdb::Transaction;
use foundationdb::options::TransactionOption;

use crate::failure;
use crate::foundation::Foundation;
use crate::read::without_own_writes;

/// The code of a read at a version that is not kept any more.
const TRANSACTION_TOO_OLD: i32 = 1007;

/// A snapshot of a cluster's store.
pub(crate) struct Instant {
    // In front of the engine, whose client may be stopped with it.
    transaction: Transaction,
    engine: Foundation,
    version: u64,
    place: Place,
}

impl Instant {
    pub(crate) async fn now(engine: &Foundation) -> Result<Self, StoreError> {
        let transaction = engine.begin()?;
        let code = |error: foundationdb::FdbError| failure::of_read(error.code());
        // The cluster's retention limits its time.
        transaction.set_option(TransactionOption::Timeout(0)).map_err(code)?;
        without_own_writes(&transaction).map_err(code)?;
        let version = transaction.get_read_version().await.map_err(code)?;
        let version = u64::try_from(version)
            .map_err(|_| StoreError::Damaged("the cluster's version is negative".to_owned()))?;
        Ok(Self { engine: engine.clone(), transaction, version, place: Place::first() })
    }
}

impl Snapshot for Instant {
    fn version(&self) -> u64 {
        self.version
    }

    fn next(&mut self) -> Answer<'_, Option<Page>> {
        Box::pin(async move {
            let Some(scan) = self.place.scan() else { return Ok(None) };
            let rows = self.engine.rows(&self.transaction, scan).await.map_err(|error| match error.code() {
                TRANSACTION_TOO_OLD => StoreError::Unavailable(
                    "reading all of the cluster's store takes longer than FoundationDB keeps a version (5 s): use fdbbackup"
                        .to_owned(),
                ),
                code => failure::of_read(code),
            })?;
            let page = Page::fill(scan.rows, rows.into_iter())?;
            self.place.pass(&page);
            Ok(Some(page))
        })
    }
}
