//! The configuration of a planner.

use std::time::Duration;

use farcast_feed::name::Msn;
use farcast_feed::time::WallTime;

/// Settings of a [`super::Planner`].
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Target length of segments; whole seconds, so that it is its own EXT-X-TARGETDURATION.
    pub segment_target: Duration,
    /// PART-TARGET as the latency level wants it; see [`super::Planner::part_target`]. Not used for cuts; a segment is
    /// never planned shorter than two parts.
    pub part_target: Duration,
    /// True if any variant passes video through, so that cuts need key frames of the source.
    pub passthrough_video: bool,
    /// Number of the first segment.
    pub first_msn: Msn,
    /// Discontinuities before the first segment. Call [`super::Planner::discontinuity`] right after
    /// construction if the first segment is itself one (a continued presentation).
    pub first_discontinuity_sequence: u64,
    /// Length of video to be seen before anything is passed on; zero if nobody needs to know what is to come.
    pub observe: Duration,
    /// Wall-clock time of media time 0, until frames have arrived that say better.
    pub anchor: WallTime,
    /// No EXT-X-PROGRAM-DATE-TIME is before this: what a continued presentation may have dated.
    pub not_before: WallTime,
}

impl Config {
    /// The segment target in whole seconds, rounded up, at least 1.
    pub(super) fn target_s(&self) -> u32 {
        ceil_s(self.segment_target).max(1)
    }
}

/// Whole seconds, rounded up.
pub(super) fn ceil_s(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}
