//! An origin's backup brings back all that it was.

use std::ffi::OsStr;
use std::time::Duration;

use farcast_loadtests::harness::chatter::Account;
use farcast_loadtests::harness::edge::Edge;
use farcast_loadtests::harness::program;
use farcast_loadtests::harness::stage::{KEY, Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::encoder::Content;
use serde_json::json;
use tokio::process::Command;

const START: Duration = Duration::from_secs(30);

/// Runs a command of the origin's program, and gives whether it succeeded and all that it printed.
async fn origin<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> (bool, String) {
    let program = program::folder().unwrap().join("farcast-origin");
    let done = Command::new(program).args(arguments).kill_on_drop(true).output().await.unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(text).unwrap())
}

async fn set_name(edge: Edge, name: &str) {
    let (status, answer) = edge.admin(KEY, "config/name", Some(json!(name))).await.unwrap();
    assert!(status.is_success(), "{answer}");
}

#[tokio::test]
async fn an_origin_whose_disk_is_lost_comes_back_from_its_backup() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let mut encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    let before = edge.playable(0, 3, START).await.unwrap();
    set_name(edge, "Ada's workshop").await;
    let ada = Account::register(edge, "Ada").await.unwrap();
    let mut chatter = ada.connect(edge).await.unwrap();
    chatter.say("kept").await;
    chatter.hears("kept").await.unwrap();

    // Made while the origin is on the air, by whoever may read its data folder.
    let config = stage.path().join("origin.toml");
    let file = stage.path().join("farcast.backup");
    let arguments = |command: &'static str| {
        [OsStr::new(command), file.as_os_str(), OsStr::new("--config"), config.as_os_str()]
    };
    let (done, text) = origin(arguments("backup")).await;
    assert!(done && text.contains("entries of the store"), "{text}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (done, text) = origin(arguments("backup")).await;
    assert!(!done && text.contains("nothing is overwritten"), "{text}");
    let (done, text) = origin([OsStr::new("check-backup"), file.as_os_str()]).await;
    assert!(done && text.starts_with("whole: made 20"), "{text}");
    let (done, text) = origin(arguments("restore")).await;
    assert!(!done && text.contains("already has"), "a running origin keeps what it has: {text}");

    // Said and set after it: lost, with the disk.
    set_name(edge, "Nobody").await;
    // By somebody else: one person's lines keep a distance.
    let mut bob = Account::register(edge, "Bob").await.unwrap().connect(edge).await.unwrap();
    bob.say("not kept").await;
    chatter.hears("not kept").await.unwrap();
    encoder.kill().await.unwrap();
    stage.take_origin().unwrap().kill().await.unwrap();
    let alone = edge.playlist(0).await.unwrap();
    let data = stage.path().join("origin");
    std::fs::remove_dir_all(&data).unwrap();

    let Ok(cluster) = std::env::var("FARCAST_TEST_STORE") else {
        let (done, text) = origin(arguments("restore")).await;
        assert!(done && text.contains("the origin can be started"), "{text}");
        stage.start_origin().await.unwrap();
        // The edge knows this origin still, and needs no new token.
        let found = wait::until("the edge is linked again", START, || async {
            let (status, config) = edge.admin(KEY, "serverconfig", None).await.ok()?;
            status.is_success().then_some(config)
        });
        assert_eq!(found.await.unwrap()["instanceDetails"]["name"], "Ada's workshop");
        // Who is connected goes on, behind all that was lost.
        let mut chatter = ada.connect(edge).await.unwrap();
        chatter.say("new").await;
        chatter.hears("new").await.unwrap();
        stage.take_edge(0).unwrap().kill().await.unwrap();
        stage.start_edge(0).await.unwrap();
        let history = ada.backlog(edge).await.unwrap();
        let said: Vec<_> = history.iter().filter_map(|event| event["body"].as_str()).collect();
        assert_eq!(said, ["kept", "new"], "{history:?}");

        // Nothing that was on the air comes again under its name.
        let _encoder = stage.encoder(Content::Both).unwrap();
        let after = edge.until("media after the return", 0, START, |p| {
            p.segments.iter().any(|s| s.msn > alone.next().msn && s.is_complete() && !s.gap)
        });
        let after = after.await.unwrap();
        assert!(after.next().msn > before.next().msn + 1_000_000, "{after:?}");
        return;
    };
    // A cluster has not lost anything; the backup goes into another part of it.
    let store = format!("{cluster}?name=re-{:08x}", rand::random::<u32>());
    let more = ["--store", &store].map(OsStr::new);
    let (done, text) = origin(arguments("restore").into_iter().chain(more)).await;
    assert!(done && text.contains("are in the cluster"), "{text}");
    let (done, text) = origin(arguments("restore").into_iter().chain(more)).await;
    assert!(!done && text.contains("already has"), "{text}");
}
