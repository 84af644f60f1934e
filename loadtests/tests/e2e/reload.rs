//! An edge that is reloaded hands its sockets over to a successor: no request fails, nobody stalls; and a successor that cannot
//! work changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use farcast_loadtests::harness::chatter::Account;
use farcast_loadtests::harness::edge::Edge;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::encoder::Content;
use farcast_loadtests::watch::run::{Plan, run};
use farcast_loadtests::watch::viewer::Choice;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::task::JoinHandle;

use crate::viewers::{FLAWLESS, assert_good};

const START: Duration = Duration::from_secs(30);

/// A process that is nobody's child, ended when this is dropped.
struct Successor(Pid);

impl Successor {
    /// The one that the log of an edge names as serving after the process `before`.
    async fn after(stage: &Stage, before: u32) -> Self {
        let log = stage.path().join("edge-0.log");
        let serving = wait::until("a successor serves", START, || async {
            let text = std::fs::read_to_string(&log).ok()?;
            let serving = text.lines().filter(|line| line.contains(" serving "));
            let mut numbers = serving.filter_map(|line| line.rsplit_once("process=")?.1.trim().parse().ok());
            numbers
                .next_back()
                .filter(|number: &i32| u32::try_from(*number).is_ok_and(|number| number != before))
        });
        Self(Pid::from_raw(serving.await.unwrap()).unwrap())
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

/// Asks on a new connection each time until `over`; the number of requests, and what failed.
fn ask(edge: Edge, over: Arc<AtomicBool>) -> JoinHandle<(u64, Vec<String>)> {
    tokio::spawn(async move {
        let (mut asked, mut failed) = (0, Vec::new());
        while !over.load(Ordering::Relaxed) {
            asked += 1;
            match edge.get("/api/status").await {
                Ok(answer) if answer.status.is_success() => {}
                Ok(answer) => failed.push(answer.status.to_string()),
                Err(error) => failed.push(format!("{error:#}")),
            }
        }
        (asked, failed)
    })
}

fn hang_up(process: u32) {
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(process, Signal::HUP).unwrap();
}

#[tokio::test]
async fn a_reload_under_viewers_fails_no_request_and_stalls_nobody() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    let edge = stage.edge(0);
    edge.playable(0, 3, START).await.unwrap();
    let ada = Account::register(edge, "Ada").await.unwrap();
    let mut talking = ada.connect(edge).await.unwrap();
    talking.say("before").await;
    talking.hears("before").await.unwrap();
    let plan = Plan {
        edges: vec![edge.dialer().unwrap()],
        clients: 20,
        length: Duration::from_secs(16),
        ramp: Duration::from_millis(300),
        choice: Choice::Spread,
        steering: false,
        compare: true,
        limits: FLAWLESS,
        progress: false,
    };
    let watching = tokio::spawn(run(plan));
    let over = Arc::new(AtomicBool::new(false));
    let asking = ask(edge, Arc::clone(&over));

    let first = stage.take_edge(0).unwrap();
    let process = first.id().unwrap();
    hang_up(process);
    let successor = Successor::after(&stage, process).await;
    // The chat is asked to come again, and finds all that was said.
    assert_eq!(talking.closed().await.unwrap(), 1012);
    let mut talking = ada.connect(edge).await.unwrap();
    talking.say("after").await;
    talking.hears("after").await.unwrap();
    let said: Vec<_> = ada.backlog(edge).await.unwrap().iter().map(|line| line["body"].clone()).collect();
    assert_eq!(said, ["before", "after"]);
    let (status, log) = first.ends(Duration::from_secs(45)).await.unwrap();
    assert!(status.success(), "{log}");

    assert_good(&watching.await.unwrap());
    over.store(true, Ordering::Relaxed);
    let (asked, failed) = asking.await.unwrap();
    assert!(asked > 20, "{asked} requests");
    assert_eq!(failed, Vec::<String>::new(), "of {asked} requests");
    kill_process(successor.0, Signal::TERM).unwrap();
    wait::until("the successor stops in order", START, || async {
        test_kill_process(successor.0).is_err().then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_successor_that_cannot_work_changes_nothing() {
    let mut stage = Stage::start(Settings::default()).await.unwrap();
    let edge = stage.edge(0);
    let config = stage.path().join("edge-0.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{good}\nno_such_setting = 1\n")).unwrap();
    let mut program = stage.take_edge(0).unwrap();
    hang_up(program.id().unwrap());
    wait::until("the log says why nobody takes over", START, || {
        let log = program.log_tail();
        std::future::ready(
            (log.contains("no_such_setting") && log.contains("the successor does not take over"))
                .then_some(()),
        )
    })
    .await
    .unwrap();
    assert!(program.is_running());
    assert!(edge.get("/readyz").await.unwrap().status.is_success());
    assert!(program.stop().await.unwrap().success());
}
