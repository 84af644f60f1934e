//! Viewers who go on at another edge.

use std::time::Duration;

use farcast_loadtests::harness::edge::{Edge, MULTIVARIANT, login};
use farcast_loadtests::harness::stage::{KEY, Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::encoder::Content;
use farcast_loadtests::watch::report::Limits;
use http::{Method, StatusCode};
use serde_json::json;

use crate::viewers::{FLAWLESS, assert_good, watch};

const START: Duration = Duration::from_secs(30);

/// Requests to an edge that was killed fail; nothing else may go wrong.
const LEFT: Limits = Limits { errors: u64::MAX, ..FLAWLESS };

const VIEWERS: usize = 6;

/// Waits until an edge knows of another one that takes viewers, and its playlist tells players of it.
async fn steered(stage: &Stage, index: usize) {
    let edge = stage.edge(index);
    wait::until("players are told of another edge", START, || async {
        let playlist = edge.ask(Method::GET, MULTIVARIANT, &[], "").await.ok()?;
        let edges = edge.document("/api/edges").await.ok()?;
        let is_told = String::from_utf8_lossy(playlist.body()).contains("#EXT-X-CONTENT-STEERING:");
        (is_told && edges["others"][0]["state"] == "ready" && edges["edge"]["state"] == "ready").then_some(())
    })
    .await
    .unwrap();
}

/// Waits until an edge has some more segments.
async fn some_segments(stage: &Stage, index: usize) {
    let edge = stage.edge(index);
    let now = edge.playlist(0).await.unwrap();
    edge.until("two segments more", 0, START, |p| p.next().msn >= now.next().msn + 2).await.unwrap();
}

#[tokio::test]
async fn viewers_go_on_at_another_edge_when_theirs_is_killed_and_when_it_is_drained() {
    let settings = Settings { edges: 2, public_edges: true, ..Settings::default() };
    let mut stage = Stage::start(settings).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    for index in 0..2 {
        stage.edge(index).playable(0, 3, START).await.unwrap();
        steered(&stage, index).await;
    }
    let viewers = watch(&stage, &[0], VIEWERS, 20, LEFT);
    some_segments(&stage, 0).await;
    stage.take_edge(0).unwrap().kill().await.unwrap();
    let report = viewers.await.unwrap();
    assert_good(&report);
    let steering = &report.steering;
    assert_eq!(steering.switches_by_failure, u64::try_from(VIEWERS).unwrap(), "{steering:?}");
    assert!(report.stalls == 0 && steering.pathways.len() == 2, "{steering:?}");

    stage.start_edge(0).await.unwrap();
    stage.edge(0).playable(0, 3, START).await.unwrap();
    steered(&stage, 0).await;
    let viewers = watch(&stage, &[0], VIEWERS, 30, FLAWLESS);
    some_segments(&stage, 0).await;
    let known = stage.edge(0).document("/api/edges").await.unwrap();
    let drained = json!({ "name": known["edge"]["id"] }).to_string();
    // Over the other edge: this one is to stay as it is.
    let ordered = stage.edge(1).ask(Method::POST, "/api/admin/edges/drain", &[login(KEY)], drained).await;
    assert_eq!(ordered.unwrap().status(), StatusCode::OK);
    let page = wait::until("newcomers are led to the other edge", START, || async {
        let page = stage.edge(0).get("/").await.ok()?;
        (page.status == StatusCode::TEMPORARY_REDIRECT).then_some(page)
    });
    let location = page.await.unwrap().headers["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(&format!("http://{}/?edge=", stage.edge(1).http)), "{location}");
    // Probes of both listeners say so.
    let operators = Edge { http: stage.edge_metrics(0).unwrap() };
    for listener in [stage.edge(0), operators] {
        wait::until("it is not ready", START, || async {
            let answer = listener.get("/readyz").await.ok()?;
            String::from_utf8_lossy(&answer.body).contains("drained by its operators").then_some(())
        })
        .await
        .unwrap();
    }
    let report = viewers.await.unwrap();
    assert_good(&report);
    let steering = &report.steering;
    assert_eq!(steering.switches_by_steering, u64::try_from(VIEWERS).unwrap(), "{steering:?}");
    assert_eq!(steering.switches_by_failure, 0, "{steering:?}");
}
