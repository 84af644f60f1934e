//! The open segment.

use std::time::Duration;

use farcast_feed::feed::{SegmentEnd, SegmentStart};

use super::pacer::Pacer;
use crate::media::Mark;

/// Largest excess of EXTINF over EXT-X-TARGETDURATION, which it must not exceed after rounding to seconds.
const ROUNDED_OFF: Duration = Duration::from_millis(499);

/// A segment that has begun. Times are ticks of the leading track.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) start: SegmentStart,
    pub(super) pacer: Pacer,
    /// Begin of the segment.
    pub(super) begin: i64,
    /// Begin of the open part.
    pub(super) part_begin: i64,
    /// Presentation less decode time of the first frame: what turns a decode time into the time at
    /// which audio is cut.
    pub(super) shift: i64,
    /// Parts so far.
    pub(super) parts: u32,
    /// Their duration.
    pub(super) declared: Duration,
    /// Their bytes.
    pub(super) bytes: u64,
}

impl Segment {
    /// The duration to give to a part that spans `length`; `None` if the segment is full.
    pub(super) fn allow(&self, length: Duration, part_target: Duration, target_s: u32) -> Option<Duration> {
        let longest = Duration::from_secs(target_s.into()) + ROUNDED_OFF;
        let room = longest.saturating_sub(self.declared);
        (room >= Duration::from_millis(1)).then_some(length.min(part_target).min(room))
    }

    /// The end of the segment.
    pub(super) fn end(&self, peak_bps: u64, average_bps: u64) -> SegmentEnd {
        SegmentEnd { msn: self.start.msn, duration: self.declared, parts: self.parts, peak_bps, average_bps }
    }
}

/// A mark as the feed has it; `independent`: whether its first frame is a random access point.
pub(super) fn segment_start(mark: &Mark, init: u32, independent: bool) -> SegmentStart {
    SegmentStart {
        msn: mark.msn,
        init,
        program_date_time: mark.program_date_time,
        discontinuity: mark.discontinuity,
        discontinuity_sequence: mark.discontinuity_sequence,
        independent,
    }
}
