//! The channels that are sent: a hub for each stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use farcast_feed::name::StreamName;

use super::ask::Edges;
use super::hub::Hub;
use super::metrics::Metrics;

/// The hubs of all streams, by name, and the edges that are connected. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Channels {
    hubs: Arc<BTreeMap<StreamName, Hub>>,
    edges: Edges,
    metrics: Metrics,
}

impl Channels {
    /// Of these hubs; of two for one stream the last counts.
    #[must_use]
    pub fn new(hubs: impl IntoIterator<Item = Hub>, metrics: Metrics) -> Self {
        let hubs = hubs.into_iter().map(|hub| (hub.stream().clone(), hub)).collect();
        Self { hubs: Arc::new(hubs), edges: Edges::new(metrics.clone()), metrics }
    }

    /// The hub of a stream.
    #[must_use]
    pub fn hub(&self, stream: &StreamName) -> Option<&Hub> {
        self.hubs.get(stream)
    }

    /// The edges that follow a stream, to be asked.
    #[must_use]
    pub fn edges(&self) -> &Edges {
        &self.edges
    }

    /// Metrics of the links.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
