//! The store's engine `origin`: its calls over the link, for as long as there is one.

use std::sync::Arc;

use bytes::Bytes;
use farcast_store::wire::{Answer as Given, Reply, Request};
use farcast_store::{Answer, Batch, Committed, Engine, Key, Page, Scan, StoreError};
use quinn::Connection;
use tokio::sync::{Semaphore, watch};

use crate::store_call;
use crate::{Call, MAX_STORE_CALLS, encode};

/// Longest reply: a page.
const MAX_REPLY_BYTES: usize = 256 * 1024;

/// Calls at once that watch, so that the others always have a turn.
const MAX_WATCHES: usize = MAX_STORE_CALLS as usize / 2;

/// Reaches the store of the origin. Calls fail at once while there is no link; watches wait for it.
#[derive(Debug)]
pub struct OriginEngine {
    link: watch::Receiver<Option<Connection>>,
    calls: Semaphore,
    watches: Semaphore,
}

/// The point at which a call failed.
enum Failed {
    /// The origin did not get all of it, and so did nothing.
    Before(&'static str),
    /// The origin may have done it.
    After(&'static str),
}

impl OriginEngine {
    pub(super) fn new(link: watch::Receiver<Option<Connection>>) -> Self {
        let calls = MAX_STORE_CALLS as usize - MAX_WATCHES;
        Self { link, calls: Semaphore::new(calls), watches: Semaphore::new(MAX_WATCHES) }
    }

    async fn call(&self, request: &Request) -> Reply {
        let _turn =
            self.calls.acquire().await.map_err(|_| StoreError::Unavailable("it is closed".to_owned()))?;
        let Some(link) = self.link.borrow().clone() else {
            return Err(StoreError::Unavailable("there is no link to the origin".to_owned()));
        };
        exchange(&link, request).await.unwrap_or_else(|failed| {
            Err(match (failed, request) {
                (Failed::After(why), Request::Commit(_)) => StoreError::Unknown(why.to_owned()),
                (Failed::Before(why) | Failed::After(why), _) => StoreError::Unavailable(why.to_owned()),
            })
        })
    }
}

async fn exchange(link: &Connection, request: &Request) -> Result<Reply, Failed> {
    const LOST: &str = "the link to the origin is lost";
    let (mut send, mut receive) = link.open_bi().await.map_err(|_| Failed::Before(LOST))?;
    let opening = encode(&Call::Store).map_err(|_| Failed::Before("the call cannot be encoded"))?;
    let body = store_call::encode(request).map_err(|_| Failed::Before("the call is too large"))?;
    send.write_all_chunks(&mut [opening, body]).await.map_err(|_| Failed::Before(LOST))?;
    // The origin begins when it has seen the end.
    send.finish().map_err(|_| Failed::Before(LOST))?;
    let reply = receive.read_to_end(MAX_REPLY_BYTES).await;
    let reply = reply.map_err(|_| Failed::After(LOST))?;
    store_call::decode(&reply).map_err(|_| Failed::After("the origin's answer cannot be read"))
}

fn unexpected<T>() -> Result<T, StoreError> {
    Err(StoreError::Unknown("the origin answered something else".to_owned()))
}

impl Engine for OriginEngine {
    fn place(&self) -> &'static str {
        "the origin"
    }

    fn get(&self, key: Key) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            match self.call(&Request::Get(key)).await? {
                Given::Value(value) => Ok(value),
                _ => unexpected(),
            }
        })
    }

    fn scan(&self, scan: Scan) -> Answer<'_, Page> {
        Box::pin(async move {
            match self.call(&Request::Scan(scan)).await? {
                Given::Page(page) => Ok(page),
                _ => unexpected(),
            }
        })
    }

    fn commit(&self, batch: Arc<Batch>) -> Answer<'_, Committed> {
        Box::pin(async move {
            match self.call(&Request::Commit(Arc::unwrap_or_clone(batch))).await? {
                Given::Committed(committed) => Ok(committed),
                _ => unexpected(),
            }
        })
    }

    fn changed(&self, key: Key, seen: Option<Bytes>) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            let closed = || StoreError::Unavailable("it is closed".to_owned());
            let _turn = self.watches.acquire().await.map_err(|_| closed())?;
            let mut links = self.link.clone();
            let link = links.wait_for(Option::is_some).await.map_err(|_| closed())?.clone();
            let Some(link) = link else { return Err(closed()) };
            match exchange(&link, &Request::Changed(key, seen)).await {
                Ok(Ok(Given::Value(value))) => Ok(value),
                Ok(Ok(_)) => unexpected(),
                Ok(Err(error)) => Err(error),
                Err(Failed::Before(why) | Failed::After(why)) => Err(StoreError::Unavailable(why.to_owned())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use farcast_store::{Operation, Store, Tuple, limits};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_without_a_link_end_in_time() {
        let (_link, links) = watch::channel(None);
        let store = Store::new(Arc::new(OriginEngine::new(links)));
        let key = Tuple::new().text("key").key();
        assert!(matches!(store.get(&key).await, Err(StoreError::Unavailable(_))));
        let began = tokio::time::Instant::now();
        let commit = store.commit(Batch::new().then(Operation::Add(key.clone(), 1))).await;
        assert!(matches!(commit, Err(StoreError::Unavailable(_))), "{commit:?}");
        assert_eq!(began.elapsed().as_secs(), limits::COMMIT_DEADLINE.as_secs());
        let watch = store.changed(&key, None);
        assert!(tokio::time::timeout(Duration::from_secs(3600), watch).await.is_err());
    }
}
