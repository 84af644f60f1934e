//! Leading viewers to HTTPS, and the answers to an authority that asks whether a name is ours.

use std::sync::Arc;

use farcast_certificates::{Announced, Answer, Challenge};
use farcast_config::{Networks, Value as _};
use farcast_edge::serve::Config;
use http::Method;

use crate::edge::{Edge, playing};

#[tokio::test]
async fn an_authority_is_answered_what_the_origin_announced() {
    let edge = Edge::new(Vec::new()).await;
    let path = "/.well-known/acme-challenge/token-1";
    assert_eq!(edge.get(path).await.status, 404);
    let answer = Answer::Http { token: "token-1".to_owned(), text: "token-1.thumb".to_owned() };
    let domain = "live.example.org".to_owned().try_into().unwrap();
    let challenges = vec![Challenge { domain, answer }];
    edge.announce_certificates.send_replace(Some(Arc::new(Announced { challenges, ..Announced::default() })));
    let reply = edge.get(path).await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (200, "token-1.thumb"));
    assert_eq!(reply.header("cache-control"), "no-store");
    for other in ["/.well-known/acme-challenge/", "/.well-known/acme-challenge/token-2", "/.well-known/"] {
        assert_eq!(edge.get(other).await.status, 404, "{other}");
    }
    assert_eq!(edge.ask(Method::POST, path, &[]).await.status, 405);
    edge.stop().await;
}

#[tokio::test]
async fn whoever_comes_without_tls_is_led_to_it_where_that_is_wanted() {
    let config = Config { redirect_port: Some(8443), ..Config::default() };
    let edge = Edge::with(config, playing()).await;
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/watch?x=1&y=%20"),
        (Method::GET, "/hls/stream.m3u8"),
        (Method::HEAD, "/api/status"),
        (Method::POST, "/api/chat/register"),
        (Method::GET, "/ws"),
    ] {
        let reply = edge.plain().await.ask(method.clone(), path, &[]).await;
        assert_eq!(reply.status, 308, "{method} {path}");
        assert_eq!(reply.header("location"), format!("https://localhost:8443{path}"));
        assert_eq!(reply.header("cache-control"), "private, max-age=3600");
    }
    // By TLS it is served; an authority and monitoring are answered anyway.
    assert_eq!(edge.secure().await.get("/hls/stream.m3u8").await.status, 200);
    assert_eq!(edge.plain().await.get("/healthz").await.status, 200);
    assert_eq!(edge.plain().await.get("/.well-known/acme-challenge/x").await.status, 404);
    edge.stop().await;

    let proxies = Networks::parse("127.0.0.1").unwrap();
    let config = Config { redirect_port: Some(443), trusted_proxies: proxies, ..Config::default() };
    let edge = Edge::with(config, playing()).await;
    let asked = |proto: &'static str| {
        let headers = [("x-forwarded-proto", proto)];
        let client = edge.plain();
        async move { client.await.ask(Method::GET, "/hls/stream.m3u8", &headers).await }
    };
    assert_eq!(asked("https").await.status, 200, "it came by TLS to a proxy");
    let reply = asked("http").await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (308, "https://localhost/hls/stream.m3u8"));
    edge.stop().await;
}
