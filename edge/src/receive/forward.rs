//! Passing HTTP requests on to the origin, over the link.

use std::time::Duration;

use bytes::Bytes;
use farcast_shared::api::{Reply, reply};
use farcast_shared::protocol::{
    Call, ForwardedReply, ForwardedRequest, Frames, MAX_FORWARDED, MAX_REPLY_BYTES, encode,
};
use quinn::Connection;
use tokio::sync::{Semaphore, watch};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// Most bytes of a reply with its head.
const MAX_BYTES: usize = MAX_REPLY_BYTES + 256 * 1024;

/// Passes requests on over whatever link there is.
#[derive(Debug)]
pub struct Forwarder {
    link: watch::Receiver<Option<Connection>>,
    turns: Semaphore,
}

impl Forwarder {
    pub(super) fn new(link: watch::Receiver<Option<Connection>>) -> Self {
        Self { link, turns: Semaphore::new(MAX_FORWARDED as usize) }
    }

    /// The origin's answer; 503 when there is none in time. Cancel safe, but the origin may have done what was asked.
    pub async fn forward(&self, head: ForwardedRequest, body: Bytes) -> Reply {
        let answered = async {
            let _turn = self.turns.acquire().await.ok()?;
            let link = self.link.borrow().clone()?;
            exchange(&link, head, body).await
        };
        match tokio::time::timeout(DEADLINE, answered).await {
            Ok(Some(reply)) => reply,
            _ => reply::unavailable("the origin cannot be reached"),
        }
    }
}

async fn exchange(link: &Connection, head: ForwardedRequest, body: Bytes) -> Option<Reply> {
    let (mut send, mut receive) = link.open_bi().await.ok()?;
    let head = encode(&Call::Forward(head)).ok()?;
    send.write_all_chunks(&mut [head, body]).await.ok()?;
    send.finish().ok()?;
    let mut frames = Frames::new();
    frames.feed(&receive.read_to_end(MAX_BYTES).await.ok()?);
    let head: ForwardedReply = frames.next_message().ok()??;
    head.into_reply(frames.into_rest().freeze()).ok()
}
