//! Starting a successor.

use std::ffi::OsString;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping, FdMappingCollision};
use serde::Serialize;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::given::PREDECESSOR;
use super::{Heritage, MAX_WORD_BYTES, Word};

/// Longest time from the start of a successor until it is ready.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// First descriptor of those that are given (sd_listen_fds(3)).
const FIRST: i32 = 3;

/// How this program was started.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Launch {
    /// That of this process. Its program is the one that is at the same path later, so that a new version is started.
    ///
    /// # Errors
    /// When the system does not say where the program is.
    pub fn own() -> io::Result<Self> {
        let mut arguments = std::env::args_os();
        let called = arguments.next().map(PathBuf::from).filter(|path| path.components().count() > 1);
        let program = called.map_or_else(std::env::current_exe, Ok)?;
        Ok(Self { program, arguments: arguments.collect() })
    }

    /// Another program.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>) -> Self {
        Self { program, arguments }
    }
}

/// The reason why a successor does not take over.
#[derive(Debug, thiserror::Error)]
pub enum HeirError {
    /// It cannot be started.
    #[error("{} cannot be started", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It ended.
    #[error("it ended before it was ready: {0}; what it said is above in the log")]
    Ended(ExitStatus),
    /// It took too long.
    #[error("it was not ready within {} s, and was ended", READY_DEADLINE.as_secs())]
    Late,
    /// It cannot be talked to.
    #[error("it cannot be talked to")]
    Line(#[source] io::Error),
}

/// A successor that is not this program's yet. Dropping it ends it.
#[derive(Debug)]
pub struct Heir {
    /// None once it is on its own.
    child: Option<Child>,
    line: tokio::net::UnixDatagram,
}

impl Heir {
    /// Starts it with copies of these sockets.
    ///
    /// # Errors
    /// [`HeirError::Start`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(launch: &Launch, heritage: &Heritage) -> Result<Self, HeirError> {
        Self::spawn(launch, heritage)
            .map_err(|source| HeirError::Start { program: launch.program.clone(), source })
    }

    fn spawn(launch: &Launch, Heritage(sockets): &Heritage) -> io::Result<Self> {
        let (ours, theirs) = UnixDatagram::pair()?;
        ours.set_nonblocking(true)?;
        let mut given = vec![(PREDECESSOR.to_owned(), theirs.into())];
        for (name, socket) in sockets {
            given.push((name.clone(), socket.try_clone()?));
        }
        let names: Vec<_> = given.iter().map(|(name, _)| name.as_str()).collect();
        let (count, names) = (names.len().to_string(), names.join(":"));
        let mappings =
            (FIRST..).zip(given).map(|(child_fd, (_, parent_fd))| FdMapping { parent_fd, child_fd });
        let mut command = Command::new(&launch.program);
        command.args(&launch.arguments).env("LISTEN_FDS", count).env("LISTEN_FDNAMES", names);
        command.env_remove("LISTEN_PID").env_remove("LISTEN_FDS_FIRST_FD");
        command
            .fd_mappings(mappings.collect())
            .map_err(|error: FdMappingCollision| io::Error::other(error))?;
        Ok(Self { child: Some(command.spawn()?), line: tokio::net::UnixDatagram::from_std(ours)? })
    }

    /// One that is no process.
    #[cfg(test)]
    pub(super) fn with(line: tokio::net::UnixDatagram) -> Self {
        Self { child: None, line }
    }

    /// Waits until it could serve, for a minute at most.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// When it ends, or takes too long.
    pub async fn ready(&mut self) -> Result<(), HeirError> {
        let Self { child, line } = self;
        let ended = async {
            match child {
                Some(child) => child.wait().await,
                None => std::future::pending().await,
            }
        };
        let said = async {
            let mut bytes = [0; MAX_WORD_BYTES];
            loop {
                let length = line.recv(&mut bytes).await?;
                // A newer version may say more than this one knows.
                if Word::read(bytes.get(..length).unwrap_or_default()) == Some(Word::Ready {}) {
                    return io::Result::Ok(());
                }
            }
        };
        let ready = async {
            tokio::select! {
                ended = ended => Err(ended.map_or_else(HeirError::Line, HeirError::Ended)),
                said = said => said.map_err(HeirError::Line),
            }
        };
        timeout(READY_DEADLINE, ready).await.unwrap_or(Err(HeirError::Late))
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Lets it serve, with what it is to know; from now on it is on its own.
    ///
    /// # Errors
    /// When it cannot be told: it has ended, or is ended now.
    pub async fn go(mut self, carried: &impl Serialize) -> Result<(), HeirError> {
        let carried = serde_json::to_value(carried).map_err(|error| HeirError::Line(error.into()))?;
        self.line.send(&Word::Go { carried }.bytes()).await.map_err(HeirError::Line)?;
        self.child = None;
        Ok(())
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // One that has ended is no failure.
            let _ = child.start_kill();
        }
    }
}
