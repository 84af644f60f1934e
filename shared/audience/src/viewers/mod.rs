//! Viewers, counted as in Owncast (by address and user agent), across edges, each of them once.
//!
//! Place in the flow: an edge marks a viewer at each playlist request and ping ([`Active`]) and publishes the
//! recently active ones as a mergeable [`Sketch`] ([`publish`]); a process that wants the number merges the
//! sketches of all edges ([`collect`]). [`Peaks`] are the largest numbers of a session and of all time.
//!
//! Invariants: a viewer who changes edges is counted once; an edge that dies is forgotten when its record ends; all
//! that is kept about viewers is a hash, cut to 64 bits, and no address.

mod active;
mod id;
mod peaks;
mod published;
mod registers;
mod sketch;

pub use active::{ACTIVE_FOR, Active, Audience, MAX_ACTIVE, SWEEP_EVERY};
pub use id::ViewerId;
pub use peaks::{PEAK_KEPT, Peaks, SavedPeaks, peaks_key};
pub use published::{LONGEST, Total, collect, is_lawful, is_published_key, publish, withdraw};
pub use sketch::{InvalidSketch, MAX_EXACT, MAX_SKETCH_BYTES, Sketch};
