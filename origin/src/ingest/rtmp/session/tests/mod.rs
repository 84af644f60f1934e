//! Tests of the session, with `rml_rtmp`'s client and hand-made commands as peers.

use proptest::prelude::*;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
};
use rml_rtmp::time::RtmpTimestamp;

use super::*;
use crate::ingest::StreamKey;

mod stop;
mod values;

/// A peer that speaks raw messages, past the handshake.
struct Peer {
    session: Session,
    now: Instant,
    reader: chunk::Reader,
}

impl Peer {
    fn new() -> Self {
        let now = Instant::now();
        let mut session = Session::new(now);
        shake_hands(&mut session, now);
        Self { session, now, reader: chunk::Reader::default() }
    }

    fn send(&mut self, kind: u8, stream_id: u32, payload: Vec<u8>) -> Result<(), SessionError> {
        let mut bytes = Vec::new();
        let message = Message { kind, timestamp_ms: 0, stream_id, payload: payload.into() };
        chunk::write(&message, 3, 128, &mut bytes);
        self.session.receive(&bytes, self.now)
    }

    fn call(&mut self, stream_id: u32, values: &[Value]) {
        self.send(kind::COMMAND, stream_id, amf0::encode(values)).unwrap();
    }

    fn answers(&mut self) -> Vec<Message> {
        let output = self.session.take_output();
        let mut input = &output[..];
        let mut messages = Vec::new();
        while let Some(message) = self.reader.read(&mut input).unwrap() {
            messages.push(message);
        }
        messages
    }

    /// Commands among the answers.
    fn replies(&mut self) -> Vec<Vec<Value>> {
        let answers = self.answers();
        answers
            .iter()
            .filter(|m| m.kind == kind::COMMAND)
            .map(|m| amf0::decode(&m.payload).unwrap())
            .collect()
    }

    /// The `code` of the last status, and its level.
    fn status(&mut self) -> (String, String) {
        let replies = self.replies();
        let info = replies.last().unwrap().last().unwrap();
        let text = |name| info.get(name).and_then(Value::as_text).unwrap_or_default().to_owned();
        (text("level"), text("code"))
    }

    fn connect(&mut self, app: &str) {
        let object = [("app", Value::text(app)), ("flashVer", Value::text("FMLE/3.0"))];
        self.call(0, &[Value::text("connect"), Value::Number(1.0), Value::object(object)]);
    }

    fn publish(&mut self, name: &str) {
        let values = ["publish", "", "", name, "live"].map(Value::text);
        let [command, _, _, name, mode] = values;
        self.call(1, &[command, Value::Number(5.0), Value::Null, name, mode]);
    }

    fn publishing() -> Self {
        let mut peer = Self::new();
        peer.connect("live");
        peer.publish("key");
        assert!(matches!(peer.session.next_event(), Some(Event::Publish(_))));
        peer.session.accept(peer.now);
        peer.answers();
        peer
    }
}

fn shake_hands(session: &mut Session, now: Instant) {
    let mut client = Handshake::new(PeerType::Client);
    session.receive(&client.generate_outbound_p0_and_p1().unwrap(), now).unwrap();
    let HandshakeProcessResult::Completed { response_bytes, .. } =
        client.process_bytes(&session.take_output()).unwrap()
    else {
        panic!("the client's handshake is not complete");
    };
    session.receive(&response_bytes, now).unwrap();
}

#[test]
fn the_commands_of_obs_and_ffmpeg_are_answered() {
    let mut peer = Peer::new();
    peer.connect("live");
    let connected = peer.replies();
    assert_eq!(connected[0][0], Value::text("_result"));
    assert!(connected[0][2].get("fmsVer").is_some());
    assert_eq!(connected[0][3].get("code"), Some(&Value::text("NetConnection.Connect.Success")));
    assert!(connected[0][3].get("fourCcList").is_some());
    for (id, name) in
        [(2.0, "releaseStream"), (3.0, "FCPublish"), (4.0, "_checkbw"), (5.0, "getStreamLength")]
    {
        peer.call(0, &[Value::text(name), Value::Number(id), Value::Null, Value::text("key")]);
        let replies = peer.replies();
        assert_eq!(replies[0][..2], [Value::text("_result"), Value::Number(id)], "{name}");
        assert_eq!(replies.len(), if name == "FCPublish" { 2 } else { 1 });
    }
    peer.call(0, &[Value::text("createStream"), Value::Number(6.0), Value::Null]);
    assert_eq!(peer.replies()[0][3], Value::Number(1.0));
    peer.call(0, &[Value::text("nonsense"), Value::Number(7.0), Value::Null]);
    assert_eq!(peer.replies()[0][0], Value::text("_error"));
    peer.publish("one/two");
    let Some(Event::Publish(request)) = peer.session.next_event() else { panic!("no request") };
    assert_eq!(request.key, StreamKey::new("one/two"), "a usual key means itself alone");
    assert_eq!(request.encoder, "FMLE/3.0");
    assert!(!format!("{request:?}").contains("one"), "keys are not printed");
    peer.session.accept(peer.now);
    assert_eq!(peer.status(), ("status".to_owned(), "NetStream.Publish.Start".to_owned()));
}

#[test]
fn a_peer_that_does_not_publish_yet_makes_this_side_hold_little() {
    let long = vec![0; PENDING_BYTES + 1];
    let mut peer = Peer::new();
    peer.connect("live");
    let error = peer.send(kind::DATA, 1, long.clone()).unwrap_err();
    assert!(matches!(error, SessionError::Chunk(ChunkError::MessageTooLong { .. })), "{error}");
    let mut peer = Peer::new();
    peer.connect("live");
    // Nor by many messages that are not finished.
    let mut held = Vec::new();
    for csid in 10..50 {
        held.extend([csid, 0, 0, 0, 0, 0x20, 0, kind::DATA, 1, 0, 0, 0]);
        held.extend([0; 128]);
    }
    peer.session.receive(&held, peer.now).unwrap();
    let mut more = Vec::new();
    for _ in 0..62 {
        for csid in 10..50 {
            more.push(0xc0 | csid);
            more.extend([0; 128]);
        }
    }
    let error = peer.session.receive(&more, peer.now).unwrap_err();
    assert!(matches!(error, SessionError::Chunk(ChunkError::TooMuchBuffered { .. })), "{error}");
    // Who asked to publish may send pictures.
    let mut peer = Peer::new();
    peer.connect("live");
    peer.publish("key");
    peer.send(kind::VIDEO, 1, long).unwrap();
}

#[test]
fn the_key_may_be_in_the_application() {
    let mut peer = Peer::new();
    peer.connect("live/secret");
    peer.publish("");
    let Some(Event::Publish(request)) = peer.session.next_event() else { panic!("no request") };
    assert_eq!(request.key.reveal(), "secret");
}

#[test]
fn another_application_a_missing_key_and_play_are_refused_with_a_status() {
    let mut peer = Peer::new();
    peer.connect("streamkey/live");
    assert_eq!(peer.status(), ("error".to_owned(), "NetConnection.Connect.Rejected".to_owned()));
    assert!(peer.session.is_closing());
    assert_eq!(peer.session.next_event(), Some(Event::Refused(Refusal::Application)));

    let mut peer = Peer::new();
    peer.connect("live");
    peer.publish("");
    assert_eq!(peer.status(), ("error".to_owned(), "NetStream.Publish.BadName".to_owned()));
    assert!(peer.session.is_closing());

    let mut peer = Peer::new();
    peer.connect("live");
    peer.call(1, &[Value::text("play"), Value::Number(3.0), Value::Null, Value::text("key")]);
    assert_eq!(peer.status(), ("error".to_owned(), "NetStream.Play.Failed".to_owned()));
    assert!(peer.session.is_closing());
}

#[test]
fn a_refused_key_gets_bad_name_and_nothing_more_is_read() {
    let mut peer = Peer::new();
    peer.connect("live");
    peer.publish("wrong");
    peer.session.next_event();
    peer.session.refuse("the stream key is wrong");
    assert_eq!(peer.status(), ("error".to_owned(), "NetStream.Publish.BadName".to_owned()));
    peer.send(kind::VIDEO, 1, vec![0x17]).unwrap();
    assert_eq!(peer.session.next_event(), None);
}

#[test]
fn media_metadata_and_unpublish_come_in_order() {
    let mut peer = Peer::publishing();
    let metadata = Value::object([("width", Value::Number(1280.0))]);
    let values = [Value::text("@setDataFrame"), Value::text("onMetaData"), metadata];
    peer.send(kind::DATA, 1, amf0::encode(&values)).unwrap();
    peer.send(kind::DATA, 1, vec![0xff]).unwrap();
    peer.send(kind::VIDEO, 1, vec![0x17, 2]).unwrap();
    peer.send(kind::AUDIO, 0, vec![0xaf, 1]).unwrap();
    peer.call(0, &[Value::text("FCUnpublish"), Value::Number(7.0), Value::Null]);
    assert!(matches!(peer.session.next_event(), Some(Event::Metadata(m)) if m.width == Some(1280)));
    assert!(matches!(peer.session.next_event(), Some(Event::Video { .. })));
    assert!(matches!(peer.session.next_event(), Some(Event::Audio { .. })));
    assert_eq!(peer.session.next_event(), Some(Event::Unpublish));
    assert!(peer.session.is_closing());
}

#[test]
fn media_of_one_that_does_not_publish_is_an_error() {
    let mut peer = Peer::new();
    assert!(matches!(peer.send(kind::VIDEO, 1, vec![0x17]), Err(SessionError::MediaBeforePublish)));
}

#[test]
fn commands_before_connect_are_refused() {
    let mut peer = Peer::new();
    peer.publish("key");
    assert_eq!(peer.replies()[0][0], Value::text("_error"));
    assert_eq!(peer.session.next_event(), None);
}

#[test]
fn pings_are_answered_and_received_bytes_acknowledged() {
    let mut peer = Peer::publishing();
    peer.send(kind::USER_CONTROL, 0, vec![0, 6, 1, 2, 3, 4]).unwrap();
    let answers = peer.answers();
    assert_eq!((answers[0].kind, &answers[0].payload[..]), (kind::USER_CONTROL, &[0, 7, 1, 2, 3, 4][..]));
    peer.send(kind::WINDOW_ACK_SIZE, 0, 20_000u32.to_be_bytes().to_vec()).unwrap();
    peer.send(kind::VIDEO, 1, vec![0x17; 25_000]).unwrap();
    let answers = peer.answers();
    assert_eq!(answers[0].kind, kind::ACKNOWLEDGEMENT);
    let count = u32::from_be_bytes(*answers[0].payload.first_chunk().unwrap());
    assert_eq!(u64::from(count), peer.session.received);
}

#[test]
fn each_phase_has_its_deadline() {
    let now = Instant::now();
    let mut session = Session::new(now);
    assert_eq!(session.expired(now), None);
    assert_eq!(session.expired(now + HANDSHAKE_DEADLINE), Some(Expired::Handshake));
    shake_hands(&mut session, now);
    assert_eq!(session.expired(now + HANDSHAKE_DEADLINE), None);
    assert_eq!(session.expired(now + PUBLISH_DEADLINE), Some(Expired::Publish));
    let mut peer = Peer::publishing();
    let start = peer.now;
    peer.now += SILENCE_DEADLINE - Duration::from_millis(1);
    assert_eq!(peer.session.expired(peer.now), None);
    peer.send(kind::AUDIO, 1, vec![0xaf]).unwrap();
    assert_eq!(peer.session.expired(start + SILENCE_DEADLINE), None);
    assert_eq!(peer.session.expired(peer.now + SILENCE_DEADLINE), Some(Expired::Silence));
}

#[test]
fn only_a_client_that_can_is_asked_to_connect_again() {
    assert!(!Peer::publishing().session.request_reconnect());
    let mut peer = Peer::new();
    let object = [("app", Value::text("live")), ("capsEx", Value::Number(3.0))];
    peer.call(0, &[Value::text("connect"), Value::Number(1.0), Value::object(object)]);
    peer.publish("key");
    peer.session.next_event();
    peer.session.accept(peer.now);
    peer.answers();
    assert!(peer.session.request_reconnect());
    assert_eq!(peer.status(), ("status".to_owned(), "NetConnection.Connect.ReconnectRequest".to_owned()));
}

#[test]
fn a_warning_is_told_to_who_publishes_and_ends_nothing() {
    let mut peer = Peer::new();
    peer.session.warn("nobody publishes yet");
    peer.connect("live");
    peer.publish("key");
    peer.session.next_event();
    peer.answers();
    peer.session.warn("nobody was let in yet");
    assert!(peer.answers().is_empty());

    let mut peer = Peer::publishing();
    for text in ["the audio has no sequence header", "", &"ä".repeat(MAX_WARNING_BYTES)] {
        peer.session.warn(text);
        let answers = peer.answers();
        assert_eq!((answers.len(), answers[0].kind, answers[0].stream_id), (1, kind::COMMAND, 1));
        let values = amf0::decode(&answers[0].payload).unwrap();
        assert_eq!(values[..3], [Value::text("onStatus"), Value::Number(0.0), Value::Null]);
        let said = |name| values[3].get(name).and_then(Value::as_text).unwrap().to_owned();
        assert_eq!((said("level"), said("code")), ("warning".into(), "NetStream.Publish.Warning".into()));
        let cut = text.len().min(MAX_WARNING_BYTES);
        assert_eq!(said("description"), text[..cut]);
    }
    assert!(!peer.session.is_closing());
    peer.send(kind::VIDEO, 1, vec![0x17, 2]).unwrap();
    assert!(matches!(peer.session.next_event(), Some(Event::Video { .. })));

    peer.session.fail("over");
    peer.answers();
    peer.session.warn("too late");
    assert!(peer.answers().is_empty());
}

#[test]
fn a_wrong_handshake_is_an_error() {
    let mut session = Session::new(Instant::now());
    assert!(matches!(
        session.receive(b"GET / HTTP/1.1\r\n", Instant::now()),
        Err(SessionError::Handshake(_))
    ));
}

/// Runs `rml_rtmp`'s client against a session until neither has anything to say; returns the
/// client's events.
fn converse(
    client: &mut ClientSession,
    session: &mut Session,
    first: Vec<u8>,
    split: usize,
) -> Vec<ClientSessionEvent> {
    let now = Instant::now();
    let mut events = Vec::new();
    let mut to_server = first;
    loop {
        for piece in to_server.chunks(split) {
            session.receive(piece, now).unwrap();
        }
        to_server = Vec::new();
        let to_client = session.take_output();
        if to_client.is_empty() {
            return events;
        }
        for result in client.handle_input(&to_client).unwrap() {
            match result {
                ClientSessionResult::OutboundResponse(packet) => to_server.extend(packet.bytes),
                ClientSessionResult::RaisedEvent(event) => events.push(event),
                ClientSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
    }
}

fn bytes(result: ClientSessionResult) -> Vec<u8> {
    match result {
        ClientSessionResult::OutboundResponse(packet) => packet.bytes,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn rml_rtmps_client_publishes_however_its_bytes_are_cut(split in 1usize..2000, video in proptest::collection::vec(any::<u8>(), 1..20_000)) {
        let now = Instant::now();
        let mut session = Session::new(now);
        shake_hands(&mut session, now);
        let (mut client, first) = ClientSession::new(ClientSessionConfig::new()).unwrap();
        for result in first {
            session.receive(&bytes(result), now).unwrap();
        }
        let connect = bytes(client.request_connection("live".to_owned()).unwrap());
        let events = converse(&mut client, &mut session, connect, split);
        prop_assert!(events.contains(&ClientSessionEvent::ConnectionRequestAccepted));
        let publish = bytes(client.request_publishing("key".to_owned(), PublishRequestType::Live).unwrap());
        converse(&mut client, &mut session, publish, split);
        prop_assert!(matches!(session.next_event(), Some(Event::Publish(_))));
        session.accept(now);
        let events = converse(&mut client, &mut session, Vec::new(), split);
        prop_assert!(events.contains(&ClientSessionEvent::PublishRequestAccepted));
        let frame = client.publish_video_data(Bytes::from(video.clone()), RtmpTimestamp::new(77), false).unwrap();
        converse(&mut client, &mut session, bytes(frame), split);
        prop_assert_eq!(session.next_event(), Some(Event::Video { timestamp_ms: 77, payload: video.into() }));
    }
}
