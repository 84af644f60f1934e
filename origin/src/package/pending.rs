//! Marks that the planner has set and this variant has not reached.
//!
//! An encoder that fails makes nothing of whole segments. Other variants have them, so this one must
//! say that it has not (EXT-X-GAP), with their numbers and starts, or its playlist would fall out of step.

use std::collections::VecDeque;
use std::time::Duration;

use farcast_feed::name::Msn;
use farcast_feed::time::{MediaTime, WallTime};

use crate::media::Mark;

/// Most marks that may be outstanding; more and the oldest are lost. At two seconds a segment this is
/// two minutes, far beyond [`LATE_TARGETS`].
pub const MAX_PENDING_MARKS: usize = 64;

/// Most segments announced as lost at once when the marks themselves are unknown.
pub const MAX_LOST_IN_A_ROW: u64 = 64;

/// A segment that has not begun this many target durations after it was planned never will in time:
/// players that wait for it give up then (RFC 8216bis §6.2.5.2).
const LATE_TARGETS: u32 = 3;
/// But not sooner than this: a ladder may have ten seconds of start-up backlog to work off.
const LATE_AT_LEAST: Duration = Duration::from_secs(12);

/// The outstanding marks, oldest first.
#[derive(Debug)]
pub(super) struct PendingMarks {
    marks: VecDeque<(Mark, WallTime)>,
    /// The last mark that was reached or lost.
    last: Option<Mark>,
    patience: Duration,
    longest: Duration,
}

impl PendingMarks {
    pub(super) fn new(target_duration_s: u32) -> Self {
        let longest = Duration::from_secs(target_duration_s.into());
        let patience = LATE_AT_LEAST.max(longest * LATE_TARGETS);
        Self { marks: VecDeque::new(), last: None, patience, longest }
    }

    pub(super) fn push(&mut self, mark: Mark, now: WallTime) {
        let newest = self.marks.back().map(|(mark, _)| mark.msn).max(self.last.map(|mark| mark.msn));
        if newest.is_none_or(|newest| newest < mark.msn) {
            self.marks.push_back((mark, now));
        }
    }

    /// True if a mark that has not been reached brings a discontinuity after `sequence` of them.
    pub(super) fn bring_discontinuity(&self, sequence: u64) -> bool {
        self.marks.iter().any(|(mark, _)| mark.discontinuity_sequence > sequence)
    }

    /// True if `msn` was reached or lost before.
    pub(super) fn is_past(&self, msn: Msn) -> bool {
        self.last.is_some_and(|last| msn <= last.msn)
    }

    /// Takes a mark that this variant will not reach in time, and how long its segment is.
    pub(super) fn take_late(&mut self, now: WallTime) -> Option<(Mark, Duration)> {
        let (mark, since) = *self.marks.front()?;
        let late = self.marks.len() > MAX_PENDING_MARKS || now.since(since) > self.patience;
        // The length of the newest is not known yet.
        let (next, _) = *self.marks.get(1).filter(|_| late)?;
        self.marks.pop_front();
        self.last = Some(mark);
        Some((mark, self.length(mark.start, next.start)))
    }

    /// This variant has reached `reached`: what lies before it is lost.
    pub(super) fn reach(&mut self, reached: Mark) -> Vec<(Mark, Duration)> {
        let mut missing = Vec::new();
        while let Some((mark, _)) = self.marks.pop_front_if(|(mark, _)| mark.msn <= reached.msn) {
            if mark.msn < reached.msn {
                missing.push(mark);
            }
        }
        if missing.is_empty() {
            missing = self.guess_before(reached);
        }
        self.last = Some(reached);
        let starts: Vec<_> = missing.iter().skip(1).chain([&reached]).map(|mark| mark.start).collect();
        missing.iter().zip(starts).map(|(mark, next)| (*mark, self.length(mark.start, next))).collect()
    }

    /// Without marks: the probable ones between the last one and `reached`, evenly spread.
    fn guess_before(&self, reached: Mark) -> Vec<Mark> {
        let Some(last) = self.last else { return Vec::new() };
        let between = reached.msn.0.saturating_sub(last.msn.0).saturating_sub(1);
        let span = reached.start.since(last.start);
        let sequence = reached.discontinuity_sequence.saturating_sub(u64::from(reached.discontinuity));
        let first = between.saturating_sub(MAX_LOST_IN_A_ROW);
        (first + 1..=between)
            .map(|i| {
                let share = span.mul_f64(i as f64 / (between + 1) as f64);
                Mark {
                    msn: Msn(last.msn.0 + i),
                    start: last.start.after(share),
                    program_date_time: last.program_date_time.after(share),
                    discontinuity: false,
                    discontinuity_sequence: sequence,
                }
            })
            .collect()
    }

    fn length(&self, start: MediaTime, next: MediaTime) -> Duration {
        next.since(start).min(self.longest)
    }
}
