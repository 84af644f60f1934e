//! Bringing samples to the store, and old ones out of it, in the background.

use std::sync::Arc;
use std::time::Duration;

use farcast_store::{Batch, Operation, Scan, Store, StoreError, TypedKey};
use farcast_telemetry::throttle::Throttle;
use tokio_util::sync::CancellationToken;

use super::sample::Saved;
use super::shared::{Shared, key, prefix};

/// Samples of one batch.
const BATCH: usize = 100;

/// Samples that one batch clears.
const CLEARED: u32 = 500;

/// Interval at which old samples are cleared, in seconds of the samples' clock: readers leave them out anyway.
const CLEAR_EVERY_S: u64 = 3600;

/// Pause after a failure of the store, which has tried for a while itself.
const RETRY: Duration = Duration::from_secs(10);

/// Interval of warnings about a failing store.
const COMPLAIN: Duration = Duration::from_secs(300);

/// Longest time for which stopping waits for the last writes.
const FLUSH: Duration = Duration::from_secs(5);

/// Writes the new samples of a series.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    shared: Arc<Shared>,
    /// Time at which old samples are cleared next, by the samples' clock; at the first write.
    clear_at_s: u64,
    complaints: Throttle,
}

impl Writer {
    pub(super) fn new(store: Store, shared: Arc<Shared>) -> Self {
        Self { store, shared, clear_at_s: 0, complaints: Throttle::new(COMPLAIN) }
    }

    /// Writes until `shutdown`, then the rest, for a few seconds at most. When the future is dropped the store lacks the
    /// last samples.
    pub async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.write_for_ever() => {}
        }
        // A write that was cut short above is repeated; that changes nothing.
        match tokio::time::timeout(FLUSH, self.write_pending()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.complain(&error),
            Err(_) => self.complain(&StoreError::Unavailable("no answer in time".to_owned())),
        }
    }

    async fn write_for_ever(&mut self) {
        loop {
            // A push that comes between leaves its notice here.
            self.shared.changed.notified().await;
            while let Err(error) = self.write_pending().await {
                self.complain(&error);
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Writes all that waits, and clears old samples if that is due.
    async fn write_pending(&mut self) -> Result<(), StoreError> {
        loop {
            let samples = self.shared.pending(BATCH);
            if samples.is_empty() {
                break;
            }
            let mut batch = Batch::new();
            for sample in &samples {
                let key = TypedKey::new(key(self.shared.kind, sample.unix_s));
                batch = batch.put(&key, &Saved { value: sample.value })?;
            }
            self.store.commit(batch).await?;
            self.shared.stored(&samples);
        }
        let (now_s, oldest_s) = self.shared.bounds_s();
        if now_s >= self.clear_at_s {
            self.clear_before(oldest_s).await?;
            self.clear_at_s = now_s.saturating_add(CLEAR_EVERY_S);
        }
        Ok(())
    }

    /// Clears samples from before a second, [`CLEARED`] at a time: after a long rest there may be many.
    async fn clear_before(&self, oldest_s: u64) -> Result<(), StoreError> {
        let first = prefix(self.shared.kind).key();
        loop {
            let old = Scan::range(first.clone(), key(self.shared.kind, oldest_s)).rows(CLEARED);
            let page = self.store.scan(old).await?;
            let Some((last, _)) = page.entries.last() else { return Ok(()) };
            let clear = Operation::ClearRange(first.clone(), last.successor());
            self.store.commit(Batch::new().then(clear)).await?;
            if !page.more {
                return Ok(());
            }
        }
    }

    fn complain(&mut self, error: &StoreError) {
        if let Some(suppressed) = self.complaints.admit(tokio::time::Instant::now().into_std()) {
            tracing::warn!(series = self.shared.kind.name, %error, suppressed, "samples cannot be stored");
        }
    }
}
