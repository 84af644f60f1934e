//! `farcast-load bench`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use farcast_loadtests::harness::metrics::Metrics;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::publish::encoder::Content;
use farcast_loadtests::watch::report::{Limits, Report};
use farcast_loadtests::watch::run::{Plan, run};
use farcast_loadtests::watch::viewer::Choice;
use serde::Serialize;
use tokio::time::Instant;

/// Longest wait for the broadcast on both edges.
const ON_AIR: Duration = Duration::from_secs(60);
/// Interval at which the edges' metrics are read.
const SAMPLE: Duration = Duration::from_secs(5);
/// Viewers who start in a second.
const RAMP_PER_SECOND: u64 = 50;
/// Time from the last viewer's start until an edge's cache, which keeps objects for 200 s, has its final size.
const SETTLE: Duration = Duration::from_secs(210);
/// A part is in time when it is complete on the edge this long after its last frame reached the origin.
const IN_TIME: &str = "0.1";
/// Share of parts that must be in time when all is passed through.
const IN_TIME_SHARE: f64 = 0.99;
/// Allowed growth of the watched edge's memory beyond the settled value: its share of growth, and a constant for
/// allocators.
const GROWTH: f64 = 1.05;
const GROWTH_BYTES: f64 = 16.0 * 1024.0 * 1024.0;

/// The origin's ladder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Ladder {
    /// The broadcast as it came, only.
    Passthrough,
    /// As it came, and a small transcoded variant.
    Two,
}

/// Starts an origin, two edges and a broadcast, lets viewers watch the first edge, and measures.
///
/// The exit status tells whether all was good enough: no stall, breach, error or missed part, an edge
/// that does not grow (looked at from 210 s after the last viewer came), and with `--ladder passthrough` 99 % of parts on each edge within 100 ms of their last
/// frame's arrival at the origin.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Bench {
    /// Viewers of the first edge.
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// Seconds for which the viewers watch.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The latency level.
    #[arg(long, default_value_t = 2)]
    level: u8,
    /// The variants that the origin makes of the broadcast.
    #[arg(long, value_enum, default_value_t = Ladder::Passthrough)]
    ladder: Ladder,
    /// Write the report to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The measurements.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Outcome {
    watch: Report,
    edges: Vec<EdgeOutcome>,
    failures: Vec<String>,
}

/// One edge.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct EdgeOutcome {
    /// Parts received while viewers watched.
    parts: f64,
    /// Share of them within [`IN_TIME`].
    parts_in_time: f64,
    /// Resident memory when it had settled; bytes. Absent in a run that is too short.
    settled_bytes: Option<f64>,
    /// At the end.
    last_bytes: f64,
    /// CPU seconds of the process in all.
    cpu_s: f64,
}

impl Bench {
    /// Runs the command.
    ///
    /// # Errors
    /// When a program does not start, or the report cannot be written.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let variants = (self.ladder == Ladder::Passthrough)
            .then(|| "[[variants]]\nvideo_passthrough = true\naudio_passthrough = true\n".to_owned());
        let stage = Stage::start(Settings { level: self.level, variants, edges: 2, ..Settings::default() });
        let stage = stage.await?;
        let _encoder = stage.encoder(Content::Both)?;
        for edge in 0..2 {
            stage.edge(edge).playable(0, 4, ON_AIR).await.with_context(|| stage.logs())?;
        }
        let ramp = Duration::from_secs(1 + u64::try_from(self.clients)? / RAMP_PER_SECOND);
        let length = Duration::from_secs(self.seconds);
        anyhow::ensure!(length > ramp + SAMPLE, "--seconds must be more than {}", (ramp + SAMPLE).as_secs());
        let plan = Plan {
            edges: vec![stage.edge(0).dialer()?],
            clients: self.clients,
            length,
            ramp,
            choice: Choice::Spread,
            // All of them must stay on the edge that is measured.
            steering: false,
            compare: false,
            limits: Limits::default(),
            progress: true,
        };
        let before = [scrape(&stage, 0).await?, scrape(&stage, 1).await?];
        let settled = Instant::now() + ramp + SETTLE;
        let (watch, samples) = {
            let watching = run(plan);
            let mut watching = std::pin::pin!(watching);
            let mut samples = Vec::new();
            let mut tick = tokio::time::interval(SAMPLE);
            loop {
                tokio::select! {
                    report = &mut watching => break (report, samples),
                    now = tick.tick() => {
                        samples.push((now >= settled, [scrape(&stage, 0).await?, scrape(&stage, 1).await?]));
                    }
                }
            }
        };
        let edges: Vec<_> = (0..2)
            .filter_map(|index| {
                let of_edge = samples.iter().map(|(settled, sample)| (*settled, &sample[index]));
                EdgeOutcome::new(&before[index], of_edge)
            })
            .collect();
        let failures = self.failures(&watch, &edges);
        let outcome = Outcome { watch, edges, failures };
        let json = serde_json::to_string_pretty(&outcome)?;
        match &self.json {
            Some(file) => std::fs::write(file, &json).with_context(|| file.display().to_string())?,
            None => writeln!(std::io::stdout(), "{json}")?,
        }
        for failure in &outcome.failures {
            writeln!(std::io::stderr(), "not good enough: {failure}")?;
        }
        Ok(if outcome.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn failures(&self, watch: &Report, edges: &[EdgeOutcome]) -> Vec<String> {
        let mut failures = watch.failures.clone();
        if watch.missed_parts > 0 {
            failures.push(format!("missed parts: {}", watch.missed_parts));
        }
        for (index, edge) in edges.iter().enumerate() {
            if let Some(settled) = edge.settled_bytes
                && edge.last_bytes > settled * GROWTH + GROWTH_BYTES
            {
                failures.push(format!("edge {index} grew from {settled} to {} bytes", edge.last_bytes));
            }
            if self.ladder == Ladder::Passthrough && edge.parts_in_time < IN_TIME_SHARE {
                failures.push(format!("edge {index} had {:.4} of its parts in time", edge.parts_in_time));
            }
        }
        failures
    }
}

impl EdgeOutcome {
    /// Of an edge's metrics before the viewers came, and of those since, each with whether it had settled;
    /// `None` without these.
    fn new<'a>(before: &Metrics, samples: impl Iterator<Item = (bool, &'a Metrics)> + Clone) -> Option<Self> {
        const DELAY: &str = "farcast_receive_part_delay_seconds";
        let settled = samples.clone().find_map(|(settled, metrics)| settled.then_some(metrics));
        let (_, last) = samples.last()?;
        let resident = |metrics: &Metrics| metrics.sum("process_resident_memory_bytes");
        let grown =
            |name: &str, labels: &[(&str, &str)]| last.sum_of(name, labels) - before.sum_of(name, labels);
        let parts = grown(&format!("{DELAY}_count"), &[("from", "arrived")]);
        let in_time = grown(&format!("{DELAY}_bucket"), &[("from", "arrived"), ("le", IN_TIME)]);
        Some(Self {
            parts,
            parts_in_time: if parts > 0.0 { in_time / parts } else { 0.0 },
            settled_bytes: settled.map(resident),
            last_bytes: resident(last),
            cpu_s: last.sum("process_cpu_seconds_total"),
        })
    }
}

async fn scrape(stage: &Stage, edge: usize) -> anyhow::Result<Metrics> {
    Metrics::scrape(stage.edge_metrics(edge)?).await
}
