//! Metrics of certificates.

use std::time::{SystemTime, UNIX_EPOCH};

use farcast_telemetry::make::Make as _;
use prometheus::{IntGauge, Registry};

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    not_after: IntGauge,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let not_after = registry.gauge(
            "farcast_certificate_not_after_seconds",
            "Time at which the certificate of the TLS listeners ends, in seconds since 1970; 0 while there is none.",
        )?;
        Ok(Self { not_after })
    }

    pub(crate) fn valid_until(&self, not_after: SystemTime) {
        let seconds = not_after.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.not_after.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }
}
