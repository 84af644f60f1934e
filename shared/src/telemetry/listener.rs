//! The listener for operators and machines: `/metrics` (where a registry is given), `/healthz`, `/readyz` and its parts.
//!
//! It is the last to stop, so that a draining process is still seen: cancel its `shutdown` when
//! everything else is done.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::health::{Health, Probe};
use super::metrics::{self, Registry};

/// Connections at once: a few scrapers, probes and people. More wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;
/// How long a request's head may take, and how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection lives: a scraper that never reads its answer does not hold its place.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(300);
/// Largest request head; the least that hyper takes is 8 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Pause after a failed accept (the process is out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long answers may take to be sent at shutdown.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves operators until `shutdown`, then finishes the answers under way. Owns its connections' tasks.
///
/// Cancel safety: dropping the future stops accepting and cuts all connections.
pub async fn run(
    listener: TcpListener,
    registry: Option<Registry>,
    health: Health,
    shutdown: CancellationToken,
) {
    let answer = move |request: Request<Incoming>, _peer| {
        let response = respond(request.method(), request.uri().path(), registry.as_ref(), &health);
        std::future::ready(response)
    };
    serve(listener, answer, shutdown).await;
}

/// Serves whatever `answer` says to requests, with the bounds of this module: for what few and known people ask.
/// HEAD is answered as GET, without the body.
///
/// Cancel safety: dropping the future stops accepting and cuts all connections.
pub async fn serve<F>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    shutdown: CancellationToken,
) where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let place = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &place) => accepted,
        };
        match accepted {
            Some((stream, peer, permit)) => {
                let connection = drive(stream, peer, answer.clone(), shutdown.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            None => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // What outlives the drain is cut when the set is dropped.
    let _ = tokio::time::timeout(DRAIN, drained).await;
}

async fn accept(
    listener: &TcpListener,
    place: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = place.clone().acquire_owned().await.ok()?;
    let (stream, peer) = listener.accept().await.ok()?;
    Some((stream, peer, permit))
}

async fn drive<F: Future<Output = Response<Full<Bytes>>>>(
    stream: TcpStream,
    peer: SocketAddr,
    answer: impl Fn(Request<Incoming>, SocketAddr) -> F,
    shutdown: CancellationToken,
) {
    let service = service_fn(move |request| {
        let answered = answer(request, peer);
        async move { Ok::<_, Infallible>(answered.await) }
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

/// What operators are answered: health, and metrics where there is a registry.
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
    if method != Method::GET && method != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if let Some(answer) = answer {
        return text(answer.status(), answer.text);
    }
    match registry.map(Registry::render) {
        None => nothing(),
        Some(Ok(body)) => {
            let mut response = text(StatusCode::OK, body);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
            response
        }
        Some(Err(error)) => {
            tracing::error!(%error, "metrics cannot be rendered");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be rendered\n".to_owned())
        }
    }
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
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
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
        let task = tokio::spawn(run(listener, Some(registry), health, shutdown.clone()));

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
}
