//! Metrics of time series.

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
        let lost = IntCounter::new(
            "farcast_series_lost_samples_total",
            "Samples of time series that are only in memory, because the store was not available for too long",
        )?;
        registry.register(Box::new(lost.clone()))?;
        Ok(Self { lost })
    }
}
