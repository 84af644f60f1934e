//! End-to-end tests' stage: the real programs as processes on ports that the system chose, the real
//! ffmpeg, and a UDP link between origin and edges that can be cut or slowed.
//!
//! Nothing sleeps for luck: [`wait`] asks for a condition until a deadline. Processes are ended by their own
//! id, and when a test fails the ends of their logs are printed.

pub mod chatter;
pub mod edge;
pub mod link;
pub mod metrics;
pub mod program;
pub mod stage;
pub mod wait;
