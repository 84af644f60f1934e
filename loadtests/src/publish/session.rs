//! An RTMP publisher without sockets (RTMP 1.0 §5.2, §7.2), around `rml_rtmp`'s handshake and
//! client session: bytes in, bytes and progress out.

use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
    StreamMetadata,
};
use rml_rtmp::time::RtmpTimestamp;

use crate::flv::{Tag, TagKind};
use crate::publish::target::Target;

/// The reason why a publisher could not go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PublishError {
    /// The server said no.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The server's bytes have no meaning, or the library refused to make ours.
    #[error("RTMP: {0}")]
    Protocol(String),
    /// Media was offered before the server accepted the stream.
    #[error("not accepted yet")]
    TooEarly,
}

/// The stages of a publisher's session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The handshake is under way.
    Handshake,
    /// `connect` or `publish` is under way.
    Asking,
    /// The server waits for media.
    Publishing,
}

/// A publisher.
pub struct Session {
    target: Target,
    state: State,
    output: Vec<u8>,
}

enum State {
    Handshake(Box<Handshake>),
    Session { session: Box<ClientSession>, accepted: bool },
}

impl Session {
    /// A publisher whose first bytes are in [`Session::take_output`].
    ///
    /// # Errors
    /// When the handshake cannot be made.
    pub fn new(target: Target) -> Result<Self, PublishError> {
        let mut handshake = Handshake::new(PeerType::Client);
        let output = handshake.generate_outbound_p0_and_p1().map_err(protocol)?;
        Ok(Self { target, state: State::Handshake(Box::new(handshake)), output })
    }

    /// The present stage.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match &self.state {
            State::Handshake(_) => Stage::Handshake,
            State::Session { accepted: false, .. } => Stage::Asking,
            State::Session { accepted: true, .. } => Stage::Publishing,
        }
    }

    /// Bytes to send.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Takes what the server sent.
    ///
    /// # Errors
    /// When the server refuses, or its bytes have no meaning.
    pub fn handle_input(&mut self, bytes: &[u8]) -> Result<(), PublishError> {
        match &mut self.state {
            State::Handshake(handshake) => match handshake.process_bytes(bytes).map_err(protocol)? {
                HandshakeProcessResult::InProgress { response_bytes } => {
                    self.output.extend(response_bytes);
                    Ok(())
                }
                HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                    self.output.extend(response_bytes);
                    self.connect(&remaining_bytes)
                }
            },
            State::Session { session, .. } => {
                let results = session.handle_input(bytes).map_err(protocol)?;
                self.handle_results(results)
            }
        }
    }

    /// Sends a tag.
    ///
    /// # Errors
    /// When the server has not accepted the stream yet.
    pub fn publish(&mut self, tag: &Tag, time_ms: u32) -> Result<(), PublishError> {
        let State::Session { session, accepted: true } = &mut self.state else {
            return Err(PublishError::TooEarly);
        };
        let time = RtmpTimestamp::new(time_ms);
        let result = match tag.kind {
            TagKind::Audio => session.publish_audio_data(tag.body.clone(), time, false),
            TagKind::Video => session.publish_video_data(tag.body.clone(), time, false),
            TagKind::Script => session.publish_metadata(&StreamMetadata {
                encoder: Some("farcast-load".to_owned()),
                ..StreamMetadata::new()
            }),
        };
        let result = result.map_err(protocol)?;
        self.handle_results(vec![result])
    }

    /// Says that the stream is over (`deleteStream`).
    ///
    /// # Errors
    /// When the message cannot be made.
    pub fn finish(&mut self) -> Result<(), PublishError> {
        let State::Session { session, .. } = &mut self.state else { return Ok(()) };
        let results = session.stop_publishing().map_err(protocol)?;
        self.handle_results(results)
    }

    fn connect(&mut self, remaining: &[u8]) -> Result<(), PublishError> {
        let Target { authority, app, .. } = &self.target;
        let mut config = ClientSessionConfig::new();
        config.tc_url = Some(format!("rtmp://{authority}/{app}"));
        let (mut session, mut results) = ClientSession::new(config).map_err(protocol)?;
        results.push(session.request_connection(app.clone()).map_err(protocol)?);
        results.extend(session.handle_input(remaining).map_err(protocol)?);
        self.state = State::Session { session: Box::new(session), accepted: false };
        self.handle_results(results)
    }

    fn handle_results(&mut self, results: Vec<ClientSessionResult>) -> Result<(), PublishError> {
        let State::Session { session, accepted } = &mut self.state else { return Ok(()) };
        for result in results {
            let event = match result {
                ClientSessionResult::OutboundResponse(packet) => {
                    self.output.extend(packet.bytes);
                    continue;
                }
                ClientSessionResult::RaisedEvent(event) => event,
                ClientSessionResult::UnhandleableMessageReceived(_) => continue,
            };
            match event {
                ClientSessionEvent::ConnectionRequestAccepted => {
                    let key = self.target.key.clone();
                    let asked =
                        session.request_publishing(key, PublishRequestType::Live).map_err(protocol)?;
                    if let ClientSessionResult::OutboundResponse(packet) = asked {
                        self.output.extend(packet.bytes);
                    }
                }
                ClientSessionEvent::ConnectionRequestRejected { description } => {
                    return Err(PublishError::Refused(description));
                }
                ClientSessionEvent::PublishRequestAccepted => *accepted = true,
                ClientSessionEvent::UnhandleableOnStatusCode { code }
                    if code != "NetStream.Unpublish.Success" =>
                {
                    return Err(PublishError::Refused(code));
                }
                ClientSessionEvent::UnhandleableAmf0Command { command_name, .. }
                    if command_name == "_error" =>
                {
                    return Err(PublishError::Refused(command_name));
                }
                // An `_error` without a transaction: the server's answer to `publish`.
                ClientSessionEvent::UnknownTransactionResultReceived { additional_values, .. }
                    if !*accepted =>
                {
                    if let Some(code) = refusal(&additional_values) {
                        return Err(PublishError::Refused(code));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The code of a status object whose level is an error.
fn refusal(values: &[rml_amf0::Amf0Value]) -> Option<String> {
    values.iter().find_map(|value| {
        let rml_amf0::Amf0Value::Object(object) = value else { return None };
        let text = |name| match object.get(name) {
            Some(rml_amf0::Amf0Value::Utf8String(text)) => text.as_str(),
            _ => "",
        };
        ["_error", "error"].contains(&text("level")).then(|| text("code").to_owned())
    })
}

fn protocol(error: impl std::fmt::Debug) -> PublishError {
    PublishError::Protocol(format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rml_rtmp::sessions::{ServerSession, ServerSessionConfig, ServerSessionEvent, ServerSessionResult};

    use super::*;

    /// `rml_rtmp`'s server, which accepts the stream key `good` only.
    struct Server {
        handshake: Handshake,
        session: Option<ServerSession>,
        media: Vec<(TagKind, u32, Bytes)>,
        finished: bool,
    }

    impl Server {
        fn new() -> Self {
            let handshake = Handshake::new(PeerType::Server);
            Self { handshake, session: None, media: Vec::new(), finished: false }
        }

        fn handle(&mut self, bytes: &[u8]) -> Vec<u8> {
            if let Some(session) = &mut self.session {
                let results = session.handle_input(bytes).unwrap();
                return self.results(results);
            }
            match self.handshake.process_bytes(bytes).unwrap() {
                HandshakeProcessResult::InProgress { response_bytes } => response_bytes,
                HandshakeProcessResult::Completed { mut response_bytes, remaining_bytes } => {
                    let (mut session, mut results) = ServerSession::new(ServerSessionConfig::new()).unwrap();
                    results.extend(session.handle_input(&remaining_bytes).unwrap());
                    self.session = Some(session);
                    response_bytes.extend(self.results(results));
                    response_bytes
                }
            }
        }

        fn results(&mut self, results: Vec<ServerSessionResult>) -> Vec<u8> {
            let mut out = Vec::new();
            for result in results {
                let event = match result {
                    ServerSessionResult::OutboundResponse(packet) => {
                        out.extend(packet.bytes);
                        continue;
                    }
                    ServerSessionResult::RaisedEvent(event) => event,
                    ServerSessionResult::UnhandleableMessageReceived(_) => continue,
                };
                let session = self.session.as_mut().unwrap();
                let more = match event {
                    ServerSessionEvent::ConnectionRequested { request_id, app_name } => {
                        assert_eq!(app_name, "live");
                        session.accept_request(request_id).unwrap()
                    }
                    ServerSessionEvent::PublishStreamRequested { request_id, stream_key, .. } => {
                        if stream_key == "good" {
                            session.accept_request(request_id).unwrap()
                        } else {
                            session.reject_request(request_id, "NetStream.Publish.Denied", "no").unwrap()
                        }
                    }
                    ServerSessionEvent::VideoDataReceived { data, timestamp, .. } => {
                        self.media.push((TagKind::Video, timestamp.value, data));
                        continue;
                    }
                    ServerSessionEvent::AudioDataReceived { data, timestamp, .. } => {
                        self.media.push((TagKind::Audio, timestamp.value, data));
                        continue;
                    }
                    ServerSessionEvent::PublishStreamFinished { .. } => {
                        self.finished = true;
                        continue;
                    }
                    _ => continue,
                };
                out.extend(self.results(more));
            }
            out
        }
    }

    fn talk(client: &mut Session, server: &mut Server, piece: usize) -> Result<(), PublishError> {
        loop {
            let to_server = client.take_output();
            if to_server.is_empty() {
                return Ok(());
            }
            for bytes in to_server.chunks(piece) {
                for answer in server.handle(bytes).chunks(piece) {
                    client.handle_input(answer)?;
                }
            }
        }
    }

    fn client(key: &str) -> Session {
        Session::new(format!("rtmp://localhost/live/{key}").parse().unwrap()).unwrap()
    }

    #[test]
    fn media_reaches_a_server_however_the_bytes_are_cut() {
        for piece in [1, 7, 1000, 100_000] {
            let (mut client, mut server) = (client("good"), Server::new());
            let tag = Tag { kind: TagKind::Video, time_ms: 0, body: Bytes::from(vec![7; 10_000]) };
            assert_eq!(client.publish(&tag, 0), Err(PublishError::TooEarly));
            talk(&mut client, &mut server, piece).unwrap();
            assert_eq!(client.stage(), Stage::Publishing);
            client.publish(&tag, 5).unwrap();
            client
                .publish(&Tag { kind: TagKind::Audio, time_ms: 0, body: Bytes::from_static(b"a") }, 6)
                .unwrap();
            client.finish().unwrap();
            talk(&mut client, &mut server, piece).unwrap();
            let seen: Vec<_> =
                server.media.iter().map(|(kind, time, body)| (*kind, *time, body.len())).collect();
            assert_eq!(seen, [(TagKind::Video, 5, 10_000), (TagKind::Audio, 6, 1)]);
            assert!(server.finished);
        }
    }

    #[test]
    fn a_refusal_is_an_error() {
        let (mut client, mut server) = (client("bad"), Server::new());
        assert!(matches!(talk(&mut client, &mut server, 4096), Err(PublishError::Refused(_))));
    }

    #[test]
    fn nonsense_from_a_server_is_an_error() {
        let mut client = client("good");
        assert!(client.handle_input(&[9; 4000]).is_err());
    }
}
