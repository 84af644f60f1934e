//! Groups of pictures of a source that is passed through: how far apart its key frames are, which
//! EXT-X-TARGETDURATION that calls for, and whether to cut at a key frame.
//!
//! RFC 8216bis §4.4.3.1: EXTINF, rounded to the nearest second, never exceeds the target duration.

use std::collections::VecDeque;
use std::time::Duration;

use super::config::ceil_s;

/// Time by which a segment may run past the target duration. EXTINF is rounded, so anything below
/// half a second is legal; the rest is room for the last frame and for time stamps in milliseconds.
const OVERRUN: Duration = Duration::from_millis(400);

/// Time by which whole GOPs may run past the segment target: 2 × 2.002 s is a good segment of 4 s.
const GRID_TOLERANCE: Duration = Duration::from_millis(250);

/// Key frames that an encoder was told to place by time are half seconds apart, give or take this.
const REGULAR_TOLERANCE: Duration = Duration::from_millis(50);

/// Target duration for a source whose key frames come where its encoder likes. x264's default is at
/// most 250 frames, so 10 s at 25 frames per second, and scene cuts in between. Low-latency players
/// do not feel the difference; a segment that starts without a key frame everyone feels.
const IRREGULAR_TARGET_S: u32 = 10;

/// Number of GOPs that are remembered to guess the next one.
const REMEMBERED: usize = 8;

/// No segment is cut shorter for the sake of the segment target alone.
const MIN_SEGMENT: Duration = Duration::from_secs(1);

/// The target duration, fixed before anything is announced.
pub(super) fn target_duration_s(segment_target: Duration, observed: Option<Duration>) -> u32 {
    let target = ceil_s(segment_target).max(1);
    let Some(gop) = observed.filter(|gop| !gop.is_zero()) else {
        return target.max(IRREGULAR_TARGET_S);
    };
    if !is_regular(gop) {
        return target.max(IRREGULAR_TARGET_S).max(ceil_s(gop));
    }
    let whole = ((segment_target + GRID_TOLERANCE).as_micros() / gop.as_micros()).max(1);
    let length = gop.saturating_mul(u32::try_from(whole).unwrap_or(u32::MAX));
    // 4.004 s is 4 s, but 2.498 s is 3 s: the next one may be 2.502 s.
    target.max(ceil_s(length.saturating_sub(2 * REGULAR_TOLERANCE)))
}

/// True if an encoder was told to place key frames by time, and segments can follow it.
pub(super) fn is_regular(gop: Duration) -> bool {
    let past = gop.as_micros() % 500_000;
    past.min(500_000 - past) <= REGULAR_TOLERANCE.as_micros() && gop >= Duration::from_millis(450)
}

/// The GOPs of late, and the limits that the broadcast has.
#[derive(Debug)]
pub(super) struct Gops {
    segment_target: Duration,
    longest_segment: Duration,
    min_segment: Duration,
    recent: VecDeque<Duration>,
}

impl Gops {
    pub(super) fn new(segment_target: Duration, part_target: Duration, target_duration_s: u32) -> Self {
        Self {
            segment_target,
            longest_segment: Duration::from_secs(target_duration_s.into()) + OVERRUN,
            min_segment: MIN_SEGMENT.min(segment_target / 2).max(2 * part_target),
            recent: VecDeque::with_capacity(REMEMBERED),
        }
    }

    /// Takes note of a complete GOP. One that no segment could hold says nothing about the next.
    pub(super) fn observe(&mut self, gop: Duration) {
        if gop > self.longest_segment {
            return;
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(gop);
    }

    /// True if to cut at a key frame `elapsed` after the segment's start: when the next GOP, if like
    /// the last, would carry the segment past its target, or, if like the longest of late, past the
    /// legal length.
    pub(super) fn cut_at_key(&self, elapsed: Duration) -> bool {
        let last = self.recent.back().copied().unwrap_or_default();
        let longest = self.recent.iter().max().copied().unwrap_or_default();
        elapsed + longest > self.longest_segment
            || elapsed >= self.segment_target
            || (elapsed >= self.min_segment && elapsed + last > self.segment_target + GRID_TOLERANCE)
    }

    /// True if a frame `elapsed` after the segment's start must begin another, key frame or not.
    pub(super) fn must_cut(&self, elapsed: Duration, frame: Duration) -> bool {
        elapsed + frame > self.longest_segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn whole_gops_that_fit_leave_the_target_alone() {
        for gop in [500, 1000, 2000, 2002, 4000, 1001] {
            assert_eq!(target_duration_s(ms(4000), Some(ms(gop))), 4, "{gop}");
        }
    }

    #[test]
    fn longer_gops_raise_the_target_with_room_for_jitter() {
        assert_eq!(target_duration_s(ms(2000), Some(ms(2498))), 3);
        assert_eq!(target_duration_s(ms(4000), Some(ms(5000))), 5);
        assert_eq!(target_duration_s(ms(2000), Some(ms(1500))), 2);
    }

    #[test]
    fn an_irregular_or_unseen_gop_makes_it_generous() {
        assert_eq!(target_duration_s(ms(4000), Some(ms(8333))), 10);
        assert_eq!(target_duration_s(ms(4000), Some(ms(3210))), 10);
        assert_eq!(target_duration_s(ms(4000), None), 10);
        assert_eq!(target_duration_s(ms(4000), Some(ms(0))), 10);
    }

    #[test]
    fn a_cut_waits_for_the_gop_that_fills_the_segment() {
        let mut gops = Gops::new(ms(4000), ms(500), 4);
        gops.observe(ms(2002));
        assert!(!gops.cut_at_key(ms(2002)));
        assert!(gops.cut_at_key(ms(4004)));
    }

    #[test]
    fn one_monstrous_gop_does_not_shorten_the_segments_after_it() {
        let mut gops = Gops::new(ms(4000), ms(500), 4);
        gops.observe(ms(60_000));
        gops.observe(ms(1000));
        assert!(!gops.cut_at_key(ms(2000)));
        assert!(!gops.must_cut(ms(4300), ms(40)));
        assert!(gops.must_cut(ms(4380), ms(40)));
    }
}
