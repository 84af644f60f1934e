//! Programme date-times: media time tied to the arrival of its frames.
//!
//! A publisher's clock is not the origin's: a sound card runs 50 ppm off, an overloaded encoder makes 0.97 s of
//! media a second. Dates that were only counted on from the start would be 36 s behind after an hour of 1 %. So
//! arrival less media time is measured, as the clock recovery of a jitter buffer does, and dates follow it:
//!
//! - The least value of a window of ten seconds counts, for the network only ever makes a frame late. A stall
//!   makes it no later while the window remembers the time before, and while values fall the upload is catching
//!   up: dates wait for the end of that.
//! - From segment to segment dates move by what media lasts, give or take [`MAX_STEP`]; so players that count
//!   EXTINF and players that read dates agree. That follows 1 % at segments of 4 s.
//! - An error beyond [`BREAK_BEYOND`] is corrected at once, with a discontinuity of its own, at most one per
//!   [`BREAKS_APART`]. A discontinuity that comes for another reason is used as well.
//! - Starts of segments always grow; after a break of the timeline they are not before the end of the segment before.
//!
//! Everything is in microseconds; "offset" is date less media time.

use std::time::Duration;

use farcast_feed::time::{MediaTime, WallTime};

use super::delay::Delay;
use super::speed::{Report, Speed};
use crate::media::Track;

/// Largest distance of a date from the sum of durations without a discontinuity. The standard's readers
/// tolerate 50 ms; ten are left for time stamps in milliseconds.
pub(super) const MAX_STEP: Duration = Duration::from_millis(40);
/// Errors up to this are jitter of the measurement.
const DEAD_BAND: Duration = Duration::from_millis(10);
/// An error beyond this is set right at once.
pub(super) const BREAK_BEYOND: Duration = Duration::from_secs(1);
/// Least media between two discontinuities that this clock asks for.
const BREAKS_APART: Duration = Duration::from_secs(10);
/// Media that is ahead of its arrival by more is a file that is sent as fast as it goes, or the origin's clock was
/// set back: dates go on as durations have it, for they cannot go back that far.
const GIVE_UP_BEYOND: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(super) struct Clock {
    offset: i64,
    /// Added to the measured error: errors that were given up.
    waived: i64,
    not_before: WallTime,
    lanes: [Delay; 2],
    speed: Speed,
    /// The timeline broke and nothing has begun since.
    broken: bool,
    /// Date of the last segment.
    last: Option<WallTime>,
    /// The place of the last discontinuity of its own.
    broke_at: Option<MediaTime>,
    /// End of the media that has been passed on.
    end: MediaTime,
}

/// The beginning of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Begun {
    /// EXT-X-PROGRAM-DATE-TIME.
    pub(super) date: WallTime,
    /// True if the date departs from the durations, so that the segment must begin with a discontinuity.
    pub(super) breaks: bool,
}

impl Clock {
    /// Media time 0 is dated `anchor` until something has arrived. No date will be before `not_before`.
    pub(super) fn new(anchor: WallTime, not_before: WallTime) -> Self {
        Self {
            offset: i64::try_from(anchor.0).unwrap_or(i64::MAX / 2),
            waived: 0,
            not_before,
            lanes: [Delay::default(), Delay::default()],
            speed: Speed::default(),
            broken: true,
            last: None,
            broke_at: None,
            end: MediaTime(i64::MIN),
        }
    }

    /// A frame for `at` has arrived. `leads`: whether segments begin on its track. Says when the publisher's speed
    /// has become one to tell of, or ordinary again.
    pub(super) fn arrived(
        &mut self,
        track: Track,
        at: MediaTime,
        when: WallTime,
        leads: bool,
    ) -> Option<Report> {
        let arrived = i64::try_from(when.0).unwrap_or(i64::MAX / 2);
        let lane = &mut self.lanes[index(track)];
        let second = lane.note(when.0 / 1_000_000, arrived.saturating_sub(at.micros()))?;
        // While the window fills, its least is that of the beginning.
        let least = lane.least().filter(|_| leads && lane.is_full())?;
        self.speed.note(second, least)
    }

    /// `until` has been passed on.
    pub(super) fn passed(&mut self, until: MediaTime) {
        self.end = self.end.max(until);
    }

    /// The timeline broke: earlier measurements say nothing about later media.
    pub(super) fn broke(&mut self) {
        self.lanes = [Delay::default(), Delay::default()];
        self.speed.restart();
        self.broken = true;
    }

    /// A segment begins at `start`, on `track`. `discontinuity`: with one anyway; `may_break`: one may be added.
    pub(super) fn begin(
        &mut self,
        start: MediaTime,
        track: Track,
        discontinuity: bool,
        may_break: bool,
    ) -> Begun {
        let error = self.error(track);
        let natural = start.micros().saturating_add(self.offset);
        let previous = self.last.map(|last| i64::try_from(last.0).unwrap_or(i64::MAX / 2));
        let lasts = previous.map_or(0, |last| natural.saturating_sub(last));
        // Starts grow, whatever is to be corrected: by a quarter of the segment's length at least.
        let grown = previous.map_or(i64::MIN, |last| last.saturating_add((lasts / 4).max(1000)));
        let right = natural.saturating_add(error);
        let far = error.unsigned_abs() > micros(BREAK_BEYOND).unsigned_abs();
        let apart = self.broke_at.is_none_or(|at| start.since(at) >= BREAKS_APART);
        // One that cannot set it right would only be the first of many.
        let breaks = far && apart && may_break && !discontinuity && previous.is_some() && right >= grown;
        let date = if breaks {
            self.broke_at = Some(start);
            right
        } else if discontinuity || previous.is_none() {
            let end = previous.map_or(i64::MIN, |_| self.end.micros().saturating_add(self.offset));
            right.max(end).max(grown)
        } else {
            natural.saturating_add(error.clamp(-micros(MAX_STEP), micros(MAX_STEP))).max(grown)
        };
        let date = WallTime(u64::try_from(date).unwrap_or(0)).max(self.not_before);
        self.offset = i64::try_from(date.0).unwrap_or(i64::MAX / 2).saturating_sub(start.micros());
        self.last = Some(date);
        self.broken = false;
        Begun { date, breaks }
    }

    /// Media time of the moment `now`: where a publisher that returns goes on.
    pub(super) fn media_at(&self, now: WallTime) -> MediaTime {
        let now = i64::try_from(now.0).unwrap_or(i64::MAX / 2);
        MediaTime(now.saturating_add(self.waived).saturating_sub(self.offset))
    }

    /// The recent speed of media: seconds of it in a second of the origin's clock; and by how many seconds it has
    /// fallen behind since its publisher began.
    pub(super) fn speed(&self) -> (f64, f64) {
        (self.speed.ratio(), self.speed.drift_s())
    }

    /// The delay of arrival behind the dates; zero while that cannot be told.
    fn error(&mut self, track: Track) -> i64 {
        let lane = &self.lanes[index(track)];
        let Some(least) = lane.least() else { return 0 };
        let error = least.saturating_add(self.waived).saturating_sub(self.offset);
        if error < -micros(GIVE_UP_BEYOND) {
            self.waived = self.waived.saturating_sub(error);
            return 0;
        }
        let unsure = error > 0 && !self.broken && !lane.is_settled();
        if unsure || error.unsigned_abs() <= micros(DEAD_BAND).unsigned_abs() { 0 } else { error }
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

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
