//! The audio of a variant: an exact clock, and the frames that wait for their part.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use farcast_feed::cmaf::Sample;
use farcast_feed::time::WallTime;

use super::config::{span, ticks};
use super::video::Timed;
use crate::media::{AudioConfig, Frame};

/// Largest drift of the source's time stamps from the count of samples before they are followed. RTMP
/// stamps milliseconds and encoders jitter by some; anything more is a gap or a wrong clock.
pub const MAX_AUDIO_DRIFT: Duration = Duration::from_millis(50);

/// Most audio frames that wait for video: 40 s at 48 kHz, more than any encoder holds back.
pub const MAX_QUEUED_AUDIO: usize = 2048;

/// A gap up to this is filled by letting the frame before it last longer; a longer one stays a gap.
const MAX_STRETCH: Duration = Duration::from_secs(1);

/// The result for a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Placed {
    /// The frame is queued.
    Queued,
    /// The frame is queued, and the clock was set again.
    Resynced,
    /// The frame overlaps audio that is there already: dropped.
    Overlap,
    /// The frame is queued in place of the oldest.
    Overflow,
}

/// Audio of one configuration. Times are ticks of its sample rate.
#[derive(Debug)]
pub(super) struct AudioLane {
    pub(super) config: Arc<AudioConfig>,
    queue: VecDeque<Timed>,
    /// The place of the next frame if nothing drifts.
    expected: Option<i64>,
}

impl AudioLane {
    pub(super) fn new(config: Arc<AudioConfig>) -> Self {
        Self { config, queue: VecDeque::new(), expected: None }
    }

    pub(super) fn scale(&self) -> u32 {
        self.config.sample_rate_hz.max(1)
    }

    /// Length of a frame.
    pub(super) fn step(&self) -> i64 {
        i64::from(self.config.frame_samples.max(1))
    }

    /// The place of the next frame: the end of the frames taken so far.
    pub(super) fn end(&self) -> Option<i64> {
        self.expected
    }

    /// The place at which `frame` would begin, were it taken now; `None` if it overlaps.
    pub(super) fn place(&self, frame: &Frame) -> Option<i64> {
        let stamped = ticks(frame.pts, self.scale());
        let Some(expected) = self.expected else { return Some(stamped) };
        let bound = span(MAX_AUDIO_DRIFT, self.scale());
        match stamped - expected {
            drift if drift > bound => Some(stamped),
            drift if drift < -bound => None,
            _ => Some(expected),
        }
    }

    pub(super) fn push(&mut self, frame: Frame, now: WallTime) -> Placed {
        let Some(dts) = self.place(&frame) else { return Placed::Overlap };
        let gap = dts - self.expected.unwrap_or(dts);
        if gap > 0
            && gap <= span(MAX_STRETCH, self.scale())
            && let Some(last) = self.queue.back_mut()
        {
            let stretch = u32::try_from(gap).unwrap_or(u32::MAX);
            last.sample.duration = last.sample.duration.saturating_add(stretch);
        }
        let duration = self.config.frame_samples.max(1);
        let sample = Sample { duration, composition_offset: 0, sync: true, data: frame.data };
        self.queue.push_back(Timed { dts, sample, arrived_at: frame.arrived_at, made_at: now });
        self.expected = Some(dts + self.step());
        if self.queue.len() > MAX_QUEUED_AUDIO {
            self.queue.pop_front();
            return Placed::Overflow;
        }
        if gap > 0 { Placed::Resynced } else { Placed::Queued }
    }

    /// Takes what begins before `end`, up to the first gap: samples of a run follow each other.
    pub(super) fn take_before(&mut self, end: i64) -> Vec<Timed> {
        let mut run: Vec<Timed> = Vec::new();
        while let Some(next) = self.queue.front() {
            let gap = run.last().is_some_and(|last| last.end() != next.dts);
            if next.dts >= end || gap {
                break;
            }
            run.extend(self.queue.pop_front());
        }
        run
    }

    /// Forgets what begins before `start`; says how many frames.
    pub(super) fn forget_before(&mut self, start: i64) -> usize {
        let before = self.queue.len();
        self.queue.retain(|timed| timed.dts >= start);
        before - self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use farcast_feed::time::MediaTime;

    use super::*;
    use crate::media::{AudioCodec, Track};

    fn lane() -> AudioLane {
        AudioLane::new(Arc::new(AudioConfig {
            codec: AudioCodec::Aac,
            record: Bytes::from_static(&[0x12, 0x10]),
            sample_rate_hz: 44_100,
            channels: 2,
            frame_samples: 1024,
        }))
    }

    fn frame(ms: i64) -> Frame {
        let at = MediaTime::from_millis(ms);
        let (data, arrived_at) = (Bytes::from_static(b"a"), WallTime(0));
        Frame { track: Track::Audio, dts: at, pts: at, key: true, data, arrived_at, mark: None }
    }

    #[test]
    fn steps_are_exact_whatever_the_milliseconds_say() {
        let mut lane = lane();
        for n in 0..1000i64 {
            let jitter = [0, 3, -4, 11][usize::try_from(n % 4).unwrap()];
            assert_eq!(lane.push(frame(n * 1_024_000 / 44_100 + jitter), WallTime(0)), Placed::Queued);
        }
        let run = lane.take_before(i64::MAX);
        assert_eq!(run.len(), 1000);
        assert!(run.iter().enumerate().all(|(n, t)| t.dts == 441_000 + 1024 * i64::try_from(n).unwrap()));
    }

    #[test]
    fn a_small_gap_stretches_the_frame_before_it_and_a_large_one_ends_the_run() {
        let mut lane = lane();
        lane.push(frame(0), WallTime(0));
        assert_eq!(lane.push(frame(200), WallTime(0)), Placed::Resynced);
        assert_eq!(lane.push(frame(5000), WallTime(0)), Placed::Resynced);
        let run = lane.take_before(i64::MAX);
        assert_eq!(run.iter().map(|t| t.sample.duration).collect::<Vec<_>>(), [8820, 1024]);
        assert_eq!(lane.take_before(i64::MAX).len(), 1);
    }

    #[test]
    fn audio_that_overlaps_is_dropped() {
        let mut lane = lane();
        lane.push(frame(0), WallTime(0));
        lane.push(frame(23), WallTime(0));
        lane.push(frame(46), WallTime(0));
        assert_eq!(lane.push(frame(0), WallTime(0)), Placed::Overlap);
        assert_eq!(lane.end(), Some(441_000 + 3 * 1024));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut lane = lane();
        let overflows = (0..5000)
            .filter(|n| lane.push(frame(n * 1_024_000 / 44_100), WallTime(0)) == Placed::Overflow)
            .count();
        assert_eq!(overflows, 5000 - MAX_QUEUED_AUDIO);
    }
}
