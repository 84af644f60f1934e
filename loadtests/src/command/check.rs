//! `farcast-load check`.

use std::io::Write;
use std::process::ExitCode;

use farcast_loadtests::probe::{self, Verdict};

use crate::command::viewer_options::ViewerOptions;

/// Probes what a server answers, and prints each probe.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    viewer: ViewerOptions,
    /// Fail on recommendations too.
    #[arg(long)]
    strict: bool,
}

impl Check {
    /// Runs the command.
    ///
    /// # Errors
    /// When there is no stream to probe.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut good = true;
        for dialer in self.viewer.dialers()? {
            for outcome in probe::run(dialer).await? {
                let mark = match outcome.verdict {
                    Verdict::Pass => "pass",
                    Verdict::Fail => "FAIL",
                    Verdict::Note => "note",
                };
                let colon = if outcome.detail.is_empty() { "" } else { ": " };
                writeln!(std::io::stdout(), "{mark}  {}{colon}{}", outcome.probe, outcome.detail)?;
                good &=
                    outcome.verdict == Verdict::Pass || (outcome.verdict == Verdict::Note && !self.strict);
            }
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
