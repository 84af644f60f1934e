//! Forgetting the batches that were applied long ago.
//!
//! Now and then a commit begins a pass, which runs beside it in a short task and a transaction of its own: nobody waits for
//! it, and it conflicts with no commit, since it reads a snapshot of what no commit reads. A process does one at a time;
//! several processes may at once: they clear the same keys.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use farcast_store::BatchId;
use farcast_store::limits::APPLIED_KEPT;
use foundationdb::options::{StreamingMode, TransactionOption};
use foundationdb::{FdbResult, RangeOption, Transaction};

use crate::failure;
use crate::foundation::Foundation;
use crate::read::SNAPSHOT;

/// One commit of so many is followed by a pass.
const EVERY: u64 = 64;

/// Batches that a pass forgets, at most: more than came in since the last one.
const AT_ONCE: usize = 256;

/// Longest time for a pass; the next one does the rest. A task lives no longer than that, so it needs no owner.
const DEADLINE: Duration = Duration::from_secs(4);

/// Versions of the cluster per second, nearly ("Developer Guide", "Transaction basics"). They leap ahead by up to a hundred
/// seconds when the cluster recovers, so batches are kept for twice as long as promised.
const VERSIONS_PER_SECOND: u64 = 1_000_000;
const KEPT_VERSIONS: u64 = 2 * APPLIED_KEPT.as_secs() * VERSIONS_PER_SECOND;

impl Foundation {
    /// Begins a pass, if one is due and none runs. Returns at once.
    pub(crate) fn forget_now_and_then(&self) {
        if !self.forgetting.commits.fetch_add(1, Ordering::Relaxed).is_multiple_of(EVERY) {
            return;
        }
        let Ok(running) = Arc::clone(&self.forgetting.running).try_lock_owned() else { return };
        let foundation = self.clone();
        tokio::spawn(async move {
            foundation.forget_within_deadline().await;
            drop(running);
        });
    }

    /// A pass. Its failure is nobody's but its own.
    async fn forget_within_deadline(&self) {
        let reason = match tokio::time::timeout(DEADLINE, self.forget()).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => failure::reason(error.code()),
            Err(_) => "no answer from the cluster in time",
        };
        let mut complaints = self.forgetting.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = complaints.admit(Instant::now()) {
            tracing::warn!(reason, suppressed, "applied batches are not forgotten");
        }
    }

    /// Forgets batches that were applied long ago.
    async fn forget(&self) -> FdbResult<usize> {
        let transaction = self.database.create_trx()?;
        let now = transaction.get_read_version().await?;
        let long_ago = u64::try_from(now).unwrap_or(0).saturating_sub(KEPT_VERSIONS);
        self.forget_before(transaction, long_ago).await
    }

    /// Forgets the first batches that were applied before a version; says how many.
    pub(crate) async fn forget_before(&self, transaction: Transaction, version: u64) -> FdbResult<usize> {
        transaction.set_option(TransactionOption::ReadYourWritesDisable)?;
        let [from, to] = self.layout.ordered_before(version);
        let range = RangeOption {
            limit: Some(AT_ONCE),
            mode: StreamingMode::WantAll,
            ..RangeOption::from((from.as_slice(), to.as_slice()))
        };
        let old = transaction.get_range(&range, 1, SNAPSHOT).await?;
        let Some(last) = old.last() else { return Ok(0) };
        for batch in &old {
            if let Ok(id) = batch.value().try_into() {
                transaction.clear(&self.layout.applied(BatchId(id)));
            }
        }
        // Nothing comes in between any more: what is new has a later version.
        transaction.clear_range(&from, &[last.key(), &[0]].concat());
        let forgotten = old.len();
        drop(old);
        transaction.commit().await?;
        Ok(forgotten)
    }
}
