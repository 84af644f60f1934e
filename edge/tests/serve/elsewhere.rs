//! Viewers who are led to another edge, by page and by content steering.

use std::sync::Arc;

use bytes::Bytes;
use farcast_edge::serve;
use farcast_edge_directory::{Metrics, follow, publish};
use farcast_routing::{Announced, BaseUrl, Capacity, Carried, EdgeId, EdgeRecord, Load};
use farcast_settings::{EdgeOrders, OperatorSettings, Snapshot};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::edge::{Edge, playing, until};

pub(crate) fn record(name: &str) -> EdgeRecord {
    EdgeRecord {
        id: EdgeId::new(name).unwrap(),
        name: String::new(),
        version: String::new(),
        region: String::new(),
        coordinates: None,
        urls: vec![BaseUrl::new(&format!("http://{name}.example")).unwrap()],
        addresses: Vec::new(),
        capacity: Capacity::default(),
        load: Load::default(),
        state: Announced::Ready,
        channels: [(farcast_feed::name::StreamName::live(), Carried::default())].into(),
        run: 1,
        renewal: 1,
    }
}

/// This edge (`own`) and another, with orders to this one.
async fn two(is_drained: bool) -> (Edge, JoinHandle<()>) {
    directed(Edge::new(playing()).await, record("other"), is_drained).await
}

/// The same with settings of this edge, and another that is as its record says.
pub(crate) async fn two_with(config: serve::Config, other: EdgeRecord) -> (Edge, JoinHandle<()>) {
    directed(Edge::with(config, playing()).await, other, false).await
}

async fn directed(edge: Edge, other: EdgeRecord, is_drained: bool) -> (Edge, JoinHandle<()>) {
    for record in [record("own"), other] {
        publish(&edge.store, &record).await.unwrap();
    }
    let orders = EdgeOrders { drained: is_drained, display_name: "Here".to_owned() };
    let runtime =
        OperatorSettings { edges: [("own".to_owned(), orders)].into(), ..OperatorSettings::default() };
    edge.set.send_replace(Some(Snapshot { runtime: Arc::new(runtime), tip: Bytes::new() }));
    let (store, settings, view) = (edge.store.clone(), edge.set.subscribe(), edge.view.clone());
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let following = tokio::spawn(async move { follow(&store, settings, &view, &metrics).await });
    until(|| edge.view.borrow().was_read, "the records are read").await;
    (edge, following)
}

#[tokio::test]
async fn an_edge_alone_leads_nobody_anywhere() {
    let edge = Edge::new(playing()).await;
    edge.inform(OperatorSettings::default());
    for path in ["/", "/watch", "/watch?edge=x"] {
        assert_eq!(edge.now(path).await.status, 200, "{path}");
    }
    // The directory was not read yet.
    edge.now("/hls/steering.json").await.is(404, "no-store");
    assert!(!edge.now("/hls/stream.m3u8").await.text().contains("STEERING"));
    let told: Value = serde_json::from_slice(&edge.now("/api/edges").await.body).unwrap();
    assert_eq!(told, json!({ "edge": null, "better": null, "others": [] }));
    edge.stop().await;
}

#[tokio::test]
async fn the_page_leads_to_a_better_edge_and_never_whoever_is_pinned() {
    let (edge, following) = two(true).await;
    for (path, location) in [
        ("/", "http://other.example/?edge=other"),
        ("/watch?a=1&b", "http://other.example/watch?edge=other&a=1&b"),
        ("/?edges=own", "http://other.example/?edge=other&edges=own"),
        ("/?edge=gone", "http://other.example/?edge=other"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let reply = edge.plain().await.ask(method, path, &[]).await;
            reply.is(307, "private, no-store");
            assert_eq!(reply.header("location"), location);
        }
    }
    for path in ["/?edge=own", "/watch?x&edge=own", "/embed/video", "/admin"] {
        assert_ne!(edge.now(path).await.status, 307, "{path}");
    }
    // A player that was given the page's address can do nothing with another page.
    let player =
        edge.plain().await.ask(Method::GET, "/", &[("user-agent", "mpv 0.40"), ("accept", "*/*")]).await;
    assert_eq!((player.status.as_u16(), player.header("location")), (307, "/hls/stream.m3u8"));
    following.abort();
    edge.stop().await;
}

#[tokio::test]
async fn a_page_may_talk_to_the_other_edges_and_is_told_of_them() {
    let (edge, following) = two(false).await;
    let page = edge.now("/").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    for part in [
        "connect-src 'self' http: https: ws: wss:;",
        "media-src 'self' blob: http: https: ws: wss:;",
        "img-src 'self' data: http://other.example http://own.example;",
        "script-src 'self';",
    ] {
        assert!(policy.contains(part), "{part} is not in {policy}");
    }
    let told: Value = serde_json::from_slice(&edge.now("/api/edges").await.body).unwrap();
    let own =
        json!({ "id": "own", "name": "Here", "region": "", "url": "http://own.example", "state": "ready" });
    assert_eq!(told["edge"], own);
    assert_eq!((told["others"][0]["id"].as_str(), &told["better"]), (Some("other"), &Value::Null));
    let nearer = edge.now("/api/edges?measured=other:3,own:170").await;
    let nearer: Value = serde_json::from_slice(&nearer.body).unwrap();
    assert_eq!(nearer["better"], "other");
    assert_eq!(edge.now("/api/edges?measured=other").await.status, 400);
    following.abort();
    edge.stop().await;
}

#[tokio::test]
async fn players_are_steered_from_an_edge_that_drains() {
    let (edge, following) = two(true).await;
    edge.live.set_pathway(Some("e-own".to_owned()));
    let playlist = edge.now("/hls/stream.m3u8").await.text();
    let tag = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"steering.json\",PATHWAY-ID=\"e-own\"\n";
    assert!(playlist.contains(tag) && playlist.contains(",PATHWAY-ID=\"e-own\""), "{playlist}");
    let reply = edge.now("/hls/steering.json?_HLS_pathway=%22e-own%22").await;
    reply.is(200, "no-store");
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let manifest: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(manifest["PATHWAY-PRIORITY"], json!(["e-other"]));
    assert_eq!(edge.plain().await.ask(Method::POST, "/hls/steering.json", &[]).await.status, 405);
    edge.live.set_pathway(None);
    assert!(!edge.now("/hls/stream.m3u8").await.text().contains("STEERING"));
    following.abort();
    edge.stop().await;
}
