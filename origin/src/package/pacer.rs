//! Where parts end.
//!
//! A part may not exceed PART-TARGET and should not fall below 85 % of it (RFC 8216bis §4.4.4.9), the
//! last of a segment aside. Filling each part to the brim would leave the last one what remains, often
//! a frame or two, which players suffer from. So a segment is divided into equal shares, as many as
//! its expected length needs, and each part ends at the frame nearest to its share's end. When the
//! expectation is wrong nothing breaks: the bounds hold for each part by itself.

/// Divides a segment. All times are ticks of the leading track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pacer {
    target: i64,
    least: i64,
    start: i64,
    /// How many parts, and the length they share.
    plan: Option<(i64, i64)>,
}

impl Pacer {
    /// For a segment from `start`, expected to be `length` long. `frame` is the length of a frame and
    /// `jitter` how much frames differ: shares must leave room for both.
    pub(super) fn new(target: i64, start: i64, length: i64, frame: i64, jitter: i64) -> Self {
        let target = target.max(1);
        let least = (target * 85).div_euclid(100) + i64::from(target * 85 % 100 != 0);
        let room = (target - jitter.clamp(0, target / 8)).max(1);
        let parts = (length + room - 1).div_euclid(room).max(1);
        // A share that rounds to fewer frames than the least length allows is no plan.
        let feasible = parts > 1 && length / parts + frame / 2 >= least;
        Self { target, least, start, plan: feasible.then_some((parts, length)) }
    }

    pub(super) fn target(&self) -> i64 {
        self.target
    }

    /// Whether part `index`, begun at `part_start`, ends at `end` rather than take another frame,
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
        self.plan.is_some_and(|(parts, length)| {
            // The last share is open: what the segment has beyond its expected length fits in it.
            let share_end = i128::from(length) * i128::from(index + 1) / i128::from(parts);
            let nearest = 2 * i128::from(end - self.start) + i128::from(next) > 2 * share_end;
            index + 1 < parts && elapsed >= self.least && nearest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of the parts of a segment of `frames`, each as long as `frame(n)`.
    fn divide(target: i64, expected: i64, frames: i64, jitter: i64, frame: impl Fn(i64) -> i64) -> Vec<i64> {
        let pacer = Pacer::new(target, 0, expected, frame(0), jitter);
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
    fn a_length_that_cannot_be_divided_evenly_is_filled_to_the_brim() {
        assert_eq!(divide(45_000, 54_000, 18, 0, |_| 3000), [45_000, 9000]);
    }
}
