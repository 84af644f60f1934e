//! The engine of an origin that holds a channel: no batch is applied unless it still does.

use std::sync::Arc;

use bytes::Bytes;
use farcast_store::{Answer, Batch, Committed, Engine, Key, Page, Precondition, Scan, Snapshot, StoreError};
use tokio_util::sync::CancellationToken;

/// Adds the lease to what each batch requires. Reads and watches go through.
#[derive(Debug)]
pub(super) struct Fence {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) guard: Precondition,
    /// Cancelled when the lease was found to be another's.
    pub(super) displaced: CancellationToken,
}

impl Engine for Fence {
    fn place(&self) -> &'static str {
        self.engine.place()
    }

    fn get(&self, key: Key) -> Answer<'_, Option<Bytes>> {
        self.engine.get(key)
    }

    fn scan(&self, scan: Scan) -> Answer<'_, Page> {
        self.engine.scan(scan)
    }

    fn commit(&self, batch: Arc<Batch>) -> Answer<'_, Committed> {
        Box::pin(async move {
            if self.displaced.is_cancelled() {
                return Err(StoreError::Displaced);
            }
            // The last one: the others keep their places, which callers know.
            let last = batch.preconditions().len();
            let fenced = Arc::unwrap_or_clone(batch).require(self.guard.clone());
            match self.engine.commit(Arc::new(fenced)).await {
                Err(StoreError::Precondition { index })
                    if usize::try_from(index).is_ok_and(|index| index == last) =>
                {
                    self.displaced.cancel();
                    Err(StoreError::Displaced)
                }
                done => done,
            }
        })
    }

    fn snapshot(&self) -> Answer<'_, Box<dyn Snapshot>> {
        self.engine.snapshot()
    }

    fn changed(&self, key: Key, seen: Option<Bytes>) -> Answer<'_, Option<Bytes>> {
        self.engine.changed(key, seen)
    }
}
