//! The listener: accepts edges, within limits, and runs a task for each.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_shared::api::Reply;
use farcast_shared::protocol::{ALPN_ENROL, ALPN_FEED, CloseCode};
use farcast_shared::store::Store;
use http::Request;
use http_body_util::Full;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::enrol;
use super::hub::Hub;
use super::identity::{EdgeId, Identity};
use super::metrics::{JoinOutcome, Metrics};
use super::session;

/// How long a handshake may take.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

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
    /// Answers a request that `peer` sent to an edge, as `edge` says.
    fn answer(
        &self,
        request: Request<Full<Bytes>>,
        peer: IpAddr,
        edge: EdgeId,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;
}

/// Accepts edges for a [`Hub`] and a [`Store`].
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: ServerConfig,
    identity: Arc<Identity>,
    session: session::Shared,
    metrics: Metrics,
    handshakes: Arc<Semaphore>,
    enrolments: Arc<Semaphore>,
    edges: Arc<Semaphore>,
}

impl Server {
    /// A server that does nothing yet. `store` is what edges reach over their connections, `api` what answers the
    /// requests that they pass on.
    #[must_use]
    pub fn new(
        config: ServerConfig,
        identity: Arc<Identity>,
        hub: Hub,
        store: Store,
        api: Option<Arc<dyn Api>>,
    ) -> Self {
        let shared = Shared {
            handshakes: Arc::new(Semaphore::new(config.max_handshakes)),
            enrolments: Arc::new(Semaphore::new(config.max_enrolments)),
            edges: Arc::new(Semaphore::new(config.max_edges)),
            metrics: hub.metrics().clone(),
            config,
            identity,
            session: session::Shared { hub, store, api },
        };
        Self { shared: Arc::new(shared) }
    }

    /// Accepts edges on `endpoint`, which was bound with [`Identity::server_config`], until `shutdown`;
    /// then tells every edge and waits for them, for two seconds at most.
    pub async fn run(self, endpoint: quinn::Endpoint, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
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
    let outcome = match enrol::serve(connection, &shared.identity).await {
        enrol::Outcome::Enrolled => {
            tracing::info!(%remote, "an edge enrolled");
            JoinOutcome::Enrolled
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
    if connection.peer_identity().is_none() {
        shared.metrics.joined(JoinOutcome::Protocol);
        close(connection, CloseCode::NotEnrolled);
        return;
    }
    let Ok(_permit) = shared.edges.try_acquire() else {
        shared.metrics.joined(JoinOutcome::Refused);
        close(connection, CloseCode::Full);
        return;
    };
    let code = tokio::select! {
        () = shutdown.cancelled() => CloseCode::ShuttingDown,
        code = Box::pin(session::run(connection, &shared.session, &shared.metrics)) => code,
    };
    close(connection, code);
}

fn close(connection: &quinn::Connection, code: CloseCode) {
    connection.close(code.code(), code.reason().as_bytes());
}
