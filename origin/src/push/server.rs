//! The listener: accepts edges, within limits, and runs a task for each.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_shared::api::Reply;
use farcast_shared::protocol::{ALPN_ENROL, ALPN_FEED, CloseCode};
use farcast_shared::store::{Store, wire};
use farcast_shared::time::WallTime;
use http::Request;
use http_body_util::Full;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::enrol;
use super::hub::Hub;
use super::metrics::{JoinOutcome, Metrics};
use super::session;
use crate::roster::Roster;

/// How long a handshake may take.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// How often the log is told of certificates that are good no more; each is counted.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How often it is looked whether the standing join token is good still.
const TOKEN_LOOKS: Duration = Duration::from_secs(60);

/// How long edges get to see that the origin closes.
const DRAIN: Duration = Duration::from_secs(2);

/// Limits of a [`Server`].
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Most edges at once; one more is told that the origin is full.
    pub max_edges: usize,
    /// Most handshakes at once: bounds the signatures that strangers make the origin compute.
    pub max_handshakes: usize,
    /// From so many handshakes on, a peer must prove its address first (Retry, RFC 9000 §8.1.2).
    pub retry_from: usize,
    /// Most enrolments at once. Failed ones are slow, so this bounds guesses per second.
    pub max_enrolments: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { max_edges: 1024, max_handshakes: 256, retry_from: 32, max_enrolments: 8 }
    }
}

/// What answers HTTP requests that edges pass on.
pub trait Api: Send + Sync + std::fmt::Debug {
    /// Answers a request that `peer` sent to an edge.
    fn answer(
        &self,
        request: Request<Full<Bytes>>,
        peer: IpAddr,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;
}

/// What answers an edge's calls of the store.
pub trait StoreAccess: Send + Sync + std::fmt::Debug {
    /// Answers a call of the edge of this name, whose message has so many bytes.
    fn answer<'a>(
        &'a self,
        edge: &'a str,
        request: wire::Request,
        request_bytes: usize,
    ) -> Pin<Box<dyn Future<Output = wire::Reply> + Send + 'a>>;
}

/// A store without a door, all of which but what is private is everybody's: for tests and measurements of the link. Programs
/// put [`crate::edge_access::EdgeAccess`] in front.
impl StoreAccess for Store {
    fn answer<'a>(
        &'a self,
        _: &'a str,
        request: wire::Request,
        _: usize,
    ) -> Pin<Box<dyn Future<Output = wire::Reply> + Send + 'a>> {
        Box::pin(Self::answer(self, request))
    }
}

/// Accepts edges for a [`Hub`] and a store.
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
    handshakes: Arc<Semaphore>,
    enrolments: Arc<Semaphore>,
    edges: Arc<Semaphore>,
    /// When the log was told that somebody came with a certificate that is good no more.
    told_at: Mutex<Option<Instant>>,
}

impl Shared {
    fn may_tell(&self) -> bool {
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        let may = told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY);
        if may {
            *told_at = Some(Instant::now());
        }
        may
    }
}

impl Server {
    /// A server that does nothing yet. `roster` says who may come, `store` answers their calls of the store, `api` the
    /// requests that they pass on.
    #[must_use]
    pub fn new(
        config: ServerConfig,
        roster: Arc<Roster>,
        hub: Hub,
        store: Arc<dyn StoreAccess>,
        api: Option<Arc<dyn Api>>,
    ) -> Self {
        let shared = Shared {
            handshakes: Arc::new(Semaphore::new(config.max_handshakes)),
            enrolments: Arc::new(Semaphore::new(config.max_enrolments)),
            edges: Arc::new(Semaphore::new(config.max_edges)),
            told_at: Mutex::new(None),
            metrics: hub.metrics().clone(),
            config,
            roster,
            session: session::Shared { hub, store, api },
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
        let Ok(permit) = Arc::clone(&shared.handshakes).try_acquire_owned() else {
            shared.metrics.joined(JoinOutcome::Refused);
            incoming.refuse();
            return;
        };
        let running = shared.config.max_handshakes - shared.handshakes.available_permits();
        if running > shared.config.retry_from && !incoming.remote_address_validated() && incoming.may_retry()
        {
            shared.metrics.joined(JoinOutcome::Retried);
            if let Err(error) = incoming.retry() {
                error.into_incoming().refuse();
            }
            return;
        }
        tasks.spawn(serve(Arc::clone(shared), incoming, permit, shutdown.clone()));
    }
}

async fn serve(
    shared: Arc<Shared>,
    incoming: quinn::Incoming,
    handshake: OwnedSemaphorePermit,
    shutdown: CancellationToken,
) {
    let remote = incoming.remote_address();
    let handshake_done = async { incoming.accept()?.await };
    let connection = match tokio::time::timeout(HANDSHAKE_DEADLINE, handshake_done).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            shared.metrics.joined(JoinOutcome::HandshakeFailed);
            tracing::debug!(%remote, %error, "a handshake failed");
            return;
        }
        Err(_) => {
            shared.metrics.joined(JoinOutcome::HandshakeFailed);
            return;
        }
    };
    drop(handshake);
    let protocol = connection
        .handshake_data()
        .and_then(|data| data.downcast::<quinn::crypto::rustls::HandshakeData>().ok())
        .and_then(|data| data.protocol);
    match protocol.as_deref() {
        Some(ALPN_ENROL) => enrol_one(&shared, &connection).await,
        Some(ALPN_FEED) => feed(&shared, &connection, &shutdown).await,
        _ => {
            shared.metrics.joined(JoinOutcome::Protocol);
            close(&connection, CloseCode::Protocol);
        }
    }
}

async fn enrol_one(shared: &Shared, connection: &quinn::Connection) {
    let Ok(_permit) = shared.enrolments.try_acquire() else {
        shared.metrics.joined(JoinOutcome::Refused);
        close(connection, CloseCode::Full);
        return;
    };
    let remote = connection.remote_address();
    let outcome = match enrol::serve(connection, &shared.roster).await {
        enrol::Outcome::Enrolled => JoinOutcome::Enrolled,
        enrol::Outcome::TokenEnded => {
            tracing::warn!(%remote, "an edge tried to enrol with a join token that has expired, is used up or was revoked");
            JoinOutcome::TokenEnded
        }
        enrol::Outcome::BadToken => {
            tracing::warn!(%remote, "an edge tried to enrol with a wrong token");
            JoinOutcome::BadToken
        }
        enrol::Outcome::Failed => JoinOutcome::Protocol,
    };
    shared.metrics.joined(outcome);
}

async fn feed(shared: &Shared, connection: &quinn::Connection, shutdown: &CancellationToken) {
    let Some(certificate) = enrol::fingerprint(connection) else {
        shared.metrics.joined(JoinOutcome::Protocol);
        close(connection, CloseCode::NotEnrolled);
        return;
    };
    let remote = connection.remote_address();
    let Some(place) = shared.roster.admit(&certificate, remote, WallTime::now()) else {
        shared.metrics.joined(JoinOutcome::NotListed);
        if shared.may_tell() {
            tracing::warn!(%remote, "an edge came with a certificate that was revoked or is not known any more");
        }
        close(connection, CloseCode::NotEnrolled);
        return;
    };
    let Ok(_permit) = shared.edges.try_acquire() else {
        shared.metrics.joined(JoinOutcome::Refused);
        close(connection, CloseCode::Full);
        return;
    };
    let code = tokio::select! {
        () = shutdown.cancelled() => CloseCode::ShuttingDown,
        () = place.cut.cancelled() => {
            // Or it has come again too often.
            let is_out = shared.roster.whose(&certificate).is_none();
            tracing::warn!(edge = %place.name, %remote, is_out, "a connection of an edge was ended");
            if is_out { CloseCode::NotEnrolled } else { CloseCode::Full }
        }
        code = Box::pin(session::run(connection, &place.name, &shared.session, &shared.metrics)) => code,
    };
    close(connection, code);
}

async fn keep_token(roster: Arc<Roster>) {
    let renewed = tokio::task::spawn_blocking(move || roster.renew_standing(WallTime::now())).await;
    if let Ok(Err(error)) = renewed {
        tracing::warn!(%error, "the join token is over, and a new one cannot be written");
    }
}

fn close(connection: &quinn::Connection, code: CloseCode) {
    connection.close(code.code(), code.reason().as_bytes());
}
