//! The cadence of frames: when key frames are made, which frames a lower frame rate keeps, and which gaps are filled.
//! All of it looks at timestamps only.

use std::time::Duration;

use farcast_feed::time::MediaTime;

/// Longest distance of key frames: a player that joins decodes at most this much for nothing.
pub(super) const MAX_GOP: Duration = Duration::from_secs(2);

/// Decides once for all variants which frames are key frames, so that they are aligned.
#[derive(Debug, Default)]
pub(super) struct KeyClock {
    last: Option<MediaTime>,
}

impl KeyClock {
    /// True if the frame at `pts` is to be a key frame.
    pub(super) fn due(&mut self, pts: MediaTime, marked: bool) -> bool {
        let due = marked || self.last.is_none_or(|last| pts.since(last) >= MAX_GOP || pts < last);
        if due {
            self.last = Some(pts);
        }
        due
    }
}

/// Thins frames to a rate, evenly, by their timestamps: one frame per slot, slots counted from the last
/// key frame, so that a source slightly above the rate (30.03 for 30) never slips by a slot.
#[derive(Debug)]
pub(super) struct RateGate {
    interval_us: i64,
    anchor_us: i64,
    last_us: i64,
    last_slot: i64,
}

impl RateGate {
    /// A gate for at most `fps`.
    pub(super) fn new(fps: u32) -> Self {
        Self { interval_us: 1_000_000 / i64::from(fps.max(1)), anchor_us: 0, last_us: i64::MAX, last_slot: 0 }
    }

    /// True if the frame at `pts` is kept; a key frame always is.
    pub(super) fn keep(&mut self, pts: MediaTime, key: bool) -> bool {
        let now = pts.micros();
        if key || now < self.last_us {
            (self.anchor_us, self.last_slot) = (now, 0);
            self.last_us = now;
            return true;
        }
        self.last_us = now;
        // A quarter of a slot is jitter: RTMP has whole milliseconds.
        let slot =
            (now.saturating_sub(self.anchor_us).saturating_add(self.interval_us / 4)) / self.interval_us;
        let keep = slot > self.last_slot;
        self.last_slot = slot;
        keep
    }
}

/// Longest gap that is filled. Beyond it video has stopped, which the planner sees for itself.
const MAX_FILLED: Duration = Duration::from_secs(4);

/// Fills the gaps that dropped frames leave, by repeating the picture before: a frame that lasts longer than 15 % of
/// PART-TARGET can make the part before it end below 85 % of it (RFC 8216bis §4.4.4.9).
#[derive(Clone, Copy, Debug)]
pub(super) struct Filler {
    longest_us: i64,
}

impl Filler {
    /// For parts of at most `part_target`.
    pub(super) fn new(part_target: Duration) -> Self {
        Self { longest_us: i64::try_from(part_target.as_micros()).unwrap_or(i64::MAX / 100) * 15 / 100 }
    }

    /// The times at which the frame at `last` is repeated before that at `next`, where frames are usually `interval`
    /// apart. At most as often as they usually come.
    pub(super) fn between(self, last: MediaTime, next: MediaTime, interval: Duration) -> Vec<MediaTime> {
        let interval = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX / 4).max(1000);
        let step = interval * (self.longest_us / interval).max(1);
        let longest = self.longest_us.max(interval + interval / 4);
        let gap = next.micros().saturating_sub(last.micros());
        if gap > i64::try_from(MAX_FILLED.as_micros()).unwrap_or(i64::MAX) {
            return Vec::new();
        }
        let repeats = (gap - longest).max(0).saturating_add(step - 1) / step;
        (1..=repeats).map(|nth| MediaTime(last.micros() + nth * step)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use farcast_feed::feed::FeedEvent;
    use farcast_feed::name::{Epoch, Msn, VariantId};
    use farcast_feed::time::WallTime;
    use proptest::prelude::*;

    use super::*;
    use crate::media::{Frame, Mark, MediaEvent, Track, VideoCodec, VideoConfig};
    use crate::package::{self, LatencyLevel, Packager};

    fn kept(source_fps: i64, fps: u32) -> usize {
        let mut gate = RateGate::new(fps);
        // Ten seconds, in whole milliseconds as RTMP has them.
        (0..source_fps * 10)
            .filter(|n| gate.keep(MediaTime::from_millis(n * 1000 / source_fps), *n == 0))
            .count()
    }

    #[test]
    fn a_source_at_or_below_the_rate_keeps_every_frame() {
        assert_eq!((kept(30, 30), kept(24, 30), kept(60, 60), kept(25, 60)), (300, 240, 600, 250));
    }

    #[test]
    fn a_faster_source_is_thinned_to_the_rate() {
        assert_eq!(kept(60, 30), 300);
        assert!((235..=248).contains(&kept(30, 24)), "{}", kept(30, 24));
        assert!((235..=248).contains(&kept(60, 24)), "{}", kept(60, 24));
    }

    #[test]
    fn a_key_frame_is_never_thinned() {
        let mut gate = RateGate::new(1);
        assert!(gate.keep(MediaTime(0), false));
        assert!(!gate.keep(MediaTime(10_000), false));
        assert!(gate.keep(MediaTime(20_000), true));
    }

    #[test]
    fn key_frames_come_at_marks_and_after_two_seconds() {
        let mut clock = KeyClock::default();
        let due: Vec<i64> = (0..50)
            .map(|n| n * 100)
            .filter(|&ms| clock.due(MediaTime::from_millis(ms), ms == 1500))
            .collect();
        assert_eq!(due, [0, 1500, 3500]);
    }

    #[test]
    fn ordinary_frames_are_never_repeated_and_gaps_become_short() {
        for fps in [15, 24, 25, 30, 50, 60] {
            for level in 0..=4 {
                let filler = Filler::new(LatencyLevel::try_from(level).unwrap().part_target());
                let interval = Duration::from_secs(1) / fps;
                let at = |n: u32| MediaTime::from_millis(i64::from(n * 1000 / fps));
                for n in 0..fps {
                    assert_eq!(filler.between(at(n), at(n + 1), interval), [], "{fps} {n}");
                }
                let mut last = at(0);
                for next in filler.between(at(0), at(fps * 2), interval).into_iter().chain([at(fps * 2)]) {
                    let gap = next.since(last).as_micros();
                    let longest = u128::from(filler.longest_us.unsigned_abs());
                    assert!(gap > 0 && gap <= longest.max(u128::from(1_250_000 / fps) + 1), "{fps}: {gap}");
                    last = next;
                }
                assert_eq!(filler.between(at(0), at(fps * 5), interval), [], "video has stopped");
            }
        }
    }

    /// The record of a 320×180 Constrained Baseline stream by x264.
    const AVCC: &[u8] = &[
        0x01, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0x00, 0x19, 0x67, 0x42, 0xC0, 0x0D, 0xD9, 0x01, 0x41, 0x9F, 0x9F,
        0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xC0, 0xF1, 0x42, 0xA4, 0x80, 0x01,
        0x00, 0x05, 0x68, 0xCB, 0x83, 0xCB, 0x20,
    ];

    /// Durations of the parts of each segment of `level`, of frames at `times` in milliseconds.
    fn parts(level: LatencyLevel, times: impl Iterator<Item = i64>) -> Vec<Vec<Duration>> {
        let segment_target = level.segment_target();
        let target_duration_s = u32::try_from(segment_target.as_secs()).unwrap();
        let mut packager = Packager::new(package::Config {
            epoch: Epoch(1),
            variant: VariantId(0),
            part_target: level.part_target(),
            segment_target,
            target_duration_s,
        });
        let mut feed = Vec::new();
        let config = VideoConfig::plain(VideoCodec::Avc, Bytes::from_static(AVCC), (320, 180));
        packager.push(MediaEvent::Video(Arc::new(config)), WallTime(0), &mut feed);
        let mut next_msn = 0;
        for us in times {
            let begins = us >= i64::try_from(next_msn * segment_target.as_micros()).unwrap();
            let mark = begins.then(|| Mark {
                msn: Msn(u64::try_from(next_msn).unwrap()),
                start: MediaTime(us),
                program_date_time: WallTime(0),
                discontinuity: false,
                discontinuity_sequence: 0,
            });
            next_msn += u128::from(begins);
            let (track, data) = (Track::Video, Bytes::from_static(b"frame"));
            let (dts, pts, arrived_at) = (MediaTime(us), MediaTime(us), WallTime(0));
            let frame = Frame { track, dts, pts, key: begins, data, arrived_at, mark };
            packager.push(MediaEvent::Frame(frame), WallTime(0), &mut feed);
        }
        let mut segments: Vec<Vec<Duration>> = Vec::new();
        for event in feed {
            match event {
                FeedEvent::SegmentOpened { .. } => segments.push(Vec::new()),
                FeedEvent::Part { meta, .. } => segments.last_mut().unwrap().push(meta.duration),
                _ => {}
            }
        }
        segments
    }

    proptest! {
        /// However frames are dropped on the way to an encoder, parts keep 85 % of PART-TARGET, a segment's last aside.
        #[test]
        fn dropped_frames_leave_no_short_part(
            fps in prop::sample::select(vec![24i64, 25, 30, 50, 60]),
            level in 0u8..=4,
            dropped in proptest::collection::vec(0usize..40, 1..40),
            kept in proptest::collection::vec(1usize..30, 1..40),
        ) {
            let level = LatencyLevel::try_from(level).unwrap();
            let filler = Filler::new(level.part_target());
            let interval = Duration::from_micros(1_000_000 / u64::try_from(fps).unwrap());
            let pattern: Vec<bool> = kept.iter().zip(dropped.iter().cycle()).flat_map(|(kept, dropped)| {
                std::iter::repeat_n(true, *kept).chain(std::iter::repeat_n(false, *dropped))
            }).collect();
            // In whole milliseconds, as RTMP has them.
            let taken = (0i64..20 * fps).zip(pattern.into_iter().cycle()).filter(|(_, taken)| *taken);
            let mut times: Vec<i64> = Vec::new();
            for (n, _) in taken {
                let next = MediaTime::from_millis(n * 1000 / fps);
                if let Some(last) = times.last() {
                    times.extend(filler.between(MediaTime(*last), next, interval).iter().map(|at| at.micros()));
                }
                times.push(next.micros());
            }
            let segments = parts(level, times.into_iter());
            prop_assert!(segments.len() >= 3);
            let least = level.part_target() * 85 / 100;
            for (_, whole) in segments.iter().filter_map(|parts| parts.split_last()) {
                for part in whole {
                    prop_assert!(*part + Duration::from_micros(20) >= least, "{part:?} of {least:?}: {whole:?}");
                }
            }
        }
    }
}
