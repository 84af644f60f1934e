//! The time by which something is deleted: the wall clock, as far as the monotonic clock confirms it.
//!
//! A wall clock is set by people and by NTP, and is wrong at times: by a year for a minute, or until the network is up.
//! A record that is deleted by such a time does not come back. [`Steady`] returns a time that
//! - is not known before the wall clock has run evenly for [`FIRST`], so that a machine that starts with a wrong clock has time
//!   to set it;
//! - goes on at the pace of the monotonic clock when the wall clock jumps ahead, and believes the jump once the wall clock has
//!   run evenly behind it for [`JUMP`];
//! - follows the wall clock back at once: then less is deleted.
//!
//! Sans-IO: both clocks' readings are arguments. A machine that slept has a jump, too: old records then stay for [`JUMP`]
//! longer, and limits of number hold all the time.

use std::time::{Duration, Instant};

use crate::time::WallTime;

/// Time for which a wall clock must run evenly before it is believed at first: NTP sets it within minutes of the
/// network's start.
pub const FIRST: Duration = Duration::from_secs(600);

/// Time for which it must run evenly before a jump ahead is believed: a wrong clock is noticed within a day.
pub const JUMP: Duration = Duration::from_secs(24 * 3600);

/// Largest deviation of two readings from an even run: what NTP slews (0.05 %), and a machine that is busy between the
/// two clocks' readings.
const SLACK: Duration = Duration::from_secs(2);
const SLACK_PER_MILLE: u32 = 1;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Steady {
    /// Start of the wall clock's even run, and its last reading.
    even: Option<(Instant, Reading)>,
    believed: Option<Reading>,
    jumped: bool,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: WallTime,
    at: Instant,
}

impl Reading {
    /// The later reading of the wall clock, if it runs evenly.
    fn expected(self, at: Instant) -> WallTime {
        self.wall.after(at.saturating_duration_since(self.at))
    }

    fn slack(self, at: Instant) -> Duration {
        SLACK + at.saturating_duration_since(self.at) * SLACK_PER_MILLE / 1000
    }

    fn is_ahead(self, wall: WallTime, at: Instant) -> bool {
        wall.since(self.expected(at)) > self.slack(at)
    }

    fn is_behind(self, wall: WallTime, at: Instant) -> bool {
        self.expected(at).since(wall) > self.slack(at)
    }
}

impl Steady {
    /// Takes a reading of both clocks; returns the time to delete by, if it is known. Ask it each few minutes at least:
    /// the slack grows with the time between.
    pub fn now(&mut self, wall: WallTime, at: Instant) -> Option<WallTime> {
        let reading = Reading { wall, at };
        let since = match self.even {
            Some((since, last)) if !last.is_ahead(wall, at) && !last.is_behind(wall, at) => since,
            _ => at,
        };
        self.even = Some((since, reading));
        let runs_evenly = at.saturating_duration_since(since);
        self.believed = match self.believed {
            None => (runs_evenly >= FIRST).then_some(reading),
            Some(known) if known.is_ahead(wall, at) && runs_evenly < JUMP => {
                Some(Reading { wall: known.expected(at), at })
            }
            Some(known) => {
                self.jumped |= known.is_ahead(wall, at);
                Some(reading)
            }
        };
        self.believed.map(|known| known.wall)
    }

    /// True if a jump ahead has been believed since the last call: decisions by the time before must be repeated.
    pub fn take_jump(&mut self) -> bool {
        std::mem::take(&mut self.jumped)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const BASE: WallTime = WallTime(1_700_000_000_000_000);

    /// Both clocks, one of which is right.
    struct Clocks {
        steady: Steady,
        began: Instant,
        passed: Duration,
    }

    impl Clocks {
        fn new() -> Self {
            Self { steady: Steady::default(), began: Instant::now(), passed: Duration::ZERO }
        }

        fn right(&self) -> WallTime {
            BASE.after(self.passed)
        }

        /// A minute later the wall clock is `ahead_s` seconds off.
        fn minute(&mut self, ahead_s: i64) -> Option<WallTime> {
            self.passed += MINUTE;
            let off = ahead_s.unsigned_abs() * 1_000_000;
            let right = self.right().0;
            let wall = if ahead_s < 0 { right - off } else { right + off };
            self.steady.now(WallTime(wall), self.began + self.passed)
        }

        fn minutes(&mut self, count: u64, ahead_s: i64) -> Option<WallTime> {
            (0..count).map(|_| self.minute(ahead_s)).last().flatten()
        }
    }

    #[test]
    fn nothing_is_known_before_the_clock_has_run_evenly_for_a_while() {
        let mut clocks = Clocks::new();
        assert_eq!(clocks.minutes(10, -1_000_000), None);
        // NTP sets it.
        assert_eq!(clocks.minutes(10, 0), None);
        assert_eq!(clocks.minute(0), Some(clocks.right()));
    }

    #[test]
    fn a_jump_ahead_is_not_followed_and_the_time_goes_on() {
        let mut clocks = Clocks::new();
        clocks.minutes(20, 0);
        for (minutes, ahead_s) in [(2, 75), (600, 86_400 * 365), (3, 0), (1439, 4000)] {
            assert_eq!(clocks.minutes(minutes, ahead_s), Some(clocks.right()), "{ahead_s} s");
        }
        assert!(!clocks.steady.take_jump());
    }

    #[test]
    fn a_jump_that_lasts_is_believed_in_the_end() {
        let mut clocks = Clocks::new();
        clocks.minutes(20, 0);
        assert_eq!(clocks.minutes(24 * 60, 4000), Some(clocks.right()));
        assert_eq!(clocks.minute(4000), Some(clocks.right().after(Duration::from_secs(4000))));
        assert!(clocks.steady.take_jump() && !clocks.steady.take_jump());
    }

    #[test]
    fn a_step_back_is_followed_at_once() {
        let mut clocks = Clocks::new();
        clocks.minutes(20, 4000);
        assert_eq!(clocks.minute(0), Some(clocks.right()));
        assert_eq!(
            clocks.minute(1),
            Some(clocks.right().after(Duration::from_secs(1))),
            "a small one is slewed"
        );
    }

    proptest! {
        /// Whatever the wall clock says within a day, the time to delete by never runs ahead of the monotonic clock.
        #[test]
        fn time_never_runs_ahead_of_the_monotonic_clock(
            steps in prop::collection::vec((1_u64..300, any::<u32>(), any::<bool>()), 1..200),
        ) {
            let (mut steady, began) = (Steady::default(), Instant::now());
            let mut passed = Duration::ZERO;
            let mut known: Option<(WallTime, Duration, u32)> = None;
            for (seconds, off, jumps) in steps {
                passed += Duration::from_secs(seconds);
                let off = Duration::from_secs(if jumps { u64::from(off) } else { 0 });
                let Some(now) = steady.now(BASE.after(passed).after(off), began + passed) else { continue };
                let (first, at, asked) = *known.get_or_insert((now, passed, 0));
                let allowed = (passed - at) * 1001 / 1000 + SLACK * (asked + 1);
                prop_assert!(now.since(first) <= allowed, "{now:?} after {first:?}");
                known = Some((first, at, asked + 1));
            }
        }
    }
}
