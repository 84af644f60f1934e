//! Commands that end a broadcast, and some that only look like it.

use super::*;

impl Peer {
    /// Publishes as `name` on a message stream, after as many `createStream` as it takes.
    fn publishing_on(stream_id: u32, created: u32, name: &str) -> Self {
        let mut peer = Self::new();
        peer.connect("live");
        for _ in 0..created {
            peer.call(0, &[Value::text("createStream"), Value::Number(2.0), Value::Null]);
        }
        let [command, name, mode] = ["publish", name, "live"].map(Value::text);
        peer.call(stream_id, &[command, Value::Number(5.0), Value::Null, name, mode]);
        assert!(matches!(peer.session.next_event(), Some(Event::Publish(_))));
        peer.session.accept(peer.now);
        peer.answers();
        peer
    }

    /// Sends a command with transaction 9 and returns its arguments and how it was answered.
    fn command(&mut self, stream_id: u32, name: &str, arguments: &[Value]) -> Vec<Vec<Value>> {
        let head = [Value::text(name), Value::Number(9.0), Value::Null];
        self.call(stream_id, &[&head[..], arguments].concat());
        self.replies()
    }

    /// True if the broadcast goes on: media is taken, and nothing is over.
    fn goes_on(&mut self) -> bool {
        if self.session.is_closing() || self.session.next_event().is_some() {
            return false;
        }
        self.send(kind::VIDEO, 1, vec![0x17, 2]).unwrap();
        matches!(self.session.next_event(), Some(Event::Video { .. }))
    }

    fn has_unpublished(&mut self) -> bool {
        self.session.is_closing() && self.session.next_event() == Some(Event::Unpublish)
    }
}

fn is_result(reply: &[Value]) -> bool {
    reply[..2] == [Value::text("_result"), Value::Number(9.0)]
}

#[test]
fn delete_stream_ends_the_published_stream_and_no_other() {
    for sent_on in [0, 1, 2] {
        let mut peer = Peer::publishing_on(1, 1, "key");
        let replies = peer.command(sent_on, "deleteStream", &[Value::Number(1.0)]);
        assert!(is_result(&replies[0]));
        assert!(peer.has_unpublished());
    }
    for other in [
        Value::Number(0.0),
        Value::Number(2.0),
        Value::Number(1.5),
        Value::Number(-1.0),
        Value::Number(4_294_967_297.0),
        Value::Number(f64::NAN),
        Value::Number(f64::INFINITY),
        Value::text("1"),
        Value::Boolean(true),
        Value::Null,
        Value::Undefined,
        Value::Array(vec![Value::Number(1.0)]),
        Value::object([("id", Value::Number(1.0))]),
    ] {
        for stream_id in [0, 1, 2] {
            let mut peer = Peer::publishing_on(1, 2, "key");
            let replies = peer.command(stream_id, "deleteStream", std::slice::from_ref(&other));
            assert!(replies.len() == 1 && is_result(&replies[0]), "{other:?}");
            assert!(peer.goes_on(), "{other:?}");
        }
    }
    let mut peer = Peer::publishing_on(1, 1, "key");
    peer.command(0, "deleteStream", &[]);
    assert!(peer.goes_on(), "no stream at all");
}

#[test]
fn a_second_stream_comes_and_goes_beside_the_first() {
    for published_on in [0, 1] {
        let mut peer = Peer::publishing_on(published_on, 1, "key");
        let created = peer.command(0, "createStream", &[]);
        assert_eq!(created[0][3], Value::Number(2.0));
        assert!(is_result(&peer.command(0, "deleteStream", &[Value::Number(2.0)])[0]));
        peer.command(2, "closeStream", &[]);
        peer.command(0, "releaseStream", &[Value::text("other")]);
        assert!(peer.goes_on());
        peer.command(0, "deleteStream", &[Value::Number(1.0)]);
        assert!(peer.has_unpublished(), "published on {published_on}");
    }
    // Published on the second one.
    let mut peer = Peer::publishing_on(2, 2, "key");
    peer.command(0, "deleteStream", &[Value::Number(1.0)]);
    assert!(peer.goes_on());
    peer.command(0, "deleteStream", &[Value::Number(2.0)]);
    assert!(peer.has_unpublished());
}

#[test]
fn who_publishes_on_message_stream_0_can_stop_by_either_number() {
    for created in [0, 1] {
        for id in [0.0, 1.0] {
            let mut peer = Peer::publishing_on(0, created, "key");
            peer.command(0, "deleteStream", &[Value::Number(2.0)]);
            assert!(peer.goes_on());
            peer.command(0, "deleteStream", &[Value::Number(id)]);
            assert!(peer.has_unpublished(), "{created} {id}");
        }
        let mut peer = Peer::publishing_on(0, created, "key");
        peer.command(0, "closeStream", &[]);
        assert!(peer.has_unpublished());
    }
}

#[test]
fn close_stream_closes_the_stream_that_it_is_sent_on() {
    for other in [0, 2, 7, u32::MAX] {
        let mut peer = Peer::publishing_on(1, 1, "key");
        let replies = peer.command(other, "closeStream", &[]);
        assert!(replies.len() == 1 && is_result(&replies[0]), "{other}");
        assert!(peer.goes_on(), "{other}");
    }
    let mut peer = Peer::publishing_on(1, 1, "key");
    peer.call(1, &[Value::text("closeStream"), Value::Number(0.0), Value::Null]);
    assert_eq!(peer.status(), ("status".to_owned(), "NetStream.Unpublish.Success".to_owned()));
    assert!(peer.has_unpublished());
}

#[test]
fn fc_unpublish_ends_the_stream_that_it_names_and_no_other() {
    for own in [
        vec![],
        vec![Value::Null],
        vec![Value::Undefined],
        vec![Value::text("")],
        vec![Value::text(" ")],
        vec![Value::text("one/key?priority=2")],
        vec![Value::text("one/key")],
        vec![Value::text("/one/key/")],
        vec![Value::text("one%2Fkey")],
        vec![Value::text("rtmp://h/live/one/key")],
    ] {
        let mut peer = Peer::publishing_on(1, 1, "one/key?priority=2");
        let replies = peer.command(0, "FCUnpublish", &own);
        assert!(is_result(&replies[0]), "{own:?}");
        assert_eq!(replies[1][0], Value::text("onFCUnpublish"));
        assert!(peer.has_unpublished(), "{own:?}");
    }
    for other in [
        Value::text("other"),
        Value::text("key"),
        Value::text("one"),
        Value::text("ONE/KEY"),
        Value::text("one/key2"),
        Value::Number(1.0),
        Value::Boolean(false),
        Value::Array(vec![]),
    ] {
        let mut peer = Peer::publishing_on(1, 1, "one/key?priority=2");
        let replies = peer.command(0, "FCUnpublish", std::slice::from_ref(&other));
        assert!(replies.len() == 1 && is_result(&replies[0]), "{other:?}");
        assert!(peer.goes_on(), "{other:?}");
    }
}

#[test]
fn every_command_that_wants_an_answer_gets_one_and_the_broadcast_goes_on() {
    for (name, arguments) in [
        ("connect", vec![Value::object([("app", Value::text("live"))])]),
        ("createStream", vec![]),
        ("releaseStream", vec![Value::text("key")]),
        ("releaseStream", vec![Value::text("other")]),
        ("FCPublish", vec![Value::text("other")]),
        ("publish", vec![Value::text("other")]),
        ("play", vec![Value::text("key")]),
        ("play2", vec![Value::Null]),
        ("getStreamLength", vec![]),
        ("pause", vec![Value::Boolean(true)]),
        ("seek", vec![Value::Number(1.0)]),
        ("receiveVideo", vec![Value::Boolean(false)]),
        ("", vec![]),
        ("anything", vec![Value::Null]),
    ] {
        let mut peer = Peer::publishing_on(1, 1, "key");
        let replies = peer.command(1, name, &arguments);
        assert!(!replies.is_empty(), "{name}");
        assert!(peer.goes_on(), "{name}");
    }
    // A name that is none, with a transaction.
    let mut peer = Peer::publishing_on(1, 1, "key");
    peer.call(0, &[Value::Null, Value::Number(9.0)]);
    assert_eq!(peer.replies()[0][..2], [Value::text("_error"), Value::Number(9.0)]);
    // What wants no answer gets none.
    for name in ["deleteStream", "anything", "_result", "onStatus"] {
        peer.call(0, &[Value::text(name), Value::Number(0.0), Value::Null]);
        assert!(peer.answers().is_empty(), "{name}");
    }
    assert!(peer.goes_on());
}

#[test]
fn names_of_streams_are_not_printed() {
    let peer = Peer::publishing_on(1, 1, "secret?token=hidden");
    let printed = format!("{:?}{:?}", peer.session, peer.session.peer);
    assert!(!printed.contains("secret") && !printed.contains("hidden"), "{printed}");
}
