//! An edge behind a real HAProxy, which tells whose connections it passes on by the PROXY protocol.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use farcast_loadtests::harness::metrics::Metrics;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::process::{Child, Command};

const START: Duration = Duration::from_secs(30);

/// The address from which HAProxy connects.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
/// That of a viewer.
const VIEWER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 33);

/// HAProxy in front of an edge, and its address. It is let go with the child.
fn haproxy(stage: &Stage) -> (Child, SocketAddr) {
    // It cannot be given a port that is free, nor say which it took: its address on the loopback network is its own.
    let front = TcpListener::bind((PROXY, 0)).unwrap().local_addr().unwrap();
    let config = stage.path().join("haproxy.cfg");
    let text = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
         listen edge\n bind {front}\n source {PROXY}\n server edge {} send-proxy-v2 proxy-v2-options crc32c,unique-id\n",
        stage.edge(0).http
    );
    std::fs::write(&config, text).unwrap();
    let log = std::fs::File::create(stage.path().join("haproxy.log")).unwrap();
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(config).stdin(Stdio::null()).kill_on_drop(true);
    let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn();
    (child.expect("haproxy is installed by infra/setup.sh --test"), front)
}

/// The answer to a request of the viewer; none if there is no connection or answer.
async fn ask(to: SocketAddr) -> Option<String> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((VIEWER, 0).into()).unwrap();
    let mut stream = socket.connect(to).await.ok()?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    (!answer.is_empty()).then_some(answer)
}

#[tokio::test]
async fn what_haproxy_passes_on_is_the_viewers() {
    let log = tempfile::tempdir().unwrap();
    let log = log.path().join("access.log");
    let edge = format!("proxy_protocol = \"{PROXY}\"\naccess_log = {log:?}");
    let stage = Stage::start(Settings { edge, ..Settings::default() }).await.unwrap();
    let (_haproxy, front) = haproxy(&stage);
    let answer = wait::until("the viewer is answered", START, || ask(front)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    wait::until("the request is logged as the viewer's", START, || async {
        let lines = std::fs::read_to_string(&log).unwrap_or_default();
        lines
            .lines()
            .any(|line| line.starts_with(&format!("{VIEWER} ")) && line.contains("/healthz"))
            .then_some(())
    })
    .await
    .unwrap();
    let metrics = Metrics::scrape(stage.edge_metrics(0).unwrap()).await.unwrap();
    let of = |outcome| metrics.sum_of("farcast_proxy_protocol_connections_total", &[("outcome", outcome)]);
    assert!(of("proxied") >= 1.0 && of("malformed") == 0.0 && of("missing") == 0.0);
}
