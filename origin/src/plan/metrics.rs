//! Metrics of a planner.

use farcast_telemetry::make::Make as _;
use prometheus::{Gauge, IntCounter, IntCounterVec, Registry};

/// Why a frame was not passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropReason {
    /// Its track has no configuration, so nobody could decode it.
    NoConfig,
    /// Video that cannot be decoded before the next key frame.
    NoKeyFrame,
    /// It belongs before the first segment or before a discontinuity.
    BeforeStart,
}

impl DropReason {
    fn label(self) -> &'static str {
        match self {
            Self::NoConfig => "no_config",
            Self::NoKeyFrame => "no_key_frame",
            Self::BeforeStart => "before_start",
        }
    }
}

/// Handles of the planner's metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) segments: IntCounter,
    pub(super) discontinuities: IntCounter,
    pub(super) forced_cuts: IntCounter,
    dropped: IntCounterVec,
    speed: Gauge,
    drift: Gauge,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            segments: registry.counter("farcast_plan_segments_total", "Segments begun")?,
            discontinuities: registry
                .counter("farcast_plan_discontinuities_total", "Segments begun with a discontinuity")?,
            forced_cuts: registry.counter(
                "farcast_plan_forced_cuts_total",
                "Segments begun without a key frame because the source's key frames are too far apart",
            )?,
            dropped: registry.counters(
                "farcast_plan_dropped_frames_total",
                "Source frames not passed on",
                &["reason"],
            )?,
            speed: registry.float_gauge(
                "farcast_ingest_media_speed_ratio",
                "Seconds of media that the publisher sends in a second, over the last minute",
            )?,
            drift: registry.float_gauge(
                "farcast_ingest_media_drift_seconds",
                "Lag of media behind its arrival since its publisher began",
            )?,
        })
    }

    /// The speed of media, and its lag.
    pub(super) fn media(&self, (ratio, drift_s): (f64, f64)) {
        self.speed.set(ratio);
        self.drift.set(drift_s);
    }

    /// Seconds of media that the publisher sends in a second, over the last minute; 0 before there was one.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed.get()
    }

    /// The lag of media behind its arrival since its publisher began, in seconds.
    #[must_use]
    pub fn drift_s(&self) -> f64 {
        self.drift.get()
    }

    pub(super) fn dropped(&self, reason: DropReason) {
        self.dropped.with_label_values(&[reason.label()]).inc();
    }
}
