//! What a fuzzer calls: bytes of strangers, over UDP and TCP, and what must hold for the replies.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use hickory_proto::op::{Message, MessageType};

use crate::frames::Frames;
use crate::outcome::Transport;
use crate::records::{Addresses, Client, Family, Found, Records};
use crate::reply::MAX_UDP_REPLY;
use crate::responder::Responder;
use crate::zone::{Config, NameServer, Zone};

struct Fixed;

impl Records for Fixed {
    fn addresses(&self, host: &str, client: Client, _: Family) -> Found {
        match host {
            "none" => Found::NoHost,
            "later" => Found::NotReady,
            _ => Found::Host(Addresses {
                addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST), client.address],
                scope_prefix_len: 255,
            }),
        }
    }

    fn challenges(&self, host: &str) -> Vec<String> {
        vec![host.to_owned(), "x".repeat(300)]
    }
}

static RESPONDER: LazyLock<Option<Responder>> = LazyLock::new(|| {
    let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let server = NameServer { name: "ns1.live.example.org".to_owned(), addresses };
    let zone = Zone::new(&Config::new("live.example.org", vec![server])).ok()?;
    Some(Responder::new(zone, Arc::new(Fixed)))
});

/// Answers the bytes as a message of each transport, and as a stream. The reply is no larger than it may be, is a response
/// to the same query, and can be read by the reader of whole messages of `hickory-proto`, which the server does not use.
///
/// # Panics
/// When one of these does not hold.
pub fn answer(bytes: &[u8]) {
    let Some(responder) = RESPONDER.as_ref() else { return };
    check(responder, bytes, Transport::Udp, usize::from(MAX_UDP_REPLY));
    check(responder, bytes, Transport::Tcp, usize::from(u16::MAX));
    let (mut frames, mut rest) = (Frames::new(), bytes);
    while !rest.is_empty() {
        let space = frames.space();
        // Pieces of all sizes, as the bytes themselves say.
        let len = rest.len().min(space.len()).min(usize::from(rest[0]) + 1);
        space[..len].copy_from_slice(&rest[..len]);
        frames.came(len);
        rest = &rest[len..];
        loop {
            match frames.next() {
                Ok(Some(message)) => check(responder, message, Transport::Tcp, usize::from(u16::MAX)),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

fn check(responder: &Responder, message: &[u8], transport: Transport, limit: usize) {
    let Ok(answer) = responder.answer(message, IpAddr::V4(Ipv4Addr::LOCALHOST), transport) else { return };
    let mut reply = Vec::new();
    for is_written in [answer.write(&mut reply), answer.write_truncated(&mut reply)] {
        assert!(is_written, "a reply can always be written");
    }
    assert!(answer.write(&mut reply) && reply.len() <= limit, "{} bytes", reply.len());
    assert_eq!(reply[..2], message[..2], "the reply is to this query");
    let read = Message::from_vec(&reply).unwrap_or_else(|error| unreadable(&error, &reply));
    assert_eq!(read.metadata.message_type, MessageType::Response);
    assert!(!read.metadata.recursion_available);
}

#[expect(clippy::panic, reason = "this is the fuzzer's finding")]
fn unreadable(error: &dyn std::error::Error, reply: &[u8]) -> ! {
    panic!("the reply cannot be read: {error}: {reply:02x?}")
}
