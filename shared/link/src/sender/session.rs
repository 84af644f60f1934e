//! One edge's connection: its subscriptions ([`super::subscription`]) and its other calls.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use farcast_store::{Store, wire};
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::channels::Channels;
use super::forward::{self, Api};
use super::identity::EdgeId;
use super::metrics::{FetchOutcome, JoinOutcome, Metrics};
use super::queue::{FETCH_PRIORITY, STORE_PRIORITY};
use super::subscription::{self, Subscriptions, read_message};
use crate::store_call;
use crate::{Call, CloseCode, FetchReply, Frames, Subscribe, encode};

/// Longest time for an edge from the handshake to its subscription.
const SUBSCRIBE_DEADLINE: Duration = Duration::from_secs(5);

/// Longest time for a fetch, from the request to the last byte accepted.
const FETCH_DEADLINE: Duration = Duration::from_secs(10);

/// Longest time for the request of a call of the store to arrive: the largest over 16 Mbit/s.
const STORE_READ_DEADLINE: Duration = Duration::from_secs(5);

/// Calls whose requests are read at once, each up to [`store_call::MAX_MESSAGE_BYTES`]: bounds what an edge makes the
/// origin hold.
const STORE_READS: usize = 4;

/// Interval at which the send buffer follows the congestion window, and lateness is checked.
const TICK: Duration = Duration::from_millis(200);

/// A link from which no datagram came for so long while media is under way is silent: an edge
/// acknowledges within a round trip, and no usable path's is longer.
const SILENT_AFTER: Duration = Duration::from_millis(600);

/// Bounds of QUIC's send buffer per connection: enough for a start, and for 1 Gbit/s over 100 ms.
const SEND_BUFFER_BYTES: std::ops::RangeInclusive<u64> = 64 * 1024..=16 * 1024 * 1024;

/// The handler of an edge's calls of the store.
pub trait StoreAccess: Send + Sync + std::fmt::Debug {
    /// Answers a call of the edge of this name, whose message has so many bytes.
    fn answer<'a>(
        &'a self,
        edge: &'a str,
        request: wire::Request,
        request_bytes: usize,
    ) -> Pin<Box<dyn Future<Output = wire::Reply> + Send + 'a>>;
}

/// A store without access control, of which everything but the private keys is open to all: for tests and measurements
/// of the link. Origins put their rules for edges in front (`edge_access`).
impl StoreAccess for Store {
    fn answer<'a>(
        &'a self,
        _: &'a str,
        request: wire::Request,
        _: usize,
    ) -> Pin<Box<dyn Future<Output = wire::Reply> + Send + 'a>> {
        Box::pin(Self::answer(self, request))
    }
}

/// The shared state for serving edges.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) channels: Channels,
    pub(super) store: Arc<dyn StoreAccess>,
    pub(super) api: Option<Arc<dyn Api>>,
}

/// One edge's connection, while it is served.
#[derive(Clone)]
struct Link {
    connection: Connection,
    /// The edge's name by its certificate: its own name for itself does not count.
    edge: Arc<str>,
    shared: Shared,
    metrics: Metrics,
    /// Turns for reading calls of the store.
    reads: Arc<Semaphore>,
    subscriptions: Arc<Subscriptions>,
    /// Takes the code of the subscription that ends first: the connection ends with it.
    ends: mpsc::Sender<CloseCode>,
}

/// Serves an edge until it leaves or must be closed; returns the code to close with. `edge` is its name by its
/// certificate.
pub(super) async fn run(
    connection: &Connection,
    edge: &Arc<str>,
    shared: &Shared,
    metrics: &Metrics,
) -> CloseCode {
    let (ends, mut ended) = mpsc::channel(1);
    let link = Link {
        connection: connection.clone(),
        edge: Arc::clone(edge),
        shared: shared.clone(),
        metrics: metrics.clone(),
        reads: Arc::new(Semaphore::new(STORE_READS)),
        subscriptions: Arc::default(),
        ends,
    };
    let code = tokio::select! {
        code = answer_calls(&link) => code,
        Some(code) = ended.recv() => code,
        () = no_subscription_in_time(&link.subscriptions) => CloseCode::Deadline,
        () = tick(&link) => CloseCode::Internal,
    };
    if link.subscriptions.is_empty() {
        metrics.joined(JoinOutcome::Protocol);
    } else {
        tracing::info!(%edge, remote = %connection.remote_address(), ?code, "an edge left");
    }
    code
}

/// Ends when there was time for a subscription and none came.
async fn no_subscription_in_time(subscriptions: &Subscriptions) {
    tokio::time::sleep(SUBSCRIBE_DEADLINE).await;
    if !subscriptions.is_empty() {
        std::future::pending().await
    }
}

/// Keeps QUIC's buffer fitting to the path and looks for lateness.
async fn tick(link: &Link) {
    let Link { connection, metrics, subscriptions, .. } = link;
    let mut ticks = tokio::time::interval(TICK);
    let mut count = 0_u32;
    let (mut heard, mut heard_at, mut ticked_at) = (0, Instant::now(), Instant::now());
    loop {
        ticks.tick().await;
        let stats = connection.stats();
        let (path, now) = (stats.path, Instant::now());
        let since_last = now.saturating_duration_since(std::mem::replace(&mut ticked_at, now));
        if stats.udp_rx.datagrams != heard {
            (heard, heard_at) = (stats.udp_rx.datagrams, now);
        }
        let silent = now.saturating_duration_since(heard_at) > SILENT_AFTER;
        let buffer = path.cwnd.saturating_mul(2).clamp(*SEND_BUFFER_BYTES.start(), *SEND_BUFFER_BYTES.end());
        connection.set_send_window(buffer);
        count = count.wrapping_add(1);
        if count.is_multiple_of(50) {
            metrics.rtt_seconds.observe(path.rtt.as_secs_f64());
        }
        for (queue, channel) in subscriptions.queues() {
            let losses = queue.with(|queue| {
                if silent {
                    queue.silent(since_last);
                }
                queue.expire(now);
                queue.take_losses()
            });
            if !losses.is_empty() {
                queue.changed.notify_one();
                for loss in losses {
                    channel.dropped(loss);
                }
            }
        }
    }
}

/// Answers calls, as many at once as QUIC lets the edge open streams.
async fn answer_calls(link: &Link) -> CloseCode {
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            stream = link.connection.accept_bi() => {
                let Ok((send, receive)) = stream else { return CloseCode::Done };
                let link = link.clone();
                calls.spawn(async move {
                    let panics = link.metrics.calls.clone();
                    panics.run(answer(send, receive, link)).await;
                });
            }
            Some(_) = calls.join_next() => {}
        }
    }
}

async fn answer(send: SendStream, mut receive: RecvStream, link: Link) {
    let mut frames = Frames::new();
    let call = tokio::time::timeout(FETCH_DEADLINE, read_message::<Call>(&mut receive, &mut frames)).await;
    let Link { shared, metrics, .. } = &link;
    match call.ok().flatten() {
        Some(Call::Subscribe(wish)) => {
            let ends = EndsLink(&link.ends);
            ends.with(Box::pin(follow(&link, &wish, send, receive, frames)).await);
        }
        Some(Call::Fetch(request)) => {
            let outcome = tokio::time::timeout(
                FETCH_DEADLINE,
                give(send, shared.channels.hub(&request.stream).and_then(|hub| hub.object(&request.name))),
            )
            .await;
            metrics.fetched(outcome.ok().flatten().unwrap_or(FetchOutcome::Failed));
        }
        Some(Call::Picture(picture)) => {
            let picture = shared.api.as_ref().and_then(|api| api.picture(picture));
            give_whole(send, picture, metrics).await;
        }
        Some(Call::Certificate) => {
            let certificate = shared.api.as_ref().and_then(|api| api.certificate());
            give_whole(send, certificate, metrics).await;
        }
        Some(Call::Store) => {
            let (edge, reads) = (&link.edge, &link.reads);
            let _ = store(send, receive, frames.into_rest(), edge, shared.store.as_ref(), reads).await;
        }
        Some(Call::Forward(head)) => {
            if let Some(api) = &shared.api {
                let edge = EdgeId::of(&link.edge);
                forward::answer(send, receive, edge, head, frames.into_rest(), api.as_ref()).await;
            }
        }
        None => metrics.fetched(FetchOutcome::Failed),
    }
}

/// Answers a call whose answer is in one piece, if there is one.
async fn give_whole(send: SendStream, bytes: Option<Bytes>, metrics: &Metrics) {
    let answered = tokio::time::timeout(FETCH_DEADLINE, give(send, bytes.map(|bytes| vec![bytes])));
    metrics.fetched(answered.await.ok().flatten().unwrap_or(FetchOutcome::Failed));
}

/// Ends the connection when it is dropped, so that a subscription that panics does not leave an edge that hears no more.
struct EndsLink<'a>(&'a mpsc::Sender<CloseCode>);

impl EndsLink<'_> {
    /// Ends it with this code, unless another subscription has ended it before.
    fn with(self, code: CloseCode) {
        let _ = self.0.try_send(code);
    }
}

impl Drop for EndsLink<'_> {
    fn drop(&mut self) {
        let _ = self.0.try_send(CloseCode::Internal);
    }
}

/// Serves a subscription until it must end, and the connection with it.
async fn follow(
    link: &Link,
    wish: &Subscribe,
    send: SendStream,
    receive: RecvStream,
    frames: Frames,
) -> CloseCode {
    let Link { connection, edge, shared, metrics, subscriptions, .. } = link;
    let hub = shared.channels.hub(&wish.stream).filter(|_| wish.check().is_ok());
    let Some((subscription, is_first)) = hub.and_then(|hub| subscriptions.add(hub, wish, edge)) else {
        return CloseCode::Protocol;
    };
    let _seat = is_first.then(|| {
        metrics.joined(JoinOutcome::Subscribed);
        shared.channels.edges().seat(Arc::clone(edge), connection.clone(), Arc::clone(subscriptions))
    });
    tracing::info!(%edge, remote = %connection.remote_address(), stream = %wish.stream, "an edge subscribed");
    subscription::serve(connection, send, receive, frames, &subscription, metrics).await
}

/// Answers a fetch.
async fn give(mut send: SendStream, pieces: Option<Vec<Bytes>>) -> Option<FetchOutcome> {
    send.set_priority(FETCH_PRIORITY).ok()?;
    let Some(mut pieces) = pieces else {
        send.write_all(&encode(&FetchReply::NotFound).ok()?).await.ok()?;
        send.finish().ok()?;
        return Some(FetchOutcome::NotFound);
    };
    let len_bytes = u64::try_from(pieces.iter().map(Bytes::len).sum::<usize>()).ok()?;
    send.write_all(&encode(&FetchReply::Found { len_bytes }).ok()?).await.ok()?;
    send.write_all_chunks(&mut pieces).await.ok()?;
    send.finish().ok()?;
    Some(FetchOutcome::Found)
}

/// Answers a call of the store; gives up when the edge does. A broken stream tells the edge that there is no answer.
async fn store(
    mut send: SendStream,
    mut receive: RecvStream,
    first: BytesMut,
    edge: &str,
    store: &dyn StoreAccess,
    reads: &Semaphore,
) -> Option<()> {
    send.set_priority(STORE_PRIORITY).ok()?;
    let (request, bytes) = {
        let _turn = reads.acquire().await.ok()?;
        let rest = receive.read_to_end(store_call::MAX_MESSAGE_BYTES.saturating_sub(first.len()));
        let rest = tokio::time::timeout(STORE_READ_DEADLINE, rest).await.ok()?.ok()?;
        let bytes = [&first[..], &rest].concat();
        (store_call::decode::<wire::Request>(&bytes).ok()?, bytes.len())
    };
    let reply = tokio::select! {
        reply = store.answer(edge, request, bytes) => reply,
        _ = send.stopped() => return None,
    };
    send.write_chunk(store_call::encode(&reply).ok()?).await.ok()?;
    send.finish().ok()
}
