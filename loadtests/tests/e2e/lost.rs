//! Programs that are killed and come back.

use std::time::Duration;

use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::publish::encoder::Content;

use crate::viewers::{FLAWLESS, OUTAGE, assert_good, watch};

const START: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_loss_and_return_of_an_edge_is_not_seen_at_another() {
    let mut stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    for edge in 0..2 {
        stage.edge(edge).playable(0, 3, START).await.unwrap();
    }
    let viewers = watch(&stage, &[1], 4, 20, FLAWLESS);
    stage.take_edge(0).unwrap().kill().await.unwrap();
    let now = stage.edge(1).playlist(0).await.unwrap();
    stage.edge(1).until("a segment meanwhile", 0, START, |p| p.next().msn > now.next().msn).await.unwrap();
    stage.start_edge(0).await.unwrap();
    let back = stage.edge(0).playable(0, 3, Duration::from_secs(5)).await.unwrap();
    assert!(back.next().msn > now.next().msn);
    assert_good(&viewers.await.unwrap());
    assert_good(&watch(&stage, &[0], 2, 8, FLAWLESS).await.unwrap());
}

#[tokio::test]
async fn viewers_go_on_when_the_origin_is_killed_and_returns_with_its_encoder() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let mut encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    let before = edge.playable(0, 3, START).await.unwrap();
    let viewers = watch(&stage, &[0], 4, 40, OUTAGE);
    edge.until("one more segment while viewers watch", 0, START, |p| p.next().msn > before.next().msn)
        .await
        .unwrap();
    stage.take_origin().unwrap().kill().await.unwrap();
    encoder.kill().await.unwrap();
    let alone = edge.playlist(0).await.expect("an edge serves what it has");
    assert!(!alone.ended, "a lost link is not the end");
    stage.start_origin().await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let after = edge
        .until("media after the origin's return", 0, START, |p| {
            p.segments.iter().any(|s| s.msn > alone.next().msn && s.is_complete() && !s.gap)
        })
        .await
        .unwrap();
    assert!(!after.ended);
    assert!(after.segments.iter().any(|s| s.discontinuity));
    let report = viewers.await.unwrap();
    assert_good(&report);
    assert!(report.discontinuities >= 4, "each viewer passes it: {report:?}");
}
