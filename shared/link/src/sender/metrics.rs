//! Metrics of the push side.

use farcast_feed::name::StreamName;
use farcast_service::tasks::{Contained, Part};
use farcast_telemetry::make::Make as _;
use prometheus::{
    Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, exponential_buckets,
};

use super::queue::Loss;

/// The outcome of a fetch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FetchOutcome {
    /// Answered with the object.
    Found,
    /// There is no such object.
    NotFound,
    /// The edge broke the protocol, left, or was too slow.
    Failed,
}

/// The outcome of a handshake or an enrolment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JoinOutcome {
    /// An edge subscribed.
    Subscribed,
    /// An edge got a certificate.
    Enrolled,
    /// The token's secret was not proved.
    BadToken,
    /// The token that was proved has expired, is used up or was revoked.
    TokenEnded,
    /// The certificate was revoked, or is not known any more.
    NotListed,
    /// The handshake failed: a certificate that is not ours, a peer that left.
    HandshakeFailed,
    /// Too many handshakes or enrolments, most of them of its own network.
    Refused,
    /// It had to give way, during its handshake or enrolment, to a connection of another network.
    Evicted,
    /// Too many edges.
    Full,
    /// The same edge connected again and again: its oldest connection ends.
    Replaced,
    /// The peer had to prove its address first.
    Retried,
    /// It spoke another protocol, or nothing in time.
    Protocol,
}

impl FetchOutcome {
    const ALL: [Self; 3] = [Self::Found, Self::NotFound, Self::Failed];

    const fn label(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotFound => "not_found",
            Self::Failed => "failed",
        }
    }
}

impl JoinOutcome {
    const ALL: [Self; 12] = [
        Self::Subscribed,
        Self::Enrolled,
        Self::BadToken,
        Self::TokenEnded,
        Self::NotListed,
        Self::HandshakeFailed,
        Self::Refused,
        Self::Evicted,
        Self::Full,
        Self::Replaced,
        Self::Retried,
        Self::Protocol,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed",
            Self::Enrolled => "enrolled",
            Self::BadToken => "bad_token",
            Self::TokenEnded => "token_ended",
            Self::NotListed => "not_listed",
            Self::HandshakeFailed => "handshake_failed",
            Self::Refused => "refused",
            Self::Evicted => "evicted",
            Self::Full => "full",
            Self::Replaced => "replaced",
            Self::Retried => "retried",
            Self::Protocol => "protocol",
        }
    }
}

/// Handles of the metrics of one stream.
#[derive(Clone, Debug)]
pub struct ChannelMetrics {
    pub(super) edges: IntGauge,
    pub(super) window_bytes: IntGauge,
    pub(super) pushed_bytes: IntCounter,
    pub(super) encode_errors: IntCounter,
    late: IntCounter,
    backlog: IntCounter,
}

impl ChannelMetrics {
    pub(super) fn dropped(&self, loss: Loss) {
        match loss {
            Loss::Late => self.late.inc(),
            Loss::Backlog => self.backlog.inc(),
        }
    }
}

/// Handles of the push side's metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    edges: IntGaugeVec,
    window_bytes: IntGaugeVec,
    pushed_bytes: IntCounterVec,
    encode_errors: IntCounterVec,
    /// From the packager's closing of a part until QUIC took it.
    pub(super) queue_seconds: Histogram,
    /// From queueing until the edge confirmed it.
    pub(super) confirm_seconds: Histogram,
    pub(super) rtt_seconds: Histogram,
    /// Panics of edges' connections, and of edges' calls on them.
    pub(super) connections: Contained,
    pub(super) calls: Contained,
    drops: IntCounterVec,
    fetches: IntCounterVec,
    joins: IntCounterVec,
    asks: IntCounterVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        // 1 ms to 16 s: from a local link to more than the queue's bound.
        let buckets = exponential_buckets(0.001, 2.0, 15)?;
        Ok(Self {
            connections: Contained::new(Part::EdgeConnection, registry)?,
            calls: Contained::new(Part::EdgeCall, registry)?,
            edges: registry.gauges("farcast_push_edges", "Edges that are subscribed", &["stream"])?,
            window_bytes: registry.gauges(
                "farcast_push_window_bytes",
                "Parts held for newcomers and fetches",
                &["stream"],
            )?,
            pushed_bytes: registry.counters(
                "farcast_push_bytes_total",
                "Bytes of parts given to QUIC",
                &["stream"],
            )?,
            queue_seconds: registry.histogram(
                "farcast_push_part_queue_seconds",
                "From a part's closing until it was given to QUIC in full",
                &buckets,
            )?,
            confirm_seconds: registry.histogram(
                "farcast_push_part_confirm_seconds",
                "From a part's queueing for an edge until the edge confirmed it",
                &buckets,
            )?,
            rtt_seconds: registry.histogram(
                "farcast_push_rtt_seconds",
                "Round-trip time to edges, sampled",
                &buckets,
            )?,
            encode_errors: registry.counters(
                "farcast_push_encode_errors_total",
                "Feed events over the protocol's limits",
                &["stream"],
            )?,
            drops: registry.counters(
                "farcast_push_dropped_segments_total",
                "Segments not pushed to an edge",
                &["stream", "reason"],
            )?,
            fetches: registry.counters_of(
                "farcast_push_fetches_total",
                "Objects asked for by edges",
                "outcome",
                &FetchOutcome::ALL.map(FetchOutcome::label),
            )?,
            joins: registry.counters_of(
                "farcast_push_joins_total",
                "Handshakes and enrolments of edges, by outcome",
                "outcome",
                &JoinOutcome::ALL.map(JoinOutcome::label),
            )?,
            asks: registry.counters_of(
                "farcast_push_asks_total",
                "Questions to edges, one per edge",
                "outcome",
                &["answered", "failed"],
            )?,
        })
    }

    /// Those of one stream.
    #[must_use]
    pub fn channel(&self, stream: &StreamName) -> ChannelMetrics {
        let stream = stream.as_str();
        ChannelMetrics {
            edges: self.edges.with_label_values(&[stream]),
            window_bytes: self.window_bytes.with_label_values(&[stream]),
            pushed_bytes: self.pushed_bytes.with_label_values(&[stream]),
            encode_errors: self.encode_errors.with_label_values(&[stream]),
            late: self.drops.with_label_values(&[stream, "late"]),
            backlog: self.drops.with_label_values(&[stream, "backlog"]),
        }
    }

    pub(super) fn fetched(&self, outcome: FetchOutcome) {
        self.fetches.with_label_values(&[outcome.label()]).inc();
    }

    pub(super) fn asked(&self, answered: bool) {
        let outcome = if answered { "answered" } else { "failed" };
        self.asks.with_label_values(&[outcome]).inc();
    }

    pub(super) fn joined(&self, outcome: JoinOutcome) {
        self.joins.with_label_values(&[outcome.label()]).inc();
    }

    #[cfg(test)]
    pub(super) fn joins(&self, outcome: &str) -> u64 {
        self.joins.with_label_values(&[outcome]).get()
    }

    /// Segments of a stream that were dropped because an edge was late.
    #[must_use]
    pub fn late_segments(&self, stream: &StreamName) -> u64 {
        self.drops.with_label_values(&[stream.as_str(), "late"]).get()
    }
}
