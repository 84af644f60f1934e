//! Metrics of playback.

use farcast_telemetry::make::Make as _;
use prometheus::{Counter, Histogram, IntCounter, IntCounterVec, Registry};

use super::report::Report;

/// The outcome of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It was heard.
    Heard,
    /// It is no Common Media Client Data.
    Malformed,
    /// Its network, or all, report more than is heard.
    PassedOver,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Heard, Self::Malformed, Self::PassedOver];

    fn label(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::Malformed => "malformed",
            Self::PassedOver => "passed_over",
        }
    }
}

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    reports: IntCounterVec,
    start: Histogram,
    latency: Histogram,
    buffer: Histogram,
    bit_rate: Histogram,
    throughput: Histogram,
    stalls: IntCounter,
    stalled: Counter,
    errors: IntCounterVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            reports: registry.counters_of(
                "farcast_playback_reports_total",
                "Reports of players (CMCD), by outcome.",
                "outcome",
                &Outcome::ALL.map(Outcome::label),
            )?,
            start: registry.histogram(
                "farcast_playback_start_seconds",
                "From the opening of the player to the first picture, as players reported.",
                &[0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0],
            )?,
            latency: registry.histogram(
                "farcast_playback_latency_seconds",
                "Age of the picture when it is seen, as players reported.",
                &[0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 30.0],
            )?,
            buffer: registry.histogram(
                "farcast_playback_buffer_seconds",
                "Media that is buffered ahead, as players reported.",
                &[0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0],
            )?,
            bit_rate: registry.histogram(
                "farcast_playback_bit_rate_bps",
                "Bit rate of what is played, as players reported.",
                &[2.5e5, 5e5, 1e6, 2e6, 3e6, 4.5e6, 6e6, 8e6, 1.2e7, 2e7],
            )?,
            throughput: registry.histogram(
                "farcast_playback_throughput_bps",
                "Throughput that players measured.",
                &[5e5, 1e6, 2.5e6, 5e6, 1e7, 2.5e7, 5e7, 1e8, 2.5e8],
            )?,
            stalls: registry
                .counter("farcast_playback_stalls_total", "Stalls of playback, as players reported.")?,
            stalled: registry.float_counter(
                "farcast_playback_stalled_seconds_total",
                "Durations of stalls of playback, as players reported.",
            )?,
            errors: registry.counters_of(
                "farcast_playback_errors_total",
                "Errors of players, by kind, as they reported.",
                "kind",
                &["network", "media", "codec", "unsupported"],
            )?,
        })
    }

    pub(super) fn report(&self, outcome: Outcome) {
        self.reports.with_label_values(&[outcome.label()]).inc();
    }

    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
    pub(super) fn heard(&self, report: &Report) {
        self.report(Outcome::Heard);
        for (histogram, seconds) in
            [(&self.start, report.start), (&self.latency, report.latency), (&self.buffer, report.buffer)]
        {
            if let Some(seconds) = seconds {
                histogram.observe(seconds.as_secs_f64());
            }
        }
        for (histogram, bps) in
            [(&self.bit_rate, report.bit_rate_bps), (&self.throughput, report.throughput_bps)]
        {
            if let Some(bps) = bps {
                histogram.observe(bps as f64);
            }
        }
        self.stalls.inc_by(report.stalls());
        self.stalled.inc_by(report.stalled.as_secs_f64());
        let errors = report.errors;
        for (kind, count) in [
            ("network", errors.network),
            ("media", errors.media),
            ("codec", errors.codec),
            ("unsupported", errors.unsupported),
        ] {
            if count > 0 {
                self.errors.with_label_values(&[kind]).inc_by(count);
            }
        }
    }
}
