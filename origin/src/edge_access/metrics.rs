//! Metrics of this door.

use farcast_telemetry::make::Make as _;
use prometheus::{IntCounterVec, Registry};

use super::Refused;
use super::quota::Spent;

/// Why calls are refused, as [`Metrics::refused`] counts them.
const REASONS: [&str; 12] = [
    "private",
    "not_listed",
    "unlawful",
    "token_not_shown",
    "no_moderator",
    "calls",
    "bytes_written",
    "bytes_read",
    "users",
    "entries",
    "comings",
    "rendering",
];

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    refused: IntCounterVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let refused = registry.counters_of(
            "farcast_edge_access_refused_total",
            "Calls of the store that an edge was refused: an edge that is attacked, too busy, or taken over",
            "reason",
            &REASONS,
        )?;
        Ok(Self { refused })
    }

    pub(super) fn refused(&self, refused: Refused) {
        let reason = match refused {
            Refused::Private => "private",
            Refused::NotListed => "not_listed",
            Refused::Unlawful(_) => "unlawful",
            Refused::NotShown => "token_not_shown",
            Refused::NoModerator => "no_moderator",
            Refused::Quota(Spent::Calls) => "calls",
            Refused::Quota(Spent::Written) => "bytes_written",
            Refused::Quota(Spent::Read) => "bytes_read",
            Refused::Quota(Spent::Users) => "users",
            Refused::Quota(Spent::Entries) => "entries",
            Refused::Quota(Spent::Comings) => "comings",
            Refused::Quota(Spent::Rendering) => "rendering",
        };
        self.refused.with_label_values(&[reason]).inc();
    }
}
