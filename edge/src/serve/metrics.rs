//! Metrics of the server.

use farcast_service::accept;
use farcast_service::entrance::Refused;
use farcast_service::tasks::{Contained, Part};
use http::StatusCode;
use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Handles of the server's metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) connections: IntGauge,
    pub(super) accept: accept::Metrics,
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
        fn add<C: Collector + Clone + 'static>(
            registry: &Registry,
            metric: C,
        ) -> Result<C, prometheus::Error> {
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        }
        let first_byte = HistogramOpts::new(
            "farcast_serve_part_first_byte_seconds",
            "From the closing of a part at the origin to its first byte served here, while it is the newest.",
        )
        .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]);
        let responses = Opts::new("farcast_serve_responses_total", "Responses, by kind and class of status.");
        let ended = Opts::new(
            "farcast_serve_ended_connections_total",
            "Connections that the server ended, by reason.",
        );
        let refused = Opts::new(
            "farcast_serve_refused_connections_total",
            "Connections that were closed at once: their network had its most (network).",
        );
        let counter = |name: &str, help: &str| add(registry, IntCounter::new(name, help)?);
        Ok(Self {
            connections: add(registry, IntGauge::new("farcast_serve_connections", "Open connections.")?)?,
            accept: accept::Metrics::new(accept::Listener::Viewers, registry)?,
            connection: Contained::new(Part::HttpConnection, registry)?,
            request: Contained::new(Part::HttpRequest, registry)?,
            chat: Contained::new(Part::ChatConnection, registry)?,
            ended: add(registry, IntCounterVec::new(ended, &["reason"])?)?,
            refused: add(registry, IntCounterVec::new(refused, &["reason"])?)?,
            responses: add(registry, IntCounterVec::new(responses, &["kind", "class"])?)?,
            refused_bodies: counter(
                "farcast_serve_refused_bodies_total",
                "Requests whose body was refused, since too many came by their connection at once.",
            )?,
            sent_bytes: counter("farcast_serve_sent_bytes_total", "Bytes of response bodies.")?,
            part_first_byte: add(registry, Histogram::with_opts(first_byte)?)?,
        })
    }

    /// Bytes of bodies that were sent so far.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.get()
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
