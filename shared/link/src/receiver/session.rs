//! One connection to the origin: for each channel, reads its streams, restores their order, passes the events on.
//!
//! Each channel has a task of its own: one whose events are taken slowly holds up no other. They share the connection, so
//! one that breaks the protocol ends it for all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::feed::{FeedEvent, PartMeta};
use farcast_feed::name::{ObjectKind, ObjectName, StreamName};
use farcast_feed::time::WallTime;
use farcast_service::tasks::relay;
use farcast_trace::{Step, Tracer};
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::LinkEvent;
use super::asked::{Asked, answer_all};
use super::metrics::{ChannelMetrics, Metrics};
use super::sequencer::Sequencer;
use crate::{
    Call, CloseCode, Frames, Have, MediaDecoder, MediaItem, SegmentHeader, StreamHeader, Subscribe, ToEdge,
    ToOrigin, encode,
};

/// Longest time for the origin to answer the subscription in full.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// Events that wait between the stream readers and the sequencer; when it is full, QUIC's flow
/// control holds the origin back, whose queue then drops late media.
const INPUT_CAPACITY: usize = 64;

/// Confirmations that wait to be written.
const CONFIRM_CAPACITY: usize = 256;

/// Bytes that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// Interval at which the round-trip time is sampled.
const SAMPLE: Duration = Duration::from_secs(1);

/// The end of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// This program stops, or nobody takes the events any more.
    Stopped,
    /// The connection is gone.
    LinkLost,
}

enum Input {
    Control(ToEdge),
    /// A part, which came between these times.
    Part(StreamHeader, PartMeta, Bytes, [WallTime; 2]),
    /// The origin broke the protocol.
    Broken,
}

/// A stream that an edge follows, over one connection after another. Clones are one.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) stream: StreamName,
    pub(super) sink: mpsc::Sender<LinkEvent>,
    metrics: ChannelMetrics,
    tracer: Option<Tracer>,
    /// The position reached in the stream, for the next subscription.
    have: Arc<Mutex<Option<Have>>>,
}

impl Channel {
    pub(super) fn new(
        stream: StreamName,
        sink: mpsc::Sender<LinkEvent>,
        metrics: &Metrics,
        tracer: Option<Tracer>,
    ) -> Self {
        Self { metrics: metrics.channel(&stream), tracer, stream, sink, have: Arc::default() }
    }

    fn trace(&self, segment: &StreamHeader, meta: &PartMeta, [from, to]: [WallTime; 2]) {
        let Some(tracer) = &self.tracer else { return };
        let StreamHeader { epoch, variant, msn, .. } = *segment;
        let name = ObjectName { epoch, variant, kind: ObjectKind::Part(msn, meta.index) };
        if let Some(traced) = tracer.part(&self.stream, &name, meta.closed_at) {
            traced.step(Step::Receive, from, to);
        }
    }

    fn have(&self) -> MutexGuard<'_, Option<Have>> {
        self.have.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until nobody takes the events of one of them any more.
pub(super) async fn any_closed(channels: &[Channel]) {
    let mut closed: Vec<_> = channels.iter().map(|channel| Box::pin(channel.sink.closed())).collect();
    std::future::poll_fn(|context| {
        let is_any = closed.iter_mut().any(|one| one.as_mut().poll(context).is_ready());
        if is_any { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The parts that a session needs beside its connection.
pub(super) struct Session<'a> {
    pub(super) name: &'a str,
    pub(super) channels: &'a [Channel],
    pub(super) metrics: &'a Metrics,
    pub(super) shutdown: &'a CancellationToken,
    pub(super) asked: Option<&'a Arc<dyn Asked>>,
}

impl Session<'_> {
    /// Subscribes and passes events on until the link or this program ends. `ready` is called whenever the origin has
    /// answered a subscription.
    pub(super) async fn run(&self, connection: &Connection, ready: &Arc<dyn Fn() + Send + Sync>) -> End {
        let end = tokio::select! {
            () = self.shutdown.cancelled() => End::Stopped,
            () = any_closed(self.channels) => End::Stopped,
            end = self.receive(connection, ready) => end,
        };
        let code = if end == End::Stopped { CloseCode::ShuttingDown } else { CloseCode::Done };
        // Closing what the origin closed would hide its reason.
        if connection.close_reason().is_none() {
            connection.close(code.code(), code.reason().as_bytes());
        }
        end
    }

    async fn receive(&self, connection: &Connection, ready: &Arc<dyn Fn() + Send + Sync>) -> End {
        let (mut tasks, mut following) = (JoinSet::new(), JoinSet::new());
        let mut inputs = Vec::with_capacity(self.channels.len());
        for (number, channel) in (0..).zip(self.channels) {
            let (input, taken) = mpsc::channel(INPUT_CAPACITY);
            let follower = Follower {
                connection: connection.clone(),
                channel: channel.clone(),
                wish: Subscribe {
                    name: self.name.to_owned(),
                    number,
                    stream: channel.stream.clone(),
                    have: channel.have().clone(),
                },
                ready: Arc::clone(ready),
            };
            following.spawn(follower.run(input.clone(), taken));
            inputs.push(input);
        }
        tasks.spawn(accept_segments(connection.clone(), inputs));
        if let Some(asked) = self.asked {
            tasks.spawn(answer_all(connection.clone(), Arc::clone(asked), self.metrics.panics.clone()));
        }
        let mut sample = tokio::time::interval(SAMPLE);
        let end = loop {
            tokio::select! {
                // One that panicked would be missed for as long as the link is up: the session panics with it.
                Some(ended) = following.join_next() => break relay(ended).unwrap_or(End::LinkLost),
                Some(ended) = tasks.join_next() => drop(relay(ended)),
                _ = connection.closed() => break End::LinkLost,
                _ = sample.tick() => self.metrics.rtt_seconds.set(connection.rtt().as_secs_f64()),
            }
        };
        // Waited for, so that none says that the link is up after it is said to be lost.
        following.shutdown().await;
        end
    }
}

/// Follows one channel over one connection.
struct Follower {
    connection: Connection,
    channel: Channel,
    wish: Subscribe,
    ready: Arc<dyn Fn() + Send + Sync>,
}

impl Follower {
    async fn run(self, input: mpsc::Sender<Input>, mut inputs: mpsc::Receiver<Input>) -> End {
        let Self { connection, channel, wish, ready } = self;
        let (confirm, confirms) = mpsc::channel(CONFIRM_CAPACITY);
        let mut sequencer = Sequencer::new(wish.have.as_ref());
        let Ok((mut send, receive)) = connection.open_bi().await else { return End::LinkLost };
        let Ok(wish) = encode(&Call::Subscribe(wish)) else { return End::LinkLost };
        if send.write_all(&wish).await.is_err() {
            return End::LinkLost;
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(read_control(receive, input));
        tasks.spawn(write_confirms(send, confirms));
        let mut answered = false;
        let mut out = Vec::new();
        let answer_by = tokio::time::sleep(ANSWER_DEADLINE);
        tokio::pin!(answer_by);
        loop {
            let next = tokio::select! {
                next = inputs.recv() => next,
                Some(ended) = tasks.join_next() => {
                    relay(ended);
                    continue;
                }
                () = &mut answer_by, if !answered => return End::LinkLost,
            };
            let mut is_answer = false;
            let taken = match next {
                Some(Input::Control(message)) => {
                    // Until the answer is complete nobody can say that there is no broadcast.
                    is_answer = !answered && matches!(message, ToEdge::Idle | ToEdge::SnapshotEnd);
                    sequencer.control(message, &mut out)
                }
                Some(Input::Part(stream, meta, bytes, times)) => {
                    channel.trace(&stream, &meta, times);
                    channel.metrics.received(&meta, bytes.len(), stream.backlog);
                    let parts = meta.index.saturating_add(1);
                    if confirm.send(ToOrigin::Received { stream, parts }).await.is_err() {
                        return End::LinkLost;
                    }
                    sequencer.part(stream, meta, bytes, &mut out)
                }
                Some(Input::Broken) | None => return broken(&connection, "a stream does not parse"),
            };
            if let Err(error) = taken {
                return broken(&connection, &error.to_string());
            }
            if is_answer {
                answered = true;
                ready();
                out.push(LinkEvent::Up);
            }
            channel.metrics.held_events.set(i64::try_from(sequencer.held_events()).unwrap_or(i64::MAX));
            for event in out.drain(..) {
                if matches!(event, LinkEvent::Feed(FeedEvent::SegmentLost { .. })) {
                    channel.metrics.lost_segments.inc();
                }
                if channel.sink.send(event).await.is_err() {
                    return End::Stopped;
                }
            }
            if let Some(now) = sequencer.have() {
                *channel.have() = Some(now);
            }
        }
    }
}

fn broken(connection: &Connection, why: &str) -> End {
    if connection.close_reason().is_none() {
        tracing::warn!(why, "the origin breaks the protocol");
        connection.close(CloseCode::Protocol.code(), CloseCode::Protocol.reason().as_bytes());
    }
    End::LinkLost
}

async fn read_control(mut receive: RecvStream, input: mpsc::Sender<Input>) {
    let mut frames = Frames::new();
    while let Ok(Some(chunk)) = receive.read_chunk(READ_BYTES, true).await {
        frames.feed(&chunk.bytes);
        loop {
            let item = match frames.next_message() {
                Ok(Some(message)) => Input::Control(message),
                Ok(None) => break,
                Err(_) => Input::Broken,
            };
            if input.send(item).await.is_err() {
                return;
            }
        }
    }
}

async fn write_confirms(mut send: SendStream, mut confirms: mpsc::Receiver<ToOrigin>) {
    while let Some(message) = confirms.recv().await {
        let Ok(bytes) = encode(&message) else { return };
        if send.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Reads segments' streams; QUIC bounds how many there are. `inputs` are the channels', by the numbers of their subscriptions.
async fn accept_segments(connection: Connection, inputs: Vec<mpsc::Sender<Input>>) {
    let inputs: Arc<[_]> = inputs.into();
    let mut segments = JoinSet::new();
    loop {
        tokio::select! {
            stream = connection.accept_uni() => {
                let Ok(receive) = stream else { return };
                segments.spawn(read_segment(connection.clone(), receive, Arc::clone(&inputs)));
            }
            Some(ended) = segments.join_next() => drop(relay(ended)),
        }
    }
}

/// Reads one segment's stream. A reset is the origin's way to drop it, and no error.
async fn read_segment(connection: Connection, mut receive: RecvStream, inputs: Arc<[mpsc::Sender<Input>]>) {
    let mut decoder = MediaDecoder::new();
    let mut of = None;
    // When the first byte came of what is not complete yet.
    let mut began = WallTime::now();
    while let Ok(Some(chunk)) = receive.read_chunk(READ_BYTES, true).await {
        let now = WallTime::now();
        if decoder.at_boundary() {
            began = now;
        }
        decoder.feed(&chunk.bytes);
        loop {
            match (decoder.next_item(), of) {
                (Ok(Some(MediaItem::Header(SegmentHeader { subscription, stream }))), _) => {
                    let Some(input) = inputs.get(usize::from(subscription)) else {
                        broken(&connection, "a segment is of a stream that is not followed");
                        return;
                    };
                    of = Some((input, stream));
                    began = now;
                }
                (Ok(Some(MediaItem::Part(meta, bytes))), Some((input, stream))) => {
                    if input.send(Input::Part(stream, meta, bytes, [began, now])).await.is_err() {
                        return;
                    }
                    began = now;
                }
                (Ok(None), _) => break,
                (Ok(Some(MediaItem::Part(..))), None) | (Err(_), _) => {
                    broken(&connection, "a segment's stream does not parse");
                    return;
                }
            }
        }
    }
}
