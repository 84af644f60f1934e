//! The origin's own HTTP listeners, without and with TLS: the API, the admin page, and health for monitoring.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use farcast_api::{Reply, events, login, reply};
use farcast_certificates::{CHALLENGES, Following};
use farcast_service::access::{AccessLog, Entry};
use farcast_service::listener;
use farcast_telemetry::health::Health;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Api;
use super::leading::Leading;
use super::pages::Pages;
use crate::admin::{Download, is_backup};

/// What answers, each with the paths that are its own. Shared by all connections.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The API.
    pub api: Arc<Api>,
    /// The admin page.
    pub pages: Arc<Pages>,
    /// Leads viewers to edges.
    pub leading: Arc<Leading>,
    /// The answers to the challenges of an authority.
    pub certificates: Following,
    /// Health, for monitoring.
    pub health: Health,
    /// The log of requests that were answered, if there is one.
    pub access_log: Option<AccessLog>,
}

/// Serves until `shutdown`, then finishes the answers under way.
///
/// Cancel safety: dropping the future cuts all connections.
pub async fn run(
    listener: TcpListener,
    counters: listener::Counters,
    tls: Option<TlsAcceptor>,
    parts: Parts,
    shutdown: CancellationToken,
) {
    let is_secure = tls.is_some();
    let answer = move |mut request: Request<Incoming>, peer: SocketAddr| {
        let log = parts.access_log.as_ref();
        let entry = log.map(|log| log.begin(&request, peer.ip().to_canonical()));
        if is_secure {
            // Without TLS the header stays as a proxy in front may have set it.
            login::set_secure(request.headers_mut(), true);
        }
        let answered = answer(parts.clone(), request, peer);
        async move { Entry::beside(entry, answered.await) }
    };
    listener::serve(listener, counters, tls, answer, shutdown).await;
}

async fn answer(parts: Parts, request: Request<Incoming>, peer: SocketAddr) -> Response<Download> {
    let Parts { api, pages, leading, certificates, health, .. } = parts;
    let whole =
        |reply: Reply| reply.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync());
    if let Some(token) = request.uri().path().strip_prefix(CHALLENGES) {
        let text = certificates.borrow().as_ref().and_then(|it| it.http(token).map(str::to_owned));
        return whole(match text {
            Some(text) => reply::with_body(StatusCode::OK, "application/octet-stream", Bytes::from(text)),
            None => reply::empty(StatusCode::NOT_FOUND),
        });
    }
    if let Some(elsewhere) = leading.answer(&request, peer.ip()) {
        return whole(elsewhere);
    }
    if let Some(page) = pages.answer(&request) {
        return whole(page);
    }
    if events::is_asked(&request) {
        let (head, _body) = request.into_parts();
        return match api.events(&head, peer.ip().into()).await {
            Ok(stream) => stream.map(|body| body.map_err(|never| match never {}).boxed_unsync()),
            Err(refused) => whole(refused),
        };
    }
    if is_backup(&request) {
        let made = Box::pin(api.backup(request, peer.ip().into())).await;
        return made.unwrap_or_else(whole);
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match api.answer(request, peer.ip().into()).await {
        Some(reply) => whole(reply),
        None if path.starts_with("/api/") => whole(reply::empty(StatusCode::NOT_FOUND)),
        None => {
            let answer = listener::respond(&method, &path, None, &health);
            answer.map(|body| body.map_err(|never| match never {}).boxed_unsync())
        }
    }
}
