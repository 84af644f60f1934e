//! The publisher's speed: seconds of media in a second of the origin's clock.
//!
//! Measured as the change of the least delay ([`super::delay`]) over the last minute, so that a stall that is made up
//! for counts for nothing.

use std::collections::VecDeque;

/// Number of seconds that are looked back on.
const HISTORY_S: u64 = 60;
/// Nothing is reported before so many seconds have been seen.
const LEAST_S: u64 = 20;
/// Loss within the history from which on a publisher is slow, in microseconds: 0.7 % over a minute.
const TELL_BEYOND_US: i64 = 400_000;
/// Loss up to which a slow publisher keeps up again, in microseconds.
const FORGIVE_WITHIN_US: i64 = 100_000;
/// Interval at which it is repeated while it lasts, in seconds.
const AGAIN_S: u64 = 300;

/// The classes of a publisher's speed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Pace {
    /// A second of media a second.
    #[default]
    Steady,
    /// The publisher cannot keep up.
    Slow,
    /// The publisher sends faster than time passes, and not because it has to catch up.
    Fast,
}

/// Something to tell the operator.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Report {
    pub(super) pace: Pace,
    /// Seconds of media in a second.
    pub(super) ratio: f64,
}

/// Follows the least delay, once a second.
#[derive(Debug, Default)]
pub(super) struct Speed {
    /// Second and least delay in microseconds.
    history: VecDeque<(u64, i64)>,
    first: Option<i64>,
    pace: Pace,
    said_at: u64,
}

impl Speed {
    /// The least delay in `second`. Says when the pace has changed, and again while it is not steady.
    pub(super) fn note(&mut self, second: u64, least: i64) -> Option<Report> {
        if self.history.back().is_some_and(|(last, _)| *last >= second) {
            self.restart();
        }
        let first = *self.first.get_or_insert(least);
        self.history.push_back((second, least));
        while self.history.front().is_some_and(|(oldest, _)| second - oldest > HISTORY_S) {
            self.history.pop_front();
        }
        let (elapsed, lost) = self.lost()?;
        if elapsed < LEAST_S {
            return None;
        }
        let pace = if lost >= TELL_BEYOND_US {
            Pace::Slow
        } else if lost <= -TELL_BEYOND_US && least <= first - TELL_BEYOND_US {
            Pace::Fast
        } else if lost.abs() <= FORGIVE_WITHIN_US {
            Pace::Steady
        } else {
            self.pace
        };
        let again = pace != Pace::Steady && second - self.said_at.min(second) >= AGAIN_S;
        if pace == self.pace && !again {
            return None;
        }
        (self.pace, self.said_at) = (pace, second);
        Some(Report { pace, ratio: self.ratio() })
    }

    /// Another publisher, or another timeline. Earlier reports of the pace are not taken back by that.
    pub(super) fn restart(&mut self) {
        self.history.clear();
        self.first = None;
    }

    /// Seconds of media in a second; 1 while that cannot be told.
    pub(super) fn ratio(&self) -> f64 {
        match self.lost() {
            Some((elapsed, lost)) if elapsed > 0 => 1.0 - lost as f64 / 1e6 / elapsed as f64,
            _ => 1.0,
        }
    }

    /// Seconds by which media has fallen behind since the publisher began.
    pub(super) fn drift_s(&self) -> f64 {
        let newest = self.history.back().map(|(_, least)| *least);
        newest.zip(self.first).map_or(0.0, |(newest, first)| (newest - first) as f64 / 1e6)
    }

    /// The period that is looked back on, in seconds, and the losses in it.
    fn lost(&self) -> Option<(u64, i64)> {
        let ((from, then), (to, now)) = (self.history.front()?, self.history.back()?);
        Some((to - from, now - then))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports as (second, pace, hundredths of the ratio) of delays in milliseconds.
    fn reports(seconds: u64, delay_ms: impl Fn(u64) -> i64) -> Vec<(u64, Pace, i64)> {
        let mut speed = Speed::default();
        let said = (0..seconds).filter_map(|second| {
            let report = speed.note(second, delay_ms(second) * 1000)?;
            Some((second, report.pace, (report.ratio * 100.0).round() as i64))
        });
        said.collect()
    }

    fn at(second: u64) -> i64 {
        i64::try_from(second).unwrap()
    }

    #[test]
    fn an_encoder_that_cannot_keep_up_is_told_of_with_its_speed_and_when_it_recovers() {
        let said = reports(400, |s| 30 * at(s.min(100)));
        assert_eq!(said.len(), 2, "{said:?}");
        assert_eq!(said[0], (20, Pace::Slow, 97));
        assert_eq!(said[1].1, Pace::Steady);
        assert_eq!(reports(50, |s| 100 * at(s))[0], (20, Pace::Slow, 90));
    }

    #[test]
    fn one_percent_is_told_of_a_sound_card_and_jitter_are_not() {
        assert_eq!(reports(300, |s| 10 * at(s)).len(), 1);
        assert_eq!(reports(86_400, |s| at(s) / 20 + at(s % 7) * 10), []);
    }

    #[test]
    fn it_is_said_again_every_five_minutes_while_it_lasts() {
        let seconds: Vec<_> = reports(1000, |s| 30 * at(s)).iter().map(|said| said.0).collect();
        assert_eq!(seconds, [20, 320, 620, 920]);
    }

    #[test]
    fn who_sends_too_fast_is_told_of_and_who_catches_up_is_not() {
        assert_eq!(reports(60, |s| -30 * at(s))[0], (20, Pace::Fast, 103));
        // Thirty seconds of stall that are made up for within sixty.
        let catching_up = reports(300, |s| if s < 100 { 0 } else { (30_000 - 500 * (at(s) - 100)).max(0) });
        assert!(catching_up.iter().all(|said| said.1 != Pace::Fast), "{catching_up:?}");
    }
}
