//! The listener: accepts edges, within limits, and runs a task for each.
//!
//! A connection that has not shown a certificate or a join token yet waits in places that
//! [`farcast_service::admission`] deals out, one kind for handshakes and one for enrolments: unauthenticated peers who
//! hold their connections delay nobody else's. Some places are reserved for networks of edges.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use farcast_feed::time::WallTime;
use farcast_service::admission::{self, Admission, Slot};
use farcast_telemetry::throttle::Throttle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::channels::Channels;
use super::enrol;
use super::forward::Api;
use super::metrics::{JoinOutcome, Metrics};
use super::session::{self, StoreAccess};
use crate::roster::Roster;
use crate::{ALPN_ENROL, ALPN_FEED, CloseCode};

/// Longest time for a handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// Interval of warnings about refused unauthenticated peers.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Interval at which the standing join token is checked.
const TOKEN_LOOKS: Duration = Duration::from_secs(60);

/// Time for edges to see that the origin closes.
const DRAIN: Duration = Duration::from_secs(2);

/// Limits of a [`Server`].
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Most edges at once; a further one is told that the origin is full.
    pub max_edges: usize,
    /// Most handshakes at once: bounds the memory and the signatures that unauthenticated peers make the origin spend.
    /// When there are more, one of the network with the most of them has to go.
    pub max_handshakes: usize,
    /// Of these, places reserved for networks of edges.
    pub kept_handshakes: usize,
    /// From so many handshakes on, a peer must prove its address first (Retry, RFC 9000 §8.1.2): others can have no more.
    pub retry_from: usize,
    /// Most enrolments at once; as for handshakes.
    pub max_enrolments: usize,
    /// Of these, places reserved for networks of edges.
    pub kept_enrolments: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_edges: 1024,
            max_handshakes: 256,
            kept_handshakes: 64,
            retry_from: 32,
            max_enrolments: 64,
            kept_enrolments: 16,
        }
    }
}

/// Accepts edges for channels and a store.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: ServerConfig,
    roster: Arc<Roster>,
    session: session::Shared,
    metrics: Metrics,
    handshakes: Admission,
    enrolments: Admission,
    edges: Semaphore,
    /// Limits warnings about unauthenticated peers, and about certificates that are no longer valid.
    warnings: Mutex<Throttle>,
}

impl Server {
    /// A server that does nothing yet. `roster` decides which edges may connect, `store` answers their calls of the
    /// store, `api` the requests that they pass on.
    #[must_use]
    pub fn new(
        config: ServerConfig,
        roster: Arc<Roster>,
        channels: Channels,
        store: Arc<dyn StoreAccess>,
        api: Option<Arc<dyn Api>>,
    ) -> Self {
        let admission = |places, kept| Admission::new(admission::Config { places, kept });
        let shared = Shared {
            handshakes: admission(config.max_handshakes, config.kept_handshakes),
            enrolments: admission(config.max_enrolments, config.kept_enrolments),
            edges: Semaphore::new(config.max_edges),
            warnings: Mutex::new(Throttle::new(WARNING_INTERVAL)),
            metrics: channels.metrics().clone(),
            config,
            roster,
            session: session::Shared { channels, store, api },
        };
        Self { shared: Arc::new(shared) }
    }

    /// Accepts edges on `endpoint`, which was bound with [`super::Identity::server_config`], until `shutdown`;
    /// then tells every edge and waits for them, for two seconds at most.
    pub async fn run(self, endpoint: quinn::Endpoint, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        let mut looks = tokio::time::interval(TOKEN_LOOKS);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = looks.tick() => {
                    let roster = Arc::clone(&self.shared.roster);
                    tasks.spawn(keep_token(roster));
                }
                incoming = endpoint.accept() => {
                    let Some(incoming) = incoming else { break };
                    self.admit(incoming, &mut tasks, &shutdown);
                }
                Some(_) = tasks.join_next() => {}
            }
        }
        endpoint.close(CloseCode::ShuttingDown.code(), CloseCode::ShuttingDown.reason().as_bytes());
        let drained = async {
            while tasks.join_next().await.is_some() {}
            endpoint.wait_idle().await;
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("some edges did not see the origin close");
        }
    }

    fn admit(&self, incoming: quinn::Incoming, tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
        let shared = &self.shared;
        let validated = incoming.remote_address_validated();
        if !validated && shared.handshakes.taken() >= shared.config.retry_from && incoming.may_retry() {
            shared.metrics.joined(JoinOutcome::Retried);
            if let Err(error) = incoming.retry() {
                error.into_incoming().refuse();
            }
            return;
        }
        let address = incoming.remote_address().ip();
        let Ok(slot) = shared.handshakes.enter(address, validated, Instant::now()) else {
            shared.metrics.joined(JoinOutcome::Refused);
            incoming.refuse();
            return;
        };
        let panics = shared.metrics.connections.clone();
        let served = serve(Arc::clone(shared), incoming, slot, shutdown.clone());
        tasks.spawn(async move {
            panics.run(served).await;
        });
    }
}

async fn serve(shared: Arc<Shared>, incoming: quinn::Incoming, slot: Slot, shutdown: CancellationToken) {
    let remote = incoming.remote_address();
    let handshake = async { incoming.accept()?.await };
    let handshake = tokio::time::timeout(HANDSHAKE_DEADLINE, handshake);
    let evicted = slot.evicted();
    let connection = match evicted.run_until_cancelled(handshake).await {
        Some(Ok(Ok(connection))) => connection,
        Some(Ok(Err(error))) => {
            shared.metrics.joined(JoinOutcome::HandshakeFailed);
            tracing::debug!(%remote, %error, "a handshake failed");
            return;
        }
        Some(Err(_)) => return shared.metrics.joined(JoinOutcome::HandshakeFailed),
        None => return shared.metrics.joined(JoinOutcome::Evicted),
    };
    let protocol = connection
        .handshake_data()
        .and_then(|data| data.downcast::<quinn::crypto::rustls::HandshakeData>().ok())
        .and_then(|data| data.protocol);
    match protocol.as_deref() {
        Some(ALPN_ENROL) => {
            slot.release();
            enrol_one(&shared, &connection).await;
        }
        Some(ALPN_FEED) => feed(&shared, &connection, &slot, &shutdown).await,
        _ => {
            shared.metrics.joined(JoinOutcome::Protocol);
            close(&connection, CloseCode::Protocol);
        }
    }
}

async fn enrol_one(shared: &Shared, connection: &quinn::Connection) {
    let remote = connection.remote_address();
    // Its address answered during the handshake.
    let Ok(slot) = shared.enrolments.enter(remote.ip(), true, Instant::now()) else {
        shared.metrics.joined(JoinOutcome::Refused);
        close(connection, CloseCode::Full);
        return;
    };
    let enrolment = enrol::serve(connection, &shared.roster);
    let outcome = match slot.evicted().run_until_cancelled(enrolment).await {
        Some(enrol::Outcome::Enrolled) => {
            slot.proved(Instant::now());
            shared.handshakes.remember(remote.ip(), Instant::now());
            JoinOutcome::Enrolled
        }
        Some(enrol::Outcome::TokenEnded) => {
            if let Some(suppressed) = shared.may_warn(Instant::now()) {
                tracing::warn!(
                    %remote,
                    suppressed,
                    "an edge tried to enrol with a join token that has expired, is used up or was revoked"
                );
            }
            JoinOutcome::TokenEnded
        }
        Some(enrol::Outcome::BadToken) => {
            if let Some(suppressed) = shared.may_warn(Instant::now()) {
                tracing::warn!(%remote, suppressed, "an edge tried to enrol with a wrong token");
            }
            JoinOutcome::BadToken
        }
        Some(enrol::Outcome::Failed) => JoinOutcome::Protocol,
        None => {
            close(connection, CloseCode::Full);
            JoinOutcome::Evicted
        }
    };
    shared.metrics.joined(outcome);
}

async fn feed(shared: &Shared, connection: &quinn::Connection, slot: &Slot, shutdown: &CancellationToken) {
    let Some(certificate) = enrol::fingerprint(connection) else {
        shared.metrics.joined(JoinOutcome::Protocol);
        close(connection, CloseCode::NotEnrolled);
        return;
    };
    let remote = connection.remote_address();
    let Some(place) = shared.roster.admit(&certificate, remote, WallTime::now()) else {
        shared.metrics.joined(JoinOutcome::NotListed);
        if let Some(suppressed) = shared.may_warn(Instant::now()) {
            tracing::warn!(
                %remote,
                suppressed,
                "an edge came with a certificate that was revoked or is not known any more"
            );
        }
        close(connection, CloseCode::NotEnrolled);
        return;
    };
    slot.proved(Instant::now());
    shared.enrolments.remember(remote.ip(), Instant::now());
    let Ok(_permit) = shared.edges.try_acquire() else {
        shared.metrics.joined(JoinOutcome::Full);
        close(connection, CloseCode::Full);
        return;
    };
    let code = tokio::select! {
        () = shutdown.cancelled() => CloseCode::ShuttingDown,
        () = place.cut.cancelled() => {
            // Or it has come again too often.
            let is_out = shared.roster.whose(&certificate).is_none();
            tracing::warn!(edge = %place.name, %remote, is_out, "a connection of an edge was ended");
            if is_out {
                CloseCode::NotEnrolled
            } else {
                shared.metrics.joined(JoinOutcome::Replaced);
                CloseCode::Full
            }
        }
        code = Box::pin(session::run(connection, &place.name, &shared.session, &shared.metrics)) => code,
    };
    close(connection, code);
}

impl Shared {
    /// Number of log lines that were held back before, if unauthenticated peers may cause one more now.
    fn may_warn(&self, now: Instant) -> Option<u64> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).admit(now)
    }
}

async fn keep_token(roster: Arc<Roster>) {
    let renewed = tokio::task::spawn_blocking(move || roster.renew_standing(WallTime::now())).await;
    if let Ok(Err(error)) = renewed {
        tracing::warn!(%error, "the join token has expired, and a new one cannot be written");
    }
}

fn close(connection: &quinn::Connection, code: CloseCode) {
    connection.close(code.code(), code.reason().as_bytes());
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
