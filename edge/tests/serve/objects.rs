//! Media objects, and methods.

use http::{Method, StatusCode};

use crate::edge::{Edge, closed, playing};

#[tokio::test]
async fn objects_and_their_ranges() {
    let edge = Edge::new(playing()).await;
    let kept = "public, max-age=24, immutable";
    let init = edge.get("/hls/0/1/init-0.mp4").await;
    assert_eq!((init.is(200, kept).text().as_str(), init.header("content-type")), ("init", "video/mp4"));
    let part = edge.get("/hls/0/1/30.1.m4s").await;
    assert_eq!(
        (part.is(200, kept).text().as_str(), part.header("content-type")),
        ("<30.1>", "video/iso.segment")
    );
    for appended in ["?cachebust=1", "?a=1?cachebust=1", "?_HLS_msn=x&_HLS_part=7?", "?%3F;&amp;"] {
        for (path, object) in [("/hls/0/1/init-0.mp4", &init), ("/hls/0/1/30.1.m4s", &part)] {
            assert_eq!(
                edge.get(&format!("{path}{appended}")).await.is(200, kept).body,
                object.body,
                "{appended}"
            );
        }
        let multivariant = edge.get("/hls/stream.m3u8").await.body;
        assert_eq!(edge.get(&format!("/hls/stream.m3u8{appended}")).await.body, multivariant, "{appended}");
    }
    let whole = "<29.0><29.1><29.2><29.3><29.4><29.5><29.6><29.7>";
    let path = "/hls/0/1/29.m4s";
    let segment = edge.get(path).await;
    assert_eq!(segment.is(200, kept).text(), whole);
    assert_eq!((segment.header("accept-ranges"), segment.header("priority")), ("bytes", "u=3"));
    assert_eq!(edge.get("/hls/1/1/29.m4s").await.header("priority"), "u=2", "the lower variant goes first");

    for (range, want, content_range) in [
        ("bytes=0-5", "<29.0>", "bytes 0-5/48"),
        ("bytes=4-7", "0><2", "bytes 4-7/48"),
        ("bytes=42-9007199254740991", "<29.7>", "bytes 42-47/48"),
        ("bytes=-6", "<29.7>", "bytes 42-47/48"),
    ] {
        let reply = edge.ask(Method::GET, path, &[("range", range)]).await;
        assert_eq!(
            (reply.is(206, kept).text().as_str(), reply.header("content-range")),
            (want, content_range)
        );
    }
    let beyond = edge.ask(Method::GET, path, &[("range", "bytes=48-")]).await;
    assert_eq!(beyond.is(416, "no-store").header("content-range"), "bytes */48");
    for ignored in ["bytes=0-1,4-5", "bytes=5-1", "items=0-1"] {
        assert_eq!(edge.ask(Method::GET, path, &[("range", ignored)]).await.is(200, kept).text(), whole);
    }

    let etag = segment.header("etag");
    let unchanged = edge.ask(Method::GET, path, &[("if-none-match", etag)]).await;
    assert_eq!((unchanged.is(304, kept).body.len(), unchanged.header("etag")), (0, etag));
    edge.ask(Method::GET, path, &[("range", "bytes=0-1"), ("if-range", "\"x\"")]).await.is(200, kept);

    for missing in
        ["/hls/0/1/99.m4s", "/hls/0/1/30.5.m4s", "/hls/0/1/30.m4s", "/hls/0/2/29.m4s", "/hls/0/1/x"]
    {
        edge.get(missing).await.is(404, "no-store");
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_hint_that_is_abandoned_is_404() {
    let edge = Edge::new(playing()).await;
    let mut client = edge.secure().await;
    let task = tokio::spawn(async move { client.get("/hls/0/1/30.2.m4s").await });
    edge.until_waiters(1).await;
    edge.live.apply(vec![closed(0, 30, 2)]).await;
    task.await.unwrap().is(404, "no-store");
    edge.stop().await;
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let edge = Edge::new(playing()).await;
    for path in ["/", "/hls/stream.m3u8", "/hls/0/stream.m3u8", "/hls/0/1/29.m4s", "/hls/0/1/99.m4s"] {
        let get = edge.get(path).await;
        let head = edge.ask(Method::HEAD, path, &[]).await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty() && !get.body.is_empty());
        for name in ["content-length", "content-type", "cache-control", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
    edge.stop().await;
}

#[tokio::test]
async fn other_methods_and_preflights() {
    let edge = Edge::new(playing()).await;
    let post = edge.ask(Method::POST, "/hls/0/stream.m3u8", &[]).await;
    assert_eq!(post.is(405, "no-store").header("allow"), "GET, HEAD, OPTIONS");
    let origin = [("origin", "https://example.org"), ("access-control-request-method", "GET")];
    let preflight = edge.ask(Method::OPTIONS, "/hls/0/1/30.1.m4s", &origin).await;
    assert_eq!((preflight.status, preflight.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(preflight.header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    assert_eq!(preflight.header("access-control-allow-headers"), "*");
    edge.stop().await;
}
