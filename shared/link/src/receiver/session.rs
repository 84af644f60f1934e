//! One connection of the feed: reads its streams, restores their order, gives the events on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::feed::{FeedEvent, PartMeta};
use farcast_feed::name::StreamName;
use farcast_service::tasks::relay;
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::LinkEvent;
use super::asked::{Asked, answer_all};
use super::metrics::Metrics;
use super::sequencer::Sequencer;
use crate::{
    CloseCode, Frames, Have, MediaDecoder, MediaItem, StreamHeader, Subscribe, ToEdge, ToOrigin, encode,
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
    Part(StreamHeader, PartMeta, Bytes),
    /// The origin broke the protocol.
    Broken,
}

/// The parts that a session needs beside its connection.
pub(super) struct Session<'a> {
    pub(super) name: &'a str,
    pub(super) stream: &'a StreamName,
    pub(super) metrics: &'a Metrics,
    pub(super) sink: &'a mpsc::Sender<LinkEvent>,
    pub(super) shutdown: &'a CancellationToken,
    pub(super) asked: Option<&'a Arc<dyn Asked>>,
}

impl Session<'_> {
    /// Subscribes and gives events until the link or this program ends. `have` is kept up to date.
    /// `ready` is called once the origin has answered.
    pub(super) async fn run(
        &self,
        connection: &Connection,
        have: &mut Option<Have>,
        ready: impl FnOnce(),
    ) -> End {
        let end = tokio::select! {
            () = self.shutdown.cancelled() => End::Stopped,
            () = self.sink.closed() => End::Stopped,
            end = self.receive(connection, have, ready) => end,
        };
        let code = if end == End::Stopped { CloseCode::ShuttingDown } else { CloseCode::Done };
        // Closing what the origin closed would hide its reason.
        if connection.close_reason().is_none() {
            connection.close(code.code(), code.reason().as_bytes());
        }
        end
    }

    async fn receive(&self, connection: &Connection, have: &mut Option<Have>, ready: impl FnOnce()) -> End {
        let mut tasks = JoinSet::new();
        let (input, mut inputs) = mpsc::channel(INPUT_CAPACITY);
        let (confirm, confirms) = mpsc::channel(CONFIRM_CAPACITY);
        let Ok((mut send, receive)) = connection.open_bi().await else { return End::LinkLost };
        let wish = Subscribe { name: self.name.to_owned(), stream: self.stream.clone(), have: have.clone() };
        let Ok(wish) = encode(&ToOrigin::Subscribe(wish)) else { return End::LinkLost };
        if send.write_all(&wish).await.is_err() {
            return End::LinkLost;
        }
        tasks.spawn(read_control(receive, input.clone()));
        tasks.spawn(write_confirms(send, confirms));
        tasks.spawn(accept_segments(connection.clone(), input));
        if let Some(asked) = self.asked {
            tasks.spawn(answer_all(connection.clone(), Arc::clone(asked), self.metrics.panics.clone()));
        }
        let mut sequencer = Sequencer::new(have.as_ref());
        let mut ready = Some(ready);
        let mut out = Vec::new();
        let mut sample = tokio::time::interval(SAMPLE);
        let answer_by = tokio::time::sleep(ANSWER_DEADLINE);
        tokio::pin!(answer_by);
        loop {
            let next = tokio::select! {
                next = inputs.recv() => next,
                _ = connection.closed() => return End::LinkLost,
                // One that panicked would be missed for as long as the link is up: the session panics with it.
                Some(ended) = tasks.join_next() => {
                    relay(ended);
                    continue;
                }
                () = &mut answer_by, if ready.is_some() => return End::LinkLost,
                _ = sample.tick() => {
                    self.metrics.rtt_seconds.set(connection.rtt().as_secs_f64());
                    continue;
                }
            };
            let mut answered = false;
            let taken = match next {
                Some(Input::Control(message)) => {
                    // Until the answer is complete nobody can say that there is no broadcast.
                    answered = matches!(message, ToEdge::Idle | ToEdge::SnapshotEnd);
                    sequencer.control(message, &mut out)
                }
                Some(Input::Part(stream, meta, bytes)) => {
                    self.metrics.received_bytes.inc_by(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                    if !stream.backlog {
                        self.metrics.part_complete(&meta);
                    }
                    let parts = meta.index.saturating_add(1);
                    if confirm.send(ToOrigin::Received { stream, parts }).await.is_err() {
                        return End::LinkLost;
                    }
                    sequencer.part(stream, meta, bytes, &mut out)
                }
                Some(Input::Broken) | None => return self.broken(connection, "a stream does not parse"),
            };
            if let Err(error) = taken {
                return self.broken(connection, &error.to_string());
            }
            if answered && let Some(ready) = ready.take() {
                ready();
                out.push(LinkEvent::Up);
            }
            self.metrics.held_events.set(i64::try_from(sequencer.held_events()).unwrap_or(i64::MAX));
            for event in out.drain(..) {
                if matches!(event, LinkEvent::Feed(FeedEvent::SegmentLost { .. })) {
                    self.metrics.lost_segments.inc();
                }
                if self.sink.send(event).await.is_err() {
                    return End::Stopped;
                }
            }
            if let Some(now) = sequencer.have() {
                *have = Some(now);
            }
        }
    }

    fn broken(&self, connection: &Connection, why: &str) -> End {
        if connection.close_reason().is_none() {
            tracing::warn!(why, "the origin breaks the protocol");
            connection.close(CloseCode::Protocol.code(), CloseCode::Protocol.reason().as_bytes());
        }
        End::LinkLost
    }
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

/// Reads segments' streams; QUIC bounds how many there are.
async fn accept_segments(connection: Connection, input: mpsc::Sender<Input>) {
    let mut segments = JoinSet::new();
    loop {
        tokio::select! {
            stream = connection.accept_uni() => {
                let Ok(receive) = stream else { return };
                segments.spawn(read_segment(receive, input.clone()));
            }
            Some(ended) = segments.join_next() => drop(relay(ended)),
        }
    }
}

/// Reads one segment's stream. A reset is the origin's way to drop it, and no error.
async fn read_segment(mut receive: RecvStream, input: mpsc::Sender<Input>) {
    let mut decoder = MediaDecoder::new();
    let mut header = None;
    while let Ok(Some(chunk)) = receive.read_chunk(READ_BYTES, true).await {
        decoder.feed(&chunk.bytes);
        loop {
            let item = match (decoder.next_item(), header) {
                (Ok(Some(MediaItem::Header(first))), _) => {
                    header = Some(first);
                    continue;
                }
                (Ok(Some(MediaItem::Part(meta, bytes))), Some(header)) => Input::Part(header, meta, bytes),
                (Ok(None), _) => break,
                (Ok(Some(MediaItem::Part(..))), None) | (Err(_), _) => Input::Broken,
            };
            if input.send(item).await.is_err() {
                return;
            }
        }
    }
}
