//! What only programs on a cluster show, where edges reach the store by themselves: `make test-foundationdb` runs it.

use std::time::Duration;

use farcast_loadtests::harness::edge::Edge;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::encoder::Content;
use http::StatusCode;

const LIMIT: Duration = Duration::from_secs(30);

async fn until_online(edge: Edge, online: bool) {
    let what = format!("online is {online}");
    let shown = wait::until(&what, LIMIT, || async {
        edge.document("/api/status").await.ok().filter(|status| status["online"] == online)
    });
    shown.await.unwrap();
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_second_origin_waits_says_for_whom_and_changes_nothing_until_the_first_has_stopped() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    assert!(stage.edges_reach_the_store(), "FARCAST_TEST_STORE names no cluster");
    let edge = stage.edge(0);
    let _encoder = stage.encoder(Content::Both).unwrap();
    until_online(edge, true).await;
    let standby = tokio::spawn(stage.start_standby().unwrap());
    let log = stage.path().join("standby.log");
    let waits = wait::until("the second origin waits", LIMIT, || async {
        let text = std::fs::read_to_string(&log).ok()?;
        text.lines().find(|line| line.contains("another origin has this channel")).map(str::to_owned)
    });
    let told = waits.await.unwrap();
    let first = stage.path().join("origin").canonicalize().unwrap();
    assert!(told.contains(first.to_str().unwrap()), "{told}");
    assert_eq!(edge.document("/api/status").await.unwrap()["online"], true);
    assert!(!standby.is_finished());
    assert!(stage.take_origin().unwrap().stop().await.unwrap().success());
    let mut second = standby.await.unwrap().unwrap();
    // It has no encoder, and says so: the channel is its own.
    until_online(edge, false).await;
    assert!(second.is_running());
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn the_chat_and_the_api_of_an_edge_are_ready_while_the_origin_is_away() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let edge = stage.edge(0);
    stage.take_origin().unwrap().kill().await.unwrap();
    let unready = wait::until("the edge has noticed", LIMIT, || async {
        let media = edge.get("/readyz/media").await.ok()?;
        (media.status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    });
    unready.await.unwrap();
    assert_eq!(edge.get("/readyz/chat").await.unwrap().status, StatusCode::OK);
    assert_eq!(edge.get("/readyz").await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    edge.document("/api/status").await.unwrap();
}
