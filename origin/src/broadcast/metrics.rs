//! Metrics of the life of broadcasts.

use farcast_telemetry::make::Make as _;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

/// Handles of the broadcast owner.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// 0 idle, 1 live, 2 waiting for the publisher to return.
    pub state: IntGauge,
    /// Epoch of the newest broadcast.
    pub epoch: IntGauge,
    /// Broadcasts begun, continuations after a restart included.
    pub started: IntCounter,
    /// Broadcasts ended, by reason.
    pub ended: IntCounterVec,
    /// Publishers that returned within the grace.
    pub resumed: IntCounter,
}

impl Metrics {
    /// Registers the handles.
    ///
    /// # Errors
    /// A name that is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            state: registry
                .gauge("farcast_broadcast_state", "0 idle, 1 live, 2 waiting for the publisher to return")?,
            epoch: registry.gauge("farcast_broadcast_epoch_number", "Epoch of the newest broadcast")?,
            started: registry.counter("farcast_broadcast_started_total", "Broadcasts begun")?,
            ended: registry.counters_of(
                "farcast_broadcast_ended_total",
                "Broadcasts ended, by reason",
                "reason",
                &["unpublished", "grace_over", "failed", "panicked", "replaced", "disconnected"],
            )?,
            resumed: registry
                .counter("farcast_broadcast_resumed_total", "Publishers that returned within the grace")?,
        })
    }
}
