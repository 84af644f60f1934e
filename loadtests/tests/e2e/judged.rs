//! A broadcast in good weather, judged.

use std::process::Stdio;
use std::time::Duration;

use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::probe::{self, Verdict};
use farcast_loadtests::publish::encoder::Content;
use tokio::process::Command;

use crate::viewers::{FLAWLESS, assert_good, watch};

const START: Duration = Duration::from_secs(30);

#[tokio::test]
async fn viewers_of_two_edges_see_no_stall_and_no_breach() {
    let stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    for edge in 0..2 {
        stage.edge(edge).playable(0, 2, START).await.unwrap();
    }
    let report = watch(&stage, &[0, 1], 6, 20, FLAWLESS).await.unwrap();
    assert_good(&report);
    assert!(report.media > 100, "{report:?}");
}

#[tokio::test]
async fn both_edges_serve_the_same_bytes_under_the_same_names() {
    let stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let (one, other) = (stage.edge(0), stage.edge(1));
    for variant in 0..2 {
        one.playable(variant, 4, START).await.unwrap();
        let playlist = other.playable(variant, 4, START).await.unwrap();
        // What one edge lists the other has, or has as soon as its own copy is there.
        let newest = playlist.next();
        one.until("the other edge catches up", variant, START, |p| p.next() >= newest).await.unwrap();
        let (ours, theirs) = tokio::join!(one.objects(variant, &playlist), other.objects(variant, &playlist));
        let ours = ours.unwrap();
        assert!(ours.len() > 10, "{ours:?}");
        assert_eq!(ours, theirs.unwrap());
    }
}

#[tokio::test]
async fn every_probe_of_the_conformance_check_passes() {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    stage.edge(0).playable(0, 4, START).await.unwrap();
    let outcomes = probe::run(stage.edge(0).dialer().unwrap()).await.unwrap();
    let failed: Vec<_> = outcomes.iter().filter(|o| o.verdict == Verdict::Fail).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(outcomes.len() > 60, "{}", outcomes.len());
}

#[tokio::test]
async fn ffprobe_and_ffmpeg_play_the_stream_from_an_edge() {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    edge.playable(1, 4, START).await.unwrap();
    for (variant, size) in [(0, "640,360"), (1, "320,180")] {
        let url = format!("http://{}/hls/{variant}/stream.m3u8", edge.http);
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", &url])
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(START, output).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(&format!("h264,{size}")) && text.contains("aac"), "{text}");
    }
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i", &edge.url(), "-t", "5", "-f", "null", "-"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(START, output).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn every_edge_has_pictures_of_the_broadcast_and_stand_ins_before_it() {
    let stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let before = stage.edge(1).get("/thumbnail.jpg").await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    for edge in [0, 1] {
        let edge = stage.edge(edge);
        for (path, form) in [("/thumbnail.jpg", "mjpeg,640,360"), ("/preview.gif", "gif,320,180")] {
            let stand_in = if path == "/thumbnail.jpg" { before.body.clone() } else { Default::default() };
            wait::until(path, START, async || {
                let answer = edge.get(path).await.ok()?;
                let url = format!("http://{}{path}", edge.http);
                let output = Command::new("ffprobe")
                    .args([
                        "-v",
                        "error",
                        "-show_entries",
                        "stream=codec_name,width,height",
                        "-of",
                        "csv=p=0",
                        &url,
                    ])
                    .kill_on_drop(true)
                    .output();
                let output = output.await.ok()?;
                (answer.body != stand_in && String::from_utf8_lossy(&output.stdout).trim() == form)
                    .then_some(())
            })
            .await
            .unwrap();
        }
    }
}

#[tokio::test]
async fn an_edge_that_joins_late_is_playable_at_once() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let shown = stage.edge(0).playable(0, 6, START).await.unwrap();
    let late = stage.add_edge().await.unwrap();
    let edge = stage.edge(late);
    // The whole window is there with the first playlist, not only what came since.
    let playlist = edge.until("a playlist", 0, Duration::from_secs(2), |_| true).await.unwrap();
    assert!(playlist.segments.len() >= 6, "{} segments", playlist.segments.len());
    assert!(playlist.media_sequence <= shown.media_sequence + 1);
    edge.objects(0, &playlist).await.unwrap();
    assert_good(&watch(&stage, &[late], 2, 10, FLAWLESS).await.unwrap());
}
