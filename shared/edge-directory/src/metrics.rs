//! Metrics of the directory.

use std::time::Duration;

use farcast_routing::{Snapshot, State};
use farcast_telemetry::make::Make as _;
use prometheus::{IntGauge, IntGaugeVec, Registry};

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    known: IntGaugeVec,
    unread: IntGauge,
}

/// The states with their labels.
const STATES: [(State, &str); 4] = [
    (State::Joining, "joining"),
    (State::Ready, "ready"),
    (State::Draining, "draining"),
    (State::Lost, "lost"),
];

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            known: registry.gauges(
                "farcast_edges_known",
                "Edges that have announced themselves, by state.",
                &["state"],
            )?,
            unread: registry.gauge(
                "farcast_edges_unread_seconds",
                "Time since the announcements of edges could be read; edges keep their states meanwhile.",
            )?,
        })
    }

    pub(crate) fn observe(&self, snapshot: &Snapshot, now: Duration, unread: Duration) {
        for (state, label) in STATES {
            let edges = snapshot.edges().iter().filter(|seen| snapshot.state(seen, now) == state).count();
            self.known.with_label_values(&[label]).set(i64::try_from(edges).unwrap_or(i64::MAX));
        }
        self.unread.set(i64::try_from(unread.as_secs()).unwrap_or(i64::MAX));
    }
}
