//! Metrics of the life of broadcasts.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

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
        let metrics = Self {
            state: IntGauge::new(
                "farcast_broadcast_state",
                "0 idle, 1 live, 2 waiting for the publisher to return",
            )?,
            epoch: IntGauge::new("farcast_broadcast_epoch_number", "Epoch of the newest broadcast")?,
            started: IntCounter::new("farcast_broadcast_started_total", "Broadcasts begun")?,
            ended: IntCounterVec::new(
                Opts::new("farcast_broadcast_ended_total", "Broadcasts ended, by reason"),
                &["reason"],
            )?,
            resumed: IntCounter::new(
                "farcast_broadcast_resumed_total",
                "Publishers that returned within the grace",
            )?,
        };
        registry.register(Box::new(metrics.state.clone()))?;
        registry.register(Box::new(metrics.epoch.clone()))?;
        registry.register(Box::new(metrics.started.clone()))?;
        registry.register(Box::new(metrics.ended.clone()))?;
        registry.register(Box::new(metrics.resumed.clone()))?;
        Ok(metrics)
    }
}
