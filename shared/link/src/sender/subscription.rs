//! One subscription of an edge's connection: reads what the edge says, pumps its queue.
//!
//! Thin glue around [`super::queue::Queue`]. A write that waits for the link gives way as soon as the
//! queue changes, so a live part never waits behind a slower stream; QUIC's own buffer is kept at about
//! two congestion windows, so that its contents are sent soon and a reset frees it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use farcast_feed::name::StreamName;
use farcast_feed::time::WallTime;
use farcast_trace::Tracer;
use quinn::{Connection, RecvStream, SendStream};
use serde::de::DeserializeOwned;

use super::edge_queue::EdgeQueue;
use super::hub::{Hub, Subscription};
use super::metrics::{ChannelMetrics, Metrics};
use super::queue::{Action, CONTROL_PRIORITY, Pushed};
use super::traces::Traces;
use crate::{CloseCode, Frames, MAX_SUBSCRIPTIONS, SegmentHeader, StreamHeader, Subscribe, ToOrigin, encode};

/// Size of the pieces of a part that QUIC gets at once. quinn counts a whole piece as buffered until the last byte of
/// it is acknowledged: a large piece of one stream would keep the others out of the buffer.
const WRITE_BYTES: usize = 16 * 1024;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// The subscriptions of one edge's connection.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<Vec<Followed>>);

/// A stream that an edge follows.
#[derive(Clone, Debug)]
struct Followed {
    number: u16,
    stream: StreamName,
    queue: Arc<EdgeQueue>,
    metrics: ChannelMetrics,
}

impl Subscriptions {
    fn lock(&self) -> MutexGuard<'_, Vec<Followed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True until there is one.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Subscribes; says whether it is the first of its connection. None if the number or the stream is taken, or there are
    /// too many.
    pub(super) fn add(&self, hub: &Hub, wish: &Subscribe, edge: &Arc<str>) -> Option<(Subscription, bool)> {
        let mut all = self.lock();
        let is_taken = |other: &Followed| other.number == wish.number || other.stream == wish.stream;
        if u32::try_from(all.len()).is_ok_and(|count| count >= MAX_SUBSCRIPTIONS) || all.iter().any(is_taken)
        {
            return None;
        }
        let mut subscription = hub.subscribe(wish);
        let traces = |tracer: &Tracer| Traces::new(tracer.clone(), wish.stream.clone(), Arc::clone(edge));
        subscription.traces = hub.tracer().map(traces);
        all.push(Followed {
            number: wish.number,
            stream: wish.stream.clone(),
            queue: Arc::clone(&subscription.queue),
            metrics: subscription.metrics.clone(),
        });
        Some((subscription, all.len() == 1))
    }

    /// The queues of all of them, each with its stream's metrics.
    pub(super) fn queues(&self) -> Vec<(Arc<EdgeQueue>, ChannelMetrics)> {
        self.lock().iter().map(|one| (Arc::clone(&one.queue), one.metrics.clone())).collect()
    }

    /// The wait of the oldest part that the edge does not have yet.
    pub(super) fn lag(&self, now: Instant) -> Duration {
        let lags = self.lock().iter().map(|one| one.queue.with(|queue| queue.lag(now))).max();
        lags.unwrap_or_default()
    }
}

/// Serves it until it must end, and the connection with it; returns the code to close that with. `send` and `receive`
/// are its control stream, `frames` what was read of it.
pub(super) async fn serve(
    connection: &Connection,
    send: SendStream,
    receive: RecvStream,
    frames: Frames,
    subscription: &Subscription,
    metrics: &Metrics,
) -> CloseCode {
    tokio::select! {
        code = listen(receive, frames, subscription, metrics) => code,
        code = pump(connection, send, subscription, metrics) => code,
    }
}

/// The next message of a stream; none if it ends or does not parse.
pub(super) async fn read_message<T: DeserializeOwned>(
    receive: &mut RecvStream,
    frames: &mut Frames,
) -> Option<T> {
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
    subscription: &Subscription,
    metrics: &Metrics,
) -> CloseCode {
    let edge = &subscription.queue;
    loop {
        match read_message::<ToOrigin>(&mut receive, &mut frames).await {
            Some(ToOrigin::Received { stream, parts }) => {
                if let Some(traces) = &subscription.traces {
                    traces.confirmed(&stream, parts, WallTime::now());
                }
                for age in edge.with(|queue| queue.confirm(&stream, parts, Instant::now())) {
                    metrics.confirm_seconds.observe(age.as_secs_f64());
                }
                edge.changed.notify_one();
            }
            None => return CloseCode::Protocol,
        }
    }
}

/// Writes what the queue says, until the connection fails or the edge must go.
async fn pump(
    connection: &Connection,
    mut control: SendStream,
    subscription: &Subscription,
    metrics: &Metrics,
) -> CloseCode {
    let edge = &subscription.queue;
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
                done = write(connection, &mut streams, subscription, metrics, stream, priority, pieces) => done,
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
    subscription: &Subscription,
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
            let header = SegmentHeader { subscription: subscription.number, stream };
            place.insert(Open { send, header: encode(&header).ok()? })
        }
    };
    let body = body.slice(..body.len().min(WRITE_BYTES));
    let written = send.write_chunks(&mut [header.clone(), head, body]).await.ok()?.bytes;
    let of_header = written.min(header.len());
    header.advance(of_header);
    let written = written - of_header;
    subscription.metrics.pushed_bytes.inc_by(u64::try_from(written).unwrap_or(u64::MAX));
    let pushed = subscription.queue.with(|queue| queue.wrote(&stream, written));
    if let Some(Pushed { index, closed_at: Some(closed_at) }) = pushed {
        let now = WallTime::now();
        metrics.queue_seconds.observe(now.since(closed_at).as_secs_f64());
        if let Some(traces) = &subscription.traces {
            traces.wrote(&stream, index, closed_at, now);
        }
    }
    Some(())
}
