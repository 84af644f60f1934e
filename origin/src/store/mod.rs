//! The embedded engine of the store, on redb: the default, with nothing to install.
//!
//! Place in the flow: opened by `app` before what keeps its state here; edges reach it through [`farcast_link::sender`].
//!
//! One thread writes. It takes all batches that wait, applies them in one transaction of redb and makes them durable
//! at once (group commit): the disk is waited for once per group, whatever the number of callers. Readers see the
//! last durable transaction and wait for nobody. An acknowledged batch survives `kill -9` and a loss of power, as
//! far as the disk keeps its promise on fsync.

mod engine;
mod file;
mod fill;
mod metrics;
mod transaction;
mod watches;
mod writer;

pub use engine::{Embedded, FILE_NAME, OpenError};
pub use fill::{FillError, fill};
pub use metrics::Metrics;
