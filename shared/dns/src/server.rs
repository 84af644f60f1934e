//! The server, put together.

use std::io;
use std::sync::Arc;

use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use farcast_config::Networks;
use farcast_service::accept::{self, Accepting};
use farcast_service::entrance::{self, Entrance};
use farcast_service::tasks::{self, Contained, Part};

use crate::limiter::Limiter;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::records::Records;
use crate::responder::Responder;
use crate::sockets::Sockets;
use crate::tcp::Tcp;
use crate::udp::Udp;
use crate::zone::Zone;

/// An authoritative server of one zone. Nothing runs before [`Server::run`].
pub struct Server {
    udp: Vec<Udp>,
    tcp: Vec<(Tcp, TcpListener, Accepting)>,
}

/// Why a server cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A socket is not as it has to be.
    #[error("a socket cannot be used for DNS")]
    Socket(#[from] io::Error),
    /// The metrics are registered already.
    #[error("the metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

impl Server {
    /// A server of `zone` on `sockets`, which asks `records` for what changes and counts in `registry`.
    ///
    /// # Errors
    /// When a socket cannot be used, or the metrics are registered already.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(
        zone: Zone,
        records: Arc<dyn Records>,
        limits: Limits,
        sockets: Sockets,
        registry: &Registry,
    ) -> Result<Self, ServerError> {
        let metrics = Metrics::new(registry)?;
        let accept = accept::Metrics::new(accept::Listener::Dns, registry)?;
        let query = Contained::new(Part::DnsQuery, registry)?;
        let connection = Contained::new(Part::DnsConnection, registry)?;
        let responder = Arc::new(Responder::new(zone, records));
        let udp = sockets.udp.into_iter().map(|socket| {
            let limiter = Limiter::new(limits);
            Udp::new(socket, Arc::clone(&responder), limiter, metrics.clone(), query.clone())
        });
        let udp = udp.collect::<Result<_, _>>()?;
        let places =
            entrance::Limits { total: limits.connections, per_network: limits.connections_per_network };
        let entrance = Entrance::new(places, Networks::default());
        let shared = Tcp { responder, entrance, metrics, contained: connection, idle: limits.idle };
        let tcp = sockets.tcp.into_iter().map(|listener| {
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            Ok::<_, io::Error>((shared.clone(), listener, Accepting::new(accept.clone())))
        });
        Ok(Self { udp, tcp: tcp.collect::<Result<_, _>>()? })
    }

    /// Answers until `shutdown`. Owns its tasks; a panic in one of them goes on here.
    ///
    /// Cancel safety: dropping the future closes all sockets and cuts all connections.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        for udp in self.udp {
            tasks.spawn(udp.run(shutdown.clone()));
        }
        for (tcp, listener, accepting) in self.tcp {
            tasks.spawn(tcp.run(listener, accepting, shutdown.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            tasks::relay(ended);
        }
    }
}
