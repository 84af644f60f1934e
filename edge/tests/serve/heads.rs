//! Heads: what of requests is refused before anything else, what answers say to caches, to pages of other sites and to
//! browsers.

use std::time::Duration;

use farcast_api::Method as Known;
use farcast_edge::serve::Config;
use farcast_settings::OperatorSettings;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::PATIENCE;
use crate::edge::{Edge, playing};

/// The status of what answers these bytes, once the server has closed the connection.
async fn status_and_end(edge: &Edge, bytes: &str) -> String {
    let mut socket = TcpStream::connect(edge.http).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("it closes").unwrap();
    String::from_utf8(answer).unwrap().split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_request_that_could_be_read_in_two_ways_is_refused_and_its_connection_closed() {
    let edge = Edge::new(playing()).await;
    for wrong in [
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
        "POST /api/chat/register HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /api/chat/register HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST /api/chat/register HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /api/chat/register HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /api/chat/register HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        assert_eq!(status_and_end(&edge, wrong).await, "400", "{wrong:?}");
    }
    // Both lengths: the connection ends with the answer, so what hides behind the one of them is no request.
    for both in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ] {
        let hidden = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
        let mut socket = TcpStream::connect(edge.http).await.unwrap();
        let text = format!("POST /api/metrics/playback HTTP/1.1\r\nHost: a\r\n{both}{hidden}");
        socket.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read =
            tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer)).await.expect("it closes");
        assert!(read.is_err() || answer.matches("HTTP/1.1").count() == 1, "{answer}");
    }
    let fine = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(status_and_end(&edge, fine).await, "200");
    edge.stop().await;
}

#[tokio::test]
async fn every_reply_says_what_caches_may_do_and_no_error_is_kept() {
    let edge = Edge::new(playing()).await;
    let mut kept = Vec::new();
    for informed in [false, true] {
        if informed {
            edge.inform(OperatorSettings { directory_enabled: true, ..OperatorSettings::default() });
        }
        let listed = farcast_edge::api::listed().map(|(method, path)| (method, path.to_owned()));
        let media = [
            "/hls/stream.m3u8",
            "/hls/0/stream.m3u8",
            "/hls/0/1/29.m4s",
            "/hls/0/1/init-0.mp4",
            "/hls/0/1/30.1.m4s",
        ];
        let rest =
            ["/", "/healthz", "/readyz", "/nothing", "/hls/nothing", "/api/nothing", "/api/admin/status"];
        let others = media.iter().chain(&rest).map(|path| (Known::Get, (*path).to_owned()));
        for (method, path) in listed.chain(others) {
            let path = path.replace("{file}", "github.svg").replace("{id}", "x");
            let known = if method == Known::Post { Method::POST } else { Method::GET };
            for asked in [known.clone(), Method::HEAD, Method::PUT, Method::OPTIONS] {
                let reply = edge.plain().await.ask(asked.clone(), &path, &[]).await;
                let cache_control = reply.header("cache-control");
                assert!(!cache_control.is_empty(), "{asked} {path}");
                if reply.status.as_u16() >= 400 || asked == Method::OPTIONS {
                    assert_eq!(cache_control, "no-store", "{asked} {path}");
                } else if cache_control != "no-store" && asked == known && informed {
                    kept.push(path.clone());
                }
            }
        }
    }
    // As openapi.yaml has it; everything else is kept nowhere.
    kept.sort_unstable();
    let expected = [
        "/",
        "/favicon.ico",
        "/hls/0/1/29.m4s",
        "/hls/0/1/30.1.m4s",
        "/hls/0/1/init-0.mp4",
        "/hls/0/stream.m3u8",
        "/hls/stream.m3u8",
        "/img/platformlogos/github.svg",
        "/logo",
        "/logo/external",
        "/preview.gif",
        "/robots.txt",
        "/thumbnail.jpg",
    ];
    assert_eq!(kept, expected);
    edge.stop().await;
}

#[tokio::test]
async fn a_cache_in_front_is_not_filled_with_errors_by_who_asks_too_early() {
    let edge = Edge::new(playing()).await;
    let early = [
        "/hls/0/stream.m3u8?_HLS_msn=33",
        "/hls/0/stream.m3u8?_HLS_msn=30&_HLS_part=9",
        "/hls/0/1/31.m4s",
        "/hls/0/1/30.9.m4s",
    ];
    for path in early {
        let reply = edge.get(path).await;
        assert!(reply.status.as_u16() >= 400, "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_read_media_but_no_answer_to_a_login() {
    let edge = Edge::new(playing()).await;
    edge.inform(OperatorSettings::default());
    let login = [("authorization", "Basic YWRtaW46eA==")];
    for path in ["/hls/0/stream.m3u8", "/hls/0/1/29.m4s", "/api/status", "/logo"] {
        assert_eq!(edge.plain().await.get(path).await.header("access-control-allow-origin"), "*", "{path}");
    }
    // What caches keep is the same for everybody, so a login does not change it.
    for (path, allowed) in
        [("/api/status", ""), ("/api/admin/status", ""), ("/logo", "*"), ("/hls/0/1/29.m4s", "*")]
    {
        let reply = edge.plain().await.ask(Method::GET, path, &login).await;
        assert_eq!(reply.header("access-control-allow-origin"), allowed, "{path}");
    }
    let preflight =
        edge.ask(Method::OPTIONS, "/api/chat/register", &[("origin", "https://example.org")]).await;
    assert_eq!(preflight.header("access-control-allow-headers"), "Content-Type");
    edge.stop().await;
}

#[tokio::test]
async fn who_may_frame_the_page_and_that_browsers_stay_with_https_is_as_configured() {
    let edge = Edge::new(playing()).await;
    let (mut plain, mut secure) = (edge.plain().await, edge.secure().await);
    let page = secure.get("/").await;
    assert!(page.header("content-security-policy").ends_with("; frame-ancestors 'self'"), "{page:?}");
    assert_eq!(page.header("strict-transport-security"), "");
    assert!(plain.get("/").await.header("content-security-policy").contains("frame-ancestors 'self'"));
    edge.stop().await;

    let config = Config {
        frame_ancestors: "https://a.example https://b.example".to_owned(),
        hsts_max_age: Duration::from_secs(86400),
        ..Config::default()
    };
    let edge = Edge::with(config, playing()).await;
    let (mut plain, mut secure) = (edge.plain().await, edge.secure().await);
    for path in ["/", "/api/nothing", "/hls/0/stream.m3u8"] {
        assert_eq!(secure.get(path).await.header("strict-transport-security"), "max-age=86400", "{path}");
        assert_eq!(plain.get(path).await.header("strict-transport-security"), "", "{path}");
    }
    let policy = plain.get("/").await.header("content-security-policy").to_owned();
    assert!(policy.ends_with("; frame-ancestors https://a.example https://b.example"), "{policy}");
    edge.stop().await;
}

#[tokio::test]
async fn the_page_is_filled_in_and_a_media_player_is_led_to_the_playlist() {
    let edge = Edge::new(playing()).await;
    let (mut plain, mut secure) = (edge.plain().await, edge.secure().await);
    // Before the settings were read there is a page all the same.
    assert_eq!(plain.get("/").await.status, 200);
    edge.inform(OperatorSettings {
        name: "Ada's".to_owned(),
        stream_title: "Radios".to_owned(),
        ..OperatorSettings::default()
    });
    let (first, second) = (plain.get("/").await, secure.get("/").await);
    assert!(first.header("content-security-policy").contains("script-src 'self';"), "{first:?}");
    assert_eq!(first.header("cache-control"), "no-cache");
    // Links are by the address by which the page was reached, so its tag differs too.
    if first.text().contains("og:image") {
        assert!(first.text().contains("<title>Radios · Ada&#39;s</title>"));
        assert_ne!(first.header("etag"), second.header("etag"));
    }
    let player = [("user-agent", "VLC/3.0.21 LibVLC/3.0.21"), ("accept", "*/*")];
    let led = edge.ask(Method::GET, "/", &player).await;
    assert_eq!((led.status.as_u16(), led.header("location")), (307, "/hls/stream.m3u8"));
    assert_eq!(led.header("cache-control"), "no-store");
    let browser = [("user-agent", "Mozilla/5.0 mpv"), ("accept", "text/html,*/*;q=0.8")];
    assert_eq!(plain.ask(Method::GET, "/", &browser).await.status, 200);
    edge.stop().await;
}
