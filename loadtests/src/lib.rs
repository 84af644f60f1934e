//! Load tests and verification of Farcast from outside: publishers, viewers, conformance probes and the harness of the
//! end-to-end tests.
//!
//! Nothing here imports the programs or their shared crate. [`playlist`] and [`check`] are an independent reading of
//! the standard, so that an error in the renderer is not repeated by its verifier.

pub mod chat;
pub mod check;
pub mod clock;
pub mod flv;
pub mod harness;
pub mod http;
pub mod playback;
pub mod playlist;
pub mod probe;
pub mod publish;
pub mod steering;
pub mod watch;
