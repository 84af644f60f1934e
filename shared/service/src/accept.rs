//! The treatment of failures to accept a connection: one policy for all listeners of both programs.
//!
//! Place in the flow: between a listener and what serves its connections. [`judge`] decides; [`Accepting`] waits.
//!
//! A failure caused by the connecting party (gone before it was accepted, a broken network, a firewall's refusal) is
//! counted and skipped: the next connection is taken at once. A failure of this process or machine (EMFILE, ENFILE,
//! ENOBUFS, ENOMEM: descriptors or memory have run out) concerns every connection until resources are freed: it is
//! counted, logged at a bounded rate, and waited out. An unknown error counts as our own, since a pause does no harm
//! then.

use std::io;
use std::time::Duration;

use prometheus::{IntCounterVec, Opts, Registry};
use tokio::time::{Instant, sleep_until};

use farcast_telemetry::make::Make as _;
use farcast_telemetry::throttle::Throttle;

/// Pause after a failure of ours: descriptors and memory come back when connections end, which takes this long at least.
pub const PAUSE: Duration = Duration::from_millis(100);

/// Shortest time between two log lines about our own failures, for each listener.
pub const COMPLAIN: Duration = Duration::from_secs(30);

/// The listener; a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listener {
    /// For encoders, RTMP and RTMPS.
    Rtmp,
    /// For viewers, HTTP and HTTPS, of an edge.
    Viewers,
    /// The origin's own HTTP listener, for its API.
    Api,
    /// For metrics and health.
    Metrics,
    /// For DNS over TCP.
    Dns,
}

impl Listener {
    /// As it is in logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Viewers => "viewers",
            Self::Api => "api",
            Self::Metrics => "metrics",
            Self::Dns => "dns",
        }
    }
}

/// The cause of a connection that could not be accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A failure of that one connection: the next is accepted at once.
    Peer,
    /// A failure of this process or machine: every connection fails, for a while.
    Own,
}

impl Fault {
    fn label(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Own => "own",
        }
    }
}

/// The side that caused an error of accept(2).
#[must_use]
pub fn judge(error: &io::Error) -> Fault {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkDown,
        NetworkUnreachable, PermissionDenied, TimedOut, WouldBlock,
    };
    match error.kind() {
        // Linux passes on errors that have already happened to the new connection; a firewall's refusal is EPERM.
        ConnectionAborted | ConnectionRefused | ConnectionReset | HostUnreachable | Interrupted
        | NetworkDown | NetworkUnreachable | PermissionDenied | TimedOut | WouldBlock => Fault::Peer,
        _ => Fault::Own,
    }
}

/// Failures of a listener, counted. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    listener: Listener,
    errors: IntCounterVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When the metrics of this listener are registered already.
    pub fn new(listener: Listener, registry: &Registry) -> Result<Self, prometheus::Error> {
        let opts =
            Opts::new("farcast_accept_errors_total", "Connections that could not be accepted, by cause.");
        let opts = opts.const_label("listener", listener.label());
        let errors = registry.add(IntCounterVec::new(opts, &["fault"])?)?;
        for fault in [Fault::Peer, Fault::Own] {
            errors.with_label_values(&[fault.label()]).reset();
        }
        Ok(Self { listener, errors })
    }
}

/// Accepts for one listener.
#[derive(Debug)]
pub struct Accepting {
    metrics: Metrics,
    complaints: Throttle,
    /// The time at which to accept again, after a failure of ours.
    again_at: Option<Instant>,
}

impl Accepting {
    /// Nothing has failed yet.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, complaints: Throttle::new(COMPLAIN), again_at: None }
    }

    /// The next connection that `accept` returns, whatever fails before.
    ///
    /// Cancel safe if `accept`'s future is; a pause that is cut short is gone on with by the next call.
    pub async fn next<T, F>(&mut self, mut accept: impl FnMut() -> F) -> T
    where
        F: Future<Output = io::Result<T>>,
    {
        loop {
            if let Some(at) = self.again_at {
                sleep_until(at).await;
                self.again_at = None;
            }
            match accept().await {
                Ok(accepted) => return accepted,
                Err(error) => self.failed(&error, Instant::now()),
            }
        }
    }

    fn failed(&mut self, error: &io::Error, now: Instant) {
        let fault = judge(error);
        self.metrics.errors.with_label_values(&[fault.label()]).inc();
        let listener = self.metrics.listener.label();
        if fault == Fault::Peer {
            tracing::debug!(listener, %error, "a connection was gone before it was accepted");
            return;
        }
        self.again_at = Some(now + PAUSE);
        if let Some(suppressed) = self.complaints.admit(now.into_std()) {
            tracing::error!(listener, %error, suppressed, "connections cannot be accepted, trying again");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn accepting() -> (Accepting, IntCounterVec) {
        let metrics = Metrics::new(Listener::Viewers, &Registry::new()).unwrap();
        let errors = metrics.errors.clone();
        (Accepting::new(metrics), errors)
    }

    /// The results of accept(2), in order.
    fn script(outcomes: impl IntoIterator<Item = io::Result<u8>>) -> VecDeque<io::Result<u8>> {
        outcomes.into_iter().collect()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_has_run_out_is_ours_and_what_became_of_a_connection_is_the_peers() {
        // ENFILE, EMFILE, ENOBUFS, ENOMEM.
        for errno in [23, 24, 105, 12] {
            assert_eq!(judge(&io::Error::from_raw_os_error(errno)), Fault::Own, "{errno}");
        }
        // EPERM, EINTR, ECONNABORTED, ECONNRESET, ENETDOWN, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, EAGAIN.
        for errno in [1, 4, 103, 104, 100, 101, 113, 110, 11] {
            assert_eq!(judge(&io::Error::from_raw_os_error(errno)), Fault::Peer, "{errno}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peers_fault_is_passed_over_at_once_and_counted() {
        let (mut accepting, errors) = accepting();
        let gone = || Err(io::Error::from(io::ErrorKind::ConnectionAborted));
        let mut outcomes = script([gone(), gone(), Ok(1)]);
        let began = Instant::now();
        let next = accepting.next(|| std::future::ready(outcomes.pop_front().unwrap()));
        assert_eq!((next.await, began.elapsed()), (1, Duration::ZERO));
        let count = |fault| errors.with_label_values(&[fault]).get();
        assert_eq!((count("peer"), count("own")), (2, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_of_ours_is_waited_out_although_the_wait_is_cut_short() {
        let (mut accepting, errors) = accepting();
        let full = || Err(io::Error::other("no descriptors"));
        let mut outcomes = script([full(), full(), Ok(1)]);
        let mut tries = 0_u32;
        let began = Instant::now();
        let accepted = loop {
            let next = accepting.next(|| {
                tries += 1;
                std::future::ready(outcomes.pop_front().unwrap())
            });
            // Whatever else a server waits for happens all the time.
            if let Ok(accepted) = tokio::time::timeout(Duration::from_millis(1), next).await {
                break accepted;
            }
        };
        assert_eq!((accepted, tries), (1, 3));
        assert!(began.elapsed() >= 2 * PAUSE, "{:?}", began.elapsed());
        assert_eq!(errors.with_label_values(&["own"]).get(), 2);
    }
}
