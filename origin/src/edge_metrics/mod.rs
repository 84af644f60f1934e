//! The metrics of all connected edges on one page, for a Prometheus that reaches only the origin: `/metrics/edges` of the
//! metrics listener, where `edge_metrics` is set.
//!
//! Place in the flow: the listener for operators asks for a [`EdgeMetrics::page`]; each edge is asked over its link, within the
//! deadline of a question; [`mod@line`] reads what it says, [`page`] puts the edges' samples together, each with the label `edge`.
//!
//! Invariants: edges are not trusted. Whatever one says, the page can be read and every other edge's samples are on it; a sample
//! has the label of the edge that said it. What is held of all answers together is bounded ([`MAX_TOTAL_BYTES`]), and one page
//! is made at a time.

mod line;
mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use farcast_link::Ask;
use farcast_link::sender::Edges;
use farcast_service::tasks::relay;
use tokio::sync::Mutex;

use self::page::Page;

/// Path of the page.
pub const PATH: &str = "/metrics/edges";

/// Most bytes of an edge's answer: thirty times what it was (32 KB, 2026-12-01).
const MAX_EDGE_BYTES: usize = 1024 * 1024;

/// Most bytes of all answers together; of more than 64 edges each may say less.
const MAX_TOTAL_BYTES: usize = 64 * MAX_EDGE_BYTES;

/// See the module.
#[derive(Debug)]
pub struct EdgeMetrics {
    edges: Edges,
    turn: Mutex<()>,
}

impl EdgeMetrics {
    /// Of these edges.
    #[must_use]
    pub fn new(edges: Edges) -> Self {
        Self { edges, turn: Mutex::default() }
    }

    /// The metrics of all edges as Prometheus' text
    /// ([`CONTENT_TYPE`](farcast_telemetry::metrics::CONTENT_TYPE)). Takes some seconds at most, after the pages that were asked
    /// for before. Cancel safe.
    pub async fn page(&self) -> String {
        let _turn = self.turn.lock().await;
        let most = most_bytes(self.edges.count());
        let mut texts: BTreeMap<Arc<str>, Option<String>> = BTreeMap::new();
        for said in self.edges.ask_each::<String>(&Ask::Metrics, most).await {
            // Of a link that is lost and one that took its place the one that answered counts.
            let text = texts.entry(said.edge).or_default();
            *text = text.take().or(said.answer);
        }
        let made = tokio::task::spawn_blocking(move || {
            let mut page = Page::default();
            for (edge, text) in &texts {
                page.add(edge, text.as_deref());
            }
            page.render()
        });
        relay(made.await).unwrap_or_default()
    }
}

/// Most bytes of an answer, of so many.
fn most_bytes(edges: usize) -> usize {
    (MAX_TOTAL_BYTES / edges.max(1)).min(MAX_EDGE_BYTES)
}
