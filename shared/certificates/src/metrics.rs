//! Metrics of certificates.

use std::time::{SystemTime, UNIX_EPOCH};

use farcast_telemetry::make::Make as _;
use prometheus::{IntGauge, Registry};

use crate::pair::Checked;

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    not_before: IntGauge,
    not_after: IntGauge,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let not_before = registry.gauge(
            "farcast_certificate_not_before_seconds",
            "Time at which the certificate of the TLS listeners began, in seconds since 1970; 0 while there is none.",
        )?;
        let not_after = registry.gauge(
            "farcast_certificate_not_after_seconds",
            "Time at which the certificate of the TLS listeners ends, in seconds since 1970; 0 while there is none.",
        )?;
        Ok(Self { not_before, not_after })
    }

    pub(crate) fn uses(&self, checked: &Checked) {
        self.not_before.set(seconds(checked.not_before));
        self.not_after.set(seconds(checked.not_after));
    }
}

fn seconds(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}
