//! Metrics of the server.

use farcast_service::accept;
use farcast_service::entrance::Refused;
use farcast_service::proxy_protocol;
use farcast_service::tasks::{Contained, Part};
use farcast_telemetry::make::Make as _;
use http::StatusCode;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Registry};

use super::route::Route;

/// Handles of the server's metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) connections: IntGauge,
    max_connections: IntGauge,
    pub(super) accept: accept::Metrics,
    pub(super) proxy_protocol: proxy_protocol::Metrics,
    /// Panics of connections, of requests, of the chat's connections.
    pub(super) connection: Contained,
    pub(super) request: Contained,
    pub(super) chat: Contained,
    ended: IntCounterVec,
    refused: IntCounterVec,
    responses: IntCounterVec,
    pub(super) refused_bodies: IntCounter,
    pub(super) sent_bytes: IntCounter,
    pub(super) part_first_byte: Histogram,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let responses = registry.counters(
            "farcast_serve_responses_total",
            "Responses, by kind and class of status.",
            &["kind", "class"],
        )?;
        for kind in Route::KINDS {
            for class in ["2xx", "4xx", "5xx"] {
                responses.with_label_values(&[kind, class]);
            }
        }
        Ok(Self {
            connections: registry.gauge("farcast_serve_connections", "Open connections.")?,
            max_connections: registry.gauge(
                "farcast_serve_max_connections",
                "Connections of viewers and of the chat that may be open at once.",
            )?,
            accept: accept::Metrics::new(accept::Listener::Viewers, registry)?,
            proxy_protocol: proxy_protocol::Metrics::new(accept::Listener::Viewers, registry)?,
            connection: Contained::new(Part::HttpConnection, registry)?,
            request: Contained::new(Part::HttpRequest, registry)?,
            chat: Contained::new(Part::ChatConnection, registry)?,
            ended: registry.counters_of(
                "farcast_serve_ended_connections_total",
                "Connections that the server ended, by reason.",
                "reason",
                &["deadline", "drained", "handshake", "idle", "made_room", "silent", "stalled"],
            )?,
            refused: registry.counters_of(
                "farcast_serve_refused_connections_total",
                "Connections that were closed at once: their network had its most (network).",
                "reason",
                &[Refused::Network.label()],
            )?,
            responses,
            refused_bodies: registry.counter(
                "farcast_serve_refused_bodies_total",
                "Requests whose body was refused, since too many came by their connection at once.",
            )?,
            sent_bytes: registry.counter("farcast_serve_sent_bytes_total", "Bytes of response bodies.")?,
            part_first_byte: registry.histogram(
                "farcast_serve_part_first_byte_seconds",
                "From the closing of a part at the origin to its first byte served here, while it is the newest.",
                &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5],
            )?,
        })
    }

    /// Bytes of bodies that were sent so far.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.get()
    }

    /// Shows how many connections may be open at once.
    pub fn limited_to(&self, connections: usize) {
        self.max_connections.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    /// Connections of viewers that are open.
    #[must_use]
    pub fn connections(&self) -> u64 {
        u64::try_from(self.connections.get()).unwrap_or_default()
    }

    pub(super) fn responded(&self, kind: &str, status: StatusCode) {
        let class = match status.as_u16() / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        self.responses.with_label_values(&[kind, class]).inc();
    }

    pub(super) fn refused(&self, reason: Refused) {
        self.refused.with_label_values(&[reason.label()]).inc();
    }

    pub(super) fn ended(&self, reason: &str) {
        self.ended.with_label_values(&[reason]).inc();
    }
}
