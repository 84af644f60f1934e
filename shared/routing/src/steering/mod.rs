//! Content steering (RFC 8216bis §7): which edges a player uses, in which order, told again every few seconds.
//!
//! Place in the flow: the multivariant playlist names a [`PathwayId`] and the address of the steering manifest. A player
//! asks there with what [`Asked`] reads; the answer is [`manifest()`] of a ranking for that viewer.
//!
//! Invariants: the edge that a player uses stays first while it is good enough ([`first()`]), so players do not move to and
//! fro; a manifest names no edge that the player could not find; the same inputs give the same bytes.

mod first;
mod manifest;
mod pathway;
mod query;

pub use first::{STEER_MARGIN, first};
pub use manifest::{
    MAX_PATHWAYS, MAX_TTL_S, Manifest, Paths, PathwayClone, Steering, UriReplacement, manifest,
};
pub use pathway::{InvalidPathwayId, PathwayId};
pub use query::{Asked, MAX_THROUGHPUT_BPS};
