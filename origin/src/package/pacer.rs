//! The ends of parts.
//!
//! A part may not exceed PART-TARGET and should not fall below 85 % of it (RFC 8216bis §4.4.4.9), the
//! last of a segment aside. Filling each part to the brim would leave the last one what remains, often
//! a frame or two, which players suffer from. So a segment is divided into equal shares, as many as
//! its expected length needs but none below 85 %, and each part ends at the frame nearest to its
//! share's end. When the expectation is wrong nothing breaks: the bounds hold for each part by itself.

/// Divides a segment. All times are ticks of the leading track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pacer {
    target: i64,
    least: i64,
    start: i64,
    /// Number of parts that are expected.
    parts: i64,
    /// Length of all of them but the last.
    share: i64,
}

impl Pacer {
    /// For a segment from `start`, expected to be `length` long. `margin`: how much shares must stay
    /// below the target, where frames are so uneven that as many as usual did not fit.
    pub(super) fn new(target: i64, start: i64, length: i64, margin: i64) -> Self {
        let target = target.max(1);
        let least = (target * 85).div_euclid(100) + i64::from(target * 85 % 100 != 0);
        let room = (target - margin.clamp(0, target / 8)).max(1);
        let parts = (length + room - 1).div_euclid(room).max(1);
        Self { target, least, start, parts, share: (length / parts).max(least) }
    }

    pub(super) fn target(&self) -> i64 {
        self.target
    }

    /// True if part `index`, begun at `part_start`, ends at `end` rather than take another frame,
    /// which is probably `next` long.
    pub(super) fn ends(&self, index: u32, part_start: i64, end: i64, next: i64) -> bool {
        let elapsed = end - part_start;
        if elapsed <= 0 {
            return false;
        }
        if elapsed + next > self.target {
            return true;
        }
        let index = i64::from(index);
        // The last share is open: what the segment has beyond its expected length fits in it.
        let share_end = self.share.saturating_mul(index + 1);
        let nearest = end - self.start + next / 2 >= share_end;
        index + 1 < self.parts && elapsed >= self.least && nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of the parts of a segment of `frames`, each as long as `frame(n)`.
    fn divide(target: i64, expected: i64, frames: i64, margin: i64, frame: impl Fn(i64) -> i64) -> Vec<i64> {
        let pacer = Pacer::new(target, 0, expected, margin);
        let (mut parts, mut start, mut end) = (vec![], 0, 0);
        for n in 0..frames {
            if end + frame(n) - start > target {
                parts.push(end - start);
                start = end;
            }
            end += frame(n);
            if pacer.ends(u32::try_from(parts.len()).unwrap(), start, end, frame(n)) {
                parts.push(end - start);
                start = end;
            }
        }
        if end > start {
            parts.push(end - start);
        }
        parts
    }

    #[test]
    fn exact_frames_fill_parts_to_the_brim() {
        assert_eq!(divide(45_000, 360_000, 120, 0, |_| 3000), [45_000; 8]);
    }

    #[test]
    fn frames_in_milliseconds_are_divided_evenly_instead_of_leaving_a_crumb() {
        let parts = divide(45_000, 360_000, 120, 90, |n| if n % 3 == 2 { 3060 } else { 2970 });
        assert_eq!(parts.len(), 9);
        assert!(parts.iter().all(|p| (38_250..=45_000).contains(p)), "{parts:?}");
    }

    #[test]
    fn ntsc_parts_are_even() {
        let parts = divide(45_000, 360_360, 120, 0, |_| 3003);
        assert!(parts.iter().all(|p| (38_250..=45_000).contains(p)), "{parts:?}");
    }

    #[test]
    fn a_segment_longer_than_expected_keeps_the_bounds() {
        let parts = divide(45_000, 180_000, 250, 0, |_| 3000);
        let (_, whole) = parts.split_last().unwrap();
        assert!(whole.iter().all(|p| (38_250..=45_000).contains(p)), "{parts:?}");
    }

    #[test]
    fn a_length_that_cannot_be_divided_evenly_leaves_the_last_part_as_much_as_it_can() {
        assert_eq!(divide(45_000, 54_000, 18, 0, |_| 3000), [39_000, 15_000]);
        assert_eq!(divide(45_000, 180_180, 60, 0, |_| 3003), [39_039, 39_039, 39_039, 39_039, 24_024]);
    }
}
