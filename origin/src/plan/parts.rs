//! PART-TARGET of a source that is passed through: what the latency level says, unless so few frames come a second that
//! parts of whole frames cannot be about so long.
//!
//! RFC 8216bis §4.4.4.9: parts other than a segment's last are at least 85 % of PART-TARGET, and none is longer.

use std::time::Duration;

use crate::media::{MediaEvent, Track};

/// Most frames that tell the rate; enough for stamps in whole milliseconds to be evened out.
const LOOKED_AT: usize = 60;
/// A source is not slower than this: a picture in two seconds. Beyond it the level's target stays, and parts are short.
const SLOWEST: Duration = Duration::from_secs(2);

/// PART-TARGET for a source whose frames are `interval` apart, where the latency level wants `wanted`: that, or as many
/// whole frames as fit, one at least, in whole milliseconds.
pub(super) fn part_target(wanted: Duration, interval: Option<Duration>) -> Duration {
    let Some(interval) = interval.filter(|interval| !interval.is_zero() && *interval <= SLOWEST) else {
        return wanted;
    };
    let (wanted_us, interval_us) = (wanted.as_micros(), interval.as_micros());
    // Stamps in milliseconds make a part of whole frames look a millisecond longer.
    let frames = ((wanted_us + 999) / interval_us).max(1);
    let part_us = frames * interval_us;
    if part_us <= wanted_us + 999 && part_us * 100 >= wanted_us * 85 {
        return wanted;
    }
    Duration::from_millis(u64::try_from(part_us.div_ceil(1000)).unwrap_or(u64::MAX))
}

/// The distance of the video frames among `events`: the median, so that a pause or a repeated stamp does not count.
pub(super) fn interval(events: &[MediaEvent]) -> Option<Duration> {
    let stamps: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            MediaEvent::Frame(frame) if frame.track == Track::Video => Some(frame.dts),
            _ => None,
        })
        .take(LOOKED_AT)
        .collect();
    let mut intervals: Vec<_> = stamps.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    intervals.sort_unstable();
    let median = *intervals.get(intervals.len() / 2)?;
    // Stamps in milliseconds are up to one off each; over all frames that are about as long it is evened out.
    let usual: Vec<_> = intervals.into_iter().filter(|i| i.abs_diff(median) <= ROUNDING).collect();
    Some(usual.iter().sum::<Duration>() / u32::try_from(usual.len()).ok()?)
}

/// Largest difference of two intervals of a constant rate when stamps are in whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(wanted_ms: u64, rate: f64) -> u128 {
        part_target(Duration::from_millis(wanted_ms), Some(Duration::from_secs_f64(1.0 / rate))).as_millis()
    }

    #[test]
    fn ordinary_rates_leave_the_level_alone() {
        for rate in [6.0, 10.0, 12.0, 15.0, 20.0, 24_000.0 / 1001.0, 25.0, 30.0, 50.0, 59.94, 60.0, 120.0] {
            for wanted in [500, 1000] {
                assert_eq!(target(wanted, rate), wanted.into(), "{rate} {wanted}");
            }
        }
    }

    #[test]
    fn few_frames_a_second_make_parts_of_whole_frames() {
        assert_eq!(target(500, 5.0), 400);
        assert_eq!(target(334, 5.0), 200);
        assert_eq!(target(334, 8.0), 250);
        assert_eq!(target(500, 3.0), 334);
        assert_eq!(target(500, 1.0), 1000);
        assert_eq!(target(1000, 0.75), 1334);
        assert_eq!(target(500, 0.2), 500, "nobody broadcasts so");
    }

    #[test]
    fn without_a_rate_the_level_decides() {
        assert_eq!(part_target(Duration::from_millis(500), None), Duration::from_millis(500));
        assert_eq!(part_target(Duration::from_millis(500), Some(Duration::ZERO)), Duration::from_millis(500));
    }

    proptest! {
        #[test]
        fn a_part_of_whole_frames_fits_and_is_long_enough(
            rate in 0.5_f64..200.0,
            wanted_ms in prop::sample::select(vec![334_u64, 500, 1000]),
        ) {
            let (interval, target) = (1000.0 / rate, target(wanted_ms, rate) as f64);
            // Frames of a constant rate, stamped in whole milliseconds.
            let frames = ((target + 1.0) / interval).floor().max(1.0);
            prop_assert!(frames * interval <= target + 1.0, "{frames} frames of {interval} ms in {target} ms");
            prop_assert!(frames * interval >= target * 0.85 - 1.0, "{frames} frames of {interval} ms in {target} ms");
        }
    }
}
