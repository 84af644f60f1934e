//! `farcast-load watch`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use farcast_loadtests::watch::report::Limits;
use farcast_loadtests::watch::run::{Plan, run};
use farcast_loadtests::watch::viewer::Choice;

use crate::command::viewer_options::ViewerOptions;

/// Watches as many low-latency viewers do, and verifies every playlist.
///
/// Viewers follow content steering as players do: they ask the steering server, play by the Pathway that it prefers, and
/// leave one that fails for five minutes. Every steering manifest is verified.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Watch {
    #[command(flatten)]
    viewer: ViewerOptions,
    /// Viewers.
    #[arg(long, default_value_t = 1)]
    clients: usize,
    /// Length in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Over how long the viewers start, in seconds; a hundred of them a second if not given.
    #[arg(long)]
    ramp: Option<u64>,
    /// Watch this variant only, counted from 0; else viewers take turns.
    #[arg(long)]
    variant: Option<usize>,
    /// Ignore content steering (EXT-X-CONTENT-STEERING): stay on the server of the playlist.
    #[arg(long)]
    no_steering: bool,
    /// Compare the bytes of media that come under the same name from different servers.
    #[arg(long)]
    compare: bool,
    /// Write the report to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Stalls that are good enough.
    #[arg(long, default_value_t = 0)]
    max_stalls: u64,
    /// Late parts that are good enough; any number if not given.
    #[arg(long)]
    max_late_parts: Option<u64>,
    /// Errors that are good enough.
    #[arg(long, default_value_t = 0)]
    max_errors: u64,
    /// Breaches of the standard that are good enough.
    #[arg(long, default_value_t = 0)]
    max_breaches: u64,
    /// 95th percentile of the age of parts that is good enough, in milliseconds; any if not given.
    #[arg(long)]
    max_latency_ms: Option<u64>,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

impl Watch {
    /// Runs the command.
    ///
    /// # Errors
    /// When it cannot begin, or the report cannot be written.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let clients = u64::try_from(self.clients).unwrap_or(u64::MAX);
        let plan = Plan {
            edges: self.viewer.dialers()?,
            clients: self.clients,
            length: Duration::from_secs(self.seconds),
            ramp: Duration::from_millis(
                self.ramp.map_or(clients.saturating_mul(10), |s| s.saturating_mul(1000)),
            ),
            choice: self.variant.map_or(Choice::Spread, Choice::Only),
            steering: !self.no_steering,
            compare: self.compare,
            limits: Limits {
                stalls: self.max_stalls,
                late_parts: self.max_late_parts,
                errors: self.max_errors,
                breaches: self.max_breaches,
                latency: self.max_latency_ms.map(Duration::from_millis),
            },
            progress: !self.quiet,
        };
        let report = run(plan).await;
        let json = serde_json::to_string_pretty(&report)?;
        match &self.json {
            Some(file) => std::fs::write(file, &json).with_context(|| file.display().to_string())?,
            None => writeln!(std::io::stdout(), "{json}")?,
        }
        for failure in &report.failures {
            writeln!(std::io::stderr(), "not good enough: {failure}")?;
        }
        Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
