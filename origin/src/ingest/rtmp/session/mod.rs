//! The server's side of an RTMP connection that publishes (RTMP 1.0 §7; Enhanced RTMP v2 for the
//! capabilities), without socket or clock: bytes in, bytes and [`Event`]s out.
//!
//! The owner feeds [`Session::receive`], sends what [`Session::take_output`] returns, handles [`Session::next_event`]
//! in order, and calls [`Session::expired`] when [`Session::deadline`] has come. A [`Event::Publish`] must be answered
//! with [`Session::accept`] or [`Session::refuse`] before later events are handled. When [`Session::is_closing`] the
//! owner sends what is left and closes.
//!
//! Expectations of peers beyond the standard: OBS and librtmp hang without answers to `releaseStream`,
//! `FCPublish` and `_checkbw`; FFmpeg waits for `_result` of `createStream` and an `onStatus` on the stream;
//! encoders show the description of an error status to their user.

mod address;
mod aggregate;
mod command;
mod event;
mod paste;
mod reply;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};

use super::amf0::{self, Value};
use super::chunk::{self, ChunkError, Message, kind};
use crate::ingest::metadata::StreamMetadata;

pub use event::{Expired, PublishRequest, Refusal};

/// The only application.
pub const APPLICATION: &str = "live";

/// Longest time for a connection to shake hands. It is two round trips; five seconds is a bad mobile link.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// Longest time from the handshake until a connection publishes: connect, createStream and publish are
/// three more round trips, and OBS starts its encoders in between.
pub const PUBLISH_DEADLINE: Duration = Duration::from_secs(10);

/// Longest silence of a publisher before its connection is given up.
pub const SILENCE_DEADLINE: Duration = Duration::from_secs(10);

/// Most bytes of messages that a connection that does not publish yet can make this side hold. A connect command
/// has some hundred bytes; one that is far too long is still answered with its fault.
pub const PENDING_BYTES: usize = 256 * 1024;

/// Most bytes of a command or data message that are read. Metadata with a full list of key frames is the longest real
/// one.
const MAX_AMF_BYTES: usize = 128 * 1024;

/// Chunk size that this server writes with: its answers fit one chunk.
const OUR_CHUNK_BYTES: usize = 4096;

/// Acknowledgement window sent to the peer: bytes that it may send before they must have been acknowledged (§5.4.4).
const OUR_WINDOW_BYTES: u32 = 5_000_000;

/// Smallest window of a peer that is obeyed: smaller ones would make every read cost an answer.
const MIN_WINDOW_BYTES: u32 = 16 * 1024;

/// Longest text of a warning. Encoders keep a description in 256 bytes (FFmpeg) or log it whole.
pub const MAX_WARNING_BYTES: usize = 1000;

/// Chunk streams of protocol control (§5.4) and of commands.
const CONTROL: u8 = 2;
const COMMANDS: u8 = 3;

/// The events of a session for its owner.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// The peer wants to publish.
    Publish(PublishRequest),
    /// The peer describes its stream.
    Metadata(Box<StreamMetadata>),
    /// An audio tag.
    Audio {
        /// Source time in milliseconds, modulo 2³².
        timestamp_ms: u32,
        /// FLV tag body.
        payload: Bytes,
    },
    /// A video tag.
    Video {
        /// Source time in milliseconds, modulo 2³².
        timestamp_ms: u32,
        /// FLV tag body.
        payload: Bytes,
    },
    /// The peer has ended its stream in good order.
    Unpublish,
    /// The session refused the peer by itself, and is closing.
    Refused(Refusal),
}

/// A peer's fault. Ends the connection.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The handshake (§5.2).
    #[error("handshake: {0}")]
    Handshake(String),
    /// A chunk.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// An aggregate message (§7.1.6) whose parts do not fit.
    #[error("aggregate message cut off at byte {at}")]
    Aggregate {
        /// Offset in the message.
        at: usize,
    },
    /// Media from a peer that does not publish.
    #[error("media before publish")]
    MediaBeforePublish,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Handshake,
    /// Commands before publish; `connected` after a `connect` that was accepted.
    Commands {
        connected: bool,
    },
    /// [`Event::Publish`] is out.
    Asking,
    Publishing,
    /// Nothing more is read.
    Closing,
}

/// See the module.
pub struct Session {
    phase: Phase,
    handshake: Option<Box<Handshake>>,
    reader: chunk::Reader,
    output: Vec<u8>,
    our_chunk_bytes: usize,
    events: VecDeque<Event>,
    deadline: Instant,
    received: u64,
    acknowledged: u64,
    peer_window: u32,
    peer: command::Peer,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl Session {
    /// A session of a connection that was accepted `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Handshake,
            handshake: Some(Box::new(Handshake::new(PeerType::Server))),
            reader: chunk::Reader::limited(PENDING_BYTES),
            output: Vec::new(),
            our_chunk_bytes: chunk::INITIAL_CHUNK_BYTES,
            events: VecDeque::new(),
            deadline: now + HANDSHAKE_DEADLINE,
            received: 0,
            acknowledged: 0,
            peer_window: OUR_WINDOW_BYTES,
            peer: command::Peer::default(),
        }
    }

    /// Takes bytes of the connection. Events grow with the input only: about one per twelve bytes at worst.
    ///
    /// # Errors
    /// [`SessionError`]; the connection is of no use afterwards.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) -> Result<(), SessionError> {
        if self.phase == Phase::Publishing {
            self.deadline = now + SILENCE_DEADLINE;
        }
        if self.phase == Phase::Closing {
            return Ok(());
        }
        let Some(handshake) = &mut self.handshake else {
            return self.receive_chunks(bytes, now);
        };
        match handshake.process_bytes(bytes).map_err(|error| SessionError::Handshake(error.to_string()))? {
            HandshakeProcessResult::InProgress { response_bytes } => {
                self.output.extend(response_bytes);
                Ok(())
            }
            HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                self.output.extend(response_bytes);
                self.handshake = None;
                self.phase = Phase::Commands { connected: false };
                self.deadline = now + PUBLISH_DEADLINE;
                self.receive_chunks(&remaining_bytes, now)
            }
        }
    }

    /// Takes the bytes to be sent.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Takes the next event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Time at which [`Session::expired`] is due.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The step that the peer failed to take in time, if its time is over `now`.
    #[must_use]
    pub fn expired(&self, now: Instant) -> Option<Expired> {
        (now >= self.deadline).then_some(match self.phase {
            Phase::Handshake => Expired::Handshake,
            Phase::Commands { .. } => Expired::Publish,
            Phase::Asking | Phase::Publishing | Phase::Closing => Expired::Silence,
        })
    }

    /// Time that the owner did not read is not the peer's silence.
    pub fn resumed(&mut self, now: Instant) {
        if self.phase == Phase::Publishing {
            self.deadline = now + SILENCE_DEADLINE;
        }
    }

    /// True if nothing more is to be read: send the output and close.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Lets the peer publish.
    pub fn accept(&mut self, now: Instant) {
        if self.phase != Phase::Asking {
            return;
        }
        self.phase = Phase::Publishing;
        self.deadline = now + SILENCE_DEADLINE;
        let stream_id = self.peer.publishing_on;
        self.send(CONTROL, kind::USER_CONTROL, 0, reply::stream_begin(stream_id));
        self.command(stream_id, &reply::status("NetStream.Publish.Start", "publishing"));
    }

    /// Refuses to let the peer publish, with a text for its user.
    pub fn refuse(&mut self, description: &str) {
        if self.phase == Phase::Asking {
            let stream_id = self.peer.publishing_on;
            self.command(stream_id, &reply::error("NetStream.Publish.BadName", description));
            self.phase = Phase::Closing;
        }
    }

    /// Ends the session with a text for the peer's user.
    pub fn fail(&mut self, description: &str) {
        if self.phase == Phase::Publishing {
            let stream_id = self.peer.publishing_on;
            self.command(stream_id, &reply::error("NetStream.Publish.Failed", description));
        }
        self.phase = Phase::Closing;
    }

    /// Sends a warning to the user of a publishing peer, without ending anything. A text for people: only its first
    /// [`MAX_WARNING_BYTES`] are sent. Each call sends one, so the owner calls once per fact.
    pub fn warn(&mut self, description: &str) {
        if self.phase == Phase::Publishing {
            let stream_id = self.peer.publishing_on;
            let end = description.floor_char_boundary(MAX_WARNING_BYTES);
            self.command(stream_id, &reply::warning(&description[..end]));
        }
    }

    /// Asks the peer to connect again (Enhanced RTMP v2, Reconnect Request), if it announced that it can.
    #[must_use]
    pub fn request_reconnect(&mut self) -> bool {
        let can = self.phase == Phase::Publishing && self.peer.can_reconnect;
        if can {
            let status = reply::status("NetConnection.Connect.ReconnectRequest", "the server restarts");
            self.command(0, &status);
        }
        can
    }

    fn receive_chunks(&mut self, bytes: &[u8], now: Instant) -> Result<(), SessionError> {
        self.received += bytes.len() as u64;
        let mut input = bytes;
        while self.phase != Phase::Closing {
            let Some(message) = self.reader.read(&mut input)? else { break };
            self.message(message, now)?;
        }
        if self.received - self.acknowledged >= u64::from(self.peer_window) {
            self.acknowledged = self.received;
            // The sequence number is the count modulo 2³² (§5.4.3).
            let count = (self.received & u64::from(u32::MAX)).to_be_bytes();
            self.send(CONTROL, kind::ACKNOWLEDGEMENT, 0, count[4..].to_vec());
        }
        Ok(())
    }

    fn message(&mut self, message: Message, now: Instant) -> Result<(), SessionError> {
        match message.kind {
            kind::WINDOW_ACK_SIZE => {
                if let Some(size) = message.payload.first_chunk() {
                    self.peer_window = u32::from_be_bytes(*size).max(MIN_WINDOW_BYTES);
                }
            }
            kind::USER_CONTROL => self.user_control(&message.payload),
            kind::AUDIO | kind::VIDEO => self.media(message)?,
            kind::AGGREGATE => {
                for part in aggregate::parts(&message) {
                    let part = part?;
                    if matches!(part.kind, kind::AUDIO | kind::VIDEO) {
                        self.media(part)?;
                    }
                }
            }
            kind::DATA | kind::DATA_AMF3 => self.data(&message),
            kind::COMMAND | kind::COMMAND_AMF3 => {
                let (values, unread) = amf0::decode_prefix(values(&message));
                self.obey(message.stream_id, &values, unread, now);
            }
            // Acknowledgements need no answer, a publisher's bandwidth limit is never reached, and shared
            // objects are of another age.
            _ => {}
        }
        Ok(())
    }

    fn user_control(&mut self, payload: &[u8]) {
        /// Event type of a ping, and of its answer (§6.2).
        const PING: [u8; 2] = [0, 6];
        const PONG: [u8; 2] = [0, 7];
        if let Some((&PING, rest)) = payload.split_first_chunk()
            && let Some(time) = rest.first_chunk::<4>()
        {
            self.send(CONTROL, kind::USER_CONTROL, 0, [&PONG[..], time].concat());
        }
    }

    fn media(&mut self, message: Message) -> Result<(), SessionError> {
        let Message { kind, timestamp_ms, payload, .. } = message;
        match self.phase {
            // A message stream id that is not the published one is let pass: a connection has one
            // publisher, and some encoders use 0.
            Phase::Publishing | Phase::Asking => {
                self.events.push_back(if kind == kind::AUDIO {
                    Event::Audio { timestamp_ms, payload }
                } else {
                    Event::Video { timestamp_ms, payload }
                });
                Ok(())
            }
            // Messages that were on their way when the stream was closed.
            Phase::Closing => Ok(()),
            Phase::Handshake | Phase::Commands { .. } => Err(SessionError::MediaBeforePublish),
        }
    }

    fn data(&mut self, message: &Message) {
        if !matches!(self.phase, Phase::Publishing | Phase::Asking) {
            return;
        }
        // Metadata is a courtesy: what cannot be read is not a reason to end a broadcast.
        let (values, _) = amf0::decode_prefix(values(message));
        let mut values = &values[..];
        if let [Value::Text(name), rest @ ..] = values
            && name == "@setDataFrame"
        {
            values = rest;
        }
        if let [Value::Text(name), properties, ..] = values
            && name == "onMetaData"
        {
            self.events.push_back(Event::Metadata(Box::new(StreamMetadata::read(properties))));
        }
    }

    fn command(&mut self, stream_id: u32, values: &[Value]) {
        self.send(COMMANDS, kind::COMMAND, stream_id, amf0::encode(values));
    }

    fn send(&mut self, csid: u8, kind: u8, stream_id: u32, payload: Vec<u8>) {
        let message = Message { kind, timestamp_ms: 0, stream_id, payload: payload.into() };
        chunk::write(&message, csid, self.our_chunk_bytes, &mut self.output);
    }
}

/// The values of a command or data message: AMF3 ones start with a zero for "AMF0 follows". Values behind
/// [`MAX_AMF_BYTES`] are as good as unreadable.
fn values(message: &Message) -> &[u8] {
    let Message { kind, payload, .. } = message;
    let payload = &payload[..payload.len().min(MAX_AMF_BYTES)];
    match (*kind, payload) {
        (kind::COMMAND_AMF3 | kind::DATA_AMF3, [0, rest @ ..]) => rest,
        (_, whole) => whole,
    }
}

#[cfg(test)]
mod tests;
