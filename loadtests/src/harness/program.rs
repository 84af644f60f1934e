//! A program under test as a process.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child, Command};

use crate::harness::wait;

/// Longest start of a program: an origin probes encoders first.
const START: Duration = Duration::from_secs(30);
/// Longest orderly stop.
const STOP: Duration = Duration::from_secs(20);
/// Most of a log that is shown when a test fails, in lines.
const TAIL_LINES: usize = 60;

/// A running program. Dropping it kills it.
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
    /// Its listeners' addresses, by name.
    pub addresses: BTreeMap<String, SocketAddr>,
}

/// The folder of the programs: `FARCAST_BIN_DIR`, or where the test executable was built.
///
/// # Errors
/// When the test's own place is not known.
pub fn folder() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("FARCAST_BIN_DIR") {
        return Ok(folder.into());
    }
    let own = std::env::current_exe()?;
    let folder = own.parent().context("no folder")?;
    let in_deps = folder.ends_with("deps");
    Ok(if in_deps { folder.parent().context("no folder")?.to_owned() } else { folder.to_owned() })
}

/// A command that starts a program of [`folder`] with the settings in `config`, logging to `log`.
///
/// # Errors
/// When the program has not been built, or the log cannot be made.
pub fn command(program: &str, config: &Path, log: &Path) -> anyhow::Result<Command> {
    command_of(&folder()?.join(program), config, log)
}

fn command_of(path: &Path, config: &Path, log: &Path) -> anyhow::Result<Command> {
    anyhow::ensure!(path.exists(), "{} is missing: build the workspace first", path.display());
    let out = File::options().create(true).append(true).open(log)?;
    let mut command = Command::new(path);
    command.arg("--config").arg(config).stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
    command.kill_on_drop(true);
    Ok(command)
}

impl Program {
    /// Starts a program and waits until it has announced its addresses. `name` is for its files.
    ///
    /// # Errors
    /// When it ends or does not announce them in time.
    pub async fn start(program: &Path, name: &str, config: &Path, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let announce = folder.join(format!("{name}.addresses.json"));
        // A file of a former run would be taken for this one's.
        let _ = std::fs::remove_file(&announce);
        let child = command_of(program, config, &log)?.arg("--announce").arg(&announce).spawn()?;
        let mut program = Self { name: name.to_owned(), child, log, addresses: BTreeMap::new() };
        let child = &mut program.child;
        let what = format!("{name} announces its addresses");
        let announced = wait::until(&what, START, || {
            let ended = child.try_wait().ok().flatten();
            let text = std::fs::read_to_string(&announce).ok();
            async move { text.map(Ok).or_else(|| ended.map(Err)) }
        });
        let text = match announced.await {
            Ok(Ok(text)) => text,
            Ok(Err(status)) => anyhow::bail!("{name} ended: {status}\n{}", program.log_tail()),
            Err(error) => return Err(error.context(program.log_tail())),
        };
        program.addresses = addresses(&text).with_context(|| format!("{name} announced {text}"))?;
        Ok(program)
    }

    /// An address by its name.
    ///
    /// # Panics
    /// When the program did not announce it.
    #[must_use]
    #[expect(clippy::panic, reason = "a test cannot go on without it")]
    pub fn address(&self, name: &str) -> SocketAddr {
        match self.addresses.get(name) {
            Some(address) => *address,
            None => panic!("{} announced no {name}", self.name),
        }
    }

    /// The number of its process, while it runs.
    ///
    /// # Errors
    /// When it has ended.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("the process has ended")
    }

    /// True if it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it without a chance to say goodbye, as `kill -9` does.
    ///
    /// # Errors
    /// When that fails.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to stop with SIGTERM and waits until it has.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        signal(&self.child, "TERM").await?;
        let waited = tokio::time::timeout(STOP, self.child.wait()).await;
        Ok(waited.with_context(|| format!("{} did not stop\n{}", self.name, self.log_tail()))??)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub async fn ends(mut self, limit: Duration) -> anyhow::Result<(ExitStatus, String)> {
        let ended = tokio::time::timeout(limit, self.child.wait()).await;
        let status = ended.with_context(|| format!("{} goes on\n{}", self.name, self.log_tail()))??;
        Ok((status, self.log_tail()))
    }

    /// The end of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        format!("--- end of the log of {}:\n{}\n", self.name, lines[from..].join("\n"))
    }
}

/// Sends a signal to a process that we started.
///
/// # Errors
/// When it has ended, or the signal cannot be sent.
pub async fn signal(child: &Child, signal: &str) -> anyhow::Result<()> {
    let id = child.id().context("the process has ended")?;
    let status = Command::new("kill").arg(format!("-{signal}")).arg(id.to_string()).status().await?;
    anyhow::ensure!(status.success(), "kill: {status}");
    Ok(())
}

fn addresses(text: &str) -> anyhow::Result<BTreeMap<String, SocketAddr>> {
    let map: BTreeMap<String, Option<String>> = serde_json::from_str(text)?;
    let present = map.into_iter().filter_map(|(name, address)| Some((name, address?)));
    present
        .map(|(name, address)| {
            let mut address: SocketAddr = address.parse()?;
            // An unspecified address is one that accepts on all; a client needs a particular one.
            if address.ip().is_unspecified() {
                address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            Ok((name, address))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_addresses_are_made_reachable_and_absent_ones_left_out() {
        let found = addresses(r#"{"http":"0.0.0.0:80","quic":"[::]:4","rtmps":null}"#).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found["quic"].to_string(), "127.0.0.1:4");
        assert!(addresses("[]").is_err());
    }
}
