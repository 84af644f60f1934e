//! Pushing the feed to edges over QUIC: from the packagers to every edge at once.
//!
//! Place in the flow: packagers → **sender** → the edges' [`receiver`](crate::receiver). [`Hub::publish`] takes a
//! feed event and returns at once; [`Server`] accepts edges and runs a [`session`] for each.
//!
//! - Each stream has a [`Hub`], with the [window](farcast_feed::window) of the stream: what a newcomer must know, and what
//!   may be fetched. [`Channels`] are those of all streams.
//! - [`queue`] decides what one edge gets next and what it loses when it falls behind (sans-IO).
//! - [`ask`] asks edges what only they know.
//! - [`identity`] is the origin's certificate authority; [`enrol`] certifies edges.
//!
//! Invariants: no edge slows the publisher or another edge; all edges share the same [`bytes::Bytes`];
//! what waits for an edge, in flight included, is bounded in time; the feed needs a client
//! certificate of our own authority.

pub mod ask;
pub mod channels;
mod edge_queue;
pub mod enrol;
pub mod forward;
pub mod hub;
pub mod identity;
pub mod metrics;
pub mod queue;
pub mod record;
pub mod server;
pub mod session;
mod subscription;
#[cfg(any(test, feature = "rig"))]
pub mod tests;
mod traces;

pub use ask::{Answers, Edges, Said};
pub use channels::Channels;
pub use forward::{Api, EventBody, Opening};
pub use hub::{Hub, HubConfig};
pub use identity::{EdgeId, FILE as IDENTITY_FILE, Identity};
pub use metrics::{ChannelMetrics, Metrics};
pub use server::{Server, ServerConfig};
pub use session::StoreAccess;
