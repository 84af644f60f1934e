//! Metrics of the embedded engine.

use farcast_telemetry::metrics::HOP_SECONDS;
use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};

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
        let commit_seconds = Histogram::with_opts(
            HistogramOpts::new("farcast_store_commit_seconds", "From a batch's arrival to its being durable")
                .buckets(HOP_SECONDS.to_vec()),
        )?;
        let group_batches = Histogram::with_opts(
            HistogramOpts::new(
                "farcast_store_group_batches",
                "Batches that one wait for the disk made durable",
            )
            .buckets(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
        )?;
        let failures =
            IntCounter::new("farcast_store_failures_total", "Failures of the disk or the store's file")?;
        registry.register(Box::new(commit_seconds.clone()))?;
        registry.register(Box::new(group_batches.clone()))?;
        registry.register(Box::new(failures.clone()))?;
        Ok(Self { commit_seconds, group_batches, failures })
    }
}
