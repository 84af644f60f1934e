//! The configuration of a packager, and its units of time.

use std::time::Duration;

use farcast_feed::name::{Epoch, VariantId};
use farcast_feed::time::MediaTime;

/// Decode time of media time 0. Decode times precede presentation times by the reorder delay, and
/// encoders give priming samples negative times; ten seconds hold any of that, and are what Apple's
/// own segmenters use.
pub const DECODE_TIME_OFFSET: Duration = Duration::from_secs(10);

/// Settings of a [`super::Packager`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// Epoch that every event belongs to.
    pub epoch: Epoch,
    /// Variant that every event belongs to.
    pub variant: VariantId,
    /// PART-TARGET, as in the presentation.
    pub part_target: Duration,
    /// Planned length of segments; only a forecast, to divide a segment into even parts.
    pub segment_target: Duration,
    /// EXT-X-TARGETDURATION, as in the presentation.
    pub target_duration_s: u32,
}

/// Ticks of a track on the written timeline, which begins [`DECODE_TIME_OFFSET`] before media time 0.
pub(super) fn ticks(time: MediaTime, scale: u32) -> i64 {
    time.after(DECODE_TIME_OFFSET).ticks(scale)
}

/// `ticks` of `from` per second, in ticks of `to`, rounded down.
pub(super) fn rescale(ticks: i64, from: u32, to: u32) -> i64 {
    let scaled = (i128::from(ticks) * i128::from(to)).div_euclid(i128::from(from.max(1)));
    i64::try_from(scaled).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
}

/// A span of ticks as time, rounded down, so that parts at most as long as PART-TARGET in ticks are
/// so in nanoseconds too.
pub(super) fn duration(ticks: i64, scale: u32) -> Duration {
    let ticks = u128::try_from(ticks).unwrap_or(0);
    Duration::from_nanos(u64::try_from(ticks * 1_000_000_000 / u128::from(scale.max(1))).unwrap_or(u64::MAX))
}

/// A time as ticks, rounded down.
pub(super) fn span(duration: Duration, scale: u32) -> i64 {
    i64::try_from(duration.as_nanos() * u128::from(scale) / 1_000_000_000).unwrap_or(i64::MAX)
}
