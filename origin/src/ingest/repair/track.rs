//! One track of the timeline.

use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_feed::time::MediaTime;

use super::{Repair, SILENCE, micros};
use crate::media::{Frame, MediaEvent, Track};

/// By how much a decode time is raised that is not over its predecessor's: RTMP's unit.
const NUDGE: i64 = 1000;

/// Most that a frame may be presented after it is decoded. Reordering delays by a few frames.
const MAX_COMPOSITION: Duration = Duration::from_secs(5);

/// Most that presentation may be before decoding in the source, see [`TrackState::shift`].
const MAX_SHIFT: Duration = Duration::from_secs(1);

/// Distance of frames before it is known, and its bounds.
const DEFAULT_STEP: i64 = 20_000;
const MAX_STEP: i64 = 100_000;

/// State of a track. The first group survives publishers, the second is the present one's.
#[derive(Debug, Default)]
pub(super) struct TrackState {
    config: Option<MediaEvent>,
    /// True if those downstream believe that the track is there.
    announced: bool,
    last_dts: Option<MediaTime>,
    last_data: Bytes,
    active_at: MediaTime,
    step: i64,

    /// Last timestamp as it came.
    pub(super) raw: Option<i64>,
    /// The same, unwrapped, without skew.
    pub(super) unwrapped: Option<i64>,
    /// Last source time since the timeline began or jumped.
    pub(super) source: Option<i64>,
    /// Added to this track's clock to align it with the other's.
    pub(super) skew: i64,
    /// Frames in a row that were far from the timeline, and where the last one was.
    pub(super) alone: usize,
    pub(super) alone_at: i64,
    pub(super) alone_since: Option<Instant>,
    /// Subtracted from decode times because the source presents frames before it decodes them (a muxer
    /// that stamps B-frames with negative composition times): presentation must not move against audio.
    shift: i64,
}

impl TrackState {
    pub(super) fn begin_session(&mut self, at: MediaTime) {
        self.raw = None;
        self.unwrapped = None;
        self.source = None;
        self.skew = 0;
        self.alone = 0;
        self.shift = 0;
        self.active_at = self.active_at.max(at);
    }

    /// The track's timeline starts again, by a jump.
    pub(super) fn restart(&mut self) {
        self.source = None;
        self.alone = 0;
    }

    /// The track's clock is moved by `by`.
    pub(super) fn realign(&mut self, by: i64) {
        self.unwrapped = Some(self.alone_at - self.skew);
        self.skew += by;
        self.restart();
    }

    pub(super) fn configured(&mut self, config: Option<MediaEvent>, at: MediaTime) {
        self.announced = config.is_some();
        self.config = config;
        self.active_at = self.active_at.max(at);
    }

    /// The place of the frame after the last one.
    pub(super) fn end(&self) -> Option<MediaTime> {
        self.last_dts.map(|last| MediaTime(last.micros() + self.step()))
    }

    /// True if the track takes part: it has been announced and is not lost.
    pub(super) fn is_there(&self) -> bool {
        self.announced && self.unwrapped.is_some()
    }

    /// Typical distance of frames in microseconds.
    pub(super) fn step(&self) -> i64 {
        if self.step == 0 { DEFAULT_STEP } else { self.step }
    }

    /// The frame in its place, or `None` if it is a repetition.
    pub(super) fn place(
        &mut self,
        mut frame: Frame,
        source: i64,
        offset: i64,
        repairs: &mut Vec<Repair>,
    ) -> Option<Frame> {
        let mut composition = frame.pts.micros() - frame.dts.micros();
        if composition > micros(MAX_COMPOSITION) || composition < -micros(MAX_SHIFT) {
            repairs.push(Repair::Composition);
            composition = 0;
        }
        if -composition > self.shift {
            repairs.push(Repair::Composition);
            self.shift = -composition;
        }
        let mut dts = MediaTime(source + offset - self.shift);
        if let Some(last) = self.last_dts
            && dts <= last
        {
            if self.last_data == frame.data {
                repairs.push(Repair::Duplicate);
                return None;
            }
            if frame.track == Track::Audio {
                repairs.push(Repair::Stale);
                return None;
            }
            // A video frame cannot be left out: others need it.
            repairs.push(Repair::BackwardStep);
            dts = MediaTime(last.micros() + NUDGE);
        } else if let Some(last) = self.last_dts
            && self.source.is_some()
        {
            self.step = (dts.micros() - last.micros()).min(MAX_STEP);
        }
        frame.dts = dts;
        frame.pts = MediaTime(source + offset + composition).max(dts);
        self.source = Some(source);
        self.last_dts = Some(dts);
        self.last_data = frame.data.clone();
        self.active_at = self.active_at.max(dts);
        Some(frame)
    }

    /// The configuration to announce again, if the track had been declared gone.
    pub(super) fn rejoin(&mut self) -> Option<MediaEvent> {
        if self.announced {
            return None;
        }
        self.announced = true;
        self.config.clone()
    }

    /// True if the track is to be declared gone when the other one is at `now`.
    pub(super) fn lost(&mut self, now: MediaTime) -> bool {
        let lost = self.announced && now.since(self.active_at) > SILENCE;
        if lost {
            self.announced = false;
        }
        lost
    }
}
