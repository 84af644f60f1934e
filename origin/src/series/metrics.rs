//! Metrics of time series.

use farcast_telemetry::make::Make as _;
use prometheus::{IntCounter, Registry};

/// Handles of the metrics, of all series together.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) lost: IntCounter,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let lost = registry.counter(
            "farcast_series_lost_samples_total",
            "Samples of time series that are only in memory, because the store was not available for too long",
        )?;
        Ok(Self { lost })
    }
}
