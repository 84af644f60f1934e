//! Metrics of the certificate that is obtained.

use std::time::{SystemTime, UNIX_EPOCH};

use farcast_telemetry::make::Make as _;
use prometheus::{IntCounterVec, IntGauge, Registry};

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    orders: IntCounterVec,
    not_after: IntGauge,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let orders = registry.counters(
            "farcast_acme_orders_total",
            "Certificates that were asked for by ACME, by outcome.",
            &["outcome"],
        )?;
        for outcome in ["issued", "failed"] {
            orders.with_label_values(&[outcome]);
        }
        let not_after = registry.gauge(
            "farcast_acme_certificate_not_after_seconds",
            "Time at which the certificate that was obtained by ACME ends, in seconds since 1970; 0 while there is none.",
        )?;
        Ok(Self { orders, not_after })
    }

    pub(super) fn ordered(&self, outcome: &str) {
        self.orders.with_label_values(&[outcome]).inc();
    }

    pub(super) fn has(&self, not_after: SystemTime) {
        let seconds = not_after.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.not_after.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }
}
