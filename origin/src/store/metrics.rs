//! Metrics of the embedded engine.

use farcast_telemetry::make::Make as _;
use farcast_telemetry::metrics::HOP_SECONDS;
use prometheus::{Histogram, IntCounter, Registry};

/// Handles of the engine's metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) commit_seconds: Histogram,
    pub(super) group_batches: Histogram,
    pub(super) failures: IntCounter,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            commit_seconds: registry.histogram(
                "farcast_store_commit_seconds",
                "From a batch's arrival to its being durable",
                &HOP_SECONDS,
            )?,
            group_batches: registry.histogram(
                "farcast_store_group_batches",
                "Batches that one wait for the disk made durable",
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0],
            )?,
            failures: registry
                .counter("farcast_store_failures_total", "Failures of the disk or the store's file")?,
        })
    }
}
