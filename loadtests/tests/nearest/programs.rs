//! Programs in namespaces.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Most of a log that is shown when a test fails, in lines.
const TAIL_LINES: usize = 30;

/// A running program. Dropping it kills it, and so does the end of this process, however it ends.
pub(crate) struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a program in a namespace. `name` is for its log, in `folder`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start<A: AsRef<std::ffi::OsStr>>(
        namespace: &str,
        folder: &Path,
        name: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log)?;
        // Both commands become the next one, so the number of the process is the program's.
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, "setpriv", "--pdeathsig", "KILL"]);
        command.arg(program).args(arguments);
        // Settings of the test are none of the programs'.
        let own = std::env::vars_os().map(|(name, _)| name);
        for name in own.filter(|name| name.to_string_lossy().starts_with("FARCAST_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).kill_on_drop(true);
        let child = command.spawn().with_context(|| name.to_owned())?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Ends it without a chance to say goodbye, as `kill -9` does.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub(crate) async fn ends(mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let ended = timeout(limit, self.child.wait()).await;
        Ok(ended.with_context(|| format!("{} goes on\n{}", self.name, self.log_tail()))??)
    }

    /// The end of its log.
    pub(crate) fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        format!("--- end of the log of {}:\n{}\n", self.name, lines[from..].join("\n"))
    }
}
