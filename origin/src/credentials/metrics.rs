//! Metrics of the credentials.

use farcast_telemetry::make::Make as _;
use prometheus::{IntCounterVec, Registry};

use super::Which;
use crate::ingest::Checked;

/// Handles of the metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    checks: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let help = "Stream keys and passwords that were given, by what became of them";
        let labels = ["credential", "outcome"];
        let checks = registry.counters("farcast_credentials_checks_total", help, &labels)?;
        for credential in ["stream_key", "admin_password"] {
            for outcome in ["right", "wrong", "not_looked_at"] {
                checks.with_label_values(&[credential, outcome]);
            }
        }
        Ok(Self { checks })
    }

    pub(super) fn checked(&self, which: Which, checked: Checked) {
        let credential = match which {
            Which::StreamKey => "stream_key",
            Which::AdminPassword => "admin_password",
        };
        let outcome = match checked {
            Checked::Right(()) => "right",
            Checked::Wrong => "wrong",
            Checked::Wait(_) => "not_looked_at",
        };
        self.checks.with_label_values(&[credential, outcome]).inc();
    }
}
