//! Taking over from a predecessor, and handing over to a successor at SIGHUP: the same program, which is another version
//! after an upgrade, is started with the listening sockets of this one. When it is ready, this one stops accepting, finishes what is
//! under way and ends. A successor that fails changes nothing.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use farcast_service::hand_over::{Heir, HeirError, Heritage, Launch, Predecessor};
use farcast_service::supervisor;
use farcast_telemetry::announce::Announcement;
use farcast_telemetry::shutdown::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use crate::chat::Chat;
use crate::serve;
use crate::tenure::{Carried, Tenure};

/// Interval at which readiness, and the end of connections, are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest time until this process is ready. A process before it that is still there has given up by then, and ended it; where it
/// is gone, the sockets are to be answered.
const PREPARATION: Duration = Duration::from_secs(90);

/// Longest time for connections to end after another process has taken over: what they wait for takes three target durations,
/// and the last bytes of a slow download some more.
const CONNECTIONS_END: Duration = Duration::from_secs(30);

/// SIGHUP, caught from the moment at which this is made: before that it ends the process.
#[derive(Debug)]
pub(super) struct Hangups(Signal);

impl Hangups {
    /// Takes the signal over for the rest of the process's life.
    ///
    /// # Errors
    /// When the system refuses the handler.
    pub(super) fn take() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }
}

/// What comes from outside.
pub(super) struct Handing {
    pub(super) hangups: Hangups,
    pub(super) launch: Launch,
    pub(super) heritage: Heritage,
    pub(super) predecessor: Option<Predecessor>,
    pub(super) shutdown: Shutdown,
    /// Told to whoever started the program once it serves: the addresses, and the file for them.
    pub(super) bound: Announcement,
    pub(super) announce: Option<PathBuf>,
}

/// See the module.
pub(super) struct HandOver {
    pub(super) tenure: Tenure,
    /// True if viewers would be served here as well as by the process before.
    pub(super) is_ready: Box<dyn Fn() -> bool + Send + Sync>,
    pub(super) served: serve::Metrics,
    pub(super) chat: Arc<Chat>,
    pub(super) handing: Handing,
}

impl HandOver {
    /// Until `stop`, at which the sockets for a successor are closed.
    pub(super) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled_owned(Box::pin(self.work())).await;
    }

    async fn work(mut self) {
        self.begin().await;
        loop {
            if self.handing.hangups.0.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
            if let Err(error) = self.succession().await {
                supervisor::ready();
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::error!(error, "the successor does not take over, this process goes on");
            }
        }
    }

    async fn begin(&mut self) {
        let mut after = None;
        if let Some(predecessor) = self.handing.predecessor.take() {
            tracing::info!("waiting to take over from the process before");
            let mut look = interval(LOOK_EVERY);
            let until = Instant::now() + PREPARATION;
            while !(self.is_ready)() && Instant::now() < until {
                look.tick().await;
            }
            after = predecessor.turn::<Carried>().await;
        }
        self.tenure.begin(after);
        if let Some(path) = &self.handing.announce
            && let Err(error) = self.handing.bound.write(path)
        {
            tracing::error!(%error, path = %path.display(), "the addresses cannot be written");
        }
        supervisor::ready();
        tracing::info!(process = std::process::id(), "serving");
    }

    /// Returns when the successor has failed; never, when it has taken over.
    async fn succession(&mut self) -> Result<(), HeirError> {
        supervisor::reloading();
        let mut heir = Heir::start(&self.handing.launch, &self.handing.heritage)?;
        let process = heir.id().unwrap_or_default();
        tracing::info!(process, "a successor was started");
        heir.ready().await?;
        heir.go(&self.tenure.carried()).await?;
        // For a moment both accept connections, and none is refused.
        self.tenure.end();
        supervisor::handed_to(process);
        tracing::info!(process, "the successor has taken over, this process ends");
        self.handing.heritage = Heritage::default();
        let (mut look, until) = (interval(LOOK_EVERY), Instant::now() + CONNECTIONS_END);
        while self.served.connections() + self.chat.connections() > 0 && Instant::now() < until {
            look.tick().await;
        }
        self.handing.shutdown.graceful.cancel();
        std::future::pending().await
    }
}
