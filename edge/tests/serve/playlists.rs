//! Playlists, and the page that plays them.

use std::io::Read;

use farcast_edge::live::Input;
use farcast_settings::OperatorSettings;
use http::{Method, StatusCode};

use crate::edge::{Edge, ended, part, playing, playing_with_target};

#[tokio::test]
async fn the_status_table_of_playlists() {
    let edge = Edge::new(playing()).await;
    let media = |query: &str| format!("/hls/0/stream.m3u8{query}");
    let (now, exact) = ("public, max-age=2", "public, max-age=24");

    let newest = edge.get(&media("")).await;
    newest.is(200, now);
    assert_eq!(newest.header("content-type"), "application/vnd.apple.mpegurl");
    assert_eq!((newest.header("vary"), newest.header("priority")), ("Accept-Encoding", "u=1"));
    assert_eq!(newest.header("content-length"), newest.body.len().to_string());
    assert!(newest.header("access-control-expose-headers").starts_with("Age, Date, Content-Length"));
    assert!(!newest.header("date").is_empty());

    // Answered at once; kept for long only if it is the first playlist with what was asked for.
    for (query, cache_control) in [
        ("?_HLS_msn=30&_HLS_part=1", exact),
        // What later players of Owncast append, and their kin.
        ("?_HLS_msn=30&_HLS_part=1?cachebust=1", exact),
        ("?_HLS_msn=30?cachebust=1&_HLS_part=1%3Fcachebust=2", exact),
        ("?_HLS_msn=30&amp;_HLS_part=1", exact),
        ("?cachebust=1?_HLS_msn=30&_HLS_part=1", exact),
        ("?_HLS_msn=30&_HLS_part=1&_HLS_msn=30", exact),
        ("?cachebust=1?cachebust=2", now),
        ("?_HLS_msn=30&_HLS_part=0", now),
        ("?_HLS_msn=29", now),
        ("?_HLS_msn=29&_HLS_part=8", now),
        ("?_HLS_msn=3", now),
        ("?token=abc&_HLS_unknown=1", now),
        ("?_HLS_skip=bogus", now),
    ] {
        assert_eq!(edge.get(&media(query)).await.is(200, cache_control).body, newest.body, "{query}");
    }
    for query in [
        "?_HLS_part=1",
        "?_HLS_part=1?cachebust=1",
        "?_HLS_msn=x?cachebust=1",
        "?_HLS_msn=30&_HLS_msn=29",
        "?_HLS_msn=-1",
        "?_HLS_msn=x",
        "?_HLS_msn=",
        "?_HLS_msn=99999999999999999999",
        "?_HLS_msn=33",
        "?_HLS_msn=30&_HLS_part=8",
    ] {
        edge.get(&media(query)).await.is(400, "no-store");
    }

    let delta = edge.get(&media("?_HLS_skip=YES")).await;
    assert!(delta.is(200, now).text().contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=13\n"), "{}", delta.text());
    assert_eq!(edge.get(&media("?_HLS_skip=v2")).await.body, delta.body);

    for unknown in ["/hls/7/stream.m3u8", "/hls/99/stream.m3u8", "/hls/00/stream.m3u8", "/hls/", "/nothing"] {
        edge.get(unknown).await.is(404, "no-store");
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_blocked_reload_is_answered_with_the_part() {
    let edge = Edge::new(playing()).await;
    for (index, mut client) in [(2, edge.plain().await), (3, edge.secure().await)] {
        let path = format!("/hls/0/stream.m3u8?_HLS_msn=30&_HLS_part={index}");
        let task = tokio::spawn(async move { client.get(&path).await });
        edge.until_waiters(1).await;
        edge.live.apply(vec![part(0, 30, index)]).await;
        let reply = task.await.unwrap();
        assert!(reply.is(200, "public, max-age=24").text().contains(&format!("1/30.{index}.m4s\"\n")));
    }
    edge.stop().await;
}

#[tokio::test]
async fn the_end_releases_who_waits_and_directives_are_ignored_then() {
    let edge = Edge::new(playing()).await;
    let mut client = edge.plain().await;
    let path = "/hls/0/stream.m3u8?_HLS_msn=30&_HLS_part=2&_HLS_skip=YES";
    let task = tokio::spawn(async move { client.get(path).await });
    edge.until_waiters(1).await;
    edge.live.apply(vec![ended()]).await;
    let last = task.await.unwrap();
    assert!(last.is(200, "public, max-age=2").text().contains("#EXT-X-ENDLIST\n"));
    let later = edge.get("/hls/0/stream.m3u8?_HLS_msn=900&_HLS_skip=YES").await;
    assert_eq!(later.is(200, "public, max-age=2").body, last.body);
    edge.stop().await;
}

#[tokio::test]
async fn what_never_comes_is_503_after_three_target_durations_and_never_an_end() {
    let edge = Edge::new(playing_with_target(1)).await;
    edge.live.apply(vec![Input::Down]).await;
    let (mut one, mut two) = (edge.plain().await, edge.secure().await);
    let (playlist, hinted) =
        tokio::join!(one.get("/hls/0/stream.m3u8?_HLS_msn=30"), two.get("/hls/0/1/30.2.m4s"));
    assert_eq!(playlist.is(503, "no-store").header("retry-after"), "1");
    assert_eq!(hinted.is(503, "no-store").header("retry-after"), "1");
    let text = edge.get("/hls/0/stream.m3u8").await.is(200, "public, max-age=0").text();
    assert!(!text.contains("ENDLIST"));
    assert_eq!(edge.get("/readyz").await.status, 503);
    assert_eq!(edge.get("/healthz").await.status, 200);
    edge.stop().await;
}

#[tokio::test]
async fn an_edge_without_news_and_one_without_a_broadcast() {
    let edge = Edge::new(Vec::new()).await;
    let paths = ["/hls/stream.m3u8", "/hls/0/stream.m3u8", "/hls/0/1/3.m4s"];
    for path in paths {
        assert_eq!(edge.get(path).await.is(503, "no-store").header("retry-after"), "1");
    }
    assert_eq!(edge.get("/readyz").await.status, 503);
    edge.live.apply(vec![Input::Up]).await;
    for path in paths {
        edge.get(path).await.is(404, "no-store");
    }
    assert_eq!(edge.get("/readyz").await.status, 503, "it does not know the settings yet");
    edge.inform(OperatorSettings::default());
    assert_eq!(edge.get("/readyz").await.status, 200);
    edge.health.fail("live_window");
    for path in ["/healthz", "/readyz"] {
        let answer = edge.get(path).await;
        let says = std::str::from_utf8(&answer.body).unwrap().to_owned();
        assert!(answer.status == 503 && says.contains("\"live_window\""), "{path}: {says}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn media_and_chat_are_ready_by_what_each_of_them_needs() {
    let edge = Edge::new(playing()).await;
    let ask = async || {
        let mut answers = Vec::new();
        for path in ["/readyz", "/readyz/media", "/readyz/chat"] {
            answers.push(edge.get(path).await.status.as_u16());
        }
        answers
    };
    assert_eq!(ask().await, [503, 200, 503], "it does not know the settings yet");
    edge.inform(OperatorSettings::default());
    assert_eq!(ask().await, [200, 200, 200]);
    // The origin is away, and this edge reaches the store by itself.
    edge.live.apply(vec![Input::Down]).await;
    assert_eq!(ask().await, [503, 503, 200]);
    assert!(edge.get("/readyz/media").await.text().contains("no link to the origin"));
    assert_eq!(edge.get("/readyz/other").await.status, 404);
    edge.stop().await;
}

#[tokio::test]
async fn a_store_that_is_away_makes_the_chat_unready_and_sends_no_viewer_away() {
    let edge = Edge::new(playing()).await;
    edge.inform(OperatorSettings::default());
    edge.held.memory.fail(true);
    let key = farcast_store::Tuple::new().text("key").key();
    assert!(edge.store.get(&key).await.is_err());
    assert_eq!(edge.get("/readyz/chat").await.status, 200, "a moment is no outage");
    // Five seconds without an answer, however often it is asked.
    let away = async {
        while edge.now("/readyz/chat").await.status == 200 {
            assert!(edge.store.get(&key).await.is_err());
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(crate::client::PATIENCE, away).await.unwrap();
    assert!(edge.get("/readyz/chat").await.text().contains("the store does not answer"));
    assert_eq!(edge.get("/readyz").await.status, 200);
    edge.held.memory.fail(false);
    edge.store.get(&key).await.unwrap();
    assert_eq!(edge.get("/readyz/chat").await.status, 200);
    edge.stop().await;
}

#[tokio::test]
async fn playlists_are_gzipped_for_those_who_take_it() {
    let edge = Edge::new(playing()).await;
    for path in ["/hls/stream.m3u8", "/hls/0/stream.m3u8", "/hls/0/stream.m3u8?_HLS_skip=YES"] {
        let plain = edge.get(path).await;
        assert!(plain.headers.get("content-encoding").is_none());
        let zipped = edge.ask(Method::GET, path, &[("accept-encoding", "br, gzip;q=0.8")]).await;
        assert_eq!((zipped.header("content-encoding"), zipped.header("vary")), ("gzip", "Accept-Encoding"));
        assert_eq!(zipped.header("content-length"), zipped.body.len().to_string());
        let mut text = String::new();
        flate2::read::GzDecoder::new(&zipped.body[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.text());
        let refused = edge.ask(Method::GET, path, &[("accept-encoding", "gzip;q=0, *")]).await;
        assert!(refused.headers.get("content-encoding").is_none());
    }
    let media = edge.ask(Method::GET, "/hls/0/1/29.m4s", &[("accept-encoding", "gzip")]).await;
    assert!(media.headers.get("content-encoding").is_none());
    edge.stop().await;
}

#[tokio::test]
async fn the_multivariant_playlist_and_the_page() {
    let edge = Edge::new(playing()).await;
    let multivariant = edge.get("/hls/stream.m3u8").await;
    let text = multivariant.is(200, "public, max-age=2").text();
    assert!(text.contains("BANDWIDTH=7000000,AVERAGE-BANDWIDTH=5000000,CODECS=\"avc1.640028,mp4a.40.2\","));
    let page = edge.get("/").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-cache"));
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    let unchanged = edge.ask(Method::GET, "/index.html", &[("if-none-match", page.header("etag"))]).await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    edge.stop().await;
}
