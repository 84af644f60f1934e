//! Viewers of a test.

use std::time::Duration;

use farcast_loadtests::harness::stage::Stage;
use farcast_loadtests::watch::report::{Limits, Report};
use farcast_loadtests::watch::run::{Plan, run};
use farcast_loadtests::watch::viewer::Choice;
use tokio::task::JoinHandle;

/// Nothing may go wrong.
pub(crate) const FLAWLESS: Limits =
    Limits { stalls: 0, late_parts: None, errors: 0, breaches: 0, latency: None };

/// Viewers may stall and see errors in an outage; what they are told must still be right.
pub(crate) const OUTAGE: Limits =
    Limits { stalls: u64::MAX, late_parts: None, errors: u64::MAX, breaches: 0, latency: None };

/// Starts `clients` viewers on `edges` for `seconds`.
pub(crate) fn watch(
    stage: &Stage,
    edges: &[usize],
    clients: usize,
    seconds: u64,
    limits: Limits,
) -> JoinHandle<Report> {
    let plan = Plan {
        edges: edges.iter().map(|edge| stage.edge(*edge).dialer().unwrap()).collect(),
        clients,
        length: Duration::from_secs(seconds),
        ramp: Duration::from_millis(300),
        choice: Choice::Spread,
        steering: true,
        compare: true,
        limits,
        progress: false,
    };
    tokio::spawn(run(plan))
}

/// The report, which must be good.
#[track_caller]
pub(crate) fn assert_good(report: &Report) {
    assert!(report.is_good(), "{:?}\n{}", report.failures, serde_json::to_string_pretty(report).unwrap());
}
