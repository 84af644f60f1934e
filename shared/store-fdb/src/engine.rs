//! The engine: answers the store's calls.

use std::sync::Arc;

use bytes::Bytes;
use farcast_store::{Answer, Batch, Committed, Engine, Key, Page, Scan, Snapshot, limits};

use crate::failure;
use crate::foundation::{CALL, Foundation};
use crate::snapshot::Instant;

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

/// The engine answers in the store's time.
const _: () = assert!(CALL.as_millis() < limits::DEADLINE.as_millis());
