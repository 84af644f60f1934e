//! Stopping: the first signal asks for a graceful stop, the second for an immediate one.

use std::io;

use tokio_util::sync::CancellationToken;

/// The signal for a process to stop.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Stop accepting, drain, stop. Cancelled by the first signal.
    pub graceful: CancellationToken,
    /// Skip the draining. Cancelled by the second signal; `graceful` is then cancelled too.
    pub immediate: CancellationToken,
}

impl Shutdown {
    /// Takes one request to stop.
    pub fn request(&self) {
        if self.graceful.is_cancelled() {
            self.immediate.cancel();
        }
        self.graceful.cancel();
    }
}

/// SIGINT and SIGTERM (Ctrl-C elsewhere), caught from the moment at which this is made: a signal before
/// [`Signals::run`] is kept.
#[derive(Debug)]
pub struct Signals(Next);

impl Signals {
    /// Takes the signals over for the rest of the process's life.
    ///
    /// # Errors
    /// When the system refuses the signal handlers.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn take() -> io::Result<Self> {
        Ok(Self(Next::new()?))
    }

    /// Passes them on as requests to stop. Runs until dropped, which is always allowed.
    pub async fn run(mut self, shutdown: Shutdown) {
        for _ in 0..2 {
            let name = self.0.recv().await;
            tracing::info!(signal = name, "asked to stop");
            shutdown.request();
        }
        // After the second there is nothing left to ask for.
        std::future::pending().await
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct Next {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Next {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn recv(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
struct Next;

#[cfg(not(unix))]
impl Next {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn recv(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_request_skips_the_draining() {
        let shutdown = Shutdown::default();
        let state = |s: &Shutdown| (s.graceful.is_cancelled(), s.immediate.is_cancelled());
        assert_eq!(state(&shutdown), (false, false));
        shutdown.request();
        assert_eq!(state(&shutdown), (true, false));
        shutdown.request();
        assert_eq!(state(&shutdown), (true, true));
    }
}
