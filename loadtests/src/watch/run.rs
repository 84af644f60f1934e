//! Starts the viewers of a watch, shows its progress, and joins them.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::http::connection::Dialer;
use crate::watch::objects::Objects;
use crate::watch::report::{Limits, Report};
use crate::watch::shared::{Shared, SharedTally, lock, now};
use crate::watch::tally::Tally;
use crate::watch::viewer::{self, Choice, Viewer};

/// Interval at which the line on a terminal is renewed.
const REDRAW: Duration = Duration::from_secs(1);
/// Interval at which a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

/// The plan of a run.
#[derive(Clone)]
pub struct Plan {
    /// Edges; viewers take turns.
    pub edges: Vec<Dialer>,
    /// Viewers in all.
    pub clients: usize,
    /// Length of the run, from the first viewer's start.
    pub length: Duration,
    /// Over how long the viewers start.
    pub ramp: Duration,
    /// The variants.
    pub choice: Choice,
    /// True if viewers follow content steering.
    pub steering: bool,
    /// True if to compare the bytes that servers give under the same names.
    pub compare: bool,
    /// The bounds of a good result.
    pub limits: Limits,
    /// True if to show progress on standard error.
    pub progress: bool,
}

/// Runs a watch to its end.
pub async fn run(plan: Plan) -> Report {
    let start = now();
    let until = start + plan.length;
    let tally: SharedTally = Arc::new(Mutex::new(Tally::default()));
    let shared: Vec<_> = plan.edges.iter().map(|_| Arc::new(Shared::default())).collect();
    let objects = plan.compare.then(|| Arc::new(Objects::default()));
    let mut viewers = JoinSet::new();
    let count = u32::try_from(plan.clients).unwrap_or(u32::MAX).max(1);
    for index in 0..plan.clients {
        let edge = index % plan.edges.len().max(1);
        let (Some(dialer), Some(shared)) = (plan.edges.get(edge), shared.get(edge)) else { break };
        // Viewers of one edge are numbered among themselves, so that each edge has all variants watched.
        let own = index / plan.edges.len();
        let viewer = Viewer {
            index: own,
            dialer: dialer.clone(),
            choice: plan.choice,
            steering: plan.steering,
            objects: objects.clone(),
            until,
        };
        let begin = start + plan.ramp / count * u32::try_from(index).unwrap_or(u32::MAX);
        let (shared, tally) = (Arc::clone(shared), Arc::clone(&tally));
        viewers.spawn(async move {
            tokio::time::sleep_until(begin.into()).await;
            Box::pin(viewer::watch(viewer, shared, tally)).await;
        });
    }
    let terminal = std::io::stderr().is_terminal();
    let mut tick = tokio::time::interval(if terminal { REDRAW } else { LINE });
    tick.tick().await;
    loop {
        tokio::select! {
            joined = viewers.join_next() => match joined {
                None => break,
                Some(Ok(())) => {}
                Some(Err(error)) => lock(&tally).error(format!("viewer: {error}")),
            },
            _ = tick.tick(), if plan.progress => show(&tally, now() - start, terminal),
        }
    }
    if plan.progress && terminal {
        let _ = writeln!(std::io::stderr());
    }
    let tally = lock(&tally);
    Report::new(&tally, u64::try_from(plan.clients).unwrap_or(u64::MAX), now() - start, plan.limits)
}

fn show(tally: &SharedTally, elapsed: Duration, terminal: bool) {
    let line = {
        let tally = lock(tally);
        format!(
            "{:>5} s  {} playing  {} parts  {} MB  {} stalls  {} late  {} errors  {} breaches  {} switches  p95 {} ms",
            elapsed.as_secs(),
            tally.playing,
            tally.media,
            tally.bytes / 1_000_000,
            tally.stalls,
            tally.late_parts,
            tally.error_count(),
            tally.breach_count(),
            tally.steering.switches_by_steering + tally.steering.switches_by_failure,
            tally.latency.percentile(95).as_millis(),
        )
    };
    let mut out = std::io::stderr();
    // Without a standard error there is nobody to show it to.
    let _ = if terminal { write!(out, "\r{line}\x1b[K") } else { writeln!(out, "{line}") };
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::fake::{self, Defect};

    async fn watched(defect: Defect, http2: bool) -> Report {
        let server = format!("http://{}/hls/stream.m3u8", fake::start(defect).await).parse().unwrap();
        let plan = Plan {
            edges: vec![Dialer { server, http2, tls: None }],
            clients: 6,
            length: Duration::from_secs(3),
            ramp: Duration::ZERO,
            choice: Choice::Spread,
            steering: true,
            compare: false,
            // A loaded machine may stall; that is not what is tested here.
            limits: Limits { stalls: u64::MAX, ..Limits::default() },
            progress: false,
        };
        run(plan).await
    }

    #[tokio::test]
    async fn viewers_of_a_good_edge_play_and_find_nothing() {
        for http2 in [false, true] {
            let report = watched(Defect::None, http2).await;
            assert!(report.is_good(), "{report:#?}");
            assert_eq!(report.played, 6);
            assert!(report.media > 6 && report.latency.count > 0, "{report:#?}");
        }
    }

    #[tokio::test]
    async fn an_edge_that_does_not_hold_requests_back_is_found_out() {
        let report = watched(Defect::NoBlocking, false).await;
        assert!(report.rules.contains_key("C3-answered-too-early") && !report.is_good(), "{report:#?}");
    }

    #[tokio::test]
    async fn parts_that_are_listed_and_not_there_are_errors() {
        let report = watched(Defect::LosesParts, false).await;
        assert!(report.missed_parts > 0 && !report.is_good(), "{report:#?}");
    }
}
