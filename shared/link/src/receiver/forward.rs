//! Passing HTTP requests on to the origin, over the link: the head first; the body only once the origin, which has then
//! checked the login, asks for it. So an unauthenticated client's body takes neither this edge's memory nor the link;
//! the body of a login is short, and read before it comes here.
//!
//! A stream of events ([`farcast_api::events`]) is passed on piece by piece for as long as it is read.
//!
//! Bounds: [`MAX_FORWARDED`] requests are on their way at once and [`MAX_UNDER_WAY`] in all, [`MAX_OF_NETWORK`] of them
//! from one network, so that no single client keeps the owner out; [`MAX_EVENT_STREAMS`] streams of events are open.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use farcast_api::budget::Share;
use farcast_api::{Reply, body, events, reply};
use farcast_config::network;
use http::Response;
use http_body::Frame;
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::metrics::Metrics;
use crate::{
    Call, CloseCode, ForwardAnswer, ForwardedReply, ForwardedRequest, Frames, MAX_EVENT_STREAMS,
    MAX_FORWARDED, MAX_FORWARDED_BYTES, MAX_REPLY_BYTES, encode, forwarded_length,
};

/// Longest time for an answer.
const DEADLINE: Duration = Duration::from_secs(20);

/// Most bytes of a reply with its head.
const MAX_BYTES: usize = MAX_REPLY_BYTES + 256 * 1024;

/// Most requests that are being passed on or wait for it: four rounds of [`MAX_FORWARDED`].
const MAX_UNDER_WAY: usize = 64;

/// Most of them from one network, except from this machine: half of a round. An admin page asks for fewer at once.
const MAX_OF_NETWORK: usize = 8;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// The same of a stream of events.
const EVENT_BYTES: usize = 8 * 1024;

/// Passes requests on over whatever link there is.
#[derive(Debug)]
pub struct Forwarder {
    link: watch::Receiver<Option<Connection>>,
    turns: Semaphore,
    under_way: Arc<Mutex<UnderWay>>,
    /// Places of streams of events.
    streams: Arc<Semaphore>,
    metrics: Metrics,
}

/// A stream of events that the origin sends, as the body of a reply. When it is dropped, the origin is told to stop.
#[derive(Debug)]
pub struct EventStream {
    receive: RecvStream,
    /// Bytes that came with the head.
    first: Bytes,
    _place: OwnedSemaphorePermit,
}

impl http_body::Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))));
        }
        let mut room = [0; EVENT_BYTES];
        match ready!(self.receive.poll_read(context, &mut room)) {
            // A link that is lost ends a stream as its end does: its reader asks again.
            Ok(0) | Err(_) => Poll::Ready(None),
            Ok(read) => Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(&room[..read]))))),
        }
    }
}

/// Number of requests under way, by network. Sans-IO.
#[derive(Debug, Default)]
struct UnderWay {
    total: usize,
    networks: HashMap<IpAddr, usize>,
}

/// The reason why a request is not passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refused {
    TooMany,
    TooManyOfNetwork,
}

impl Refused {
    const fn label(self) -> &'static str {
        match self {
            Self::TooMany => "all",
            Self::TooManyOfNetwork => "network",
        }
    }
}

impl UnderWay {
    fn begin(&mut self, address: IpAddr) -> Result<(), Refused> {
        if self.total >= MAX_UNDER_WAY {
            return Err(Refused::TooMany);
        }
        let of_network = self.networks.get(&network::of(address)).copied().unwrap_or(0);
        if of_network >= MAX_OF_NETWORK && !network::is_this_machine(address) {
            return Err(Refused::TooManyOfNetwork);
        }
        self.total += 1;
        self.networks.insert(network::of(address), of_network + 1);
        Ok(())
    }

    fn end(&mut self, address: IpAddr) {
        self.total = self.total.saturating_sub(1);
        if let Some(of_network) = self.networks.get_mut(&network::of(address)) {
            *of_network = of_network.saturating_sub(1);
            if *of_network == 0 {
                self.networks.remove(&network::of(address));
            }
        }
    }
}

/// Ends a request that is under way when it is dropped.
struct Ending(Arc<Mutex<UnderWay>>, IpAddr);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).end(self.1);
    }
}

/// A body that can be read, if the origin asks for it.
#[derive(Debug)]
pub struct Offered<B> {
    /// The body.
    pub body: B,
    /// The budget to which its memory is charged.
    pub share: Share,
    /// Most bytes of it that are taken.
    pub limit_bytes: usize,
}

impl Forwarder {
    pub(super) fn new(link: watch::Receiver<Option<Connection>>, metrics: Metrics) -> Self {
        Self {
            link,
            turns: Semaphore::new(MAX_FORWARDED as usize),
            under_way: Arc::default(),
            streams: Arc::new(Semaphore::new(MAX_EVENT_STREAMS as usize)),
            metrics,
        }
    }

    /// The origin's answer; 503 when there is none in time. The body is read, and its memory charged, only if the
    /// origin asks for it. Cancel safe, but the origin may have done what was asked.
    pub async fn forward<B>(&self, head: ForwardedRequest, body: Option<Offered<B>>) -> Reply
    where
        B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let Some(_ending) = self.begin(head.peer) else { return too_many() };
        let answered = async {
            let _turn = self.turns.acquire().await.ok()?;
            let link = self.link.borrow().clone()?;
            exchange(&link, head, body).await
        };
        match tokio::time::timeout(DEADLINE, answered).await {
            Ok(Some(reply)) => reply,
            _ => not_reached(),
        }
    }

    /// Opens the stream of events that a request asks for, which has no body. Until the origin has let it in, it is a
    /// request as any other; then it takes one of the places of streams. Cancel safe.
    ///
    /// # Errors
    /// The origin's reply if it refuses the stream; 503 where there is none in time, or too many streams are open.
    pub async fn events(&self, head: ForwardedRequest) -> Result<Response<EventStream>, Reply> {
        let Some(_ending) = self.begin(head.peer) else { return Err(too_many()) };
        let answered = async {
            let _turn = self.turns.acquire().await.ok()?;
            let link = self.link.borrow().clone()?;
            open_stream(&link, head).await
        };
        match tokio::time::timeout(DEADLINE, answered).await {
            Ok(Some(Opened::Refused(reply))) => Err(reply),
            Ok(Some(Opened::Stream(head, stream))) => {
                let Ok(place) = Arc::clone(&self.streams).try_acquire_owned() else {
                    let why = "too many streams of events are open here, close a page of the admin";
                    return Err(reply::unavailable(why));
                };
                let (receive, first) = stream;
                let body = EventStream { receive, first, _place: place };
                head.into_reply(body).map_err(|_| not_reached())
            }
            _ => Err(not_reached()),
        }
    }

    /// None where too many are under way.
    fn begin(&self, peer: IpAddr) -> Option<Ending> {
        let begun = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).begin(peer);
        if let Err(refused) = begun {
            self.metrics.forward_refused(refused.label());
            return None;
        }
        Some(Ending(Arc::clone(&self.under_way), peer))
    }
}

fn too_many() -> Reply {
    reply::unavailable("too many requests are being passed on, try again soon")
}

fn not_reached() -> Reply {
    reply::unavailable("the origin cannot be reached")
}

/// The origin's answer to a request for a stream of events.
enum Opened {
    Refused(Reply),
    Stream(ForwardedReply, (RecvStream, Bytes)),
}

async fn open_stream(link: &Connection, head: ForwardedRequest) -> Option<Opened> {
    let (mut send, mut receive) = link.open_bi().await.ok()?;
    send.write_chunk(encode(&Call::Forward(head)).ok()?).await.ok()?;
    send_body(&mut send, Bytes::new()).await;
    let mut frames = Frames::new();
    let head = loop {
        if let ForwardAnswer::Reply(head) = next(&mut receive, &mut frames).await? {
            break head;
        }
    };
    let first = frames.into_rest();
    let reply = head.clone().into_reply(()).ok()?;
    if events::is_stream(reply.status(), reply.headers()) {
        return Some(Opened::Stream(head, (receive, first.freeze())));
    }
    head.into_reply(rest(receive, first).await?).ok().map(Opened::Refused)
}

/// All bytes still to come, after those that have come already.
async fn rest(mut receive: RecvStream, mut whole: BytesMut) -> Option<Bytes> {
    while let Some(chunk) = receive.read_chunk(READ_BYTES, true).await.ok()? {
        if whole.len() + chunk.bytes.len() > MAX_BYTES {
            return None;
        }
        whole.extend_from_slice(&chunk.bytes);
    }
    Some(whole.freeze())
}

async fn exchange<B>(link: &Connection, head: ForwardedRequest, mut body: Option<Offered<B>>) -> Option<Reply>
where
    B: http_body::Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let (mut send, mut receive) = link.open_bi().await.ok()?;
    send.write_chunk(encode(&Call::Forward(head)).ok()?).await.ok()?;
    if body.is_none() {
        send_body(&mut send, Bytes::new()).await;
    }
    let mut frames = Frames::new();
    let mut held = None;
    let head: ForwardedReply = loop {
        match next(&mut receive, &mut frames).await? {
            ForwardAnswer::Reply(head) => break head,
            ForwardAnswer::SendBody => {
                let Some(Offered { body, share, limit_bytes }) = body.take() else { continue };
                match body::read(body, limit_bytes.min(MAX_FORWARDED_BYTES), share).await {
                    Ok(whole) => {
                        send_body(&mut send, whole.bytes()).await;
                        held = Some(whole);
                    }
                    Err(refused) => {
                        // Not finished: the origin must not take what it has for a whole body.
                        let _ = send.reset(CloseCode::Dropped.code());
                        return Some(refused);
                    }
                }
            }
        }
    };
    let whole = rest(receive, frames.into_rest()).await?;
    // Until here the link may have had bytes of it to send again.
    drop(held);
    head.into_reply(whole).ok()
}

/// Sends a body after its length, by which the origin knows that it is whole. That it does not arrive is no failure of
/// the request: an origin that refuses by the head alone answers and stops this stream, in any order with the sending
/// here. What became of the request is told by the answer, or by its absence.
async fn send_body(send: &mut SendStream, body: Bytes) {
    let Some(length) = forwarded_length(body.len()) else { return };
    if send.write_all_chunks(&mut [length, body]).await.is_ok() {
        let _ = send.finish();
    }
}

async fn next(receive: &mut RecvStream, frames: &mut Frames) -> Option<ForwardAnswer> {
    loop {
        if let Some(answer) = frames.next_message().ok()? {
            return Some(answer);
        }
        frames.feed(&receive.read_chunk(READ_BYTES, true).await.ok()??.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_never_takes_all_places_and_this_machine_may() {
        let mut under_way = UnderWay::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for number in 0..MAX_OF_NETWORK {
            under_way.begin(address(&format!("2001:db8::{number:x}"))).unwrap();
        }
        assert_eq!(under_way.begin(address("2001:db8::ffff")), Err(Refused::TooManyOfNetwork));
        under_way.begin(address("192.0.2.1")).unwrap();
        for _ in under_way.total..MAX_UNDER_WAY {
            under_way.begin(address("127.0.0.1")).unwrap();
        }
        assert_eq!(under_way.begin(address("192.0.2.2")), Err(Refused::TooMany));
        under_way.end(address("2001:db8::1"));
        under_way.begin(address("2001:db8::1")).unwrap();
        for _ in 0..MAX_OF_NETWORK {
            under_way.end(address("2001:db8::1"));
        }
        assert!(!under_way.networks.contains_key(&address("2001:db8::")));
    }
}
