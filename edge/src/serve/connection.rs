//! One connection, from accept to close.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::activity::{Activity, Verdict};
use super::handler::{Handler, Slot};
use crate::chat::Ticket;

/// How often a connection is judged; its timeouts are that exact.
const JUDGE_EVERY: Duration = Duration::from_secs(1);

/// Time that an idle connection is given to close politely.
const IDLE_GRACE: Duration = Duration::from_secs(5);

/// HTTP/2 PING interval and patience: finds viewers that vanished without a word.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Most bytes of a request's header (HTTP/2 header list).
const MAX_HEADER_BYTES: u32 = 16 << 10;

/// Most bytes buffered per HTTP/1 connection.
const HTTP1_BUFFER_BYTES: usize = 128 << 10;

/// Serves a connection until it ends, misbehaves, or the server has drained; or until it becomes a socket of the chat, which
/// is given.
pub(super) async fn serve(
    socket: TcpStream,
    peer: IpAddr,
    tls: Option<TlsAcceptor>,
    config: &Config,
    handler: Arc<Handler>,
    draining: CancellationToken,
) -> Option<Ticket> {
    let _open = Open::new(&handler);
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let slot = Slot::default();
    match tls {
        None => drive(socket, peer, config, &handler, &slot, &draining).await,
        Some(tls) => tokio::select! {
            () = draining.cancelled() => {}
            shaken = timeout(config.header_timeout, tls.accept(socket)) => match shaken {
                Ok(Ok(stream)) => drive(stream, peer, config, &handler, &slot, &draining).await,
                Ok(Err(_)) | Err(_) => handler.metrics.ended("handshake"),
            },
        },
    }
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

async fn drive(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
    config: &Config,
    handler: &Arc<Handler>,
    slot: &Slot,
    draining: &CancellationToken,
) {
    let activity = Arc::new(Activity::new(Instant::now()));
    let service = service_fn(|request| {
        let (handler, activity, draining) = (Arc::clone(handler), Arc::clone(&activity), draining.clone());
        let slot = Arc::clone(slot);
        async move {
            let answered = handler.handle(request, peer, &activity, &slot, &draining);
            // Without an answer HTTP/2 resets the stream, and HTTP/1 the connection.
            handler.metrics.request.run(answered).await.ok_or(Panicked)
        }
    });
    let builder = protocol(config);
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(io), service));
    let mut judge = interval(JUDGE_EVERY);
    judge.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut closes_at: Option<Instant> = None;
    let mut told = false;
    loop {
        tokio::select! {
            // How it ended is the viewer's business: closed, reset, or nonsense.
            _ = connection.as_mut() => return,
            () = draining.cancelled(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
                closes_at = Some(Instant::now() + config.drain_deadline);
            }
            _ = judge.tick() => {
                let now = Instant::now();
                if closes_at.is_some_and(|at| now >= at) {
                    return handler.metrics.ended("deadline");
                }
                match activity.verdict(now, config.idle_timeout, config.stall_timeout) {
                    Verdict::Keep => {}
                    Verdict::Stalled => return handler.metrics.ended("stalled"),
                    Verdict::Idle if closes_at.is_some() => {}
                    Verdict::Idle => {
                        handler.metrics.ended("idle");
                        connection.as_mut().graceful_shutdown();
                        closes_at = Some(now + IDLE_GRACE);
                    }
                }
            }
        }
    }
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
#[error("answering failed")]
struct Panicked;

fn protocol(config: &Config) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(HTTP1_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_streams)
        .max_send_buf_size(config.send_buffer_bytes)
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Counts an open connection.
struct Open<'a>(&'a Handler);

impl<'a> Open<'a> {
    fn new(handler: &'a Handler) -> Self {
        handler.metrics.connections.inc();
        Self(handler)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}
