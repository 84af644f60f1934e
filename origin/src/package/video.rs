//! The video of a variant: complete samples, and the one frame whose duration is not known yet.

use std::collections::VecDeque;

use bytes::Bytes;
use farcast_feed::cmaf::{Sample, VIDEO_TIMESCALE};
use farcast_feed::time::WallTime;

use super::config::ticks;
use crate::media::{Frame, VideoConfig};

/// A sample with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Timed {
    /// Decode time in ticks of its track.
    pub(super) dts: i64,
    pub(super) sample: Sample,
    pub(super) arrived_at: WallTime,
    /// Time at which it came out of the ladder.
    pub(super) made_at: WallTime,
}

impl Timed {
    /// The place at which the next sample must begin.
    pub(super) fn end(&self) -> i64 {
        self.dts.saturating_add(self.sample.duration.into())
    }
}

/// A frame that waits for the next.
#[derive(Debug)]
struct Held {
    dts: i64,
    composition_offset: i32,
    sync: bool,
    data: Bytes,
    arrived_at: WallTime,
    made_at: WallTime,
}

/// Number of frames from which the shortest next one is estimated: time stamps in milliseconds repeat
/// after three at 30 and 60 frames per second.
const RECENT: usize = 4;

/// Video of one configuration. Times are ticks of [`VIDEO_TIMESCALE`].
#[derive(Debug)]
pub(super) struct VideoLane {
    complete: VecDeque<Timed>,
    held: Option<Held>,
    /// Duration of the last complete frame: the best guess at the next.
    interval: i64,
    /// Durations of the last few.
    recent: VecDeque<i64>,
    /// Shortest and longest frame since [`VideoLane::take_jitter`].
    extremes: Option<(i64, i64)>,
}

impl VideoLane {
    pub(super) fn new(config: &VideoConfig) -> Self {
        let nominal = config.frame_rate_milli.filter(|rate| *rate > 0);
        let interval = nominal.map_or(i64::from(VIDEO_TIMESCALE) / 30, |rate| {
            i64::from(VIDEO_TIMESCALE) * 1000 / i64::from(rate)
        });
        let interval = interval.max(1);
        Self { complete: VecDeque::new(), held: None, interval, recent: VecDeque::new(), extremes: None }
    }

    /// Decode time that `frame` gets: its own, but after that of the frame before it.
    pub(super) fn place(&self, frame: &Frame) -> i64 {
        let stamped = ticks(frame.dts, VIDEO_TIMESCALE);
        self.held.as_ref().map_or(stamped, |held| stamped.max(held.dts + 1))
    }

    pub(super) fn hold(&mut self, frame: Frame, dts: i64, now: WallTime) {
        let offset = ticks(frame.pts, VIDEO_TIMESCALE).saturating_sub(dts);
        let composition_offset =
            i32::try_from(offset).unwrap_or(if offset < 0 { i32::MIN } else { i32::MAX });
        self.held = Some(Held {
            dts,
            composition_offset,
            sync: frame.key,
            data: frame.data,
            arrived_at: frame.arrived_at,
            made_at: now,
        });
    }

    /// Decode time of the held frame.
    pub(super) fn held(&self) -> Option<i64> {
        self.held.as_ref().map(|held| held.dts)
    }

    /// The held frame lasts until `end`.
    pub(super) fn complete(&mut self, end: i64) {
        let Some(held) = self.held.take() else { return };
        let length = end.saturating_sub(held.dts).max(1);
        let duration = u32::try_from(length).unwrap_or(u32::MAX);
        self.interval = length;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(length);
        let (shortest, longest) = self.extremes.unwrap_or((length, length));
        self.extremes = Some((shortest.min(length), longest.max(length)));
        let Held { dts, composition_offset, sync, data, arrived_at, made_at } = held;
        let sample = Sample { duration, composition_offset, sync, data };
        self.complete.push_back(Timed { dts, sample, arrived_at, made_at });
    }

    /// The probable length of the next frame.
    pub(super) fn interval(&self) -> i64 {
        self.interval
    }

    /// The least probable length of the next frame: the shortest of recent ones. Among frames of
    /// 33, 33 and 34 ms, another may fit where the last one would not.
    pub(super) fn shortest(&self) -> i64 {
        self.recent.iter().copied().min().unwrap_or(self.interval).min(self.interval)
    }

    /// Differences in the lengths of frames since the last call.
    pub(super) fn take_jitter(&mut self) -> i64 {
        self.extremes.take().map_or(0, |(shortest, longest)| longest - shortest)
    }

    /// Takes complete frames that begin before `end`.
    pub(super) fn take_before(&mut self, end: i64) -> Vec<Timed> {
        let count = self.complete.iter().take_while(|timed| timed.dts < end).count();
        self.complete.drain(..count).collect()
    }
}
