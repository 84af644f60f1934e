//! The delay of one track: arrival time minus media time, the minimum of the recent window.

use std::collections::VecDeque;

/// Number of seconds that are remembered. Longer than most stalls of an upload with their catching up; each
/// second of it is a second by which a publisher that is slow is followed late.
const WINDOW_S: u64 = 10;
/// Values that fall by more than this within the window are those of an upload that catches up; in microseconds.
const FALLING_US: i64 = 50_000;

/// A sliding minimum, by seconds of arrival; at most [`WINDOW_S`] entries.
#[derive(Debug, Default)]
pub(super) struct Delay {
    /// Second, and the least value in it.
    seconds: VecDeque<(u64, i64)>,
}

impl Delay {
    /// Takes a value of `second`. Says that second if it is the first of it.
    pub(super) fn note(&mut self, second: u64, value: i64) -> Option<u64> {
        match self.seconds.back_mut() {
            Some((last, least)) if *last == second => {
                *least = value.min(*least);
                return None;
            }
            // The clock was set back.
            Some((last, _)) if *last > second => self.seconds.clear(),
            _ => {}
        }
        self.seconds.push_back((second, value));
        while self.seconds.front().is_some_and(|(first, _)| second - first >= WINDOW_S) {
            self.seconds.pop_front();
        }
        Some(second)
    }

    /// The least value of the window.
    pub(super) fn least(&self) -> Option<i64> {
        self.seconds.iter().map(|(_, least)| *least).min()
    }

    /// True if the window is full, without a recent silence.
    pub(super) fn is_full(&self) -> bool {
        let (first, last) = (self.seconds.front(), self.seconds.back());
        first.zip(last).is_some_and(|(first, last)| last.0 - first.0 + 2 >= WINDOW_S)
    }

    /// True if that is how late media comes: the window is full and values do not fall.
    pub(super) fn is_settled(&self) -> bool {
        let (Some((_, oldest)), Some((_, newest))) = (self.seconds.front(), self.seconds.back()) else {
            return false;
        };
        self.is_full() && newest.saturating_add(FALLING_US) >= *oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_does_not_raise_the_least_and_the_window_slides() {
        let mut delay = Delay::default();
        for second in 0..30 {
            delay.note(second, if second == 5 { 100 } else { 500 });
            delay.note(second, 900);
            assert_eq!(delay.least(), Some(if (5..15).contains(&second) { 100 } else { 500 }), "{second}");
        }
        assert!(delay.is_settled());
    }

    #[test]
    fn it_is_settled_neither_after_a_silence_nor_while_values_fall() {
        let mut delay = Delay::default();
        for second in 0..20 {
            delay.note(second, 0);
        }
        assert!(delay.is_settled());
        for second in 40..48 {
            delay.note(second, 20_000_000);
            assert!(!delay.is_settled(), "{second}");
        }
        delay.note(48, 20_000_000);
        assert!(delay.is_settled());
        for second in 49..55 {
            delay.note(second, 20_000_000 - 100_000 * (i64::try_from(second).unwrap() - 48));
        }
        assert!(!delay.is_settled());
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let mut delay = Delay::default();
        for second in 100..120 {
            delay.note(second, 5);
        }
        delay.note(3, 70);
        assert_eq!((delay.least(), delay.is_settled()), (Some(70), false));
    }
}
