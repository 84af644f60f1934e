//! Tests of the directory, the ranking and steering together, in a world of made-up edges.

mod explain;
mod laws;
mod ranking;
pub(crate) mod world;
