//! The access log: who asked for what, how it ended, and nothing that is a secret.

use farcast_config::{Networks, Value as _};
use farcast_edge::serve::Config;
use farcast_service::access::{self, Format, Target};
use http::Method;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::edge::{Edge, playing};

#[tokio::test]
async fn requests_are_in_the_access_log_with_their_senders_and_their_ends_and_without_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let target = Target::File(path.clone());
    let (log, writer) = access::open(Some(&target), Format::Combined, &Registry::new()).unwrap().unwrap();
    let stop = CancellationToken::new();
    let writing = tokio::spawn(writer.run(stop.clone()));
    let trusted_proxies = Networks::parse("127.0.0.1").unwrap();
    let edge =
        Edge::with(Config { access_log: Some(log), trusted_proxies, ..Config::default() }, playing()).await;

    let mut client = edge.plain().await;
    let headers = [
        ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
        ("authorization", "Bearer secret"),
        ("cookie", "login=secret"),
        ("user-agent", "a \"player\""),
    ];
    let segment = "/hls/0/1/28.m4s?token=secret";
    let whole = client.ask(Method::GET, segment, &headers).await;
    assert_eq!(whole.status, 200);
    client.ask(Method::GET, segment, &[("range", "bytes=0-9")]).await;
    client.ask(Method::HEAD, "/hls/0/stream.m3u8?_HLS_skip=YES", &[]).await;
    drop(client);
    edge.secure().await.get("/nowhere").await;
    let mut leaves = edge.plain().await;
    let waiting = tokio::spawn(async move { leaves.get("/hls/0/stream.m3u8?_HLS_msn=31").await });
    edge.until_waiters(1).await;
    waiting.abort();
    edge.until_waiters(0).await;
    edge.stop().await;
    stop.cancel();
    writing.await.unwrap();

    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("secret"), "{text}");
    let without_times = |line: &str| {
        let (sender, rest) = line.split_once(" - - [").unwrap();
        format!("{sender} {}", rest.split_once("] ").unwrap().1)
    };
    let mut lines: Vec<_> = text.lines().map(without_times).collect();
    // Those of two connections come in any order.
    lines.sort_unstable();
    let length = whole.body.len();
    assert_eq!(
        lines,
        [
            "127.0.0.1 \"GET /hls/0/1/28.m4s?token=- HTTP/1.1\" 206 10 \"-\" \"-\"".to_owned(),
            "127.0.0.1 \"GET /hls/0/stream.m3u8?_HLS_msn=31 HTTP/1.1\" 499 0 \"-\" \"-\"".to_owned(),
            "127.0.0.1 \"GET /nowhere HTTP/2.0\" 404 10 \"-\" \"-\"".to_owned(),
            "127.0.0.1 \"HEAD /hls/0/stream.m3u8?_HLS_skip=YES HTTP/1.1\" 200 0 \"-\" \"-\"".to_owned(),
            format!(
                "198.51.100.7 \"GET /hls/0/1/28.m4s?token=- HTTP/1.1\" 200 {length} \"-\" \"a \\\"player\\\"\""
            ),
        ]
    );
}
