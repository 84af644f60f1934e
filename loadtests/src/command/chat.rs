//! `farcast-load chat`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use farcast_loadtests::chat::report::Limits;
use farcast_loadtests::chat::run::{Plan, run};
use farcast_loadtests::chat::senders::SPACING;

use crate::command::trust_options::TrustOptions;

/// Time for which all are silent before the memory is measured.
const IDLE: Duration = Duration::from_secs(5);

/// Chats on many connections, and verifies that all of them receive the same.
///
/// Registers users, opens WebSockets, and lets users speak once in 2 s at most. Every connection must receive
/// every message that any connection received, once, in one order for all; one connection of each edge, and
/// one in 500, also looks at the fields of all events. The exit status tells whether all was good enough: no loss,
/// duplicate, disorder, message that nobody saw, faulty event, or connection that did not open or was closed, and the
/// delivery within --max-p99. The report is written as JSON, and as text to standard error.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Chat {
    /// Address of an edge, `http://host:port`; may be given again for further edges, among which the connections are spread.
    #[arg(long = "url", required = true)]
    urls: Vec<String>,
    #[command(flatten)]
    trust: TrustOptions,
    /// WebSockets, on all edges together.
    #[arg(long, default_value_t = 100)]
    connections: usize,
    /// Users to register; one for each connection if not given, else connections share them.
    #[arg(long)]
    users: Option<usize>,
    /// Messages a second, of all users together; it takes two users for each, and one more. 0 for silence.
    #[arg(long, default_value_t = 1.0, value_parser = rate)]
    rate: f64,
    /// Seconds for which messages are sent, from when all connections are open.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Connections that are begun in a second.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    ramp: u32,
    /// Seed of the senders, times and texts: the same seed repeats them.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Measure the memory of this process, the server of the --url in the same place, before the connections, idle and at the
    /// end.
    #[arg(long = "process", value_name = "PID")]
    processes: Vec<u32>,
    /// 99th percentile of the delivery that is good enough, such as 200ms; any if not given.
    #[arg(long, value_parser = humantime::parse_duration)]
    max_p99: Option<Duration>,
    /// Connections closed by the servers that are good enough.
    #[arg(long, default_value_t = 0)]
    max_closed: u64,
    /// Write the report to this file instead of standard output.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Show no progress, and no report as text.
    #[arg(long)]
    quiet: bool,
}

impl Chat {
    /// Runs the command.
    ///
    /// # Errors
    /// When it cannot begin, or the report cannot be written.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let report = Box::pin(run(self.plan()?)).await?;
        let json = serde_json::to_string_pretty(&report)?;
        match &self.json {
            Some(file) => std::fs::write(file, &json).with_context(|| file.display().to_string())?,
            None => writeln!(std::io::stdout(), "{json}")?,
        }
        if !self.quiet {
            write!(std::io::stderr(), "{report}")?;
        }
        for failure in &report.failures {
            writeln!(std::io::stderr(), "not good enough: {failure}")?;
        }
        Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        Ok(Plan {
            edges: self.trust.dialers(&self.urls, false)?,
            connections: self.connections,
            users: self.users.unwrap_or(self.connections),
            ramp: f64::from(self.ramp),
            rate: self.rate,
            spacing: SPACING,
            length: Duration::from_secs(self.seconds),
            seed: self.seed,
            processes: self.processes.clone(),
            idle: IDLE,
            limits: Limits { p99: self.max_p99, closed: self.max_closed },
            progress: !self.quiet,
        })
    }
}

/// Messages a second.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    // Far beyond what a chat is for, and a slot is still some microseconds.
    if (0.0..=100_000.0).contains(&rate) { Ok(rate) } else { Err("not from 0 to 100000".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        chat: Chat,
    }

    fn plan(line: &str) -> Option<Plan> {
        let words = std::iter::once("chat").chain(line.split_whitespace());
        Line::try_parse_from(words).ok()?.chat.plan().ok()
    }

    #[test]
    fn options_become_a_plan() {
        let plan_of = |line| plan(line).unwrap();
        let plain = plan_of("--url http://a --connections 7");
        assert_eq!((plain.connections, plain.users, plain.limits.p99), (7, 7, None));
        let full = plan_of(
            "--url https://a --url http://b:81 --insecure --users 3 --rate 0 --max-p99 250ms --process 5 --process 6",
        );
        assert_eq!((full.edges.len(), full.users, full.rate), (2, 3, 0.0));
        assert_eq!((full.processes, full.limits.p99), (vec![5, 6], Some(Duration::from_millis(250))));
        for bad in [
            "",
            "--url ftp://a",
            "--url https://a",
            "--url http://a --rate -1",
            "--url http://a --rate NaN",
            "--url http://a --max-p99 200",
        ] {
            assert!(plan(bad).is_none(), "{bad}");
        }
    }
}
