//! How a running program shows what it does: metrics, health, the newest lines of its log, bound addresses, shutdown.
//!
//! Everything here serves both programs. Only [`shutdown`] touches signals, and nothing a socket; constructing spawns
//! nothing.

pub mod announce;
pub mod file;
pub mod health;
pub mod make;
pub mod metrics;
pub mod pulse;
pub mod recent;
pub mod shutdown;
pub mod throttle;

mod process;
mod room;
