//! Asking the origin for an object that is not here.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use farcast_feed::name::{ObjectName, StreamName};
use quinn::Connection;
use tokio::sync::{Semaphore, watch};

use super::metrics::Metrics;
use crate::{
    Call, FetchReply, FetchRequest, Frames, MAX_CERTIFICATE_BYTES, MAX_FETCHES, MAX_PICTURE_BYTES, Picture,
    encode,
};

/// Longest time for a fetch: a player gives up on a segment at about its duration.
const DEADLINE: Duration = Duration::from_secs(5);

/// Longest wait of a fetch for its turn.
const TURN_DEADLINE: Duration = Duration::from_secs(1);

/// Longest object: a 10 s segment of 200 Mbit/s.
const MAX_OBJECT_BYTES: u64 = 256 * 1024 * 1024;

/// Most bytes that are allocated because the origin announces them.
const FIRST_ALLOCATION_BYTES: usize = 1024 * 1024;

/// The reason why a fetch returned no object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FetchError {
    /// The origin does not have it, or not all of it yet. Asking again may help only for the newest objects.
    #[error("the origin does not have the object")]
    NotFound,
    /// There is no link, or it broke. Asking again may help once it is back.
    #[error("the link to the origin is down")]
    LinkDown,
    /// The origin did not answer in time.
    #[error("the origin did not answer in time")]
    Timeout,
    /// Too many fetches are under way.
    #[error("too many fetches are under way")]
    Busy,
}

impl FetchError {
    /// The label of its kind in metrics.
    fn label(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::LinkDown => "link_down",
            Self::Timeout => "timeout",
            Self::Busy => "busy",
        }
    }
}

/// Fetches objects over the current link. Cheap to clone; all clones share one limit.
#[derive(Clone, Debug)]
pub struct Fetcher {
    link: watch::Receiver<Option<Connection>>,
    turns: Arc<Semaphore>,
    metrics: Metrics,
}

impl Fetcher {
    pub(super) fn new(link: watch::Receiver<Option<Connection>>, metrics: Metrics) -> Self {
        let turns = usize::try_from(MAX_FETCHES).unwrap_or(1);
        Self { link, turns: Arc::new(Semaphore::new(turns)), metrics }
    }

    /// The bytes of an object. Takes six seconds at most; cancel safe. Two calls for one object are two
    /// fetches: the cache in front makes them one.
    ///
    /// # Errors
    /// Any [`FetchError`].
    pub async fn fetch(&self, stream: &StreamName, name: ObjectName) -> Result<Bytes, FetchError> {
        self.ask(&Call::Fetch(FetchRequest { stream: stream.clone(), name }), MAX_OBJECT_BYTES).await
    }

    /// The newest picture of the broadcast; as [`Self::fetch`].
    ///
    /// # Errors
    /// Any [`FetchError`]; an origin that makes none has none.
    pub async fn picture(&self, picture: Picture) -> Result<Bytes, FetchError> {
        self.ask(&Call::Picture(picture), MAX_PICTURE_BYTES).await
    }

    /// The certificate of all edges with its private key, as JSON; as [`Self::fetch`].
    ///
    /// # Errors
    /// Any [`FetchError`]; an origin may have none.
    pub async fn certificate(&self) -> Result<Bytes, FetchError> {
        self.ask(&Call::Certificate, MAX_CERTIFICATE_BYTES).await
    }

    async fn ask(&self, call: &Call, max_bytes: u64) -> Result<Bytes, FetchError> {
        let result = self.try_ask(call, max_bytes).await;
        self.metrics.fetched(result.as_ref().map_or_else(|error| error.label(), |_| "found"));
        result
    }

    async fn try_ask(&self, call: &Call, max_bytes: u64) -> Result<Bytes, FetchError> {
        let Some(link) = self.link.borrow().clone() else { return Err(FetchError::LinkDown) };
        let Ok(Ok(_turn)) = tokio::time::timeout(TURN_DEADLINE, self.turns.acquire()).await else {
            return Err(FetchError::Busy);
        };
        match tokio::time::timeout(DEADLINE, exchange(&link, call, max_bytes)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Timeout),
        }
    }
}

/// Any failure of the stream means that the link is of no use.
async fn exchange(link: &Connection, request: &Call, max_bytes: u64) -> Result<Bytes, FetchError> {
    let down = |_| FetchError::LinkDown;
    let (mut send, mut receive) = link.open_bi().await.map_err(down)?;
    let message = encode(request).map_err(|_| FetchError::NotFound)?;
    send.write_all(&message).await.map_err(|_| FetchError::LinkDown)?;
    send.finish().map_err(|_| FetchError::LinkDown)?;
    let mut frames = Frames::new();
    let reply = loop {
        if let Some(reply) = frames.next_message().map_err(|_| FetchError::LinkDown)? {
            break reply;
        }
        let chunk = receive.read_chunk(FIRST_ALLOCATION_BYTES, true).await;
        let chunk = chunk.map_err(|_| FetchError::LinkDown)?.ok_or(FetchError::LinkDown)?;
        frames.feed(&chunk.bytes);
    };
    let FetchReply::Found { len_bytes } = reply else { return Err(FetchError::NotFound) };
    if len_bytes > max_bytes {
        return Err(FetchError::LinkDown);
    }
    let len = usize::try_from(len_bytes).map_err(|_| FetchError::LinkDown)?;
    let mut object = BytesMut::with_capacity(len.min(FIRST_ALLOCATION_BYTES));
    object.extend_from_slice(&frames.into_rest());
    while object.len() <= len {
        match receive.read_chunk(FIRST_ALLOCATION_BYTES, true).await {
            Ok(Some(chunk)) => object.extend_from_slice(&chunk.bytes),
            Ok(None) => break,
            Err(_) => return Err(FetchError::LinkDown),
        }
    }
    if object.len() == len { Ok(object.freeze()) } else { Err(FetchError::LinkDown) }
}
