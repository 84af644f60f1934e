//! Many viewers: [`viewer`] is one, [`bodies`] lets them share what they parse and verify, [`tally`] adds up the
//! events, [`media`] chooses the next download, [`report`] is the result at the end, [`run`] starts and joins them.
//!
//! A viewer asks by [`request`], gets its playlists in [`reload`], keeps its place in [`progress`], and is led from Pathway
//! to Pathway by [`steerer`]; [`objects`] compares what servers gave under one name.

pub mod bodies;
pub mod bounded;
#[cfg(test)]
pub(crate) mod fake;
pub mod histogram;
pub mod media;
pub mod objects;
pub mod progress;
pub mod reload;
pub mod report;
pub mod request;
pub mod run;
pub mod shared;
#[cfg(test)]
mod steered_tests;
pub mod steerer;
pub mod tally;
pub mod viewer;
