//! Encoders that go, return, or end.

use std::time::Duration;

use farcast_loadtests::harness::program::signal;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::publish::encoder::Content;

use crate::viewers::{OUTAGE, assert_good, watch};

const START: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_encoder_that_is_killed_and_returns_within_the_grace_continues_the_broadcast() {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let mut encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    let before = edge.playable(0, 3, START).await.unwrap();
    let viewers = watch(&stage, &[0], 4, 25, OUTAGE);
    edge.until("one more segment while viewers watch", 0, START, |p| p.next().msn > before.next().msn)
        .await
        .unwrap();
    encoder.kill().await.unwrap();
    let stopped = edge.playlist(0).await.unwrap();
    assert!(!stopped.ended);
    let _encoder = stage.encoder(Content::Both).unwrap();
    let has_returned = |p: &farcast_loadtests::playlist::MediaPlaylist| {
        p.segments.iter().any(|s| s.discontinuity && s.msn > before.next().msn && s.is_complete())
    };
    let after = edge.until("media after a discontinuity", 0, START, has_returned).await.unwrap();
    assert!(!after.ended);
    assert!(after.next() > stopped.next());
    let report = viewers.await.unwrap();
    assert_good(&report);
    assert!(report.discontinuities >= 4, "each viewer passes it: {report:?}");
    assert_eq!(report.ended, 0);
}

#[tokio::test]
async fn a_broadcast_whose_encoder_does_not_return_ends_with_an_endlist() {
    let settings = Settings { grace: Duration::from_secs(3), ..Settings::default() };
    let stage = Stage::start(settings).await.unwrap();
    let mut encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    edge.playable(0, 3, START).await.unwrap();
    let viewers = watch(&stage, &[0], 2, 60, OUTAGE);
    encoder.kill().await.unwrap();
    for variant in 0..2 {
        edge.until("ENDLIST", variant, Duration::from_secs(20), |p| p.ended).await.unwrap();
    }
    let report = viewers.await.unwrap();
    assert_good(&report);
    assert_eq!(report.ended, 2, "viewers that block are released with the end: {report:?}");
}

#[tokio::test]
async fn an_encoder_that_says_goodbye_ends_the_broadcast_at_once() {
    let stage =
        Stage::start(Settings { grace: Duration::from_secs(120), ..Settings::default() }).await.unwrap();
    let mut encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    edge.playable(0, 3, START).await.unwrap();
    signal(&encoder, "INT").await.unwrap();
    edge.until("ENDLIST", 0, Duration::from_secs(20), |p| p.ended).await.unwrap();
    encoder.wait().await.unwrap();
}

#[tokio::test]
async fn a_new_broadcast_after_the_end_of_one_is_watched() {
    let stage =
        Stage::start(Settings { grace: Duration::from_secs(2), ..Settings::default() }).await.unwrap();
    let edge = stage.edge(0);
    let mut encoder = stage.encoder(Content::Both).unwrap();
    let first = edge.playable(0, 2, START).await.unwrap();
    signal(&encoder, "INT").await.unwrap();
    encoder.wait().await.unwrap();
    edge.until("ENDLIST", 0, Duration::from_secs(20), |p| p.ended).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let second = edge.playable(0, 2, START).await.unwrap();
    assert!(second.media_sequence >= first.next().msn, "numbers are never used again");
}
