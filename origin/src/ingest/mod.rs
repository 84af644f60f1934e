//! Ingest: from an encoder's connection to frames on the broadcast's timeline.
//!
//! ```text
//! rtmp (a connection's bytes) ─▶ Publisher's queue ─▶ (broadcast owner) repair::Timeline
//!       └─ gate: who may publish which stream
//! ```
//!
//! [`publisher`], [`gate`], [`key`], [`metadata`] and [`repair`] know no protocol; [`rtmp`] is the one that there is. Bytes
//! of a network reach no panic and no unbounded growth: every limit is a named constant where it holds.

pub mod gate;
pub mod key;
pub mod metadata;
mod metrics;
pub mod publisher;
pub mod repair;
pub mod rtmp;

pub use gate::{Checked, Gate, Keys, OneKey};
pub use key::StreamKey;
pub use metadata::StreamMetadata;
pub use metrics::Metrics;
pub use publisher::{EndReason, Owners, Publisher, PublisherEvent, PublisherInfo};
pub use repair::Timeline;
