//! Reads and watches.

use std::time::Duration;

use bytes::Bytes;
use farcast_store::limits::MAX_PAGE_BYTES;
use farcast_store::{Key, Page, Scan, StoreError};
use foundationdb::options::{StreamingMode, TransactionOption};
use foundationdb::{FdbError, FdbResult, RangeOption, Transaction};

use crate::failure;
use crate::foundation::Foundation;

/// Keys that are read so are of one instant, as with any read, but no part of conflict detection.
pub(crate) const SNAPSHOT: bool = true;

/// Time for which a watch is believed without looking again, should one ever be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

impl Foundation {
    /// The value of a key, in this transaction or, when that fails, in another try.
    pub(crate) async fn value(
        &self,
        mut transaction: Transaction,
        key: &Key,
    ) -> Result<Option<Bytes>, StoreError> {
        let entry = self.layout.entry(key);
        loop {
            match transaction.get(&entry, SNAPSHOT).await {
                Ok(value) => return Ok(value.as_deref().map(Bytes::copy_from_slice)),
                Err(error) => transaction = again(transaction, error).await?,
            }
        }
    }

    /// A page of a range, likewise. All of it is of one instant.
    pub(crate) async fn page(&self, mut transaction: Transaction, scan: &Scan) -> Result<Page, StoreError> {
        loop {
            let rows = match without_own_writes(&transaction) {
                Ok(()) => self.rows(&transaction, scan).await,
                Err(error) => Err(error),
            };
            match rows {
                Ok(rows) => return Page::fill(scan.rows, rows.into_iter()),
                Err(error) => transaction = again(transaction, error).await?,
            }
        }
    }

    /// Enough of a range for a page, and for knowing whether there is more. After [`without_own_writes`].
    pub(crate) async fn rows(
        &self,
        transaction: &Transaction,
        scan: &Scan,
    ) -> FdbResult<Vec<Result<(Key, Bytes), StoreError>>> {
        let limit = usize::try_from(scan.rows).unwrap_or(usize::MAX).saturating_add(1);
        let mut range = RangeOption {
            limit: Some(limit),
            mode: StreamingMode::WantAll,
            reverse: scan.reverse,
            ..RangeOption::from((self.layout.entry(&scan.from), self.layout.entry(&scan.to)))
        };
        let (mut rows, mut bytes) = (Vec::new(), 0);
        loop {
            let values = transaction.get_range(&range, 1, SNAPSHOT).await?;
            for row in &values {
                let key = self.layout.key(row.key());
                let foreign = || StoreError::Damaged("a key is outside of the store's range".to_owned());
                bytes += row.key().len() + row.value().len();
                rows.push(key.ok_or_else(foreign).map(|key| (key, Bytes::copy_from_slice(row.value()))));
            }
            // One row more than a page holds says that there is more. The prefix of the keys is not the page's.
            let enough = rows.len() > 1 && bytes > MAX_PAGE_BYTES + rows.len() * self.layout.overhead();
            match range.next_range(&values) {
                Some(rest) if !enough => range = rest,
                _ => return Ok(rows),
            }
        }
    }

    /// Waits until a key's value is not `seen`, and returns it. The caller starts again after a failure.
    pub(crate) async fn wait(&self, key: &Key, seen: Option<&[u8]>) -> FdbResult<Option<Bytes>> {
        let entry = self.layout.entry(key);
        loop {
            let transaction = self.database.create_trx()?;
            let value = transaction.get(&entry, SNAPSHOT).await?;
            if value.as_deref() != seen {
                return Ok(value.as_deref().map(Bytes::copy_from_slice));
            }
            drop(value);
            // It compares with the value that this transaction reads, so nothing falls in between. The commit, which has
            // nothing to write, sets it; the transaction's own end does not end it, dropping it does.
            let watch = transaction.watch(&entry);
            transaction.commit().await?;
            if let Ok(fired) = tokio::time::timeout(LOOK_AGAIN, watch).await {
                fired?;
            }
        }
    }
}

/// Values then are as the network brought them. From its cache of own writes the client may give an empty value as a null
/// pointer, which foundationdb 0.11 makes a slice of (foundationdb-rs, pull request 515). Before anything is read.
pub(crate) fn without_own_writes(transaction: &Transaction) -> FdbResult<()> {
    transaction.set_option(TransactionOption::ReadYourWritesDisable)
}

/// The transaction as new, after the pause that the client holds to be right; when its time is over, or trying does not
/// help, the failure.
async fn again(transaction: Transaction, error: FdbError) -> Result<Transaction, StoreError> {
    transaction.on_error(error).await.map_err(|error| failure::of_read(error.code()))
}
