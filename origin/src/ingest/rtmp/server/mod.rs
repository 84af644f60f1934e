//! The listener: accepts connections within limits, and drives a session for each.
//!
//! Everything that an unauthenticated client can make this server hold is bounded: connections, those that have not
//! published yet ([`farcast_service::admission`] decides which gives way when these are too many), the time that they
//! may take, the bytes that they send before they publish, the bytes that a publisher may send, and the queue to the
//! owner of the frames. A full queue stops the reading of the connection, so TCP tells the encoder to wait; after
//! [`BACKPRESSURE_DEADLINE`] the connection is closed.

mod connection;
mod linger;
mod meter;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use connection::Connection;
use farcast_service::accept::Accepting;
use farcast_service::admission::{self, Admission, Slot};
use farcast_telemetry::pulse::Beat;
use farcast_telemetry::throttle::Throttle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::flv::Limits;
use crate::ingest::gate::Gate;
use crate::ingest::metrics::Metrics;
use crate::ingest::publisher::{Owners, Refused};

/// Longest time for the TLS handshake.
pub const TLS_DEADLINE: Duration = Duration::from_secs(5);

/// Longest time for the answers to a peer to be written. They are a few kilobytes and fit the socket's
/// buffer unless the peer has stopped reading.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// Longest time for which the owner may leave a publisher's queue full.
pub const BACKPRESSURE_DEADLINE: Duration = Duration::from_secs(5);

/// Longest time for the owner to accept a publisher.
pub const HANDOVER_DEADLINE: Duration = Duration::from_secs(2);

/// Delay of the answer to a wrong key, while the connection counts as pending. The number of tries is rate-limited
/// ([`crate::brake`]); this keeps an encoder that tries again at once from being busy with it.
pub const WRONG_KEY_DELAY: Duration = Duration::from_secs(1);

/// Longest time for which a publisher that takes over waits for the last event of its predecessor.
pub const TAKEOVER_DEADLINE: Duration = Duration::from_secs(1);

/// Longest time for which a publisher that was asked to connect again may go on.
pub const RECONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// Longest time for all connections to end when the server stops: the above, and the last writes.
const DRAIN_DEADLINE: Duration = Duration::from_secs(6);

/// Interval of warnings about refused unauthenticated clients.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Limits that a deployment may want to change.
#[derive(Clone, Debug)]
pub struct Config {
    /// Open connections at once: those that do not publish yet, the publisher, and those that have to go and have not
    /// gone yet.
    pub max_connections: usize,
    /// Connections that do not publish yet. When there are more, one of the network with the most of them has to go.
    /// Each takes some 20 KiB, and [`super::session::PENDING_BYTES`] if it says so much.
    pub max_pending: usize,
    /// Of these, places reserved for networks that published before.
    pub kept_pending: usize,
    /// Most that a publisher may send, in bits per second, over a few seconds. More ends its session: nobody
    /// broadcasts at such a rate by intention, and all of it would be decoded and stored.
    pub max_bit_rate_bps: u64,
    /// Limits on the pictures that a publisher may send to decoders.
    pub picture: Limits,
    /// Events between a connection and its owner, one or two per frame: 256 are about two seconds.
    pub queue_events: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 512,
            max_pending: 256,
            kept_pending: 32,
            max_bit_rate_bps: 100_000_000,
            picture: Limits::default(),
            queue_events: 256,
        }
    }
}

/// The state that connections share.
struct Shared {
    config: Config,
    gate: Arc<Gate>,
    metrics: Metrics,
    owners: Owners,
    pending: Admission,
    places: Arc<Semaphore>,
    /// Limits warnings about refused peers, which unauthenticated clients can cause.
    warnings: Mutex<Throttle>,
}

/// An RTMP server. Clones share limits, so that one can serve RTMP and another RTMPS.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

impl Server {
    /// A server that delivers publishers to the owners of their streams. Spawns nothing; [`Server::run`] runs.
    #[must_use]
    pub fn new(config: Config, gate: Arc<Gate>, metrics: Metrics, owners: Owners) -> Self {
        let pending =
            Admission::new(admission::Config { places: config.max_pending, kept: config.kept_pending });
        let places = Arc::new(Semaphore::new(config.max_connections));
        let warnings = Mutex::new(Throttle::new(WARNING_INTERVAL));
        Self { shared: Arc::new(Shared { config, gate, metrics, owners, pending, places, warnings }) }
    }

    /// Serves `listener`, behind TLS if there is an acceptor, until `shutdown`. Publishers that can are
    /// then asked to connect again; returns when all connections have ended, after some seconds at most. `beat` answers that
    /// connections are still accepted.
    ///
    /// Dropping the future ends all connections at once.
    pub async fn run(
        self,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        mut beat: Beat,
        shutdown: CancellationToken,
    ) {
        let mut accepting = Accepting::new(self.shared.metrics.accept.clone());
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = beat.asked() => {}
                Some(_) = connections.join_next() => {}
                (stream, remote) = accepting.next(|| listener.accept()) => {
                    self.admit(stream, remote, tls.clone(), &shutdown, &mut connections);
                }
            }
        }
        drop((listener, beat));
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_DEADLINE, drained).await.is_err() {
            connections.shutdown().await;
        }
    }

    fn admit(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
        tls: Option<TlsAcceptor>,
        shutdown: &CancellationToken,
        connections: &mut JoinSet<()>,
    ) {
        let refuse = |reason: Refused| {
            self.shared.metrics.refused(reason);
            debug!(%remote, reason = reason.label(), "RTMP connection refused");
        };
        let Ok(place) = Arc::clone(&self.shared.places).try_acquire_owned() else {
            return refuse(Refused::Connections);
        };
        let Ok(slot) = self.shared.pending.enter(remote.ip(), true, Instant::now()) else {
            return refuse(Refused::Pending);
        };
        let shared = Arc::clone(&self.shared);
        let shutdown = shutdown.clone();
        connections.spawn(async move {
            let _place = place;
            shared.metrics.open.inc();
            let evicted = slot.evicted();
            let served = Box::pin(serve(stream, remote, tls, slot, Arc::clone(&shared), shutdown));
            // A publisher is never asked to give way. Everything that a connection holds goes with it when it panics, so
            // that the next publisher is let in.
            let served = shared.metrics.panics.run(evicted.run_until_cancelled(served)).await;
            if served.is_some_and(|ended| ended.is_none()) {
                shared.metrics.refused(Refused::Evicted);
                debug!(%remote, "RTMP connection gave way to one of another network");
            }
            shared.metrics.open.dec();
        });
    }
}

impl Shared {
    /// Number of log lines that were held back before, if unauthenticated clients may cause one more now.
    fn may_warn(&self, now: Instant) -> Option<u64> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).admit(now)
    }
}

async fn serve(
    stream: TcpStream,
    remote: SocketAddr,
    tls: Option<TlsAcceptor>,
    slot: Slot,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
) {
    // The few answers are small; waiting for more of them would only delay the encoder's start.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%remote, %error, "no TCP_NODELAY");
    }
    let Some(tls) = tls else {
        return Connection::new(stream, remote, false, slot, shared).run(shutdown).await;
    };
    let handshake = tokio::select! {
        () = shutdown.cancelled() => return,
        handshake = tokio::time::timeout(TLS_DEADLINE, tls.accept(stream)) => handshake,
    };
    match handshake {
        Ok(Ok(stream)) => Connection::new(stream, remote, true, slot, shared).run(shutdown).await,
        Ok(Err(error)) => {
            shared.metrics.refused(Refused::Tls);
            debug!(%remote, %error, "TLS handshake failed");
        }
        Err(_) => {
            shared.metrics.refused(Refused::Tls);
            debug!(%remote, "TLS handshake took too long");
        }
    }
}
