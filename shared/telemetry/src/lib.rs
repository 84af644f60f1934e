//! Observation of a running program: logs, metrics, health, bound addresses, shutdown.
//!
//! Everything here serves both programs. Only [`listener`], [`shutdown`] and [`listen`] touch
//! sockets or signals; constructing spawns nothing, `run` runs.

pub mod announce;
pub mod file;
pub mod health;
pub mod metrics;
pub mod recent;
pub mod shutdown;
pub mod throttle;

mod process;
