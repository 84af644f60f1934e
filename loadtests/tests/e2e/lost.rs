//! Programs that are killed and come back.

use std::time::Duration;

use farcast_loadtests::harness::metrics::Metrics;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::playlist::MediaPlaylist;
use farcast_loadtests::publish::encoder::Content;
use rustix::process::{Pid, Signal, kill_process};

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

/// The process in which an origin transcodes; it has another one for pictures.
fn worker(origin: u32) -> Option<Pid> {
    let all = std::fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let is_its = |name: &str| {
        let status = std::fs::read_to_string(format!("/proc/{name}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).map(str::trim);
        let arguments = std::fs::read_to_string(format!("/proc/{name}/cmdline")).unwrap_or_default();
        parent.is_some_and(|parent| parent == origin.to_string()) && arguments.contains("transcoding-worker")
    };
    all.filter_map(|entry| entry.file_name().into_string().ok())
        .find(|name| is_its(name))
        .and_then(|name| Pid::from_raw(name.parse().ok()?))
}

#[tokio::test]
async fn a_transcoding_process_that_crashes_or_hangs_is_replaced_while_the_source_goes_on() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    edge.playable(1, 2, START).await.unwrap();
    let first = edge.playlist(0).await.unwrap();
    let (origin, metrics) = {
        let origin = stage.origin().unwrap();
        (origin.id().unwrap(), origin.address("metrics"))
    };
    for (signal, how) in [(Signal::ABORT, "crashed"), (Signal::STOP, "hung")] {
        kill_process(worker(origin).unwrap(), signal).unwrap();
        wait::until(how, START, || async {
            let ends = Metrics::scrape(metrics).await.ok()?;
            (ends.sum_of("farcast_transcode_worker_ends_total", &[("how", how)]) > 0.0).then_some(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error:?}\n{}", stage.logs()));
        let then = edge.playlist(1).await.unwrap();
        let back = |p: &MediaPlaylist| {
            p.segments.iter().any(|s| s.msn > then.next().msn && s.is_complete() && !s.gap)
        };
        edge.until("the small variant's media", 1, START, back)
            .await
            .unwrap_or_else(|error| panic!("{how}: {error:?}\n{}", stage.logs()));
    }
    let last = edge.playlist(0).await.unwrap();
    let since = last.segments.iter().filter(|segment| segment.msn >= first.next().msn);
    assert!(since.clone().count() > 5 && since.clone().all(|segment| !segment.gap), "the source stood still");
}
