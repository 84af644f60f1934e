//! The listener for operators and machines: `/metrics` (where a registry is given), `/healthz`, `/readyz` and its parts.
//!
//! This listener is the last to stop, so that a draining process is still seen: cancel its `shutdown` when everything
//! else is done.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::accept::{self, Accepting};
use crate::tasks::{Contained, Part};

use crate::entrance::{Entrance, Limits, Seat, State};
use farcast_api::{host, login};
use farcast_config::Networks;
use farcast_telemetry::health::{Health, Probe};
use farcast_telemetry::metrics::{self, Registry};

/// Connections at once: a few scrapers, probes and people. Idle ones make room for more; where all are busy, more wait
/// in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;
/// Longest time for a TLS handshake and for a request's head, and for an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest life of a connection: a scraper that never reads its answer does not hold its place.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(300);
/// Largest request head; the least that hyper takes is 8 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Longest time for answers to be sent at shutdown.
const DRAIN: Duration = Duration::from_secs(2);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The body of a reply: whole, or piece by piece.
pub trait ReplyBody: http_body::Body<Data = Bytes, Error: Into<Failure>> + Send + 'static {}

impl<B: http_body::Body<Data = Bytes, Error: Into<Failure>> + Send + 'static> ReplyBody for B {}

/// The counters of a listener.
#[derive(Clone, Debug)]
pub struct Counters {
    accept: accept::Metrics,
    connections: Contained,
}

impl Counters {
    /// Registers them, for the metrics listener or the origin's own.
    ///
    /// # Errors
    /// When those of this listener are registered already.
    pub fn new(which: accept::Listener, registry: &Registry) -> Result<Self, prometheus::Error> {
        let part = match which {
            accept::Listener::Api => Part::ApiConnection,
            _ => Part::MetricsConnection,
        };
        Ok(Self {
            accept: accept::Metrics::new(which, registry.inner())?,
            connections: Contained::new(part, registry.inner())?,
        })
    }
}

/// Serves operators until `shutdown`, then finishes the answers under way. Owns its connections' tasks.
///
/// Cancel safety: dropping the future stops accepting and cuts all connections.
pub async fn run(
    listener: TcpListener,
    counters: Counters,
    registry: Registry,
    health: Health,
    shutdown: CancellationToken,
) {
    let answer = move |request: Request<Incoming>, _peer| {
        let response = respond(request.method(), request.uri().path(), Some(&registry), &health);
        std::future::ready(response)
    };
    serve(listener, counters, None, answer, shutdown).await;
}

/// Serves whatever `answer` says to requests, with the bounds of this module: for what few and known people ask.
/// HEAD is answered as GET, without the body. A body that comes piece by piece is cut when its connection has lived long
/// enough, and should end by itself at `shutdown`.
///
/// Cancel safety: dropping the future stops accepting and cuts all connections.
pub async fn serve<F, B>(
    listener: TcpListener,
    counters: Counters,
    tls: Option<TlsAcceptor>,
    answer: impl Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    shutdown: CancellationToken,
) where
    F: Future<Output = Response<B>> + Send + 'static,
    B: ReplyBody,
{
    let entrance = Entrance::new(Limits { total: MAX_CONNECTIONS, per_network: 0 }, Networks::default());
    let mut accepting = Accepting::new(counters.accept);
    // Accepted, and waiting for a place.
    let mut newcomer: Option<(TcpStream, SocketAddr)> = None;
    let mut connections = JoinSet::new();
    loop {
        let waiting = newcomer.as_ref().map(|(_, peer)| *peer);
        let entered = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accepting.next(|| listener.accept()), if waiting.is_none() => {
                newcomer = Some(accepted);
                continue;
            }
            entered = entrance.enter_newcomer(waiting) => entered,
        };
        let Some((stream, peer)) = newcomer.take() else { continue };
        let Ok(seat) = entered else { continue };
        let connection = connect(stream, peer, seat, tls.clone(), answer.clone(), shutdown.clone());
        let contained = counters.connections.clone();
        connections.spawn(async move { contained.run(connection).await });
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // Connections that outlive the drain are cut when the set is dropped.
    let _ = tokio::time::timeout(DRAIN, drained).await;
}

async fn connect<F: Future<Output = Response<B>>, B: ReplyBody>(
    stream: TcpStream,
    peer: SocketAddr,
    seat: Seat,
    tls: Option<TlsAcceptor>,
    answer: impl Fn(Request<Incoming>, SocketAddr) -> F,
    shutdown: CancellationToken,
) {
    let driven = async {
        match tls {
            None => drive(stream, peer, &seat, answer, shutdown).await,
            Some(tls) => match tokio::time::timeout(HEADER_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => drive(stream, peer, &seat, answer, shutdown).await,
                Ok(Err(_)) | Err(_) => tracing::debug!(%peer, "operator's TLS handshake failed"),
            },
        }
    };
    tokio::select! {
        () = driven => {}
        () = seat.taken_away() => {}
    }
}

async fn drive<F: Future<Output = Response<B>>, B: ReplyBody>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    seat: &Seat,
    answer: impl Fn(Request<Incoming>, SocketAddr) -> F,
    shutdown: CancellationToken,
) {
    let service = service_fn(|request: Request<Incoming>| {
        // Strangers whose request arrives slowly keep nobody out who has a login.
        let (path, headers) = (request.uri().path(), request.headers());
        let is_strangers = path == login::LOGIN_PATH || !login::is_there(path, headers);
        seat.note(if is_strangers { State::Fresh } else { State::Busy });
        let answered = match host::check(&request) {
            Ok(()) => Ok(answer(request, peer)),
            Err(wrong) => Err(wrong),
        };
        async move {
            let response = match answered {
                Ok(answered) => answered.await.map(boxed),
                Err(wrong) => misread(wrong).map(boxed),
            };
            // A stream goes on for as long as somebody reads it.
            let is_stream = response.body().size_hint().exact().is_none();
            seat.note(if is_stream { State::Busy } else { State::Resting });
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let lifetime = tokio::time::sleep(CONNECTION_LIFETIME);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = lifetime => return,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "operator's connection failed");
    }
}

fn boxed(body: impl ReplyBody) -> UnsyncBoxBody<Bytes, Failure> {
    body.map_err(Into::into).boxed_unsync()
}

/// The answers for operators: health, and metrics where there is a registry.
#[must_use]
pub fn respond(
    method: &Method,
    path: &str,
    registry: Option<&Registry>,
    health: &Health,
) -> Response<Full<Bytes>> {
    let registry = registry.filter(|_| path == "/metrics");
    let answer = if path == "/healthz" {
        Some(health.healthz())
    } else {
        Probe::of(path).and_then(|probe| health.readyz(probe))
    };
    if registry.is_none() && answer.is_none() {
        return nothing();
    }
    if let Some(refused) = refuse_writing(method) {
        return refused;
    }
    if let Some(answer) = answer {
        return text(answer.status(), answer.text);
    }
    match registry.map(Registry::render) {
        None => nothing(),
        Some(Ok(body)) => metrics_page(body),
        Some(Err(error)) => {
            tracing::error!(%error, "metrics cannot be rendered");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be rendered\n".to_owned())
        }
    }
}

/// The refusal of a method that does not only read.
#[must_use]
pub fn refuse_writing(method: &Method) -> Option<Response<Full<Bytes>>> {
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed\n".to_owned());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(response)
}

/// A page of metrics ([`metrics::CONTENT_TYPE`]).
#[must_use]
pub fn metrics_page(page: String) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::OK, page);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
    response
}

/// A request that could be read in two ways; anything behind it on the connection cannot be trusted either.
fn misread(wrong: &str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::BAD_REQUEST, format!("{wrong}\n"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn nothing() -> Response<Full<Bytes>> {
    text(StatusCode::NOT_FOUND, "there is nothing at this path\n".to_owned())
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(format!("{request}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn strangers_whose_logins_never_arrive_keep_nobody_out() {
        let from = async |host: [u8; 4], address| {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind((host, 0).into()).unwrap();
            socket.connect(address).await.unwrap()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let registry = Registry::new("farcast-sample", "1.2.3").unwrap();
        let counters = Counters::new(accept::Listener::Api, &registry).unwrap();
        let shutdown = CancellationToken::new();
        let answer = async |request: Request<Incoming>, _| {
            if request.method() == Method::POST {
                // The body never ends.
                std::future::pending::<()>().await;
            }
            Response::new(Full::new(Bytes::from_static(b"here")))
        };
        let answer = move |request, peer| answer(request, peer);
        let task = tokio::spawn(serve(listener, counters, None, answer, shutdown.clone()));
        let mut strangers = Vec::new();
        for _ in 0..MAX_CONNECTIONS + 8 {
            let mut stranger = from([127, 0, 0, 2], address).await;
            let head = b"POST /api/admin/login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n";
            stranger.write_all(head).await.unwrap();
            strangers.push(stranger);
        }
        let asked = async {
            let mut owner = from([127, 0, 0, 3], address).await;
            owner.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            owner.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = tokio::time::timeout(Duration::from_secs(20), asked).await.expect("the owner gets in");
        assert!(answer.ends_with("here"), "{answer}");
        shutdown.cancel();
        drop(strangers);
        task.await.unwrap();
    }

    #[test]
    fn without_a_registry_there_are_no_metrics() {
        let answer = respond(&Method::GET, "/metrics", None, &Health::new());
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn it_answers_metrics_and_health_and_stops_when_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let registry = Registry::new("farcast-sample", "1.2.3").unwrap();
        let health = Health::new();
        let condition = health.readiness("linked");
        let shutdown = CancellationToken::new();
        let counters = Counters::new(accept::Listener::Metrics, &registry).unwrap();
        let task = tokio::spawn(run(listener, counters, registry, health, shutdown.clone()));

        let answer = ask(address, "GET /metrics HTTP/1.1").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("farcast_build_info"), "{answer}");
        assert!(answer.contains(metrics::CONTENT_TYPE), "{answer}");
        assert!(ask(address, "GET /healthz HTTP/1.1").await.ends_with("\r\n\r\nok\n"));
        let answer = ask(address, "GET /readyz HTTP/1.1").await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("not linked\n"), "{answer}");
        condition.set(true);
        assert!(ask(address, "HEAD /readyz HTTP/1.1").await.starts_with("HTTP/1.1 200"));
        assert!(ask(address, "GET /other HTTP/1.1").await.starts_with("HTTP/1.1 404"));
        assert!(
            ask(address, "GET /readyz/chat HTTP/1.1").await.starts_with("HTTP/1.1 404"),
            "it has no chat"
        );
        let answer = ask(address, "POST /metrics HTTP/1.1").await;
        assert!(answer.starts_with("HTTP/1.1 405") && answer.contains("allow: GET, HEAD"), "{answer}");

        // A kept-alive connection is closed in order.
        let mut kept = TcpStream::connect(address).await.unwrap();
        kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        kept.read_u8().await.unwrap();
        shutdown.cancel();
        kept.read_to_end(&mut Vec::new()).await.unwrap();
        task.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn idle_connections_keep_nobody_out_and_doubtful_requests_are_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let registry = Registry::new("farcast-sample", "1.2.3").unwrap();
        let counters = Counters::new(accept::Listener::Metrics, &registry).unwrap();
        let task = tokio::spawn(run(listener, counters, registry, Health::new(), shutdown.clone()));
        let mut idle = Vec::new();
        for _ in 0..MAX_CONNECTIONS + 8 {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        assert!(ask(address, "GET /healthz HTTP/1.1").await.starts_with("HTTP/1.1 200"));
        let refused = ask(address, "GET /healthz HTTP/1.1\r\nHost: y").await;
        assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("no-store"), "{refused}");
        drop(idle);
        shutdown.cancel();
        task.await.unwrap();
    }

    #[tokio::test]
    async fn it_serves_by_tls_where_there_is_a_certificate() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let certified = crate::tls::certified_key(chain.as_bytes(), key.as_bytes()).unwrap();
        let single = rustls::sign::SingleCertAndKey::from(std::sync::Arc::unwrap_or_clone(certified));
        let config = crate::tls::server_config(std::sync::Arc::new(single), crate::tls::ALPN_HTTP_1).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let answer = |_: Request<Incoming>, _| std::future::ready(text(StatusCode::OK, "here\n".to_owned()));
        let registry = Registry::new("farcast-sample", "1.2.3").unwrap();
        let counters = Counters::new(accept::Listener::Api, &registry).unwrap();
        let task = tokio::spawn(serve(listener, counters, Some(config.into()), answer, shutdown.clone()));

        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client));
        let socket = TcpStream::connect(address).await.unwrap();
        let mut stream = connector.connect("localhost".try_into().unwrap(), socket).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here\n"), "{answer}");
        // A client that speaks no TLS there is not answered.
        assert!(!ask(address, "GET / HTTP/1.1").await.contains("here"));
        shutdown.cancel();
        task.await.unwrap();
    }
}
