//! Commits: a batch as one transaction, which is tried until its outcome is known.

use std::collections::VecDeque;

use farcast_store::{Batch, Committed, Operation, Precondition, StoreError};
use foundationdb::options::{MutationType, TransactionOption};
use foundationdb::{FdbResult, Transaction};

use crate::foundation::Foundation;
use crate::layout::{commit_of, commit_value, stamp_value};
use crate::{failure, size};

/// Keys that are read so take part in conflict detection: no snapshot.
const SERIALISABLE: bool = false;

/// Preconditions that are read at once: values may be large, and are kept until their turn.
const READS_AT_ONCE: usize = 64;

/// The outcome of a try.
enum Try {
    /// The batch is applied, or a precondition does not hold.
    Decided(Result<Committed, StoreError>),
    /// The try failed.
    Failed {
        /// True if it may have been applied nevertheless.
        maybe_applied: bool,
        /// Its code.
        code: i32,
        /// The transaction for the next try, or the failure when there is none.
        next: FdbResult<Transaction>,
    },
}

impl Foundation {
    /// Applies a batch once, in this transaction or in another try.
    pub(crate) async fn apply(
        &self,
        mut transaction: Transaction,
        batch: &Batch,
    ) -> Result<Committed, StoreError> {
        // By this try or an earlier one: then a failure leaves the whole unknown.
        let mut may_be_applied = false;
        loop {
            match self.attempt(transaction, batch).await {
                // That a precondition does not hold is certain even behind a try of unknown result, which found all of
                // them to hold: what broke one since then has changed a key that it read, so it cannot be applied any more.
                Try::Decided(outcome) => return outcome,
                Try::Failed { maybe_applied, code, next } => {
                    may_be_applied |= maybe_applied;
                    transaction = next.map_err(|error| {
                        let bytes = size::of_batch(batch, self.layout.overhead());
                        failure::of_commit(error.code(), may_be_applied, bytes)
                    })?;
                    self.retried(failure::why_again(code, maybe_applied));
                }
            }
        }
    }

    async fn attempt(&self, transaction: Transaction, batch: &Batch) -> Try {
        match self.decided(&transaction, batch).await {
            Ok(None) => {}
            Ok(Some(outcome)) => return Try::Decided(outcome),
            Err(error) => {
                let code = error.code();
                return Try::Failed { maybe_applied: false, code, next: transaction.on_error(error).await };
            }
        }
        self.write(&transaction, batch);
        // Asked for before the commit, and answered by it.
        let stamp = transaction.get_versionstamp();
        match transaction.commit().await {
            Ok(committed) => {
                let stamp = stamp.await;
                drop(committed);
                match stamp {
                    Ok(stamp) => Try::Decided(outcome(&stamp)),
                    // It is applied, and the next call finds when.
                    Err(error) => Try::Failed { maybe_applied: true, code: error.code(), next: Err(error) },
                }
            }
            Err(failed) => {
                let code = failed.code();
                let maybe_applied = failure::may_have_applied(code);
                Try::Failed { maybe_applied, code, next: failed.on_error().await }
            }
        }
    }

    /// The outcome, if there is one before anything is written: the batch is known, or a precondition does not hold.
    async fn decided<'b>(
        &self,
        transaction: &Transaction,
        batch: &'b Batch,
    ) -> FdbResult<Option<Result<Committed, StoreError>>> {
        // For each try again: a transaction loses its options with a failure.
        transaction.set_option(TransactionOption::ReadYourWritesDisable)?;
        // Reads are under way as soon as they are made, so these go to the cluster together.
        let known = transaction.get(&self.layout.applied(batch.id()), SERIALISABLE);
        let read = |(index, precondition): (u32, &'b Precondition)| {
            let value = transaction.get(&self.layout.entry(precondition.key()), SERIALISABLE);
            (index, precondition, value)
        };
        let mut later = (0..).zip(batch.preconditions()).map(read);
        let mut reads: VecDeque<_> = later.by_ref().take(READS_AT_ONCE).collect();
        if let Some(commit) = known.await? {
            return Ok(Some(outcome(&commit)));
        }
        while let Some((index, precondition, value)) = reads.pop_front() {
            if !precondition.holds(value.await?.as_deref()) {
                return Ok(Some(Err(StoreError::Precondition { index })));
            }
            reads.extend(later.next());
        }
        Ok(None)
    }

    /// The changes in their order, and that they were made.
    fn write(&self, transaction: &Transaction, batch: &Batch) {
        for operation in batch.operations() {
            match operation {
                Operation::Set(key, value) => transaction.set(&self.layout.entry(key), value),
                Operation::Clear(key) => transaction.clear(&self.layout.entry(key)),
                // The client ends the process over a range that ends before it begins.
                Operation::ClearRange(from, to) if from >= to => {}
                Operation::ClearRange(from, to) => {
                    transaction.clear_range(&self.layout.entry(from), &self.layout.entry(to));
                }
                // Its rule is the store's: no value is 0, a shorter one is padded with zeroes, a longer one cut to the eight
                // bytes of the parameter ("C API", FDB_MUTATION_TYPE_ADD).
                Operation::Add(key, delta) => {
                    transaction.atomic_op(&self.layout.entry(key), &delta.to_le_bytes(), MutationType::Add);
                }
                Operation::Append { prefix, order, value } => {
                    let key = self.layout.appended(prefix, *order);
                    transaction.atomic_op(&key, value, MutationType::SetVersionstampedKey);
                }
                Operation::SetStamp(key, order) => {
                    let key = self.layout.entry(key);
                    transaction.atomic_op(&key, &stamp_value(*order), MutationType::SetVersionstampedValue);
                }
            }
        }
        let id = batch.id();
        transaction.atomic_op(
            &self.layout.applied(id),
            &commit_value(),
            MutationType::SetVersionstampedValue,
        );
        transaction.atomic_op(&self.layout.ordered(), &id.0, MutationType::SetVersionstampedKey);
    }
}

/// The outcome of a batch that was applied in this commit.
fn outcome(commit: &[u8]) -> Result<Committed, StoreError> {
    let stamp =
        commit_of(commit).ok_or_else(|| StoreError::Damaged("a versionstamp is not one".to_owned()))?;
    Ok(Committed { stamp })
}
