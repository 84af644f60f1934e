//! Viewers: `farcast-load watch` in a namespace, and what it reports.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use farcast_loadtests::harness::edge::MULTIVARIANT;
use farcast_loadtests::harness::wait;
use serde_json::Value;

use crate::programs::Program;
use crate::stage::Stage;
use crate::world::Site;

/// Longest time for which viewers go on after they were to end.
const END: Duration = Duration::from_secs(30);
/// Longest time until all viewers have their connections.
const COME: Duration = Duration::from_secs(60);
/// Connections that each viewer has: one waits for the next playlist while the other brings media.
const CONNECTIONS: usize = 2;
/// Segments that pass at the edge until viewers who have just come have their buffers full.
const SETTLED: u64 = 2;

/// Viewers of one place.
pub(crate) struct Watching {
    process: Program,
    report: PathBuf,
    seconds: u64,
    clients: usize,
}

impl Watching {
    /// Starts `clients` viewers in a place, who begin at the edge of `first`, for `seconds`.
    ///
    /// # Errors
    /// When they cannot be started.
    pub(crate) fn start(
        stage: &Stage,
        place: Site,
        first: Site,
        clients: usize,
        seconds: u64,
    ) -> anyhow::Result<Self> {
        Self::begin(stage, place, &[first], clients, seconds, &["--compare"])
    }

    /// Starts viewers at the edges of all `places`, who stay there.
    ///
    /// # Errors
    /// When they cannot be started.
    pub(crate) fn start_and_stay(
        stage: &Stage,
        places: &[Site],
        clients: usize,
        seconds: u64,
    ) -> anyhow::Result<Self> {
        let first = places.first().context("no places")?;
        Self::begin(stage, *first, places, clients, seconds, &["--compare", "--no-steering"])
    }

    fn begin(
        stage: &Stage,
        place: Site,
        edges: &[Site],
        clients: usize,
        seconds: u64,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let name = format!("{}-{:08x}", place.viewer(), rand::random::<u32>());
        let report = stage.file(&format!("{name}.json"));
        let text =
            format!("watch --clients {clients} --seconds {seconds} --quiet --json {}", report.display());
        let mut arguments: Vec<_> = text.split(' ').map(str::to_owned).collect();
        arguments.extend(more.iter().copied().map(str::to_owned));
        for edge in edges {
            arguments.extend(["--url".to_owned(), format!("http://{}{MULTIVARIANT}", edge.edge_http())]);
        }
        let process = stage.run(&place.viewer(), &name, "farcast-load", &arguments)?;
        Ok(Self { process, report, seconds, clients })
    }

    /// Waits until all of them watch at the edge of a place.
    ///
    /// # Errors
    /// When they do not in time.
    pub(crate) async fn settle_at(&self, stage: &Stage, site: Site) -> anyhow::Result<()> {
        let wanted = f64::from(u32::try_from(self.clients * CONNECTIONS)?);
        let what = format!("{wanted} connections at {}", site.edge());
        let come = wait::until(&what, COME, || async {
            stage.connections(site).await.ok().filter(|open| *open >= wanted)
        });
        come.await.with_context(|| self.process.log_tail())?;
        stage.segments_pass(site, SETTLED).await
    }

    /// Their report, when they have ended.
    ///
    /// # Errors
    /// When they do not end in time, or have no report.
    pub(crate) async fn report(self) -> anyhow::Result<Report> {
        let Self { process, report, seconds, .. } = self;
        let log = process.log_tail();
        process.ends(Duration::from_secs(seconds) + END).await?;
        let text = std::fs::read_to_string(&report).context(log)?;
        Ok(Report(serde_json::from_str(&text)?))
    }
}

/// What `farcast-load` reports.
#[derive(Debug)]
pub(crate) struct Report(Value);

impl Report {
    fn count(&self, path: &str) -> u64 {
        self.0.pointer(path).and_then(Value::as_u64).unwrap_or(u64::MAX)
    }

    fn seconds(&self, path: &str) -> Duration {
        let seconds = self.0.pointer(path).and_then(Value::as_f64);
        seconds.map_or(Duration::MAX, Duration::from_secs_f64)
    }

    /// Viewers that played.
    pub(crate) fn played(&self) -> u64 {
        self.count("/played")
    }

    /// Stalls.
    pub(crate) fn stalls(&self) -> u64 {
        self.count("/stalls")
    }

    /// Parts that a viewer never had.
    pub(crate) fn missed(&self) -> u64 {
        self.count("/missed_parts")
    }

    /// Discontinuities, of all viewers together.
    pub(crate) fn discontinuities(&self) -> u64 {
        self.count("/discontinuities")
    }

    /// Objects that were compared with what another edge had given.
    pub(crate) fn compared(&self) -> u64 {
        self.count("/steering/compared")
    }

    /// Breaches of the standard, different bytes among them.
    pub(crate) fn breaches(&self) -> u64 {
        let rules = self.0["rules"].as_object();
        rules.map_or(u64::MAX, |rules| rules.values().filter_map(Value::as_u64).sum())
    }

    /// Errors, by text.
    pub(crate) fn errors(&self) -> String {
        self.0["errors"].to_string()
    }

    /// Changes of the edge by steering, and since one failed.
    pub(crate) fn moves(&self) -> (u64, u64) {
        (self.count("/steering/switches_by_steering"), self.count("/steering/switches_by_failure"))
    }

    /// Answers that the edge of a place gave.
    pub(crate) fn answers(&self, site: Site) -> u64 {
        let traffic = &self.0["steering"]["pathways"][site.pathway()];
        traffic["requests"].as_u64().unwrap_or(0)
    }

    /// The longest stall: that of a change of the edge, or the mean of all, whichever is longer.
    pub(crate) fn longest_stall(&self) -> Duration {
        let count = u32::try_from(self.stalls()).unwrap_or(u32::MAX);
        let mean = self.seconds("/stalled_s").checked_div(count).unwrap_or_default();
        self.seconds("/steering/longest_gap_s").max(mean)
    }

    /// What viewers went through, for the table.
    pub(crate) fn summary(&self) -> String {
        let (steered, failed) = self.moves();
        format!(
            "{} played, moved {steered} by steering, {failed} by failure; {} stalls, {} missed, {} breaches",
            self.played(),
            self.stalls(),
            self.missed(),
            self.breaches()
        )
    }
}
