//! The origin's own HTTP listeners, in the clear and by TLS: the API, and health for whoever watches the machine.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use farcast_shared::api::reply;
use farcast_shared::telemetry::health::Health;
use farcast_shared::telemetry::listener;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Api;

/// Serves until `shutdown`, then finishes the answers under way.
///
/// Cancel safety: dropping the future cuts all connections.
pub async fn run(
    listener: TcpListener,
    counters: listener::Counters,
    tls: Option<TlsAcceptor>,
    api: Arc<Api>,
    health: Health,
    shutdown: CancellationToken,
) {
    let answer = move |request, peer| answer(Arc::clone(&api), health.clone(), request, peer);
    listener::serve(listener, counters, tls, answer, shutdown).await;
}

async fn answer(
    api: Arc<Api>,
    health: Health,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<Full<Bytes>> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match api.answer(request, peer.ip().into()).await {
        Some(reply) => reply.map(Full::new),
        None if path.starts_with("/api/") => reply::empty(StatusCode::NOT_FOUND).map(Full::new),
        None => listener::respond(&method, &path, None, &health),
    }
}
