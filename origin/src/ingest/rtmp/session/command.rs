//! Commands of the peer (RTMP 1.0 §7.2).

use std::time::Instant;

use super::address::Server;
use super::event::{PublishRequest, Refusal};
use super::{APPLICATION, CONTROL, Event, OUR_CHUNK_BYTES, OUR_WINDOW_BYTES, Phase, Session, kind, reply};
use crate::ingest::rtmp::amf0::{DecodeError, Value};
use crate::ingest::rtmp::flv::plain;

/// Most message streams that a peer may create. Encoders create one.
const MAX_STREAMS: u32 = 8;

/// The peer's own description.
#[derive(Debug, Default)]
pub(super) struct Peer {
    server: Server,
    encoder: String,
    pub(super) can_reconnect: bool,
    streams: u32,
    pub(super) publishing_on: u32,
    /// Other ids that the peer may use for the stream on which it publishes: one that publishes on 0 means the
    /// stream that it created for this.
    created: u32,
    /// The name of the stream as it was published.
    published: Name,
}

/// A stream's name, which is or has the key: never printed.
#[derive(Default)]
struct Name(String);

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Name(…)")
    }
}

impl Peer {
    /// True if a stream id is that of the published stream.
    fn is_own_stream(&self, id: f64) -> bool {
        id == f64::from(self.publishing_on) || id == f64::from(self.created)
    }

    /// True if a name is that of the published stream. One that says none means the only one that there is.
    fn is_own_name(&self, name: Option<&Value>) -> bool {
        match name {
            None | Some(Value::Null | Value::Undefined) => true,
            Some(Value::Text(name)) => name.trim().is_empty() || self.server.is_same(name, &self.published.0),
            Some(_) => false,
        }
    }
}

impl Session {
    /// Obeys a command: name, transaction, object, arguments. A senseless command is answered with an error
    /// if it wants an answer, and otherwise ignored.
    ///
    /// `unread` is the fault in the value after the last one. It matters only to a command that cannot do without.
    pub(super) fn obey(
        &mut self,
        stream_id: u32,
        values: &[Value],
        unread: Option<DecodeError>,
        now: Instant,
    ) {
        let [name, rest @ ..] = values else { return };
        let id = rest.first().and_then(Value::as_number).unwrap_or(0.0);
        let Value::Text(name) = name else {
            if id > 0.0 {
                self.command(
                    0,
                    &reply::failed(id, "NetConnection.Call.Failed", "a command begins with its name"),
                );
            }
            return;
        };
        let argument = |index: usize| rest.get(index + 2);
        match name.as_str() {
            "connect" => {
                if let (Some(error), Phase::Commands { connected: false }) = (unread, self.phase) {
                    let text = format!("connect cannot be read: {error}");
                    self.command(0, &reply::failed(id, "NetConnection.Connect.Rejected", &text));
                    self.phase = Phase::Closing;
                    return;
                }
                self.connect(id, rest.get(1).unwrap_or(&Value::Null));
            }
            // Answers to what this server calls, which is nothing.
            "_result" | "_error" | "onStatus" => {}
            _ if self.phase == (Phase::Commands { connected: false }) => {
                let text = "connect comes first";
                self.command(0, &reply::failed(id, "NetConnection.Call.Failed", text));
            }
            "createStream" => self.create_stream(id),
            "publish" => {
                if let (Some(error), None, Phase::Commands { .. }) = (unread, argument(0), self.phase) {
                    let text = format!("publish cannot be read: {error}");
                    self.command(stream_id, &reply::error("NetStream.Publish.BadName", &text));
                    self.phase = Phase::Closing;
                    return;
                }
                let name = argument(0).and_then(Value::as_text).unwrap_or_default();
                self.publish(stream_id, name, now);
            }
            "FCPublish" => {
                self.command(0, &reply::result(id, Value::Undefined));
                self.command(0, &reply::notice("onFCPublish", "NetStream.Publish.Start"));
            }
            "FCUnpublish" => {
                self.command(0, &reply::result(id, Value::Undefined));
                if self.peer.is_own_name(argument(0)) {
                    self.command(0, &reply::notice("onFCUnpublish", "NetStream.Unpublish.Success"));
                    self.unpublish();
                }
            }
            // The stream is an argument of the one, and that of the message for the other.
            "deleteStream" | "closeStream" => {
                // Neither is answered by the standard (§7.2.2.3), but a transaction wants an answer.
                if id > 0.0 {
                    self.command(0, &reply::result(id, Value::Undefined));
                }
                let stream = match name.as_str() {
                    "closeStream" => Some(f64::from(stream_id)),
                    _ => argument(0).and_then(Value::as_number),
                };
                if stream.is_some_and(|stream| self.peer.is_own_stream(stream)) {
                    self.unpublish();
                }
            }
            "releaseStream" | "_checkbw" | "FCSubscribe" => {
                self.command(0, &reply::result(id, Value::Undefined));
            }
            "getStreamLength" => self.command(0, &reply::result(id, Value::Number(0.0))),
            "play" | "play2" => {
                let text = "this server takes broadcasts by RTMP; watch them over HTTP";
                self.command(stream_id, &reply::error("NetStream.Play.Failed", text));
                // A peer that publishes gets an error, and goes on.
                if !matches!(self.phase, Phase::Publishing | Phase::Asking) {
                    self.close(Refusal::Play);
                }
            }
            _ if id > 0.0 => {
                let text = "no such command";
                self.command(0, &reply::failed(id, "NetConnection.Call.Failed", text));
            }
            _ => {}
        }
    }

    fn connect(&mut self, id: f64, object: &Value) {
        if self.phase != (Phase::Commands { connected: false }) {
            self.command(0, &reply::failed(id, "NetConnection.Connect.Failed", "already connected"));
            return;
        }
        let text = |name| object.get(name).and_then(Value::as_text).unwrap_or_default();
        let Some(server) = Server::read(text("app"), text("tcUrl")) else {
            let description = "the server address must end in /live";
            self.command(0, &reply::failed(id, "NetConnection.Connect.Rejected", description));
            self.close(Refusal::Application);
            return;
        };
        self.peer.server = server;
        self.peer.encoder = plain(text("flashVer"));
        let capabilities = object.get("capsEx").and_then(Value::as_number).unwrap_or(0.0);
        // `Reconnect` is the lowest bit of `CapsExMask`: the number is odd.
        self.peer.can_reconnect = capabilities.rem_euclid(2.0).floor() == 1.0;
        let encoding = object.get("objectEncoding").and_then(Value::as_number).unwrap_or(0.0);

        self.send(CONTROL, kind::WINDOW_ACK_SIZE, 0, OUR_WINDOW_BYTES.to_be_bytes().to_vec());
        /// Limit type "dynamic" (§5.4.5).
        const DYNAMIC: u8 = 2;
        let bandwidth = [&OUR_WINDOW_BYTES.to_be_bytes()[..], &[DYNAMIC]].concat();
        self.send(CONTROL, kind::SET_PEER_BANDWIDTH, 0, bandwidth);
        let size = u32::try_from(OUR_CHUNK_BYTES).unwrap_or(u32::MAX).to_be_bytes();
        self.send(CONTROL, kind::SET_CHUNK_SIZE, 0, size.to_vec());
        self.our_chunk_bytes = OUR_CHUNK_BYTES;
        self.command(0, &reply::connected(id, encoding));
        self.phase = Phase::Commands { connected: true };
    }

    fn create_stream(&mut self, id: f64) {
        if self.peer.streams >= MAX_STREAMS {
            self.command(0, &reply::failed(id, "NetConnection.Call.Failed", "too many streams"));
            return;
        }
        self.peer.streams += 1;
        self.command(0, &reply::result(id, Value::Number(f64::from(self.peer.streams))));
    }

    fn publish(&mut self, stream_id: u32, name: &str, now: Instant) {
        if self.phase != (Phase::Commands { connected: true }) {
            let text = "this connection publishes already";
            self.command(stream_id, &reply::error("NetStream.Publish.BadName", text));
            return;
        }
        let Some(key) = self.peer.server.key(name) else {
            let text = "the stream key is missing";
            self.command(stream_id, &reply::error("NetStream.Publish.BadName", text));
            self.close(Refusal::NoKey);
            return;
        };
        self.peer.publishing_on = stream_id;
        self.peer.created = if stream_id == 0 { self.peer.streams.max(1) } else { stream_id };
        self.peer.published = Name(name.to_owned());
        self.phase = Phase::Asking;
        // Frames may follow at once. They are not read before the key was checked, except for those that came with it.
        self.reader.allow_all();
        self.deadline = now + super::SILENCE_DEADLINE;
        self.events.push_back(Event::Publish(PublishRequest {
            key,
            application: APPLICATION.to_owned(),
            encoder: self.peer.encoder.clone(),
        }));
    }

    fn unpublish(&mut self) {
        if matches!(self.phase, Phase::Publishing | Phase::Asking) {
            let stream_id = self.peer.publishing_on;
            self.command(stream_id, &reply::status("NetStream.Unpublish.Success", "unpublished"));
            self.phase = Phase::Closing;
            self.events.push_back(Event::Unpublish);
        }
    }

    fn close(&mut self, refusal: Refusal) {
        self.phase = Phase::Closing;
        self.events.push_back(Event::Refused(refusal));
    }
}
