//! The public API, over real sockets and both protocols.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use farcast_shared::runtime::{
    Emoji, ExternalAction, LiveStatus, Runtime, Snapshot, SocialHandle, save_asset,
};
use farcast_shared::store::Batch;
use farcast_shared::time::WallTime;
use http::Method;
use serde_json::{Value, json};

use crate::client::Reply;
use crate::edge::Edge;

const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

async fn loaded(runtime: Runtime, status: LiveStatus) -> Edge {
    let edge = Edge::new(Vec::new()).await;
    edge.set.send_replace(Some(Snapshot { runtime: Arc::new(runtime), tip: Bytes::new() }));
    edge.status.send_replace(Some(Arc::new(status)));
    edge
}

fn json_of(reply: &Reply) -> Value {
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/json"));
    assert_eq!(
        (reply.header("cache-control"), reply.header("access-control-allow-origin")),
        ("no-store", "*")
    );
    assert_eq!(reply.body.last(), Some(&b'\n'));
    serde_json::from_slice(&reply.body).unwrap()
}

#[tokio::test]
async fn an_edge_that_never_reached_its_origin_says_so() {
    let edge = Edge::new(Vec::new()).await;
    for path in [
        "/api/config",
        "/api/status",
        "/api/yp",
        "/api/emoji",
        "/api/video/variants",
        "/logo",
        "/img/emoji/a.gif",
    ] {
        let reply = edge.get(path).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "2"), "{path}");
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["success"], false);
    }
    assert_eq!(edge.get("/api/ping").await.status, 200);
    edge.stop().await;
}

#[tokio::test]
async fn the_configuration_is_rendered_as_it_is_set() {
    let runtime = Runtime {
        name: "Ada's".to_owned(),
        summary: "**x**".to_owned(),
        page_content: "# About".to_owned(),
        stream_title: "Radio".to_owned(),
        social_handles: vec![
            SocialHandle { platform: "github".to_owned(), url: "https://g".to_owned() },
            SocialHandle { platform: "elsewhere".to_owned(), url: "https://e".to_owned() },
        ],
        external_actions: vec![ExternalAction {
            url: "https://a".to_owned(),
            title: "A".to_owned(),
            ..Default::default()
        }],
        ..Runtime::default()
    };
    let edge = loaded(runtime, LiveStatus::default()).await;
    let config = json_of(&edge.get("/api/config").await);
    assert_eq!(config["name"], "Ada's");
    assert_eq!(config["summary"], "<p><strong>x</strong></p>");
    assert_eq!(config["extraPageContent"], "<h1>About</h1>");
    assert_eq!(config["streamTitle"], "Radio");
    assert_eq!(config["logo"], "/logo");
    assert_eq!(config["socialHandles"][0]["icon"], "/img/platformlogos/github.svg");
    assert_eq!(config["socialHandles"][1].get("icon"), None);
    assert_eq!(config["externalActions"][0]["openExternally"], false);
    assert_eq!((&config["maxSocketPayloadSize"], &config["chatDisabled"]), (&json!(2048), &json!(false)));
    // A change is seen by the next request; an empty title is left out.
    edge.set.send_replace(Some(Snapshot { runtime: Arc::default(), tip: Bytes::new() }));
    let config = json_of(&edge.get("/api/config").await);
    assert_eq!((&config["name"], config.get("streamTitle")), (&json!("Farcast"), None));
    edge.stop().await;
}

#[tokio::test]
async fn the_status_tells_who_watches_unless_that_is_hidden() {
    let status = LiveStatus {
        online: true,
        viewers: 7,
        session_peak: 12,
        overall_peak: 420,
        connected_at: Some(WallTime(1_773_511_331_482_000)),
        disconnected_at: None,
    };
    let edge = loaded(Runtime { directory_enabled: true, ..Runtime::default() }, status).await;
    let told = json_of(&edge.plain().await.get("/api/status").await);
    assert_eq!((&told["online"], &told["viewerCount"]), (&json!(true), &json!(7)));
    assert_eq!((&told["sessionMaxViewerCount"], &told["overallMaxViewerCount"]), (&json!(12), &json!(420)));
    assert_eq!(
        (&told["lastConnectTime"], &told["lastDisconnectTime"]),
        (&json!("2026-03-14T18:02:11Z"), &json!(null))
    );
    assert_eq!(told["streamTitle"], "");
    assert_eq!(json_of(&edge.get("/api/yp").await)["viewerCount"], 7);
    let hidden = Runtime { hide_viewer_count: true, directory_enabled: false, ..Runtime::default() };
    edge.set.send_replace(Some(Snapshot { runtime: Arc::new(hidden), tip: Bytes::new() }));
    let told = json_of(&edge.plain().await.get("/api/status").await);
    assert!(told.get("viewerCount").is_none() && told.get("overallMaxViewerCount").is_none());
    let none = edge.get("/api/yp").await;
    assert_eq!((none.status.as_u16(), none.body.len()), (404, 0));
    edge.stop().await;
}

#[tokio::test]
async fn pings_and_playlists_count_viewers_by_address_and_agent() {
    let edge = Edge::new(Vec::new()).await;
    let agent = |name: &'static str| [("user-agent", name)];
    edge.ask(Method::GET, "/api/ping", &agent("a")).await;
    edge.ask(Method::GET, "/hls/stream.m3u8", &agent("a")).await;
    assert_eq!(edge.viewers.count(Instant::now()), 1);
    edge.ask(Method::GET, "/hls/0/stream.m3u8", &agent("b")).await;
    edge.ask(Method::GET, "/api/status", &agent("c")).await;
    assert_eq!(edge.viewers.count(Instant::now()), 2);
    edge.stop().await;
}

#[tokio::test]
async fn methods_and_paths_that_are_not_there_are_told() {
    let edge = loaded(Runtime::default(), LiveStatus::default()).await;
    for (method, path, status) in [
        (Method::POST, "/api/status", 405),
        (Method::DELETE, "/logo", 405),
        (Method::OPTIONS, "/api/config", 204),
        (Method::GET, "/api/status/", 404),
        (Method::GET, "/api/nothing", 404),
        (Method::GET, "/api/admin/status", 404),
        (Method::POST, "/api/integrations/chat/send", 404),
        (Method::GET, "/img/emoji/", 404),
        (Method::GET, "/img/platformlogos/none.svg", 404),
    ] {
        let reply = edge.ask(method.clone(), path, &[]).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}");
        match status {
            405 => {
                assert_eq!(reply.header("allow"), "GET, HEAD, OPTIONS");
                let message = json!({ "success": false, "message": format!("{method} not supported") });
                assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), message);
            }
            404 if path.starts_with("/api/") => assert!(reply.body.is_empty()),
            _ => {}
        }
    }
    let head = edge.ask(Method::HEAD, "/api/config", &[]).await;
    assert!(head.body.is_empty() && head.header("content-length").parse::<u32>().unwrap() > 100);
    edge.stop().await;
}

#[tokio::test]
async fn pictures_come_from_the_store_and_are_no_pages() {
    let svg = Bytes::from_static(SVG);
    let (batch, logo) = save_asset(Batch::new(), "logo.svg", "image/svg+xml", &svg);
    let gif = Bytes::from(vec![7; 200_000]);
    let (batch, emoji) = save_asset(batch, "beer.gif", "image/gif", &gif);
    let runtime = Runtime {
        logo: Some(logo),
        emoji: vec![Emoji { name: "beer".to_owned(), asset: emoji }],
        ..Runtime::default()
    };
    let edge = loaded(runtime, LiveStatus::default()).await;
    edge.store.commit(batch).await.unwrap();
    let logo = edge.get("/logo").await;
    assert_eq!((logo.status.as_u16(), &logo.body), (200, &svg));
    assert_eq!(
        (logo.header("content-type"), logo.header("cache-control")),
        ("image/svg+xml", "public, max-age=86400")
    );
    assert!(logo.header("content-security-policy").contains("sandbox"));
    let again = edge.ask(Method::GET, "/logo", &[("if-none-match", logo.header("etag"))]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    // What cannot draw SVG gets Farcast's own.
    assert_eq!(edge.get("/logo/external").await.header("content-type"), "image/png");
    let listed = json_of(&edge.get("/api/emoji").await);
    assert_eq!(
        listed,
        json!([{ "name": "beer", "emoji": "/img/emoji/beer.gif", "url": "/img/emoji/beer.gif" }])
    );
    assert_eq!(edge.get("/img/emoji/beer.gif").await.body, gif);
    assert_eq!(edge.get("/img/emoji/b%65er.gif").await.body, gif);
    assert_eq!(edge.get("/img/emoji/wine.gif").await.status, 404);
    assert_eq!(edge.get("/img/platformlogos/github.svg").await.header("content-type"), "image/svg+xml");
    edge.stop().await;
}

#[tokio::test]
async fn qualities_are_listed_from_the_source_down() {
    let edge = loaded(Runtime::default(), LiveStatus::default()).await;
    let listed = json_of(&edge.get("/api/video/variants").await);
    assert_eq!(listed, json!([{ "index": 0, "name": "Source" }, { "index": 1, "name": "480p" }]));
    let platforms = json_of(&edge.get("/api/socialplatforms").await);
    assert_eq!(platforms["github"], json!({ "platform": "GitHub", "icon": "/img/platformlogos/github.svg" }));
    assert_eq!(platforms.as_object().unwrap().len(), 24);
    edge.stop().await;
}
