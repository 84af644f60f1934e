//! New viewers while an edge is near a limit: turned away or led elsewhere, and those who watch go on.

use std::sync::Arc;
use std::time::Instant;

use farcast_edge::overload::{Metrics, Overload, Reason};
use farcast_edge::serve::Config;
use farcast_routing::{Capacity, Load};
use farcast_settings::OperatorSettings;
use http::Method;
use prometheus::Registry;

use crate::client::Reply;
use crate::edge::{Edge, playing};
use crate::elsewhere::{record, two_with};

fn counted() -> (Arc<Overload>, Registry) {
    let registry = Registry::new();
    (Arc::new(Overload::new(Some(Metrics::new(&registry).unwrap()), Instant::now())), registry)
}

/// Requests turned away for egress, and those of them that were led elsewhere.
fn shed(registry: &Registry) -> (f64, f64) {
    let families = registry.gather();
    let sum = |name: &str| {
        let family = families.iter().find(|family| family.name() == name).unwrap();
        family.get_metric().iter().map(|metric| metric.get_counter().get_value()).sum()
    };
    (sum("farcast_serve_shed_total"), sum("farcast_serve_shed_led_total"))
}

async fn ask(edge: &Edge, path: &str, agent: &str) -> Reply {
    edge.plain().await.ask(Method::GET, path, &[("user-agent", agent), ("accept", "text/html")]).await
}

fn is_turned_away(reply: &Reply) {
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (503, "no-store"), "{reply:?}");
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let after: u64 = reply.header("retry-after").parse().unwrap();
    assert!((5..=15).contains(&after), "{after}");
    assert_eq!(reply.header("farcast-full"), "1");
}

const PLAYLISTS: [&str; 2] = ["/hls/stream.m3u8", "/hls/0/stream.m3u8"];

#[tokio::test]
async fn newcomers_are_told_when_to_come_back_and_who_watches_goes_on() {
    let (overload, registry) = counted();
    let edge = Edge::with(Config { overload: Arc::clone(&overload), ..Config::default() }, playing()).await;
    edge.inform(OperatorSettings::default());
    for path in PLAYLISTS {
        assert_eq!(ask(&edge, path, "watches").await.status, 200);
    }
    overload.set(Some(Reason::Egress));
    for path in ["/", "/watch", "/embed/video", "/embed/chat/readonly"] {
        let reply = ask(&edge, path, "new").await;
        is_turned_away(&reply);
        assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
        let again = format!("content=\"{}\"", reply.header("retry-after"));
        assert!(reply.text().contains(&again) && reply.text().contains("no room"), "{}", reply.text());
        assert_eq!(ask(&edge, path, "watches").await.status, 200, "{path}");
    }
    let playlist = ask(&edge, "/hls/stream.m3u8", "new").await;
    is_turned_away(&playlist);
    assert!(playlist.header("access-control-expose-headers").contains("Farcast-Full"));
    assert_eq!(shed(&registry), (5.0, 0.0));
    // Being turned away, or a page that pings, makes nobody a viewer.
    ask(&edge, "/api/ping", "new").await;
    is_turned_away(&ask(&edge, "/hls/stream.m3u8", "new").await);
    // What is no beginning is answered to everybody: a player that another edge sent, the API, the admin, monitoring.
    for path in ["/hls/0/stream.m3u8", "/hls/0/1/30.1.m4s", "/api/status", "/healthz"] {
        assert_eq!(ask(&edge, path, "elsewhere").await.status, 200, "{path}");
    }
    assert_eq!(ask(&edge, "/hls/stream.m3u8", "elsewhere").await.status, 200, "it watches");
    overload.set(None);
    assert_eq!(ask(&edge, "/", "new").await.status, 200);
    assert_eq!(shed(&registry), (6.0, 0.0));
    edge.stop().await;
}

#[tokio::test]
async fn newcomers_are_led_to_an_edge_with_room() {
    let (overload, registry) = counted();
    let config = Config { overload: Arc::clone(&overload), ..Config::default() };
    let (edge, following) = two_with(config, record("other")).await;
    assert_eq!(ask(&edge, "/", "new").await.status, 200);
    overload.set(Some(Reason::Connections));
    let page = ask(&edge, "/watch?a=1", "new").await;
    page.is(307, "private, no-store");
    assert_eq!(page.header("location"), "http://other.example/watch?edge=other&a=1");
    let player = ask(&edge, "/hls/stream.m3u8", "mpv").await;
    assert_eq!(
        (player.status.as_u16(), player.header("location")),
        (307, "http://other.example/hls/stream.m3u8?edge=other")
    );
    assert_eq!(shed(&registry), (2.0, 2.0));
    // A page's own script goes on by what the page knows of edges; and whoever was sent here is sent no further.
    let script = [("user-agent", "new"), ("origin", "http://own.example")];
    is_turned_away(&edge.plain().await.ask(Method::GET, "/hls/stream.m3u8", &script).await);
    is_turned_away(&ask(&edge, "/?edge=own", "new").await);
    assert_eq!(shed(&registry), (4.0, 2.0));
    following.abort();
    edge.stop().await;
}

#[tokio::test]
async fn nobody_is_led_to_an_edge_that_is_full_too() {
    let (overload, _registry) = counted();
    let config = Config { overload: Arc::clone(&overload), ..Config::default() };
    let mut full = record("other");
    full.capacity = Capacity { connections: Some(100), ..Capacity::default() };
    full.load = Load { connections: 100, ..Load::default() };
    let (edge, following) = two_with(config, full).await;
    overload.set(Some(Reason::Connections));
    is_turned_away(&ask(&edge, "/", "new").await);
    following.abort();
    edge.stop().await;
}
