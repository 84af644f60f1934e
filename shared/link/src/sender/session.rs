//! One edge's connection: reads what the edge says, pumps its queue, answers its fetches.
//!
//! Thin glue around [`super::queue::Queue`]. A write that waits for the link gives way as soon as the
//! queue changes, so a live part never waits behind a slower stream; QUIC's own buffer is kept at about
//! two congestion windows, so that its contents are sent soon and a reset frees it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use farcast_feed::time::WallTime;
use farcast_store::{Store, wire};
use quinn::{Connection, RecvStream, SendStream};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::edge_queue::EdgeQueue;
use super::forward::{self, Api};
use super::hub::Hub;
use super::identity::EdgeId;
use super::metrics::{FetchOutcome, JoinOutcome, Metrics};
use super::queue::{Action, CONTROL_PRIORITY, FETCH_PRIORITY, STORE_PRIORITY};
use crate::store_call;
use crate::{Call, CloseCode, FetchReply, Frames, StreamHeader, Subscribe, ToOrigin, encode};

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

/// Size of the pieces of a part that QUIC gets at once. quinn counts a whole piece as buffered until the last byte of
/// it is acknowledged: a large piece of one stream would keep the others out of the buffer.
const WRITE_BYTES: usize = 16 * 1024;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

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

/// A store without a door, of which everything but the private keys is open to all: for tests and measurements of the link.
/// Origins put their rules for edges in front (`edge_access`).
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
    pub(super) hub: Hub,
    pub(super) store: Arc<dyn StoreAccess>,
    pub(super) api: Option<Arc<dyn Api>>,
}

/// Serves an edge until it leaves or must be closed; returns the code to close with. `edge` is its name by its
/// certificate: its own name for itself does not count.
pub(super) async fn run(
    connection: &Connection,
    edge: &Arc<str>,
    shared: &Shared,
    metrics: &Metrics,
) -> CloseCode {
    let hub = &shared.hub;
    let subscribed = async {
        let (send, mut receive) = connection.accept_bi().await.ok()?;
        let mut frames = Frames::new();
        let message = read_message::<ToOrigin>(&mut receive, &mut frames).await?;
        let ToOrigin::Subscribe(wish) = message else { return None };
        (wish.check().is_ok() && wish.stream == *hub.stream()).then_some((send, receive, frames, wish))
    };
    let (send, receive, frames, wish) = match tokio::time::timeout(SUBSCRIBE_DEADLINE, subscribed).await {
        Ok(Some(parts)) => parts,
        Ok(None) => {
            metrics.joined(JoinOutcome::Protocol);
            return CloseCode::Protocol;
        }
        Err(_) => {
            metrics.joined(JoinOutcome::Protocol);
            return CloseCode::Deadline;
        }
    };
    metrics.joined(JoinOutcome::Subscribed);
    let code = serve(connection, edge, shared, metrics, send, receive, frames, &wish).await;
    tracing::info!(%edge, remote = %connection.remote_address(), ?code, "an edge left");
    code
}

#[expect(clippy::too_many_arguments, reason = "the parts of one subscription")]
async fn serve(
    connection: &Connection,
    edge: &Arc<str>,
    shared: &Shared,
    metrics: &Metrics,
    send: SendStream,
    receive: RecvStream,
    frames: Frames,
    wish: &Subscribe,
) -> CloseCode {
    tracing::info!(%edge, remote = %connection.remote_address(), "an edge subscribed");
    let subscription = shared.hub.subscribe(wish);
    let queue = Arc::clone(&subscription.queue);
    let _seat = shared.hub.connected().seat(Arc::clone(edge), connection.clone(), queue);
    tokio::select! {
        code = listen(receive, frames, &subscription.queue, metrics) => code,
        code = pump(connection, send, &subscription.queue, metrics) => code,
        code = answer_calls(connection, edge, shared, metrics) => code,
        () = tick(connection, &subscription.queue, metrics) => CloseCode::Internal,
    }
}

async fn read_message<T: DeserializeOwned>(receive: &mut RecvStream, frames: &mut Frames) -> Option<T> {
    loop {
        if let Some(message) = frames.next_message().ok()? {
            return Some(message);
        }
        let chunk = receive.read_chunk(READ_BYTES, true).await.ok()??;
        frames.feed(&chunk.bytes);
    }
}

/// Reads the control stream until it ends.
async fn listen(
    mut receive: RecvStream,
    mut frames: Frames,
    edge: &EdgeQueue,
    metrics: &Metrics,
) -> CloseCode {
    loop {
        match read_message::<ToOrigin>(&mut receive, &mut frames).await {
            Some(ToOrigin::Received { stream, parts }) => {
                for age in edge.with(|queue| queue.confirm(&stream, parts, Instant::now())) {
                    metrics.confirm_seconds.observe(age.as_secs_f64());
                }
                edge.changed.notify_one();
            }
            Some(ToOrigin::Subscribe(_)) | None => return CloseCode::Protocol,
        }
    }
}

/// Keeps QUIC's buffer fitting to the path and looks for lateness.
async fn tick(connection: &Connection, edge: &EdgeQueue, metrics: &Metrics) {
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
        let losses = edge.with(|queue| {
            if silent {
                queue.silent(since_last);
            }
            queue.expire(now);
            queue.take_losses()
        });
        if !losses.is_empty() {
            edge.changed.notify_one();
            for loss in losses {
                metrics.dropped(loss);
            }
        }
    }
}

/// Writes what the queue says, until the connection fails or the edge must go.
async fn pump(
    connection: &Connection,
    mut control: SendStream,
    edge: &EdgeQueue,
    metrics: &Metrics,
) -> CloseCode {
    let mut streams = HashMap::new();
    if control.set_priority(CONTROL_PRIORITY).is_err() {
        return CloseCode::Done;
    }
    loop {
        let (action, overflowed) = edge.with(|queue| (queue.next_action(), queue.overflowed()));
        if overflowed {
            return CloseCode::TooSlow;
        }
        let done = match action {
            Action::Idle => {
                edge.changed.notified().await;
                Some(())
            }
            Action::Control(message) => match control.write(&message).await {
                Ok(written) => {
                    edge.with(|queue| queue.wrote_control(written));
                    Some(())
                }
                Err(_) => None,
            },
            Action::Reset(stream) => {
                if let Some(Open { mut send, .. }) = streams.remove(&stream) {
                    let _ = send.reset(CloseCode::Dropped.code());
                }
                Some(())
            }
            Action::Finish(stream) => {
                if let Some(Open { mut send, .. }) = streams.remove(&stream) {
                    let _ = send.finish();
                }
                edge.with(|queue| queue.finished(&stream));
                Some(())
            }
            Action::Write { stream, priority, pieces } => tokio::select! {
                done = write(connection, &mut streams, edge, metrics, stream, priority, pieces) => done,
                () = edge.changed.notified() => Some(()),
            },
        };
        if done.is_none() {
            return CloseCode::Done;
        }
    }
}

/// A segment's stream; `header` is what of its header is not written yet.
struct Open {
    send: SendStream,
    header: Bytes,
}

/// Opens the stream if need be and writes as much as QUIC takes. Cancel safe: written bytes are
/// accounted for before the next wait.
async fn write(
    connection: &Connection,
    streams: &mut HashMap<StreamHeader, Open>,
    edge: &EdgeQueue,
    metrics: &Metrics,
    stream: StreamHeader,
    priority: i32,
    [head, body]: [Bytes; 2],
) -> Option<()> {
    let Open { send, header } = match streams.entry(stream) {
        Entry::Occupied(open) => open.into_mut(),
        Entry::Vacant(place) => {
            let send = connection.open_uni().await.ok()?;
            send.set_priority(priority).ok()?;
            place.insert(Open { send, header: encode(&stream).ok()? })
        }
    };
    let body = body.slice(..body.len().min(WRITE_BYTES));
    let written = send.write_chunks(&mut [header.clone(), head, body]).await.ok()?.bytes;
    let of_header = written.min(header.len());
    header.advance(of_header);
    let written = written - of_header;
    metrics.pushed_bytes.inc_by(u64::try_from(written).unwrap_or(u64::MAX));
    let pushed = edge.with(|queue| queue.wrote(&stream, written));
    if let Some(closed_at) = pushed.and_then(|pushed| pushed.closed_at) {
        metrics.queue_seconds.observe(WallTime::now().since(closed_at).as_secs_f64());
    }
    Some(())
}

/// Answers calls, as many at once as QUIC lets the edge open streams.
async fn answer_calls(
    connection: &Connection,
    edge: &Arc<str>,
    shared: &Shared,
    metrics: &Metrics,
) -> CloseCode {
    let mut calls = JoinSet::new();
    let reads = Arc::new(Semaphore::new(STORE_READS));
    loop {
        tokio::select! {
            stream = connection.accept_bi() => {
                let Ok((send, receive)) = stream else { return CloseCode::Done };
                let (shared, metrics, reads) = (shared.clone(), metrics.clone(), Arc::clone(&reads));
                let edge = Arc::clone(edge);
                calls.spawn(async move {
                    metrics.calls.run(answer(send, receive, &edge, &shared, &reads, &metrics)).await;
                });
            }
            Some(_) = calls.join_next() => {}
        }
    }
}

async fn answer(
    send: SendStream,
    mut receive: RecvStream,
    edge: &str,
    shared: &Shared,
    reads: &Semaphore,
    metrics: &Metrics,
) {
    let mut frames = Frames::new();
    let call = tokio::time::timeout(FETCH_DEADLINE, read_message::<Call>(&mut receive, &mut frames)).await;
    match call.ok().flatten() {
        Some(Call::Fetch(request)) => {
            let outcome = tokio::time::timeout(
                FETCH_DEADLINE,
                give(send, shared.hub.object(&request.stream, &request.name)),
            )
            .await;
            metrics.fetched(outcome.ok().flatten().unwrap_or(FetchOutcome::Failed));
        }
        Some(Call::Picture(picture)) => {
            let picture = shared.api.as_ref().and_then(|api| api.picture(picture));
            let answered = tokio::time::timeout(FETCH_DEADLINE, give(send, picture.map(|bytes| vec![bytes])));
            metrics.fetched(answered.await.ok().flatten().unwrap_or(FetchOutcome::Failed));
        }
        Some(Call::Store) => {
            let _ = store(send, receive, frames.into_rest(), edge, shared.store.as_ref(), reads).await;
        }
        Some(Call::Forward(head)) => {
            if let Some(api) = &shared.api {
                forward::answer(send, receive, EdgeId::of(edge), head, frames.into_rest(), api.as_ref())
                    .await;
            }
        }
        None => metrics.fetched(FetchOutcome::Failed),
    }
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
