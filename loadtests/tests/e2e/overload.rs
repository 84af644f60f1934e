//! Edges near a limit: those who watch go on without a fault, and newcomers are turned away or led to where there is room.

use std::net::SocketAddr;
use std::time::Duration;

use farcast_loadtests::harness::edge::MULTIVARIANT;
use farcast_loadtests::harness::metrics::Metrics;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::encoder::Content;
use farcast_loadtests::watch::report::Report;
use farcast_loadtests::watch::run::{Plan, run};
use farcast_loadtests::watch::viewer::Choice;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use crate::viewers::{FLAWLESS, assert_good};

const START: Duration = Duration::from_secs(30);
const NEWCOMERS: usize = 100;
/// As many as come at once.
const AT_ONCE: usize = 2;

/// Viewers who watch and are not steered elsewhere.
fn watchers(stage: &Stage, clients: usize, seconds: u64) -> JoinHandle<Report> {
    let plan = Plan {
        edges: vec![stage.edge(0).dialer().unwrap()],
        clients,
        length: Duration::from_secs(seconds),
        ramp: Duration::from_millis(300),
        choice: Choice::Spread,
        steering: false,
        compare: true,
        limits: FLAWLESS,
        progress: false,
    };
    tokio::spawn(run(plan))
}

/// The head of the answer to somebody who has not watched yet.
async fn newcomer(edge: SocketAddr, path: &str, number: usize) -> String {
    let mut socket = TcpStream::connect(edge).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {edge}\r\nUser-Agent: newcomer {number}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(START, socket.read_to_end(&mut answer)).await.expect("an answer").unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.split("\r\n\r\n").next().unwrap_or_default().to_lowercase()
}

/// The heads of the answers to all newcomers, for the page and the playlist.
async fn newcomers(edge: SocketAddr) -> Vec<String> {
    let (mut heads, mut asking) = (Vec::new(), JoinSet::new());
    for number in 0..NEWCOMERS {
        let path = ["/", MULTIVARIANT][number % 2];
        asking.spawn(async move { newcomer(edge, path, number).await });
        if asking.len() >= AT_ONCE {
            heads.push(asking.join_next().await.unwrap().unwrap());
        }
    }
    heads.extend(asking.join_all().await);
    heads
}

async fn metrics(stage: &Stage) -> Metrics {
    Metrics::scrape(stage.edge_metrics(0).unwrap()).await.unwrap()
}

async fn is_near_a_limit(stage: &Stage, reason: &str) {
    wait::until("the edge is near a limit", START, || async {
        (metrics(stage).await.sum_of("farcast_serve_shedding", &[("reason", reason)]) == 1.0).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_edge_that_sends_what_it_can_turns_newcomers_away_and_lets_them_in_when_there_is_room() {
    // The source alone is some Mbit/s.
    let settings = Settings { edge: "egress_capacity_mbit = 4".to_owned(), ..Settings::default() };
    let stage = Stage::start(settings).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    stage.edge(0).playable(0, 3, START).await.unwrap();
    let watching = watchers(&stage, 20, 20);
    is_near_a_limit(&stage, "egress").await;
    let edge = stage.edge(0).http;
    for head in newcomers(edge).await {
        assert!(head.starts_with("http/1.1 503") && head.contains("\r\nretry-after: "), "{head}");
        assert!(head.contains("\r\nfarcast-full: 1"), "{head}");
    }
    let shed = metrics(&stage).await.sum_of("farcast_serve_shed_total", &[("reason", "egress")]);
    assert_eq!(shed, NEWCOMERS as f64);
    assert_good(&watching.await.unwrap());
    wait::until("newcomers are let in again", START, || async {
        newcomer(edge, MULTIVARIANT, NEWCOMERS).await.starts_with("http/1.1 200").then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_edge_with_nearly_all_connections_leads_newcomers_to_one_that_has_room() {
    let settings = Settings {
        edges: 2,
        public_edges: true,
        edge: "max_connections = 20".to_owned(),
        ..Settings::default()
    };
    let stage = Stage::start(settings).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    for index in 0..2 {
        stage.edge(index).playable(0, 3, START).await.unwrap();
    }
    let (edge, other) = (stage.edge(0).http, stage.edge(1).http);
    wait::until("the edges know of each other", START, || async {
        let edges = stage.edge(0).document("/api/edges").await.ok()?;
        (edges["others"][0]["state"] == "ready" && edges["edge"]["state"] == "ready").then_some(())
    })
    .await
    .unwrap();
    // Each has a connection for playlists and one for media.
    let watching = watchers(&stage, 9, 25);
    is_near_a_limit(&stage, "connections").await;
    for head in newcomers(edge).await {
        assert!(head.starts_with("http/1.1 307"), "{head}");
        let location = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
        let path = location.strip_prefix(&format!("http://{other}")).unwrap();
        assert!(path.starts_with("/?edge=") || path.starts_with("/hls/stream.m3u8?edge="), "{location}");
        assert!(newcomer(other, path, NEWCOMERS).await.starts_with("http/1.1 200"), "{location}");
    }
    let led = metrics(&stage).await.sum("farcast_serve_shed_led_total");
    assert_eq!(led, NEWCOMERS as f64);
    assert_good(&watching.await.unwrap());
}
