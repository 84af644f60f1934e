//! Connections: many requests at once, viewers who leave, dawdle or do not read, shutdown.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use farcast_edge::serve::Config;
use farcast_settings::OperatorSettings;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::client::{Client, PATIENCE, Sender};
use crate::edge::{Edge, part, part_of, playing, until};

#[tokio::test]
async fn many_requests_of_one_connection_wait_side_by_side() {
    let edge = Edge::new(playing()).await;
    let client = edge.secure().await;
    let Sender::Two(sender) = &client.sender else { panic!("HTTP/2") };
    let mut tasks = Vec::new();
    for path in ["/hls/0/stream.m3u8?_HLS_msn=30&_HLS_part=2", "/hls/0/1/30.2.m4s", "/hls/1/1/30.2.m4s"] {
        let mut sender = sender.clone();
        let request = Request::get(format!("https://localhost{path}")).body(Empty::<Bytes>::new()).unwrap();
        tasks.push(tokio::spawn(async move { sender.send_request(request).await.unwrap().status() }));
    }
    edge.until_waiters(3).await;
    edge.live.apply(vec![part(0, 30, 2)]).await;
    edge.until_waiters(1).await;
    edge.live.apply(vec![part(1, 30, 2)]).await;
    for task in tasks {
        assert_eq!(task.await.unwrap(), StatusCode::OK);
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_viewer_who_gives_up_leaves_no_waiter() {
    let edge = Edge::new(playing()).await;
    // HTTP/2 resets the stream and keeps the connection; HTTP/1.1 has only the connection to close.
    let kept = edge.secure().await;
    let Sender::Two(sender) = &kept.sender else { panic!("HTTP/2") };
    let mut sender = sender.clone();
    let uri = "https://localhost/hls/0/stream.m3u8?_HLS_msn=31";
    let request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
    let reset = tokio::spawn(async move { sender.send_request(request).await.is_ok() });
    edge.until_waiters(1).await;
    reset.abort();
    edge.until_waiters(0).await;
    assert!(!kept.task.is_finished());

    for mut client in [edge.secure().await, edge.plain().await] {
        let closed = tokio::spawn(async move { client.get("/hls/0/stream.m3u8?_HLS_msn=31").await });
        edge.until_waiters(1).await;
        closed.abort();
        edge.until_waiters(0).await;
    }
    edge.stop().await;
}

#[tokio::test]
async fn shutting_down_releases_who_waits_and_says_goodbye() {
    let edge = Edge::new(playing()).await;
    let (mut one, mut two) = (edge.plain().await, edge.secure().await);
    let path = "/hls/0/stream.m3u8?_HLS_msn=31";
    let tasks = [
        tokio::spawn(async move { (one.get(path).await, one) }),
        tokio::spawn(async move { (two.get(path).await, two) }),
    ];
    edge.until_waiters(2).await;
    edge.shutdown.cancel();
    for task in tasks {
        let (reply, mut client) = task.await.unwrap();
        assert_eq!(reply.is(503, "no-store").header("retry-after"), "4");
        // The server closes the connection though the client would keep it.
        tokio::time::timeout(PATIENCE, &mut client.task).await.expect("it is closed").unwrap();
    }
    edge.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let edge = Edge::with(Config { max_connections: 2, ..Config::default() }, playing()).await;
    let hold = |mut client: Client| {
        tokio::spawn(async move { client.get("/hls/0/stream.m3u8?_HLS_msn=31").await.status })
    };
    let (first, second) = (hold(edge.plain().await), hold(edge.plain().await));
    edge.until_waiters(2).await;
    let mut third = edge.plain().await;
    let mut waiting = tokio::spawn(async move { third.get("/healthz").await.status });
    // The kernel has accepted it; the server has not: both places are in use.
    tokio::time::timeout(Duration::from_millis(300), &mut waiting).await.expect_err("it has no place");
    assert_eq!(edge.metric("farcast_serve_connections"), 2.0);
    first.abort();
    assert_eq!(waiting.await.unwrap(), StatusCode::OK);
    second.abort();
    edge.stop().await;
}

#[tokio::test]
async fn silent_and_dawdling_connections_are_ended() {
    let config = Config {
        header_timeout: Duration::from_millis(200),
        first_request_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_secs(1),
        ..Config::default()
    };
    let edge = Edge::with(config, playing()).await;
    let cases: [(_, &[u8]); 5] = [
        // HTTP/2 without a request.
        (edge.http, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        (edge.http, b""),
        (edge.http, b"GET /healthz HTTP/1.1\r\nHost: "),
        (edge.http, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
        (edge.https, b""),
    ];
    for (address, bytes) in cases {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A reset is an end as well.
        drop(tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("it ends"));
    }
    until(|| edge.metric("farcast_serve_connections") == 0.0, "no connection stays").await;
    edge.stop().await;
}

#[tokio::test]
async fn a_viewer_who_does_not_read_is_cut_off() {
    let mut inputs = playing();
    inputs.push(part_of(0, 30, 2, Bytes::from(vec![0; 64 << 20])));
    let edge =
        Edge::with(Config { stall_timeout: Duration::from_secs(1), ..Config::default() }, inputs).await;
    let mut client = edge.secure().await;
    let Sender::Two(sender) = &mut client.sender else { panic!("HTTP/2") };
    let request = Request::get("https://localhost/hls/0/1/30.2.m4s").body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    // The body is held and not read: the flow control window fills, and the server gives up.
    tokio::time::timeout(PATIENCE, &mut client.task).await.expect("the connection is cut").unwrap();
    drop(response);
    edge.stop().await;
}

/// A connection from another address of this machine, which counts as a stranger's.
async fn from(address: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

const STRANGER: [u8; 4] = [127, 0, 0, 2];

/// Whether the other side has closed the connection.
async fn is_closed(mut socket: TcpStream) {
    let read = tokio::time::timeout(PATIENCE, socket.read(&mut [0; 1])).await.expect("it is closed");
    assert!(matches!(read, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_network_has_no_more_connections_than_its_limit_and_this_machine_has_none() {
    let config = Config { max_connections_per_network: 2, ..Config::default() };
    let edge = Edge::with(config, playing()).await;
    let mut strangers = Vec::new();
    for _ in 0..2 {
        let mut client = Client::plain(from(STRANGER, edge.http).await).await;
        assert_eq!(client.get("/healthz").await.status, StatusCode::OK);
        strangers.push(client);
    }
    is_closed(from(STRANGER, edge.http).await).await;
    assert_eq!(edge.metric("farcast_serve_refused_connections_total"), 1.0);
    let mut here = Vec::new();
    for _ in 0..4 {
        let mut client = edge.plain().await;
        assert_eq!(client.get("/healthz").await.status, StatusCode::OK);
        here.push(client);
    }
    let mut neighbour = Client::plain(from([127, 0, 0, 3], edge.http).await).await;
    assert_eq!(neighbour.get("/healthz").await.status, StatusCode::OK);
    drop(strangers.pop());
    let again = async {
        loop {
            let mut socket = from(STRANGER, edge.http).await;
            socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            if socket.read_to_end(&mut answer).await.is_ok() && answer.starts_with(b"HTTP/1.1 200") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("a place that is given back is had again");
    edge.stop().await;
}

#[tokio::test]
async fn where_there_are_few_connections_one_network_leaves_some_to_others() {
    let edge = Edge::with(Config { max_connections: 4, ..Config::default() }, playing()).await;
    let mut strangers = Vec::new();
    for _ in 0..3 {
        let mut client = Client::plain(from(STRANGER, edge.http).await).await;
        strangers
            .push(tokio::spawn(async move { client.get("/hls/0/stream.m3u8?_HLS_msn=31").await.status }));
    }
    edge.until_waiters(3).await;
    is_closed(from(STRANGER, edge.http).await).await;
    let mut viewer = edge.plain().await;
    assert_eq!(viewer.get("/healthz").await.status, StatusCode::OK);
    strangers.iter().for_each(tokio::task::JoinHandle::abort);
    edge.stop().await;
}

#[tokio::test]
async fn strangers_who_ask_for_nothing_make_room_for_viewers() {
    let edge = Edge::with(Config { max_connections: 4, ..Config::default() }, playing()).await;
    let mut watching = edge.plain().await;
    let watched = tokio::spawn(async move { watching.get("/hls/0/stream.m3u8?_HLS_msn=31").await.status });
    edge.until_waiters(1).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(from(STRANGER, edge.http).await);
    }
    until(|| edge.metric("farcast_serve_connections") == 4.0, "all places are taken").await;
    let (mut one, mut two) = (edge.plain().await, edge.plain().await);
    assert_eq!(one.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(two.get("/healthz").await.status, StatusCode::OK);
    // The oldest went.
    is_closed(silent.remove(0)).await;
    is_closed(silent.remove(0)).await;
    assert!(!watched.is_finished(), "who waits for an answer stays");
    drop((one, two, silent));
    watched.abort();
    edge.stop().await;
}

/// A body of which a little comes.
struct Unfinished(bool);

impl http_body::Body for Unfinished {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(b"{")))))
    }
}

#[tokio::test]
async fn a_connection_brings_few_bodies_at_once() {
    let edge = Edge::new(playing()).await;
    edge.inform(OperatorSettings::default());
    let io = TokioIo::new(TcpStream::connect(edge.http).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
    let mut unfinished = || {
        let request = Request::post("http://localhost/api/chat/register");
        sender.send_request(request.body(Unfinished(false)).unwrap())
    };
    let mut waiting = JoinSet::new();
    let mut answers = (0..8).map(|_| unfinished()).collect::<Vec<_>>();
    let ninth = unfinished();
    for answer in answers.drain(..) {
        waiting.spawn(answer);
    }
    // Each takes the memory of what has come of it, and no more.
    until(|| edge.metric("farcast_http_body_bytes") == 8.0 * 4096.0, "eight bodies are waited for").await;
    let refused = ninth.await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "2");
    assert_eq!(edge.metric("farcast_serve_refused_bodies_total"), 1.0);
    // What a connection took comes back with its end.
    drop((waiting, connection));
    until(|| edge.metric("farcast_http_body_bytes") == 0.0, "the memory comes back").await;
    edge.stop().await;
}
