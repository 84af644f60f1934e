//! Fetching objects that are not in the cache.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use farcast_feed::name::{ObjectName, StreamName};

use farcast_link::receiver::{FetchError, Fetcher};

/// The result of [`Fetch::fetch`].
pub type FetchFuture = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send>>;

/// The source of missing objects: the origin, or a parent edge.
pub trait Fetch: Send + Sync + 'static {
    /// Fetches an object. The future may be dropped at any time.
    fn fetch(&self, stream: StreamName, object: ObjectName) -> FetchFuture;
}

impl Fetch for Fetcher {
    fn fetch(&self, stream: StreamName, object: ObjectName) -> FetchFuture {
        let fetcher = self.clone();
        Box::pin(async move { fetcher.fetch(&stream, object).await })
    }
}

/// An edge without an upstream to fetch from.
impl Fetch for () {
    fn fetch(&self, _: StreamName, _: ObjectName) -> FetchFuture {
        Box::pin(std::future::ready(Err(FetchError::LinkDown)))
    }
}
