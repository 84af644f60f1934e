//! Starts the viewers of a watch, shows how it goes, and joins them.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::http::connection::Dialer;
use crate::watch::report::{Limits, Report};
use crate::watch::tally::Tally;
use crate::watch::viewer::{self, Choice, Shared, SharedTally, Viewer};

/// How often the line on a terminal is renewed.
const REDRAW: Duration = Duration::from_secs(1);
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

/// What to watch.
#[derive(Clone)]
pub struct Plan {
    /// Edges; viewers take turns.
    pub edges: Vec<Dialer>,
    /// Viewers in all.
    pub clients: usize,
    /// How long, from the first viewer's start.
    pub length: Duration,
    /// Over how long the viewers start.
    pub ramp: Duration,
    /// Which variants.
    pub choice: Choice,
    /// What is good enough.
    pub limits: Limits,
    /// Whether to show progress on standard error.
    pub progress: bool,
}

/// Runs a watch to its end.
pub async fn run(plan: Plan) -> Report {
    let start = Instant::now();
    let until = start + plan.length;
    let tally: SharedTally = Arc::new(Mutex::new(Tally::default()));
    let shared: Vec<_> = plan.edges.iter().map(|_| Arc::new(Shared::default())).collect();
    let mut viewers = JoinSet::new();
    let count = u32::try_from(plan.clients).unwrap_or(u32::MAX).max(1);
    for index in 0..plan.clients {
        let edge = index % plan.edges.len().max(1);
        let (Some(dialer), Some(shared)) = (plan.edges.get(edge), shared.get(edge)) else { break };
        // Viewers of one edge are numbered among themselves, so that each edge has all variants watched.
        let own = index / plan.edges.len();
        let viewer = Viewer { index: own, dialer: dialer.clone(), choice: plan.choice, until };
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
                Some(Err(error)) => viewer::lock(&tally).error(format!("viewer: {error}")),
            },
            _ = tick.tick(), if plan.progress => show(&tally, start.elapsed(), terminal),
        }
    }
    if plan.progress && terminal {
        let _ = writeln!(std::io::stderr());
    }
    let tally = viewer::lock(&tally);
    Report::new(&tally, u64::try_from(plan.clients).unwrap_or(u64::MAX), start.elapsed(), plan.limits)
}

fn show(tally: &SharedTally, elapsed: Duration, terminal: bool) {
    let line = {
        let tally = viewer::lock(tally);
        format!(
            "{:>5} s  {} playing  {} parts  {} MB  {} stalls  {} late  {} errors  {} breaches  p95 {} ms",
            elapsed.as_secs(),
            tally.playing,
            tally.media,
            tally.bytes / 1_000_000,
            tally.stalls,
            tally.late_parts,
            tally.error_count(),
            tally.breach_count(),
            tally.latency.percentile(95).as_millis(),
        )
    };
    let mut out = std::io::stderr();
    // Without a standard error there is nobody to show it to.
    let _ = if terminal { write!(out, "\r{line}\x1b[K") } else { writeln!(out, "{line}") };
    let _ = out.flush();
}
