//! Connections: many requests at once, viewers who leave, dawdle or do not read, shutdown.

use std::time::Duration;

use bytes::Bytes;
use farcast_edge::serve::Config;
use http::{Request, StatusCode};
use http_body_util::Empty;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{PATIENCE, Sender};
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
    // Each of the two listeners holds a permit while it waits for a connection; one is left.
    let edge = Edge::with(Config { max_connections: 3, ..Config::default() }, playing()).await;
    let (mut first, mut second) = (edge.plain().await, edge.plain().await);
    assert_eq!(first.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(second.get("/healthz").await.status, StatusCode::OK);
    let mut third = edge.plain().await;
    let waiting = tokio::spawn(async move { third.get("/healthz").await.status });
    // The kernel has accepted it; the server has not, however often it answers others.
    assert_eq!(second.get("/healthz").await.status, StatusCode::OK);
    assert!(edge.metric("farcast_serve_connections") <= 2.0 && !waiting.is_finished());
    drop(first);
    assert_eq!(waiting.await.unwrap(), StatusCode::OK);
    drop(second);
    edge.stop().await;
}

#[tokio::test]
async fn silent_and_dawdling_connections_are_ended() {
    let config = Config {
        header_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_secs(1),
        ..Config::default()
    };
    let edge = Edge::with(config, playing()).await;
    let cases: [(_, &[u8]); 4] = [
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
