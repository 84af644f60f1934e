//! Values that encoders put into commands and metadata: understood, answered, or skipped.

use super::*;

/// A property of a command object, written by hand.
fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(name.len()).unwrap().to_be_bytes();
    [&length[..], name.as_bytes(), value].concat()
}

/// `connect` with transaction 1 and this value in its object, before `app`.
fn connect_with(value: &[u8]) -> Vec<u8> {
    let head = amf0::encode(&[Value::text("connect"), Value::Number(1.0)]);
    let app = amf0::encode(&[Value::text("live")]);
    [head, vec![0x03], property("x", value), property("app", &app), vec![0, 0, 9]].concat()
}

/// Texts of the last answer's status.
fn said(peer: &mut Peer) -> (Value, String, String) {
    let replies = peer.replies();
    let last = replies.last().expect("no answer");
    let text = |name| last.last().unwrap().get(name).and_then(Value::as_text).unwrap_or_default().to_owned();
    (last[0].clone(), text("code"), text("description"))
}

/// `{app: "live"}`, up to the empty name that ends it.
const AMF3_OBJECT: [u8; 14] =
    [0x11, 0x0a, 0x0b, 0x01, 0x07, b'a', b'p', b'p', 0x06, 0x09, b'l', b'i', b'v', b'e'];

#[test]
fn connect_understands_every_type_of_value() {
    for value in [
        &[0x11, 0x04, 0x01][..],
        &[0x11, 0x05, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x11, 0x0a, 0x0b, 0x01, 0x03, b'k', 0x03, 0x01],
        &[0x11, 0x09, 0x03, 0x01, 0x06, 0x03, b'v'],
        &[0x11, 0x08, 0x01, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x11, 0x0c, 0x03, 0xff],
        &[0x11, 0x11, 0x03, 0, 0x06, 0x03, b'k', 0x01],
        &[0x0c, 0, 0, 0, 1, b'l'],
        &[0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x10, 0, 1, b'C', 0, 0, 9],
        &[0x07, 0, 0],
        &[0x0f, 0, 0, 0, 4, b'<', b'a', b'/', b'>'],
        &[0x0d],
        &[0x04],
        &[0x08, 0, 0, 0, 99, 0, 0, 9],
        &[0x0a, 0, 0, 0, 1, 0x05],
    ] {
        for (kind, prefix) in
            [(kind::COMMAND, &[][..]), (kind::COMMAND_AMF3, &[0]), (kind::COMMAND_AMF3, &[])]
        {
            let mut peer = Peer::new();
            peer.send(kind, 0, [prefix, &connect_with(value)].concat()).unwrap();
            assert_eq!(said(&mut peer).1, "NetConnection.Connect.Success", "{kind} {value:02x?}");
        }
    }
}

#[test]
fn the_whole_object_of_connect_may_be_amf3() {
    let id = [0x00, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0];
    let command = [&[0x02, 0, 7][..], b"connect", &id, &AMF3_OBJECT, &[0x01]].concat();
    let everything =
        [&[0x11, 0x06, 0x0f][..], b"connect", &[0x11, 0x04, 0x01], &AMF3_OBJECT, &[0x01]].concat();
    for connect in [command, everything] {
        let mut peer = Peer::new();
        peer.send(kind::COMMAND_AMF3, 0, [&[0][..], &connect].concat()).unwrap();
        assert_eq!(said(&mut peer).1, "NetConnection.Connect.Success");
        let publish = [&[0x11, 0x06, 0x0f][..], b"publish", &id, &[0x05, 0x11, 0x06, 0x07], b"key"].concat();
        peer.send(kind::COMMAND_AMF3, 1, [&[0][..], &publish].concat()).unwrap();
        let Some(Event::Publish(request)) = peer.session.next_event() else { panic!("no request") };
        assert_eq!(request.key.reveal(), "key");
    }
}

#[test]
fn what_cannot_be_read_in_connect_is_answered_with_what_is_wrong() {
    for value in [
        &[0xff][..],
        &[0x12],
        &[0x11, 0x12],
        &[0x11, 0x0a, 0x01],
        &[0x11, 0x0a, 0x07, 0x03, b'X', 0x01],
        &[0x11, 0x09, 0x03, 0x01].repeat(20),
        &[0x0a, 0xff, 0xff, 0xff, 0xff],
        &[0x0c, 0x7f, 0, 0, 0],
        &[0x0a, 0, 0, 0, 1].repeat(20),
    ] {
        let mut peer = Peer::new();
        peer.send(kind::COMMAND, 0, connect_with(value)).unwrap();
        let (command, code, description) = said(&mut peer);
        assert_eq!(
            (command, &code[..]),
            (Value::text("_error"), "NetConnection.Connect.Rejected"),
            "{value:02x?}"
        );
        assert!(description.starts_with("connect cannot be read: ") && description.contains("at byte"));
        assert!(peer.session.is_closing());
    }
    // Cut off, and one that is too long.
    let whole = connect_with(&[0x05]);
    for cut in 20..whole.len() {
        let mut peer = Peer::new();
        peer.send(kind::COMMAND, 0, whole[..cut].to_vec()).unwrap();
        assert_eq!(said(&mut peer).1, "NetConnection.Connect.Rejected", "{cut}");
    }
    let long = [&[0x0c, 0, 3, 0, 0][..], &[b'x'; 0x30000]].concat();
    let mut peer = Peer::new();
    peer.send(kind::COMMAND, 0, connect_with(&long)).unwrap();
    assert_eq!(said(&mut peer).1, "NetConnection.Connect.Rejected");
}

#[test]
fn publish_says_when_its_name_cannot_be_read_and_needs_no_more_than_that() {
    let head = amf0::encode(&[Value::text("publish"), Value::Number(5.0), Value::Null]);
    let name = amf0::encode(&[Value::text("key")]);
    let mut peer = Peer::new();
    peer.connect("live");
    peer.send(kind::COMMAND, 1, [&head[..], &[0xff]].concat()).unwrap();
    let (command, code, description) = said(&mut peer);
    assert_eq!((command, &code[..]), (Value::text("onStatus"), "NetStream.Publish.BadName"));
    assert!(description.starts_with("publish cannot be read: "), "{description}");
    assert!(peer.session.is_closing());

    let mut peer = Peer::new();
    peer.connect("live");
    peer.send(kind::COMMAND, 1, [&head[..], &name, &[0xff]].concat()).unwrap();
    assert!(matches!(peer.session.next_event(), Some(Event::Publish(_))));
}

#[test]
fn what_cannot_be_read_elsewhere_ends_nothing() {
    let unreadable = [0xffu8];
    for name in ["connect", "createStream", "publish", "deleteStream", "FCPublish", "anything", "onStatus"] {
        let mut peer = Peer::publishing();
        let head = amf0::encode(&[Value::text(name), Value::Number(5.0), Value::Null]);
        peer.send(kind::COMMAND, 1, [&head[..], &unreadable].concat()).unwrap();
        peer.send(kind::COMMAND, 1, amf0::encode(&[Value::text(name)])).unwrap();
        peer.send(kind::COMMAND, 1, [&[0x02, 0xff][..], name.as_bytes()].concat()).unwrap();
        assert!(!peer.session.is_closing(), "{name}");
        assert_eq!(peer.session.next_event(), None, "{name}");
    }
    let mut peer = Peer::publishing();
    for payload in [vec![0xff], vec![0x11], vec![0; 5], vec![0x05; 200_000]] {
        for kind in [kind::COMMAND, kind::COMMAND_AMF3, kind::DATA, kind::DATA_AMF3] {
            peer.send(kind, 1, payload.clone()).unwrap();
        }
    }
    peer.send(kind::VIDEO, 1, vec![0x17, 2]).unwrap();
    assert!(matches!(peer.session.next_event(), Some(Event::Video { .. })));
}

#[test]
fn metadata_may_be_amf3_in_part_or_whole_and_what_comes_after_it_does_not_matter() {
    let name = amf0::encode(&[Value::text("onMetaData")]);
    let amf0_object = [&[0x03][..], &property("width", &[0x11, 0x04, 0x8a, 0x00]), &[0, 0, 9]].concat();
    let amf3_object = [&[0x11, 0x0a, 0x0b, 0x01, 0x0b][..], b"width", &[0x04, 0x8a, 0x00, 0x01]].concat();
    let array = [&[0x11, 0x09, 0x01, 0x0b][..], b"width", &[0x04, 0x8a, 0x00, 0x01]].concat();
    for object in [amf0_object, amf3_object, array] {
        for (kind, prefix) in [(kind::DATA, &[][..]), (kind::DATA_AMF3, &[0]), (kind::DATA_AMF3, &[])] {
            for after in [&[][..], &[0xff]] {
                let mut peer = Peer::publishing();
                peer.send(kind, 1, [prefix, &name, &object, after].concat()).unwrap();
                let event = peer.session.next_event();
                assert!(
                    matches!(&event, Some(Event::Metadata(m)) if m.width == Some(1280)),
                    "{kind} {object:02x?} {event:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_refused_says_nothing_of_key_or_query() {
    for (app, name) in [("other/secret?token=hidden", ""), ("live", "")] {
        let mut peer = Peer::new();
        peer.connect(app);
        peer.publish(name);
        let output = String::from_utf8_lossy(&peer.session.take_output()).into_owned();
        assert!(!output.contains("secret") && !output.contains("hidden"));
    }
}

#[test]
fn addresses_are_read_from_connect_and_publish() {
    let mut peer = Peer::new();
    let object = [("app", Value::text("live")), ("tcUrl", Value::text("rtmp://h:1935/live/secret?x=1"))];
    peer.call(0, &[Value::text("connect"), Value::Number(1.0), Value::object(object)]);
    peer.publish("");
    let Some(Event::Publish(request)) = peer.session.next_event() else { panic!("no request") };
    assert!(request.key.candidates().any(|candidate| candidate == "secret"));

    for (app, name) in [("live?token=x", "secret"), ("live/secret/?x", ""), ("live/", "secret?priority=2")] {
        let mut peer = Peer::new();
        peer.connect(app);
        peer.publish(name);
        let Some(Event::Publish(request)) = peer.session.next_event() else { panic!("{app} {name}") };
        assert!(request.key.candidates().any(|candidate| candidate == "secret"), "{app} {name}");
        assert_eq!(request.application, "live");
    }
}
