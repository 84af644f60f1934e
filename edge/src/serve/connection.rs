//! One connection, from accept to close.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use farcast_service::access::Entry;
use farcast_service::entrance::{Seat, State};
use farcast_service::proxy_protocol::{self, header::Source as Told};
use http::header::{CONNECTION, HeaderValue};
use http::{Request, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::activity::{Activity, Patience, Verdict};
use super::handler::{Handler, InFlight, Slot, Source};
use crate::chat::Ticket;

/// Interval at which a connection is checked; its timeouts are that exact.
const JUDGE_EVERY: Duration = Duration::from_secs(1);

/// Time that an idle connection is given to close politely.
const IDLE_GRACE: Duration = Duration::from_secs(5);

/// Time for which a connection of HTTP/1 that is to go is kept for one more request, whose answer says that it is the last: one
/// that is closed between two requests may be closed under the next. Longer than a player's pause between two.
const LAST_REQUEST: Duration = Duration::from_secs(10);

/// HTTP/2 PING interval and patience: finds viewers that vanished without a word.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Most bytes of a request's header (HTTP/2 header list).
const MAX_HEADER_BYTES: u32 = 16 << 10;

/// Most bytes of a request's body that may come before it is read; twice as many for all bodies of a connection. Bodies
/// are read or refused at once, so it bounds only what is on its way. Over 100 ms of round trip a logo of 2 MiB takes 1.6
/// s.
const BODY_WINDOW_BYTES: u32 = 128 << 10;

/// Most bytes buffered per HTTP/1 connection, of heads that come and of responses: one piece of a body.
const HTTP1_BUFFER_BYTES: usize = 64 << 10;

/// A connection that was accepted.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) peer: IpAddr,
    /// True if it is one of TLS.
    pub(super) is_secure: bool,
    pub(super) seat: Seat,
    pub(super) opened: Instant,
    /// Cancelled when the connection is asked to go elsewhere.
    pub(super) leave: CancellationToken,
}

/// Serves a connection until it ends, misbehaves, has to make room, or the server has drained; or until it becomes a
/// socket of the chat, which is given with its place.
pub(super) async fn serve(
    mut socket: TcpStream,
    mut arrived: Arrived,
    tls: Option<TlsAcceptor>,
    config: &Config,
    handler: Arc<Handler>,
    draining: CancellationToken,
) -> Option<(Ticket, Seat)> {
    let _open = Open::new(&handler);
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    if config.proxy_protocol.contain(arrived.peer.to_canonical()) {
        let told = tokio::select! {
            () = draining.cancelled() => None,
            () = arrived.seat.taken_away() => { handler.metrics.ended("made_room"); None }
            told = source(&mut socket, &arrived, &handler) => told,
        };
        arrived.peer = told?;
    }
    let slot = Slot::default();
    match tls {
        None => drive(socket, &arrived, config, &handler, &slot, &draining).await,
        Some(tls) => tokio::select! {
            () = draining.cancelled() => {}
            () = arrived.seat.taken_away() => handler.metrics.ended("made_room"),
            shaken = timeout(config.header_timeout, tls.accept(socket)) => match shaken {
                Ok(Ok(stream)) => drive(stream, &arrived, config, &handler, &slot, &draining).await,
                Ok(Err(_)) | Err(_) => handler.metrics.ended("handshake"),
            },
        },
    }
    let ticket = slot.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    Some((ticket, arrived.seat))
}

/// Whose a connection is that a proxy has passed on; none if it is to be closed.
async fn source(socket: &mut TcpStream, arrived: &Arrived, handler: &Handler) -> Option<IpAddr> {
    let told = proxy_protocol::source(socket, &handler.metrics.proxy_protocol).await;
    let address = match told {
        Ok(Told::Of(address)) => address.ip(),
        Ok(Told::Own | Told::Unknown) => return Some(arrived.peer),
        Err(error) => {
            handler.warn_of_header(arrived.peer, &error);
            return None;
        }
    };
    match arrived.seat.belongs_to(address) {
        Ok(()) => Some(address),
        Err(refused) => {
            handler.metrics.refused(refused);
            None
        }
    }
}

async fn drive(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    arrived: &Arrived,
    config: &Config,
    handler: &Arc<Handler>,
    slot: &Slot,
    draining: &CancellationToken,
) {
    let Arrived { seat, opened, leave, .. } = arrived;
    let source = Source::new(arrived.peer, arrived.is_secure);
    let activity = Arc::new(Activity::new(*opened));
    let (leaving, speaks_http1) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let is_leaving = Arc::clone(&leaving);
    let service = service_fn(|request: Request<Incoming>| {
        let (in_flight, is_first) = InFlight::begin(&activity);
        let is_http1 = request.version() < Version::HTTP_2;
        speaks_http1.store(is_http1, Ordering::Relaxed);
        let leaving = Arc::clone(&leaving);
        if is_first {
            seat.note(State::Fresh);
        }
        let mut entry = handler.noted(&request, &source);
        let begun = handler.metrics.request.call(|| handler.begin(request, &source, slot));
        let (handler, activity, draining) = (Arc::clone(handler), Arc::clone(&activity), draining.clone());
        async move {
            let response = match begun {
                Some(begun) => handler.metrics.request.run(handler.answer(begun, &activity, &draining)).await,
                None => None,
            };
            drop(in_flight);
            let Some(mut response) = response else {
                // Without an answer HTTP/2 resets the stream, and HTTP/1 the connection.
                if let Some(entry) = &mut entry {
                    entry.answered(StatusCode::INTERNAL_SERVER_ERROR);
                }
                return Err(Panicked);
            };
            if is_http1 && leaving.load(Ordering::Relaxed) {
                response.headers_mut().entry(CONNECTION).or_insert(HeaderValue::from_static("close"));
            }
            Ok(Entry::beside(entry, response))
        }
    });
    let builder = protocol(config);
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(io), service));
    let mut judge = interval_at(tokio::time::Instant::now() + JUDGE_EVERY, JUDGE_EVERY);
    judge.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let patience = Patience {
        first_request: config.first_request_timeout,
        idle: config.idle_timeout,
        stall: config.stall_timeout,
    };
    let (mut goes_at, mut closes_at): (Option<Instant>, Option<Instant>) = (None, None);
    let mut told = false;
    let mut noted = State::Silent;
    loop {
        tokio::select! {
            biased;
            // The kind of end is the viewer's business: closed, reset, or nonsense.
            _ = connection.as_mut() => return,
            () = seat.taken_away() => return handler.metrics.ended("made_room"),
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
                if leave.is_cancelled() && closes_at.is_none() {
                    let goes_at = *goes_at.get_or_insert_with(|| {
                        handler.metrics.ended("drained");
                        is_leaving.store(true, Ordering::Relaxed);
                        if speaks_http1.load(Ordering::Relaxed) { now + LAST_REQUEST } else { now }
                    });
                    if now >= goes_at {
                        connection.as_mut().graceful_shutdown();
                        closes_at = Some(now + config.drain_deadline);
                    }
                }
                let state = activity.state(now);
                if state != noted {
                    noted = state;
                    seat.note(state);
                }
                match activity.verdict(now, patience) {
                    Verdict::Keep => {}
                    Verdict::Silent => return handler.metrics.ended("silent"),
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
        .initial_stream_window_size(BODY_WINDOW_BYTES)
        .initial_connection_window_size(2 * BODY_WINDOW_BYTES)
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
