//! RTMP in: from a TCP connection to frames on the broadcast's timeline.
//!
//! ```text
//! socket ─▶ chunk ─▶ session ─▶ flv ─▶ Publisher's queue ─▶ (broadcast owner) repair::Timeline
//!            ▲ bytes   ▲ commands  ▲ tags
//!            └─────────┴── server drives them, gate says who may publish
//! ```
//!
//! [`chunk`], [`session`], [`flv`], [`amf0`], [`amf3`] and [`repair`] have no socket and no clock; [`server`] is the thin
//! part that has. Bytes of a network reach no panic and no unbounded growth: every limit is a named
//! constant where it holds, and [`fuzz`] has the entry points that show it.

pub mod amf0;
pub mod amf3;
pub mod chunk;
pub mod flv;
pub mod fuzz;
pub mod gate;
mod metrics;
pub mod repair;
pub mod server;
pub mod session;

pub use gate::{Checked, Gate, Keys, OneKey};
pub use metrics::Metrics;
pub use repair::Timeline;
pub use server::{EndReason, Owners, Publisher, PublisherEvent, PublisherInfo, Server};
pub use session::StreamKey;
