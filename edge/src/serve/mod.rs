//! Serving viewers over HTTP: playlists, media objects, the viewer page, health, and what [`crate::api`] answers.
//!
//! The media path is a plain hyper service that hands out shared `Bytes`: HTTP/1.1 and HTTP/2, over
//! TLS by ALPN, without TLS by HTTP/2's preface. Content comes from [`crate::live`]; this module
//! decides its form (status, cache lifetime, encoding, priority), after RFC 8216bis appendix B.1.
//!
//! Bounds: connections ([`Config::max_connections`], beyond which idle ones make room, or no more are accepted, and
//! [`Config::max_connections_per_network`]), requests per connection ([`Config::max_streams`]) and so waiters, requests
//! with bodies per connection, bytes buffered per stream, time for a handshake, the first request and a request's header,
//! time without a request, time without progress of a response.

mod activity;
mod body;
mod client;
mod connection;
mod drain;
mod handler;
mod lifetime;
mod metrics;
mod page;
mod pages;
mod reply;
mod route;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_config::Networks;
use farcast_service::accept::Accepting;
use farcast_service::access::AccessLog;
use farcast_service::entrance::{Entrance, Limits, State};
use farcast_telemetry::health::Health;
use farcast_telemetry::throttle::Throttle;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::body::Body;
use self::connection::Arrived;
pub use self::drain::Drain;
use self::handler::Handler;
pub use self::metrics::Metrics;
use crate::api::Api;
use crate::live::Live;
use crate::overload::Overload;

/// The part of all connections that no single network may have: 4 is a quarter. It matters where there are few in all.
const OTHERS_PART: usize = 4;

/// Interval of log lines about a network with too many connections.
const COMPLAIN: Duration = Duration::from_secs(60);

/// Settings of [`Server`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Most connections at once, over all listeners. Default 20,000; each costs some 20 KiB idle and
    /// up to `max_streams` × `send_buffer_bytes` with a viewer who asks for much and reads slowly.
    pub max_connections: usize,
    /// Most connections of one network (IPv4 address, IPv6 /64), except of this machine and of trusted proxies; 0 is no
    /// limit. Never more than three quarters of all. Default 2,000: a viewer has one or two by HTTP/2 and up to seven by HTTP/1.1, and behind one address of a
    /// school or a mobile carrier are hundreds.
    pub max_connections_per_network: usize,
    /// Most requests at once on an HTTP/2 connection. Default 128.
    pub max_streams: u32,
    /// Most bytes of a response that are buffered per HTTP/2 stream. Default 128 KiB.
    pub send_buffer_bytes: usize,
    /// Time for the TLS handshake, and for the header of a request. Default 10 s.
    pub header_timeout: Duration,
    /// Time from the opening of a connection to its first request. Default 10 s: browsers that open connections ahead
    /// of need open them again.
    pub first_request_timeout: Duration,
    /// Time that a connection may be without any request. Default 60 s.
    pub idle_timeout: Duration,
    /// Time that responses of a connection may be without progress. Default 20 s: a viewer so slow
    /// has long lost the live edge.
    pub stall_timeout: Duration,
    /// Time for responses to finish once the server shuts down. Default 10 s.
    pub drain_deadline: Duration,
    /// Proxies whose X-Forwarded-For is believed. Default none.
    pub trusted_proxies: Networks,
    /// Sites that may show the viewer page in a frame, as the policy's frame-ancestors. Default this site only; pages that
    /// are made for frames and let nobody write may be shown by all.
    pub frame_ancestors: String,
    /// The folder from which pages are read instead of the program, for developers. Default none.
    pub web_dir: Option<PathBuf>,
    /// The port of HTTPS to which viewers are sent who come without. Default none: they are served.
    pub redirect_port: Option<u16>,
    /// The log of requests that were answered. Default none.
    pub access_log: Option<AccessLog>,
    /// Time for which browsers that connected by HTTPS use HTTPS only (RFC 6797). Default 0: no such header.
    pub hsts_max_age: Duration,
    /// Says whether new viewers are turned away. Default never.
    pub overload: Arc<Overload>,
    /// Networks whose connections begin with a header of the PROXY protocol, which tells whose they are. Default none.
    pub proxy_protocol: Networks,
    /// Cancelled when another process has the listening sockets: from then on none is accepted here, and connections are
    /// asked to go when they have been answered. Default never.
    pub leave: CancellationToken,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 20_000,
            max_connections_per_network: 2_000,
            max_streams: 128,
            send_buffer_bytes: 128 << 10,
            header_timeout: Duration::from_secs(10),
            first_request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(20),
            drain_deadline: Duration::from_secs(10),
            trusted_proxies: Networks::default(),
            frame_ancestors: "'self'".to_owned(),
            web_dir: None,
            redirect_port: None,
            access_log: None,
            hsts_max_age: Duration::ZERO,
            overload: Arc::default(),
            proxy_protocol: Networks::default(),
            leave: CancellationToken::new(),
        }
    }
}

/// The HTTP server. Constructing it starts nothing; see [`Server::run`].
#[derive(Clone, Debug)]
pub struct Server {
    config: Config,
    handler: Arc<Handler>,
    entrance: Entrance,
    sockets: TaskTracker,
}

impl Server {
    /// A server of the objects of `live` and the answers of `api`; `/healthz` is from `health`.
    #[must_use]
    pub fn new(config: Config, live: Arc<Live>, api: Arc<Api>, health: Health, metrics: Metrics) -> Self {
        let total = config.max_connections;
        let per_network = config.max_connections_per_network.min(total - total / OTHERS_PART);
        let limits = Limits { total, per_network };
        let entrance =
            Entrance::new(limits, config.trusted_proxies.clone()).fronted_by(config.proxy_protocol.clone());
        let handler = Handler::new(live, api, &config, health, metrics);
        Self { config, handler: Arc::new(handler), entrance, sockets: TaskTracker::new() }
    }

    /// Connections that make no room for others, of how many there may be.
    pub(crate) fn places_in_use(&self) -> (u64, u64) {
        let (in_use, most) = self.entrance.in_use();
        (u64::try_from(in_use).unwrap_or(u64::MAX), u64::try_from(most).unwrap_or(u64::MAX))
    }

    /// Asks connections to go while this edge is drained; somebody has to call [`Drain::follow`].
    #[must_use]
    pub fn drain(&self) -> Arc<Drain> {
        Arc::clone(&self.handler.drain)
    }

    /// Serves a listener until `shutdown`: then `/readyz` fails, no connection is accepted, requests that
    /// wait are answered 503, others finish within the drain deadline (HTTP/2 is told by GOAWAY). After [`Config::leave`]
    /// requests that wait are answered as if nothing had happened.
    /// May run for several listeners at once. Not cancel safe: dropping it cuts all connections.
    pub async fn run(&self, listener: TcpListener, tls: Option<TlsAcceptor>, shutdown: CancellationToken) {
        let metrics = &self.handler.metrics;
        let mut accepting = Accepting::new(metrics.accept.clone());
        let mut connections = JoinSet::new();
        // Accepted, and waiting for a place.
        let mut newcomer: Option<(TcpStream, SocketAddr)> = None;
        let mut complaints = Throttle::new(COMPLAIN);
        let mut beat = self.handler.health.beat("viewers");
        loop {
            let waiting = newcomer.as_ref().map(|(_, peer)| *peer);
            let entered = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = beat.asked() => continue,
                () = self.config.leave.cancelled(), if waiting.is_none() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = accepting.next(|| listener.accept()), if waiting.is_none() => {
                    newcomer = Some(accepted);
                    continue;
                }
                entered = self.entrance.enter_newcomer(waiting) => entered,
            };
            let Some((socket, peer)) = newcomer.take() else { continue };
            let seat = match entered {
                Ok(seat) => seat,
                Err(refused) => {
                    metrics.refused(refused);
                    if let Some(suppressed) = complaints.admit(Instant::now()) {
                        tracing::warn!(
                            %peer,
                            suppressed,
                            limit = self.config.max_connections_per_network,
                            "a network has as many connections as one may have; if it is a proxy, name it in trusted_proxies"
                        );
                    }
                    continue;
                }
            };
            let (handler, leave) = (Arc::clone(&self.handler), self.handler.drain.token());
            let (config, tls, ending) = (self.config.clone(), tls.clone(), shutdown.clone());
            let (chat, sockets) = (Arc::clone(&self.handler.chat), self.sockets.clone());
            let (connection, socket_of_chat) = (metrics.connection.clone(), metrics.chat.clone());
            connections.spawn(async move {
                let is_secure = tls.is_some();
                let arrived = Arrived {
                    peer: peer.ip(),
                    is_secure,
                    seat,
                    opened: Instant::now(),
                    leave: leave.clone(),
                };
                let served = connection::serve(socket, arrived, tls, &config, handler, ending);
                // A task of its own, since it is long-lived and much smaller.
                if let Some((ticket, seat)) = connection.run(served).await.flatten() {
                    // It makes no room for others.
                    seat.note(State::Busy);
                    sockets.spawn(async move {
                        socket_of_chat.run(chat.serve(ticket, leave)).await;
                        drop(seat);
                    });
                }
            });
        }
        drop((listener, beat));
        self.handler.drain.end();
        // Each connection keeps the deadline by itself.
        while connections.join_next().await.is_some() {}
        shutdown.cancelled().await;
        self.sockets.close();
        self.sockets.wait().await;
    }
}
