//! Sockets of the chat: who is let in, and who is cut off.

use std::time::Duration;

use farcast_chat::{Chat, Entry, Event, User};
use farcast_feed::time::WallTime;
use farcast_settings::{Ban, OperatorSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::PATIENCE;
use crate::edge::{CHATTERS, Edge, until};

pub(crate) async fn edge(runtime: OperatorSettings) -> Edge {
    let edge = Edge::new(Vec::new()).await;
    edge.inform(runtime);
    begun(edge).await
}

/// The log has to be read, too.
pub(crate) async fn begun(edge: Edge) -> Edge {
    let answers = async {
        while open(&edge, "/ws").await.0.contains(" 503 ") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, answers).await.unwrap();
    edge
}

async fn shake(socket: TcpStream, path: &str) -> (String, TcpStream) {
    shake_from(socket, path, "127.0.0.1").await
}

/// As a trusted proxy does it for somebody.
pub(crate) async fn shake_from(mut socket: TcpStream, path: &str, address: &str) -> (String, TcpStream) {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         X-Forwarded-For: {address}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(socket.read_u8().await.unwrap());
    }
    (String::from_utf8(answer).unwrap(), socket)
}

/// Opens a socket; gives the head of the answer.
pub(crate) async fn open(edge: &Edge, path: &str) -> (String, TcpStream) {
    shake(TcpStream::connect(edge.http).await.unwrap(), path).await
}

/// The next frame of the server: its opcode and payload.
pub(crate) async fn frame(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    tokio::time::timeout(PATIENCE, plain_frame(socket)).await.expect("a frame, or the end")
}

async fn plain_frame(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let first = socket.read_u8().await.ok()?;
    let len = match socket.read_u8().await.ok()? {
        126 => u64::from(socket.read_u16().await.ok()?),
        127 => socket.read_u64().await.ok()?,
        len => u64::from(len),
    };
    let mut payload = vec![0; usize::try_from(len).ok()?];
    socket.read_exact(&mut payload).await.ok()?;
    Some((first, payload))
}

/// The first frames up to the close frame; gives the types of events, and the code.
async fn ending(socket: &mut TcpStream) -> (Vec<String>, u16) {
    let mut types = Vec::new();
    loop {
        let (first, payload) = frame(socket).await.expect("a close frame before the end");
        if first == 0x88 {
            return (types, u16::from_be_bytes([payload[0], payload[1]]));
        }
        let event: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        types.push(event["type"].as_str().unwrap().to_owned());
    }
}

async fn register(edge: &Edge) -> (Chat, String) {
    let chat = Chat::new(edge.store.clone());
    let (_, token) = chat.register(User::new("Ada".to_owned(), WallTime::now())).await.unwrap();
    (chat, format!("/ws?accessToken={}", token.replace('=', "%3D")))
}

#[tokio::test]
async fn who_may_not_chat_is_told_as_owncast_does() {
    let edge = edge(OperatorSettings::default()).await;
    assert_eq!(ending(&mut open(&edge, "/ws").await.1).await, (vec![], 1008));
    let unknown = ending(&mut open(&edge, "/ws?accessToken=none").await.1).await;
    assert_eq!(unknown, (vec!["ERROR_NEEDS_REGISTRATION".to_owned()], 1008));
    let body = async |edge: &Edge, path: &str| {
        let (head, mut socket) = open(edge, path).await;
        let status = head.split(' ').nth(1).unwrap().parse::<u16>().unwrap();
        let length: usize =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap();
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await.unwrap();
        (status, String::from_utf8(body).unwrap())
    };
    let (_, path) = register(&edge).await;
    let mut here = Vec::new();
    for _ in 0..CHATTERS {
        let (head, mut socket) = open(&edge, &path).await;
        assert!(head.starts_with("HTTP/1.1 101 ") && !head.contains("content-length"), "{head}");
        assert!(frame(&mut socket).await.unwrap().1.starts_with(b"{\"type\":\"CONNECTED_USER_INFO\""));
        here.push(socket);
    }
    assert_eq!(body(&edge, &path).await, (200, "ERROR_MAX_CONNECTIONS_EXCEEDED".to_owned()));
    // One who goes makes room.
    here.pop();
    until(|| edge.metric("farcast_edge_chat_connections") == 3.0, "somebody left").await;
    here.push(open(&edge, &path).await.1);

    let address = "127.0.0.1".parse().unwrap();
    let ban = Ban { address, notes: String::new(), created_at: WallTime::now(), expires_at: None };
    edge.inform(OperatorSettings { chat_bans: vec![ban], ..OperatorSettings::default() });
    for socket in &mut here {
        assert_eq!(ending(socket).await.1, 1008);
    }
    assert_eq!(body(&edge, &path).await, (403, "banned".to_owned()));
    edge.inform(OperatorSettings { chat_disabled: true, ..OperatorSettings::default() });
    assert_eq!(body(&edge, &path).await, (200, "CHAT_DISABLED".to_owned()));
    drop(here);
    edge.stop().await;
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_nobody_else_notices() {
    let edge = edge(OperatorSettings::default()).await;
    let (chat, path) = register(&edge).await;
    let slow = TcpSocket::new_v4().unwrap();
    slow.set_recv_buffer_size(4096).unwrap();
    let (head, mut slow) = shake(slow.connect(edge.http).await.unwrap(), &path).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let (_, mut reader) = open(&edge, &path).await;
    // More than the ring and all buffers between hold.
    let count = 700;
    for n in 0..count {
        let event = Event::System { name: "Server".to_owned(), body: format!("{n:>60000}") };
        chat.tell(&[Entry::new(WallTime::now(), event)]).await.unwrap();
        let heard = loop {
            let (_, payload) = frame(&mut reader).await.expect("who reads stays");
            let event: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            if event["type"] == "SYSTEM" {
                break event["body"].as_str().unwrap().trim().parse::<usize>().unwrap();
            }
        };
        assert_eq!(heard, n);
    }
    until(|| edge.metric("farcast_edge_chat_connections") == 1.0, "the slow one is gone").await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, slow.read_to_end(&mut rest)).await.expect("its connection ends");
    assert!(rest.len() < count * 60_000, "{}", rest.len());
    edge.stop().await;
}

/// Nothing is lost between the answer that opens a socket and its first frame, however long its user is looked up.
#[tokio::test]
async fn whose_socket_is_open_hears_all_that_is_said_from_then_on() {
    let edge = edge(OperatorSettings::default()).await;
    let (chat, path) = register(&edge).await;
    // Their account was read; what comes next is not.
    edge.held.hold(Some("chat_last_client"));
    let (head, mut socket) = open(&edge, &path).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    edge.held.reached().await;
    let heard = |count: f64| {
        let edge = &edge;
        until(move || edge.metric("farcast_edge_chat_events_total") >= count, "the edge hears it")
    };
    chat.tell(&[Entry::new(WallTime::now(), Event::Action { body: "early".to_owned() })]).await.unwrap();
    heard(1.0).await;
    edge.held.hold(None);
    let (_, first) = frame(&mut socket).await.unwrap();
    assert!(first.starts_with(b"{\"type\":\"CONNECTED_USER_INFO\""), "{}", String::from_utf8_lossy(&first));
    chat.tell(&[Entry::new(WallTime::now(), Event::Action { body: "late".to_owned() })]).await.unwrap();
    for words in ["early", "late"] {
        let (_, said) = frame(&mut socket).await.unwrap();
        assert!(
            String::from_utf8_lossy(&said).contains(words),
            "{words}: {}",
            String::from_utf8_lossy(&said)
        );
    }
    edge.stop().await;
}

/// What became of a user between the reading of their record and their coming in is not lost either.
#[tokio::test]
async fn who_is_changed_while_they_come_is_told_who_they_are_now() {
    let edge = edge(OperatorSettings::default()).await;
    let chat = Chat::new(edge.store.clone());
    let (user, token) = chat.register(User::new("Ada".to_owned(), WallTime::now())).await.unwrap();
    let path = format!("/ws?accessToken={}", token.replace('=', "%3D"));
    edge.held.hold(Some("chat_last_client"));
    let (_, mut renamed) = open(&edge, &path).await;
    edge.held.reached().await;
    let account = chat.account(&user.id).await.unwrap().unwrap();
    chat.rename(account, "Ada Lovelace", 7, WallTime::now()).await.unwrap();
    chat.set_moderator(&user.id, true, WallTime::now()).await.unwrap();
    until(|| edge.metric("farcast_edge_chat_events_total") >= 2.0, "the edge hears it").await;
    edge.held.hold(None);
    let (_, info) = frame(&mut renamed).await.unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info["type"], "CONNECTED_USER_INFO");
    assert_eq!(
        (&info["user"]["displayName"], &info["user"]["scopes"][0]),
        (&"Ada Lovelace".into(), &"MODERATOR".into())
    );
    let (_, change) = frame(&mut renamed).await.unwrap();
    assert!(change.starts_with(b"{\"type\":\"NAME_CHANGE\""), "{}", String::from_utf8_lossy(&change));
    edge.stop().await;
}

/// A peer that vanished without a word: its network is gone, and nothing of it is heard.
#[tokio::test(start_paused = true)]
async fn who_is_not_heard_of_for_a_minute_is_gone_and_who_answers_stays() {
    let edge = edge(OperatorSettings::default()).await;
    let (_, path) = register(&edge).await;
    let began = tokio::time::Instant::now();
    let (_, mut silent) = open(&edge, &path).await;
    let (_, mut alive) = open(&edge, &path).await;
    // Time goes by itself while everybody waits.
    let answers = async {
        for _ in 0..5 {
            // Who it is, then pings.
            while let Some((0x81, _)) = plain_frame(&mut alive).await {}
            alive.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await.unwrap();
        }
    };
    let ends = async {
        let mut rest = Vec::new();
        silent.read_to_end(&mut rest).await.unwrap();
        (rest, began.elapsed())
    };
    let ((rest, gone_after), ()) = tokio::join!(ends, answers);
    assert!((60..62).contains(&gone_after.as_secs()), "{gone_after:?}");
    assert!(rest.ends_with(&[0x89, 0]), "it was asked, and then left: {rest:?}");
    assert!(began.elapsed() >= Duration::from_secs(4 * 54), "{:?}", began.elapsed());
    assert_eq!(edge.metric("farcast_edge_chat_connections"), 1.0);
    edge.shutdown.cancel();
}

#[tokio::test]
async fn an_edge_that_stops_tells_everybody_to_come_back() {
    let edge = edge(OperatorSettings::default()).await;
    let (_, path) = register(&edge).await;
    let (_, mut socket) = open(&edge, &path).await;
    frame(&mut socket).await.unwrap();
    let began = std::time::Instant::now();
    let ((), (_, code)) = tokio::join!(edge.stop(), async { ending(&mut socket).await });
    assert_eq!(code, 1012);
    assert!(began.elapsed() < Duration::from_secs(5));
}
