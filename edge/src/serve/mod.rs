//! Serving viewers over HTTP: playlists, media objects, the player page, health, and what [`crate::api`] answers.
//!
//! The media path is a plain hyper service that hands out shared `Bytes`: HTTP/1.1 and HTTP/2, over
//! TLS by ALPN, in the clear by HTTP/2's preface. What is served comes from [`crate::live`]; how it is
//! said (status, cache lifetime, encoding, priority) is decided here, after RFC 8216bis appendix B.1.
//!
//! Bounds: connections ([`Config::max_connections`], beyond which no more are accepted), requests per
//! connection ([`Config::max_streams`]) and so waiters, bytes buffered per stream, time for a handshake
//! and a request's header, time without a request, time without progress of a response.

mod activity;
mod body;
mod client;
mod connection;
mod handler;
mod lifetime;
mod metrics;
mod negotiate;
mod player;
mod reply;
mod route;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use farcast_shared::accept::Accepting;
use farcast_shared::config::Networks;
use farcast_shared::telemetry::health::Health;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::body::Body;
use self::handler::Handler;
pub use self::metrics::Metrics;
use crate::api::Api;
use crate::live::Live;

/// Settings of [`Server`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Most connections at once, over all listeners. Default 20,000; each costs some 20 KiB idle and
    /// up to `max_streams` × `send_buffer_bytes` with a viewer who asks for much and reads slowly.
    pub max_connections: usize,
    /// Most requests at once on an HTTP/2 connection. Default 128.
    pub max_streams: u32,
    /// Most bytes of a response that are buffered per HTTP/2 stream. Default 128 KiB.
    pub send_buffer_bytes: usize,
    /// Time for the TLS handshake, and for the header of a request. Default 10 s.
    pub header_timeout: Duration,
    /// Time that a connection may be without any request. Default 60 s.
    pub idle_timeout: Duration,
    /// Time that responses of a connection may be without progress. Default 20 s: a viewer so slow
    /// has long lost the live edge.
    pub stall_timeout: Duration,
    /// Time for responses to finish once the server shuts down. Default 10 s.
    pub drain_deadline: Duration,
    /// Whose X-Forwarded-For is believed. Default nobody's.
    pub trusted_proxies: Networks,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 20_000,
            max_streams: 128,
            send_buffer_bytes: 128 << 10,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(20),
            drain_deadline: Duration::from_secs(10),
            trusted_proxies: Networks::default(),
        }
    }
}

/// The HTTP server. Constructing it starts nothing; see [`Server::run`].
#[derive(Clone, Debug)]
pub struct Server {
    config: Config,
    handler: Arc<Handler>,
    connections: Arc<Semaphore>,
    sockets: TaskTracker,
}

impl Server {
    /// A server of what `live` has and `api` answers; `/healthz` is from `health`.
    #[must_use]
    pub fn new(config: Config, live: Arc<Live>, api: Arc<Api>, health: Health, metrics: Metrics) -> Self {
        let connections = Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS)));
        let handler = Handler::new(live, api, config.trusted_proxies.clone(), health, metrics);
        Self { config, handler: Arc::new(handler), connections, sockets: TaskTracker::new() }
    }

    /// Serves a listener until `shutdown`: then `/readyz` fails, no connection is accepted, requests that
    /// wait are answered 503, others finish within the drain deadline (HTTP/2 is told by GOAWAY).
    /// May run for several listeners at once. Not cancel safe: dropping it cuts all connections.
    pub async fn run(&self, listener: TcpListener, tls: Option<TlsAcceptor>, shutdown: CancellationToken) {
        let metrics = &self.handler.metrics;
        let mut accepting = Accepting::new(metrics.accept.clone());
        let mut connections = JoinSet::new();
        loop {
            let (socket, peer, permit) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = accepting.next(|| self.accept(&listener)) => accepted,
            };
            let handler = Arc::clone(&self.handler);
            let (config, tls, shutdown) = (self.config.clone(), tls.clone(), shutdown.clone());
            let (chat, sockets) = (Arc::clone(&self.handler.chat), self.sockets.clone());
            let (connection, socket_of_chat) = (metrics.connection.clone(), metrics.chat.clone());
            connections.spawn(async move {
                let ending = shutdown.clone();
                let served = connection::serve(socket, peer.ip(), tls, &config, handler, ending);
                // A task of its own, since it is long-lived and much smaller.
                if let Some(ticket) = connection.run(served).await.flatten() {
                    sockets.spawn(async move {
                        socket_of_chat.run(chat.serve(ticket, shutdown)).await;
                        drop(permit);
                    });
                }
            });
        }
        drop(listener);
        // Each connection keeps the deadline by itself.
        while connections.join_next().await.is_some() {}
        self.sockets.close();
        self.sockets.wait().await;
    }

    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.connections).acquire_owned().await.map_err(io::Error::other)?;
        let (socket, peer) = listener.accept().await?;
        Ok((socket, peer, permit))
    }
}
