//! Whole runs against a chat server that behaves, or does not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::chat::fake::{self, Fake, Mischief};
use crate::chat::report::{Limits, Report};
use crate::chat::run::{Plan, run};
use crate::http::connection::Dialer;

const CONNECTIONS: usize = 9;
const MESSAGES: u64 = 20;

fn plan(fake: &Fake) -> Plan {
    let dialer =
        |address| Dialer { server: format!("http://{address}").parse().unwrap(), http2: false, tls: None };
    Plan {
        edges: fake.addresses.iter().map(dialer).collect(),
        connections: CONNECTIONS,
        users: 6,
        ramp: 1000.0,
        rate: 40.0,
        spacing: Duration::from_millis(100),
        length: Duration::from_millis(500),
        seed: 1,
        processes: Vec::new(),
        idle: Duration::ZERO,
        limits: Limits::default(),
        progress: false,
    }
}

async fn report(mischief: Mischief) -> Report {
    run(plan(&fake::start(2, mischief).await)).await.unwrap()
}

#[tokio::test]
async fn a_good_server_is_found_good_however_it_frames() {
    let fake = fake::start(2, Mischief::None).await;
    let report = run(plan(&fake)).await.unwrap();
    assert!(report.is_good(), "{report:#?}");
    let everything = MESSAGES * CONNECTIONS as u64;
    assert_eq!((report.messages, report.receipts, report.opened), (MESSAGES, everything, 9), "{report:#?}");
    assert_eq!(report.latency.count, everything);
    assert_eq!(report.edges.iter().map(|edge| edge.latency.count).sum::<u64>(), everything);
    assert_eq!(report.edges.iter().map(|edge| edge.open).collect::<Vec<_>>(), [5, 4]);
    // Two connections look, and every greeting is looked at.
    assert_eq!(report.events["CHAT"], 2 * MESSAGES);
    assert_eq!(report.events["CONNECTED_USER_INFO"], 9);
    assert!(fake.room.pongs.load(Ordering::Relaxed) > 0);
    assert!(report.to_string().contains("0 unseen, 0 lost, 0 duplicates, 0 out of order"), "{report}");
}

#[tokio::test]
async fn a_message_that_one_connection_did_not_get_is_reported() {
    let report = report(Mischief::Drops).await;
    assert_eq!((report.lost, report.duplicates, report.disorders, report.unseen), (1, 0, 0, 0));
    assert_eq!(report.failures, ["1 losses, 0 allowed"]);
    assert!(report.examples[0].contains(" lost message "), "{:?}", report.examples);
}

#[tokio::test]
async fn two_messages_that_changed_places_for_one_connection_are_reported() {
    let report = report(Mischief::Swaps).await;
    assert_eq!((report.lost, report.duplicates, report.disorders, report.unseen), (0, 0, 1, 0));
    assert_eq!(report.failures, ["1 messages out of order, 0 allowed"]);
}

#[tokio::test]
async fn a_message_that_one_connection_got_twice_is_reported() {
    let report = report(Mischief::Repeats).await;
    assert_eq!((report.lost, report.duplicates, report.disorders, report.unseen), (0, 1, 0, 0));
    assert_eq!(report.failures, ["1 duplicates, 0 allowed"]);
}

#[tokio::test]
async fn a_message_that_nobody_saw_is_reported() {
    let report = report(Mischief::Swallows).await;
    assert_eq!(report.failures, ["1 messages that nobody saw, 0 allowed"]);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_reported_with_its_reason() {
    let fake = fake::start(2, Mischief::ThrowsOut).await;
    let report = run(plan(&fake)).await.unwrap();
    assert_eq!(
        report.closed.iter().collect::<Vec<_>>(),
        [(&"closed by the server: 1013 slow".to_owned(), &1)]
    );
    assert_eq!((report.lost, report.duplicates, report.disorders), (0, 0, 0), "{report:#?}");
    assert!(report.failures.contains(&"1 connections that were closed, 0 allowed".to_owned()), "{report:#?}");
}

#[tokio::test]
async fn events_of_a_wrong_shape_or_user_are_reported() {
    let timeless = report(Mischief::Timeless).await;
    assert_eq!(timeless.wrong["CHAT: no good timestamp"], 2 * MESSAGES);
    assert_eq!(timeless.failures.len(), 1, "{timeless:#?}");
    let misattributed = report(Mischief::Misattributes).await;
    assert_eq!(misattributed.wrong["CHAT: the id of another user"], 2 * MESSAGES);
}

#[tokio::test]
async fn connections_that_do_not_open_are_reported_with_what_the_server_said() {
    let disabled = report(Mischief::Disabled).await;
    assert_eq!(disabled.failed["not upgraded: status 200 CHAT_DISABLED"], 9);
    assert!(disabled.failures.contains(&"9 connections that did not open, 0 allowed".to_owned()));
    let forgetful = report(Mischief::Forgetful).await;
    assert_eq!(forgetful.failed.len(), 1, "{:?}", forgetful.failed);
    assert!(forgetful.failed.keys().all(|reason| reason.ends_with("after ERROR_NEEDS_REGISTRATION")));
}

#[tokio::test]
async fn a_slow_delivery_is_a_failure_only_beyond_the_limit() {
    let fake = fake::start(1, Mischief::None).await;
    let with = |p99| Plan { limits: Limits { p99: Some(p99), closed: 0 }, ..plan(&fake) };
    assert!(run(with(Duration::from_secs(60))).await.unwrap().is_good());
    let slow = run(with(Duration::from_nanos(1))).await.unwrap();
    assert!(slow.failures.iter().all(|failure| failure.starts_with("delivery within")) && !slow.is_good());
}

#[tokio::test]
async fn silence_measures_the_memory_of_a_process() {
    let fake = fake::start(1, Mischief::None).await;
    let silent = Plan { rate: 0.0, users: 1, processes: vec![std::process::id()], ..plan(&fake) };
    let report = run(silent).await.unwrap();
    assert!(report.is_good(), "{report:#?}");
    assert_eq!((report.messages, report.memory[0].connections), (0, 9));
    assert!(report.memory[0].before_bytes > 100_000 && report.memory[0].end_bytes > 100_000);
    let two = Plan { processes: vec![1, 2], ..plan(&fake) };
    assert!(run(two).await.unwrap_err().to_string().contains("2 processes for 1 edges"));
}

#[tokio::test]
async fn too_few_users_for_the_rate_are_refused_before_anything_is_sent() {
    let fake = fake::start(1, Mischief::None).await;
    let error = run(Plan { users: 4, ..plan(&fake) }).await.unwrap_err().to_string();
    assert_eq!(error, "40 messages a second need 5 users, who speak once in 100ms; there are 4");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let mut fake = fake::start(1, Mischief::None).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    fake.addresses = vec![free.local_addr().unwrap()];
    drop(free);
    let error = run(plan(&fake)).await.unwrap_err().to_string();
    assert!(error.contains("registering at http://127.0.0.1"), "{error}");
}
