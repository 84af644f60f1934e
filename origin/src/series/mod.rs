//! Time series for the admin page: number of viewers, and load of the machine.
//!
//! Place in the flow: samplers call [`Series::push`]; the admin API shows [`Series::since`]. A series is a ring in memory
//! that is also kept in the store, under `("series", name, unix seconds)`, so that it survives a restart.
//!
//! Invariants: pushing never waits for the store; samples are in order of time, one per second at most; both memory
//! and store are bounded by age and number ([`Kind`]).

mod metrics;
mod ring;
mod sample;
#[expect(clippy::module_inception, reason = "the noun of the module")]
mod series;
mod shared;
#[cfg(test)]
mod tests;
mod writer;

use std::time::Duration;

pub use metrics::Metrics;
pub use sample::Sample;
pub use series::{MAX_PENDING, Series};
pub use writer::Writer;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Interval at which every series should be sampled.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(60);

/// Shortest mean distance of the samples that are kept: twice as many as are meant to come.
const SPACING: Duration = Duration::from_secs(30);

/// Viewers, sampled while live.
pub const VIEWERS: Kind = Kind { name: "viewers", keep: DAY.saturating_mul(7) };
/// Use of the processors, in percent.
pub const CPU: Kind = Kind { name: "cpu", keep: DAY };
/// Use of the memory, in percent.
pub const MEMORY: Kind = Kind { name: "memory", keep: DAY };
/// Use of the data folder's disk, in percent.
pub const DISK: Kind = Kind { name: "disk", keep: DAY };

/// The name of a series, and its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// Its name in the store.
    pub name: &'static str,
    /// Older samples are forgotten; and the oldest, when they come more often than every 30 seconds in the mean.
    pub keep: Duration,
}

impl Kind {
    /// Most samples that are kept, 16 bytes each: 20,160 for a week.
    #[must_use]
    pub fn capacity(self) -> usize {
        usize::try_from(self.keep.as_secs() / SPACING.as_secs()).unwrap_or(usize::MAX)
    }
}
