//! Which edge a viewer is sent to. README.md says in plain words how, with the table of costs.
//!
//! Place in the flow: each edge keeps its [`EdgeRecord`] in the store. A process that routes viewers feeds all records to
//! its [`Directory`], makes a [`Snapshot`] of it now and then, and has [`rank()`] order the edges for a viewer: for the
//! redirect of the page ([`Ranking::better_than`]), for content steering ([`steering`]), for DNS, and to explain it.
//!
//! Invariants: nothing here waits, reads a clock or keeps a cache; times are passed in as [`Duration`](std::time::Duration)s
//! since any fixed moment of the process. Records come from edges that may be compromised, queries from strangers: neither
//! reaches a panic or grows anything without bound. All processes with the same records rank alike, without talking.

mod base_url;
mod coordinates;
mod cost;
mod directory;
mod edge_id;
mod level;
mod liveness;
mod rank;
mod record;
mod rendezvous;
mod snapshot;
pub mod steering;
#[cfg(test)]
mod tests;

pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use coordinates::{Coordinates, InvalidCoordinates};
pub use cost::{Cost, Distance, Fault, Faults, Health, MAX_LAG_MS, REDIRECT_MARGIN};
pub use directory::{Directory, MAX_EDGES, TooManyEdges};
pub use edge_id::{EdgeId, InvalidEdgeId};
pub use level::Level;
pub use liveness::Timing;
pub use rank::{MAX_MEASURED, Place, Ranking, Reach, Viewer, rank};
pub use record::{
    Announced, Capacity, Carried, EdgeRecord, InvalidRecord, Load, MAX_ADDRESSES, MAX_CHANNELS,
    MAX_NAME_CHARS, MAX_RECORD_BYTES, MAX_REGION_CHARS, MAX_URLS, MAX_VERSION_CHARS,
};
pub use snapshot::{Seen, Snapshot, State};
