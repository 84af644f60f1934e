//! The listener for operators: metrics and health. Its port is taken before anything else runs, since an origin that waits
//! for its channel is to be seen already.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use farcast_service::accept;
use farcast_service::listen::{self, Purpose};
use farcast_service::listener;
use farcast_telemetry::health::Health;
use farcast_telemetry::metrics;
use http::Request;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::edge_metrics::{self, EdgeMetrics};

/// The port, before anybody is answered, and what will be shown.
pub(super) struct Operators {
    socket: std::net::TcpListener,
    counters: listener::Counters,
    registry: metrics::Registry,
    health: Health,
}

/// The same when it listens.
pub(super) struct Listening {
    listener: TcpListener,
    counters: listener::Counters,
    registry: metrics::Registry,
    health: Health,
}

impl Operators {
    pub(super) fn bind(
        address: SocketAddr,
        registry: &metrics::Registry,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let socket = listen::tcp(Purpose::new("metrics", "metrics_listen"), address)?;
        let counters = listener::Counters::new(accept::Listener::Metrics, registry)?;
        Ok(Self { socket, counters, registry: registry.clone(), health: health.clone() })
    }

    /// Listens for as long as the result lives; another one may listen later.
    pub(super) fn listen(&self) -> io::Result<Listening> {
        Ok(Listening {
            listener: TcpListener::from_std(self.socket.try_clone()?)?,
            counters: self.counters.clone(),
            registry: self.registry.clone(),
            health: self.health.clone(),
        })
    }
}

impl Listening {
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`, and finishes the answers under way; with the metrics of edges, where they are shown.
    pub(super) async fn run(self, edges: Option<Arc<EdgeMetrics>>, stop: CancellationToken) {
        let Self { listener, counters, registry, health } = self;
        let Some(edges) = edges else {
            return listener::run(listener, counters, registry, health, stop).await;
        };
        let answer = move |request: Request<Incoming>, _peer| {
            let (edges, registry, health) = (Arc::clone(&edges), registry.clone(), health.clone());
            async move {
                let (method, path) = (request.method(), request.uri().path());
                if path != edge_metrics::PATH {
                    return listener::respond(method, path, Some(&registry), &health);
                }
                match listener::refuse_writing(method) {
                    Some(refused) => refused,
                    None => listener::metrics_page(edges.page().await),
                }
            }
        };
        listener::serve(listener, counters, None, answer, stop).await;
    }
}
