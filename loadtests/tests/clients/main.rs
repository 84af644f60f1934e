//! Clients that were written for Owncast, as facts: what each asks, in its order, and what it reads from each reply
//! (`loadtests/clients/*.toml`, README.md there). All are played against the real programs during a real broadcast.
//!
//! They need the programs beside the test executable: `cargo build --workspace` first, or FARCAST_BIN_DIR.

mod play;
mod report;
mod script;
mod shape;

use std::time::Duration;

use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::encoder::Content;

use self::play::Play;
use self::report::Report;
use self::script::Script;

/// How long a broadcast may take to be seen.
const START: Duration = Duration::from_secs(30);

#[tokio::test]
async fn clients_of_owncast_work_as_they_are() {
    let scripts = Script::all().unwrap();
    let stage = Stage::start(Settings { edges: 2, ..Settings::default() }).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    edge.playable(0, 3, START).await.unwrap();
    let online = wait::until("the broadcast is told", START, || async {
        edge.document("/api/status").await.ok().filter(|status| status["online"] == true)
    });
    online.await.unwrap();
    let mut report = Report::default();
    for script in scripts {
        Play::new(edge, &script, &mut report).run().await;
    }
    println!("{report}");
    assert!(report.is_good(), "{report}");
}

#[test]
fn each_client_is_a_script_that_can_be_read() {
    let scripts = Script::all().unwrap();
    assert!(scripts.len() >= 9, "{}", scripts.len());
    for script in scripts {
        assert!(!script.client.is_empty() && !script.steps.is_empty(), "{}", script.file);
    }
}
