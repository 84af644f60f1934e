//! The link between origin and edges: cut, slow.

use std::time::Duration;

use farcast_loadtests::harness::link::Quality;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::publish::encoder::Content;

use crate::viewers::{FLAWLESS, OUTAGE, assert_good, watch};

const START: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_link_that_is_cut_for_five_seconds_is_caught_up() {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    edge.playable(0, 3, START).await.unwrap();
    let viewers = watch(&stage, &[0], 4, 30, OUTAGE);
    stage.link.set(Quality { cut: true, ..Quality::default() });
    // The outage itself has a length: this is not a wait for something to happen.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let stale = edge.playlist(0).await.expect("an edge serves what it has");
    assert!(!stale.ended, "a lost link is not the end");
    stage.link.set(Quality::default());
    let after = edge.until("new media", 0, START, |p| p.next().msn > stale.next().msn + 2).await.unwrap();
    let gap = after.segments.iter().filter(|s| s.gap).count();
    assert_eq!(gap, 0, "what was missed is still at the origin and was fetched");
    assert!(!after.segments.iter().any(|s| s.discontinuity), "the broadcast itself was not interrupted");
    assert_good(&viewers.await.unwrap());
}

#[tokio::test]
async fn a_slow_edge_does_not_delay_a_fast_one() {
    let stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    for edge in 0..2 {
        stage.edge(edge).playable(0, 3, START).await.unwrap();
    }
    // Edges connected in their order: flow 0 is that of edge 0. The ladder has about 1.5 Mbit/s.
    stage.link.set_flow(0, Quality { limit_bps: Some(700_000), ..Quality::default() });
    let report = watch(&stage, &[1], 4, 25, FLAWLESS).await.unwrap();
    assert_good(&report);
    // The slow edge still lives, and has the lowest variant.
    let slow = stage.edge(0).playlist(1).await.expect("a playlist");
    let fast = stage.edge(1).playlist(1).await.expect("a playlist");
    assert!(slow.next().msn + 3 >= fast.next().msn, "{:?} {:?}", slow.next(), fast.next());
    assert!(!slow.ended);
}
