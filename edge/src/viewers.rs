//! Publication of this edge's viewers for the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_audience::viewers::{Active, SWEEP_EVERY, publish, withdraw};
use farcast_feed::time::WallTime;
use farcast_store::Store;
use farcast_telemetry::make::Make as _;
use prometheus::{IntCounter, IntGauge, Registry};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    active: IntGauge,
    refused: IntCounter,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            active: registry
                .gauge("farcast_edge_viewers", "Viewers who were active here in the last 15 seconds")?,
            refused: registry.counter(
                "farcast_edge_viewers_refused_total",
                "Requests of viewers that were not counted, because there are too many viewers",
            )?,
        })
    }

    /// Number of viewers who were active here at the last publication.
    #[must_use]
    pub fn active(&self) -> u32 {
        u32::try_from(self.active.get()).unwrap_or(0)
    }
}

/// Time for which a publication holds: three times the interval of publications.
const LASTS: Duration = Duration::from_secs(15);
/// Longest time for the last publication at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Publishes the active viewers until `shutdown`, then removes the record. While the store is away nothing is
/// published; a former record ends by itself.
pub async fn run(store: Store, active: Arc<Active>, metrics: Metrics, shutdown: CancellationToken) {
    let run_id: [u8; 16] = rand::random();
    let mut tick = interval(SWEEP_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut told = false;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = tick.tick() => {}
        }
        let now = Instant::now();
        active.sweep(now);
        let audience = active.audience(now);
        metrics.active.set(i64::try_from(audience.viewers).unwrap_or(i64::MAX));
        metrics.refused.inc_by(active.refused().saturating_sub(metrics.refused.get()));
        // An edge without viewers has nothing to publish, but must remove its former record.
        if audience.viewers == 0 && !told {
            continue;
        }
        let publishing = publish(&store, &run_id, &audience, WallTime::now(), LASTS);
        tokio::select! {
            () = shutdown.cancelled() => break,
            published = publishing => match published {
                Ok(()) => told = audience.viewers > 0,
                Err(error) => tracing::debug!(%error, "the viewers of this edge cannot be told"),
            }
        }
    }
    // It ends by itself when the store does not hear of it.
    let _ = tokio::time::timeout(FAREWELL, withdraw(&store, &run_id)).await;
}
