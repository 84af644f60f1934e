//! Receiving the feed from the origin over QUIC.
//!
//! Place in the flow: the origin's [`sender`](crate::sender) → **receiver** → an edge's live window. [`Client::run`] dials,
//! enrols if need be, subscribes with its position, and emits [`LinkEvent`]s; [`Fetcher`] asks for
//! objects by name over the same connection.
//!
//! - [`sequencer`] restores the feed's order from the control stream and the segments' streams (sans-IO).
//! - [`backoff`] says when to dial again (sans-IO).
//! - [`identity`] keeps the edge's certificate; [`enrol`] gets one.
//!
//! Invariants: the order of events per variant is the one that [`farcast_feed::feed`] documents; a part
//! is given only when all of its bytes are there; a lost link never ends a broadcast; what a peer can
//! make this side hold is bounded.
//!
//! One thing is stronger than in the feed's own words: a `SegmentLost` may come for a segment of which
//! `SegmentOpened` and some parts came already, when the queue to this edge dropped it on the way.

use farcast_feed::feed::{FeedEvent, Snapshot};

pub mod asked;
pub mod backoff;
pub mod client;
pub mod enrol;
pub mod fetch;
pub mod forward;
pub mod identity;
pub mod metrics;
pub mod reach;
pub mod sequencer;
mod session;
pub mod store;
pub mod tls;

pub use asked::Asked;
pub use client::{Client, ClientConfig};
pub use fetch::{FetchError, Fetcher};
pub use forward::{EventStream, Forwarder, Offered};
pub use metrics::Metrics;

/// Events of the link.
#[derive(Clone, PartialEq, Debug)]
pub enum LinkEvent {
    /// The origin answered the subscription: there is the presentation of the last [`LinkEvent::Snapshot`], or none.
    Up,
    /// The link is gone; everything received stays valid.
    Down,
    /// The origin's knowledge of the presentation; merging it changes no fact that is known already.
    Snapshot(Snapshot),
    /// The feed goes on. A `Part` that a snapshot announced already brings only its bytes.
    Feed(FeedEvent),
}
