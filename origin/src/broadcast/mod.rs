//! The life of a broadcast: one [`Owner`] from the first frame to the end of the grace period.
//!
//! The owner takes publishers from ingest, keeps one pipeline per broadcast and tells the hub the results. A
//! publisher that drops has [`Config::reconnect_grace`] to come back: the pipeline stays, and the stream then goes
//! on with a discontinuity. After a restart of the origin a broadcast that was live has the same grace; its epoch is
//! then a new one that continues the old (same targets, numbers going on), so viewers need not reload.
//!
//! Invariants: at most one pipeline at a time; a segment's number is durable before the segment is announced;
//! `Ended` is announced exactly once for each epoch that was announced, also for one whose origin died.

mod air;
mod metrics;
mod owner;
mod pipeline;

pub use air::{Air, Broadcaster, Output};
pub use metrics::Metrics;
pub use owner::{Config, Disconnect, OpenLadder, Owner, Settings};
