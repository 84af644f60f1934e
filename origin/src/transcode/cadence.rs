//! When key frames are made, and which frames a lower frame rate keeps. Both look at timestamps only.

use std::time::Duration;

use farcast_shared::time::MediaTime;

/// Longest distance of key frames: a player that joins decodes at most this much for nothing.
pub(super) const MAX_GOP: Duration = Duration::from_secs(2);

/// Decides once for all variants which frames are key frames, so that they are aligned.
#[derive(Debug, Default)]
pub(super) struct KeyClock {
    last: Option<MediaTime>,
}

impl KeyClock {
    /// Whether the frame at `pts` is to be a key frame.
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

    /// Whether the frame at `pts` is kept; a key frame always is.
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
