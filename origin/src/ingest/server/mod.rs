//! The listener: accepts connections within limits, and drives a session for each.
//!
//! Everything that a stranger can make this server hold is bounded: connections, those that have not
//! published yet (in all and per address), the time that they may take, the bytes that a publisher may send, and the
//! queue to whoever takes its frames. A full queue stops the reading of the connection, so TCP tells the encoder to
//! wait; after [`BACKPRESSURE_DEADLINE`] the connection is closed.

mod admission;
mod connection;
mod linger;
mod meter;
mod publisher;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use farcast_shared::accept::Accepting;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::flv::Limits;
use super::gate::Gate;
use super::metrics::Metrics;
use admission::{Admission, Slot};
use connection::Connection;

pub use publisher::{EndReason, Publisher, PublisherEvent, PublisherInfo, Refused};

/// How long the TLS handshake may take.
pub const TLS_DEADLINE: Duration = Duration::from_secs(5);

/// How long the answers to a peer may take to be written. They are a few kilobytes and fit the socket's
/// buffer unless the peer has stopped reading.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// How long the owner may leave a publisher's queue full.
pub const BACKPRESSURE_DEADLINE: Duration = Duration::from_secs(5);

/// How long the owner may take to accept a publisher.
pub const HANDOVER_DEADLINE: Duration = Duration::from_secs(2);

/// How long a wrong key's answer is kept back, while the connection counts as pending: with the limit on
/// those, guessing from one address is slower than ten keys a second.
pub const WRONG_KEY_DELAY: Duration = Duration::from_secs(1);

/// How long one that takes over waits for the last event of its predecessor.
pub const TAKEOVER_DEADLINE: Duration = Duration::from_secs(1);

/// How long a publisher that was asked to connect again may go on.
pub const RECONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// How long all connections may take to end when the server stops: the above, and the last writes.
const DRAIN_DEADLINE: Duration = Duration::from_secs(6);

/// Limits that a deployment may want to change.
#[derive(Clone, Debug)]
pub struct Config {
    /// Most open connections. There is one publisher; the rest are attempts and refusals. Each costs a read
    /// buffer of 64 KiB and what [`super::chunk`] allows.
    pub max_connections: usize,
    /// Most connections that have not published yet.
    pub max_pending: usize,
    /// Most of those from one address, or one /64 network of IPv6. Encoders behind one NAT share it.
    pub max_pending_per_address: usize,
    /// Most that a publisher may send, in bits per second, over a few seconds. More ends its session: nobody
    /// broadcasts at such a rate by intention, and all of it would be decoded and stored.
    pub max_bit_rate_bps: u64,
    /// What a publisher's pictures may ask of decoders.
    pub picture: Limits,
    /// Events between a connection and its owner, one or two per frame: 256 are about two seconds.
    pub queue_events: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 64,
            max_pending: 32,
            max_pending_per_address: 8,
            max_bit_rate_bps: 100_000_000,
            picture: Limits::default(),
            queue_events: 256,
        }
    }
}

/// What connections share.
struct Shared {
    config: Config,
    gate: Arc<Gate>,
    metrics: Metrics,
    publishers: mpsc::Sender<Publisher>,
    admission: Admission,
}

/// An RTMP server. Clones share limits, so that one can serve RTMP and another RTMPS.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

impl Server {
    /// A server that delivers to `publishers`. Spawns nothing; [`Server::run`] runs.
    #[must_use]
    pub fn new(
        config: Config,
        gate: Arc<Gate>,
        metrics: Metrics,
        publishers: mpsc::Sender<Publisher>,
    ) -> Self {
        let admission = Admission::new(&config);
        Self { shared: Arc::new(Shared { config, gate, metrics, publishers, admission }) }
    }

    /// Serves `listener`, behind TLS if there is an acceptor, until `shutdown`. Publishers that can are
    /// then asked to connect again; returns when all connections have ended, after some seconds at most.
    ///
    /// Dropping the future ends all connections at once.
    pub async fn run(self, listener: TcpListener, tls: Option<TlsAcceptor>, shutdown: CancellationToken) {
        let mut accepting = Accepting::new(self.shared.metrics.accept.clone());
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = connections.join_next() => {}
                (stream, remote) = accepting.next(|| listener.accept()) => {
                    self.admit(stream, remote, tls.clone(), &shutdown, &mut connections);
                }
            }
        }
        drop(listener);
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
        let slot = match self.shared.admission.enter(remote.ip()) {
            Ok(slot) => slot,
            Err(reason) => {
                self.shared.metrics.refused(reason);
                debug!(%remote, reason = reason.label(), "RTMP connection refused");
                return;
            }
        };
        let shared = Arc::clone(&self.shared);
        let shutdown = shutdown.clone();
        connections.spawn(async move {
            shared.metrics.open.inc();
            // What a connection holds goes with it, so that the next publisher is let in.
            let served = Box::pin(serve(stream, remote, tls, slot, Arc::clone(&shared), shutdown));
            shared.metrics.panics.run(served).await;
            shared.metrics.open.dec();
        });
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
