//! End-to-end tests: the real programs, the real ffmpeg, real viewers.
//!
//! They need the programs beside the test executable: `cargo build --workspace` first, or FARCAST_BIN_DIR.

#![expect(clippy::unwrap_used, reason = "a test ends where something cannot be had")]

mod backup;
mod certificates;
mod chat;
mod cluster;
mod doors;
mod elsewhere;
mod encoder;
mod failing;
mod formats;
mod fronted;
mod judged;
mod links;
mod lost;
mod moved;
mod operator;
mod overload;
mod reload;
mod supervised;
mod traces;
mod viewers;
