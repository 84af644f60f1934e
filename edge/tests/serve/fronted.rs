//! Connections that a proxy passes on with the PROXY protocol: whose they are, in every respect.

use std::net::{Ipv4Addr, SocketAddr};

use farcast_config::Networks;
use farcast_config::Value as _;
use farcast_edge::serve::Config;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::{Client, PATIENCE};
use crate::edge::{Edge, playing, until};

/// The address from which the proxy connects.
const PROXY: [u8; 4] = [127, 0, 0, 9];

/// What HAProxy sends for a connection of this address (`send-proxy-v2`).
fn header(source: [u8; 4]) -> Vec<u8> {
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", &source[..], &[127, 0, 0, 1, 0xc3, 0x50, 0, 80]].concat()
}

async fn fronted() -> Edge {
    let proxy_protocol = Networks::parse("127.0.0.9").unwrap();
    let config = Config { proxy_protocol, max_connections_per_network: 2, ..Config::default() };
    Edge::with(config, playing()).await
}

/// A connection from this machine, which begins with these bytes.
async fn from(address: [u8; 4], to: SocketAddr, bytes: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::from(address), 0).into()).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

async fn is_closed(mut socket: TcpStream) {
    let read = tokio::time::timeout(PATIENCE, socket.read(&mut [0; 1])).await.expect("it is closed");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn what_a_proxy_passes_on_counts_for_whom_it_is_with_and_without_tls() {
    let edge = fronted().await;
    let mut kept = Vec::new();
    for viewer in [[192, 0, 2, 1], [192, 0, 2, 1], [192, 0, 2, 2]] {
        let mut client = Client::plain(from(PROXY, edge.http, &header(viewer)).await).await;
        assert_eq!(client.get("/hls/0/stream.m3u8").await.status, 200);
        kept.push(client);
    }
    assert_eq!(edge.viewers.count(std::time::Instant::now()), 2, "by their addresses");
    // The network of the first has as many as it may have; that of the proxy has no limit.
    is_closed(from(PROXY, edge.http, &header([192, 0, 2, 1])).await).await;
    assert_eq!(edge.metric("farcast_serve_refused_connections_total"), 1.0);
    let secure = from(PROXY, edge.https, &header([192, 0, 2, 3])).await;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = edge.connector().connect(name, secure).await.unwrap();
    assert_eq!(Client::secure(stream).await.get("/hls/0/stream.m3u8").await.status, 200);
    assert_eq!(edge.viewers.count(std::time::Instant::now()), 3);
    drop(kept);
    until(|| edge.metric("farcast_serve_connections") <= 1.0, "they end").await;
    let mut again = Client::plain(from(PROXY, edge.http, &header([192, 0, 2, 1])).await).await;
    assert_eq!(again.get("/healthz").await.status, 200);
    edge.stop().await;
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_closed_and_a_stranger_that_says_something_is_not_believed() {
    let edge = fronted().await;
    is_closed(from(PROXY, edge.http, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await).await;
    is_closed(from(PROXY, edge.http, b"PROXY TCP4 192.0.2.1 127.0.0.1 1 80\r\n").await).await;
    assert_eq!(edge.metric("farcast_proxy_protocol_connections_total"), 2.0);
    // The header is nonsense where nobody is asked for one.
    let mut stranger = from([127, 0, 0, 2], edge.http, &header([192, 0, 2, 1])).await;
    stranger.write_all(b"GET /hls/0/stream.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(tokio::time::timeout(PATIENCE, stranger.read_to_end(&mut answer)).await.expect("it is closed"));
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(edge.viewers.count(std::time::Instant::now()), 0);
    // Whoever comes without a proxy is served as ever.
    let mut direct = Client::plain(from([127, 0, 0, 2], edge.http, b"").await).await;
    assert_eq!(direct.get("/healthz").await.status, 200);
    // A proxy's own connection, to see whether this edge is there.
    let own = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let mut check = Client::plain(from(PROXY, edge.http, own).await).await;
    assert_eq!(check.get("/healthz").await.status, 200);
    edge.stop().await;
}
