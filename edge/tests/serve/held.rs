//! An engine of the store whose answers can be held back, so that a test decides what happens meanwhile.

use std::sync::Arc;

use bytes::Bytes;
use farcast_store::memory::Memory;
use farcast_store::{Answer, Batch, Committed, Engine, Key, Page, Scan, Store};
use tokio::sync::watch;

/// The engine.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) memory: Arc<Memory>,
    /// Reads of keys that contain this wait; and how many do.
    held: watch::Sender<Option<&'static str>>,
    waiting: watch::Sender<usize>,
}

impl Default for Held {
    fn default() -> Self {
        Self { memory: Memory::store().1, held: watch::Sender::default(), waiting: watch::Sender::default() }
    }
}

impl Held {
    /// Holds the reads of keys that contain `text`, or none.
    pub(crate) fn hold(&self, text: Option<&'static str>) {
        self.held.send_replace(text);
    }

    /// Waits until a read is held.
    pub(crate) async fn reached(&self) {
        self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await.unwrap();
    }
}

impl Held {
    /// The same store as another process reaches it, which nobody holds.
    pub(crate) fn elsewhere(&self) -> Store {
        Store::new(Arc::clone(&self.memory) as Arc<dyn Engine>)
    }

    async fn pass(&self, key: &Key) {
        let is_free = |held: &Option<&str>| {
            held.is_none_or(|text| !key.as_bytes().windows(text.len()).any(|bytes| bytes == text.as_bytes()))
        };
        let mut held = self.held.subscribe();
        if !is_free(&held.borrow_and_update()) {
            let _waiting = Waiting::new(&self.waiting);
            held.wait_for(is_free).await.unwrap();
        }
    }
}

/// Counts a read that waits, for as long as it is not dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|waiting| *waiting += 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl Engine for Held {
    fn get(&self, key: Key) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            self.pass(&key).await;
            self.memory.get(key).await
        })
    }

    fn scan(&self, scan: Scan) -> Answer<'_, Page> {
        Box::pin(async move {
            self.pass(&scan.from).await;
            self.memory.scan(scan).await
        })
    }

    fn commit(&self, batch: Arc<Batch>) -> Answer<'_, Committed> {
        self.memory.commit(batch)
    }

    fn changed(&self, key: Key, seen: Option<Bytes>) -> Answer<'_, Option<Bytes>> {
        self.memory.changed(key, seen)
    }
}
