//! Counters of the receiving side.

use farcast_feed::feed::PartMeta;
use farcast_feed::name::StreamName;
use farcast_feed::time::WallTime;
use farcast_service::tasks::{Contained, Part};
use farcast_telemetry::make::Make as _;
use farcast_telemetry::metrics::HOP_SECONDS;
use prometheus::{
    Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
};

/// Handles of the metrics of one stream.
#[derive(Clone, Debug)]
pub struct ChannelMetrics {
    received_bytes: IntCounter,
    pub(super) lost_segments: IntCounter,
    pub(super) held_events: IntGauge,
    from_closed: Histogram,
    from_arrived: Histogram,
}

impl ChannelMetrics {
    /// A part is complete.
    pub(super) fn received(&self, meta: &PartMeta, bytes: usize, is_backlog: bool) {
        self.received_bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
        if !is_backlog {
            let now = WallTime::now();
            self.from_closed.observe(now.since(meta.closed_at).as_secs_f64());
            self.from_arrived.observe(now.since(meta.arrived_at).as_secs_f64());
        }
    }
}

/// Handles of the receiving side's metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) up: IntGauge,
    pub(super) rtt_seconds: Gauge,
    received_bytes: IntCounterVec,
    pub(super) links: IntCounter,
    pub(super) enrolments: IntCounter,
    lost_segments: IntCounterVec,
    held_events: IntGaugeVec,
    /// Panics of a session with the origin.
    pub(super) panics: Contained,
    dial_failures: IntCounter,
    part_delay: HistogramVec,
    fetches: IntCounterVec,
    refused_forwards: IntCounterVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            held_events: registry.gauges(
                "farcast_receive_held_events",
                "Events that wait for an earlier part",
                &["stream"],
            )?,
            rtt_seconds: registry
                .float_gauge("farcast_receive_rtt_seconds", "Round-trip time to the origin")?,
            part_delay: registry.histograms(
                "farcast_receive_part_delay_seconds",
                "From the origin's clock at a part's closing, or its last frame's arrival, until the part is \
                 complete here by this machine's clock; off by the difference of the two clocks",
                &["stream", "from"],
                &HOP_SECONDS,
            )?,
            fetches: registry.counters_of(
                "farcast_receive_fetches_total",
                "Objects asked of the origin",
                "outcome",
                &["found", "not_found", "link_down", "timeout", "busy"],
            )?,
            refused_forwards: registry.counters_of(
                "farcast_receive_refused_forwards_total",
                "Requests that were not passed on, since too many were: of all, or of the sender's network",
                "reason",
                &["all", "network"],
            )?,
            panics: Contained::new(Part::OriginSession, registry)?,
            up: registry.gauge("farcast_receive_link_up", "1 while the link to the origin is up")?,
            received_bytes: registry.counters(
                "farcast_receive_bytes_total",
                "Bytes of complete parts",
                &["stream"],
            )?,
            links: registry.counter(
                "farcast_receive_links_total",
                "Links that came up; all but the first are reconnects",
            )?,
            enrolments: registry.counter("farcast_receive_enrolments_total", "Certificates received")?,
            lost_segments: registry.counters(
                "farcast_receive_lost_segments_total",
                "Segments without media here",
                &["stream"],
            )?,
            dial_failures: registry
                .counter("farcast_receive_dial_failures_total", "Attempts that gave no link")?,
        })
    }

    pub(super) fn forward_refused(&self, reason: &'static str) {
        self.refused_forwards.with_label_values(&[reason]).inc();
    }

    pub(super) fn dial_failed(&self) {
        self.dial_failures.inc();
    }

    /// Those of one stream.
    #[must_use]
    pub fn channel(&self, stream: &StreamName) -> ChannelMetrics {
        let stream = stream.as_str();
        ChannelMetrics {
            received_bytes: self.received_bytes.with_label_values(&[stream]),
            lost_segments: self.lost_segments.with_label_values(&[stream]),
            held_events: self.held_events.with_label_values(&[stream]),
            from_closed: self.part_delay.with_label_values(&[stream, "closed"]),
            from_arrived: self.part_delay.with_label_values(&[stream, "arrived"]),
        }
    }

    /// A fetch ended: found, or why not.
    pub(super) fn fetched(&self, outcome: &'static str) {
        self.fetches.with_label_values(&[outcome]).inc();
    }

    /// Number of links established so far.
    #[must_use]
    pub fn links(&self) -> u64 {
        self.links.get()
    }

    /// Number of attempts that gave no link so far.
    #[must_use]
    pub fn dial_failures(&self) -> u64 {
        self.dial_failures.get()
    }

    /// Number of certificates received so far.
    #[must_use]
    pub fn enrolments(&self) -> u64 {
        self.enrolments.get()
    }
}
