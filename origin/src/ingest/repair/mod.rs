//! Makes one timeline of the publishers' timestamps.
//!
//! Sources stamp frames in 32 bits of milliseconds, start anywhere, wrap around (after 49.7 days by the
//! standard, 24.9 by FFmpeg, whose FLV muxer has 31 bits, and 4.7 hours by encoders without the extended timestamp), jump
//! when a clock is set or a scene restarts, repeat old audio after a stall, and lose a track for a while.
//! [`Timeline`] gives every frame a place on the broadcast's timeline. The broadcast owns it, and it survives
//! publishers: each [`Timeline::begin_session`] says where the next one's first frame falls.
//!
//! Invariants, whatever comes in: the decode times of each track grow strictly; no presentation time
//! is before its decode time; a clean source is shifted by one constant and not changed otherwise; audio and
//! video keep their distance except where the source's own clocks are more than [`JUMP`] apart.
//!
//! A frame that is far from where the timeline is may be a glitch or a new timeline. It is held until
//! [`CONFIRMATIONS`] frames agree: then the new timeline is joined on without a gap (a discontinuity for
//! viewers), otherwise the glitch is dropped.

mod track;

use std::time::{Duration, Instant};

use farcast_feed::time::MediaTime;

use crate::media::{Frame, MediaEvent, Track};
use track::TrackState;

/// Largest distance of a frame from the timeline's head at which it is believed. Encoders
/// interleave within a second, and a stalled upload catches up without any jump in the stamps.
pub const JUMP: Duration = Duration::from_secs(5);

/// Largest step of a track behind its own last frame at which it is believed. More than any
/// reordering or rounding.
pub const STEP_BACK: Duration = Duration::from_secs(1);

/// Number of frames in a row that must agree on a new timeline. One glitch is common, three are a decision;
/// three frames are 60 ms to 100 ms of delay at that moment only. When both tracks are there, both must be
/// among them: audio that is sent again after a stall comes in a burst, and video does not follow it.
pub const CONFIRMATIONS: usize = 3;

/// Number of frames of one track alone that make that track's clock another one, if they also span
/// [`ALONE`]. Two seconds of audio.
pub const CONFIRMATIONS_ALONE: usize = 96;

/// Time for which a track must be alone with its clock: longer than a burst takes to arrive.
pub const ALONE: Duration = Duration::from_secs(2);

/// Time for which frames are held for confirmation.
pub const HOLD: Duration = Duration::from_secs(2);

/// Most frames that are held for confirmation: more than [`HOLD`] has in both tracks.
const MAX_HELD: usize = 256;

/// Time for which a track may be silent on the timeline while the other goes on before it counts as gone.
pub const SILENCE: Duration = Duration::from_secs(5);

/// Timestamps are compared modulo the shortest period that sources have, 2²⁴ milliseconds, of which the others are
/// multiples: it does not matter at which of them a source wraps. The price is that jumps by almost exactly a
/// multiple of it are not seen, and such a jump is not one here.
const PERIOD: i64 = (1 << 24) * 1000;

/// The repairs of a frame, in the words of the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Repair {
    /// The source's timestamp wrapped around; nothing was changed.
    Rollover,
    /// A new timeline was joined on.
    Jump,
    /// A track's clock was aligned with the other track's.
    Skew,
    /// A decode time was raised over its predecessor's.
    BackwardStep,
    /// A composition time was out of bounds.
    Composition,
    /// Audio from before what has been sent: dropped.
    Stale,
    /// The same frame again: dropped.
    Duplicate,
    /// A frame far from the timeline that no other confirmed: dropped.
    Outlier,
    /// A track fell silent and was declared gone.
    TrackLost,
    /// A track that was declared gone is back.
    TrackBack,
}

/// The result of an event.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// The events to hand on, in order. Empty when the frame was dropped or is held.
    pub events: Vec<MediaEvent>,
    /// True if the source's timeline was interrupted before the first frame of `events`.
    pub discontinuity: bool,
    /// The repairs that were made.
    pub repairs: Vec<Repair>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Timeline {
    session: Option<Session>,
    begin_at: MediaTime,
    tracks: [TrackState; 2],
    head: MediaTime,
}

/// The clock of the present publisher. "Source time" is unwrapped, in microseconds, and with the
/// track's skew added.
#[derive(Debug)]
struct Session {
    /// Timeline less source time.
    offset: i64,
    /// Latest source time.
    head: i64,
    /// Latest unwrapped timestamp, to unwrap the first one of the other track.
    unwrapped: i64,
    candidate: Option<Candidate>,
}

/// Frames that agree on another timeline.
#[derive(Debug)]
struct Candidate {
    since: Instant,
    last: i64,
    held: Vec<(Frame, i64)>,
}

impl Timeline {
    /// A timeline that begins at 0 with the first frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new publisher: its first frame falls on `at`, or right behind what has been sent if that is later.
    pub fn begin_session(&mut self, at: MediaTime) {
        let behind = self.tracks.iter().filter_map(TrackState::end).max();
        let at = behind.map_or(at, |behind| at.max(behind));
        self.session = None;
        self.begin_at = at;
        for track in &mut self.tracks {
            track.begin_session(at);
        }
    }

    /// Decode time of the latest frame.
    #[must_use]
    pub fn head(&self) -> MediaTime {
        self.head
    }

    /// Takes an event of the present publisher, received `now`.
    pub fn push(&mut self, event: MediaEvent, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        match event {
            MediaEvent::Frame(frame) => self.frame(frame, now, &mut outcome),
            event => {
                let (track, present) = match &event {
                    MediaEvent::Video(_) => (Track::Video, true),
                    MediaEvent::Audio(_) => (Track::Audio, true),
                    MediaEvent::NoVideo => (Track::Video, false),
                    MediaEvent::NoAudio | MediaEvent::Frame(_) => (Track::Audio, false),
                };
                let head = self.head.max(self.begin_at);
                self.tracks[index(track)].configured(present.then(|| event.clone()), head);
                outcome.events.push(event);
            }
        }
        outcome
    }

    fn frame(&mut self, frame: Frame, now: Instant, outcome: &mut Outcome) {
        let track = &mut self.tracks[index(frame.track)];
        let raw = frame.dts.micros();
        let Some(session) = &mut self.session else {
            self.session = Some(Session {
                offset: self.begin_at.micros() - raw,
                head: raw,
                unwrapped: raw,
                candidate: None,
            });
            track.raw = Some(raw);
            track.unwrapped = Some(raw);
            return self.place(frame, raw, outcome);
        };
        let reference = track.unwrapped.unwrap_or(session.unwrapped);
        let unwrapped = unwrap(raw, reference);
        let mut source = unwrapped + track.skew;
        let apart = source - session.head;
        if track.unwrapped.is_none() && apart.abs() > micros(JUMP) {
            // The tracks of this publisher have different clocks from the start.
            track.skew -= apart;
            source -= apart;
            outcome.repairs.push(Repair::Skew);
        }
        let behind = track.source.is_some_and(|last| source < last - micros(STEP_BACK));
        if (source - session.head).abs() > micros(JUMP) || behind {
            return self.far(frame, source, now, outcome);
        }
        if let Some(candidate) = session.candidate.take() {
            outcome.repairs.extend(candidate.held.iter().map(|_| Repair::Outlier));
        }
        if track.raw.replace(raw).is_some_and(|last| last - raw > PERIOD / 2) {
            outcome.repairs.push(Repair::Rollover);
        }
        session.unwrapped = unwrapped;
        track.unwrapped = Some(unwrapped);
        track.alone = 0;
        self.place(frame, source, outcome);
    }

    /// A frame that is not where the timeline is.
    fn far(&mut self, frame: Frame, source: i64, now: Instant, outcome: &mut Outcome) {
        let Some(session) = &mut self.session else { return };
        let track = &mut self.tracks[index(frame.track)];
        if track.alone == 0 || (source - track.alone_at).abs() <= micros(JUMP) {
            track.alone += 1;
        } else {
            track.alone = 1;
        }
        track.alone_at = source;
        let since = *if track.alone == 1 {
            track.alone_since.insert(now)
        } else {
            track.alone_since.get_or_insert(now)
        };
        if track.alone >= CONFIRMATIONS_ALONE && now.duration_since(since) >= ALONE {
            let head = session.head;
            track.raw = Some(frame.dts.micros());
            track.realign(head - source);
            outcome.repairs.push(Repair::Skew);
            session.candidate = None;
            return self.place(frame, head, outcome);
        }
        let agrees = |candidate: &Candidate| {
            (source - candidate.last).abs() <= micros(JUMP) && now.duration_since(candidate.since) <= HOLD
        };
        let candidate = match session.candidate.take() {
            Some(candidate) if agrees(&candidate) => candidate,
            other => {
                let held = other.iter().flat_map(|candidate| &candidate.held);
                outcome.repairs.extend(held.map(|_| Repair::Outlier));
                Candidate { since: now, last: source, held: Vec::with_capacity(CONFIRMATIONS) }
            }
        };
        let candidate = session.candidate.insert(candidate);
        candidate.last = source;
        candidate.held.push((frame, source));
        let complete = [Track::Video, Track::Audio].into_iter().all(|track| {
            !self.tracks[index(track)].is_there()
                || candidate.held.iter().any(|(frame, _)| frame.track == track)
        });
        if complete && candidate.held.len() >= CONFIRMATIONS {
            self.join(outcome);
        } else if candidate.held.len() > MAX_HELD {
            outcome.repairs.extend(candidate.held.drain(..).map(|_| Repair::Outlier));
        }
    }

    /// Joins the candidate's timeline on.
    fn join(&mut self, outcome: &mut Outcome) {
        let Some(session) = &mut self.session else { return };
        let Some(candidate) = session.candidate.take() else { return };
        let Some(first) = candidate.held.iter().map(|(_, source)| *source).min() else { return };
        let gap = candidate.held.first().map_or(0, |(frame, _)| self.tracks[index(frame.track)].step());
        session.offset = self.head.micros() + gap - first;
        session.head = first;
        for track in &mut self.tracks {
            track.restart();
        }
        outcome.discontinuity = true;
        outcome.repairs.push(Repair::Jump);
        for (frame, source) in candidate.held {
            let track = &mut self.tracks[index(frame.track)];
            let unwrapped = source - track.skew;
            track.raw = Some(frame.dts.micros());
            track.unwrapped = Some(unwrapped);
            if let Some(session) = &mut self.session {
                session.unwrapped = unwrapped;
            }
            self.place(frame, source, outcome);
        }
    }

    /// Gives a frame its place, unless it is a repetition, and notes which tracks are silent.
    fn place(&mut self, frame: Frame, source: i64, outcome: &mut Outcome) {
        let Some(session) = &mut self.session else { return };
        session.head = session.head.max(source);
        let track = frame.track;
        let state = &mut self.tracks[index(track)];
        let Some(frame) = state.place(frame, source, session.offset, &mut outcome.repairs) else { return };
        self.head = self.head.max(frame.dts);
        if let Some(config) = state.rejoin() {
            outcome.repairs.push(Repair::TrackBack);
            outcome.events.push(config);
        }
        let other = match track {
            Track::Video => Track::Audio,
            Track::Audio => Track::Video,
        };
        if self.tracks[index(other)].lost(frame.dts) {
            outcome.repairs.push(Repair::TrackLost);
            outcome.events.push(match other {
                Track::Video => MediaEvent::NoVideo,
                Track::Audio => MediaEvent::NoAudio,
            });
        }
        outcome.events.push(MediaEvent::Frame(frame));
    }
}

fn index(track: Track) -> usize {
    match track {
        Track::Video => 0,
        Track::Audio => 1,
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The time nearest to `reference` that is `raw` modulo the period.
fn unwrap(raw: i64, reference: i64) -> i64 {
    let forward = (raw - reference).rem_euclid(PERIOD);
    reference + if forward > PERIOD / 2 { forward - PERIOD } else { forward }
}

#[cfg(test)]
mod tests;
