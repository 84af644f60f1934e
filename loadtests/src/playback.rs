//! A player's buffer without a player: when media came, and whether it came in time.
//!
//! The model is that of a low-latency player: it begins once PART-HOLD-BACK of media is there, plays
//! in real time, stalls when the media runs out and goes on once one part target is there again.
//! Times come from outside; media is added by its length.

use std::time::{Duration, Instant};

/// Settings of a player.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Length of media with which it begins: PART-HOLD-BACK.
    pub hold_back: Duration,
    /// Length of media for which a stalled player waits: PART-TARGET, less the possible rounding.
    pub resume: Duration,
}

/// A stall that ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stall {
    /// Time at which the media ran out.
    pub from: Instant,
    /// Its length.
    pub length: Duration,
}

/// A player.
#[derive(Clone, Debug)]
pub struct Playback {
    settings: Settings,
    /// Media since the start, played or not.
    loaded: Duration,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    /// `zero` is when position zero would have been played without stalls.
    Playing {
        zero: Instant,
    },
    /// The media ran out at position `played`.
    Stalled {
        since: Instant,
        played: Duration,
    },
}

impl Playback {
    /// A player that has nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, loaded: Duration::ZERO, state: State::Waiting }
    }

    /// Media of `length` is complete in the buffer at `now`. Returns the stall that it ends.
    pub fn loaded(&mut self, now: Instant, length: Duration) -> Option<Stall> {
        // A stall begins when the media ran out, not when the next part shows that it had.
        self.advance(now);
        self.loaded += length;
        match self.state {
            State::Waiting if self.loaded >= self.settings.hold_back => {
                self.state = State::Playing { zero: now };
                None
            }
            State::Stalled { since, played } if self.loaded - played >= self.settings.resume => {
                // A player that has played longer than the clock reaches back cannot be.
                self.state = State::Playing { zero: now.checked_sub(played).unwrap_or(now) };
                Some(Stall { from: since, length: now.saturating_duration_since(since) })
            }
            _ => None,
        }
    }

    /// Lets time pass until `now`.
    pub fn advance(&mut self, now: Instant) {
        if let State::Playing { zero } = self.state
            && now > zero + self.loaded
        {
            self.state = State::Stalled { since: zero + self.loaded, played: self.loaded };
        }
    }

    /// The stall that still lasts at `now`.
    #[must_use]
    pub fn stalled(&self, now: Instant) -> Option<Stall> {
        match self.state {
            State::Stalled { since, .. } => {
                Some(Stall { from: since, length: now.saturating_duration_since(since) })
            }
            _ => None,
        }
    }

    /// True if it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state != State::Waiting
    }

    /// Media that is loaded and not yet played at `now`.
    #[must_use]
    pub fn buffered(&self, now: Instant) -> Duration {
        match self.state {
            State::Waiting => self.loaded,
            State::Playing { zero } => self.loaded.saturating_sub(now.saturating_duration_since(zero)),
            State::Stalled { played, .. } => self.loaded - played,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Duration = Duration::from_millis(500);

    fn player() -> Playback {
        Playback::new(Settings { hold_back: HALF * 3, resume: HALF })
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn parts_in_time_never_stall() {
        let (mut player, start) = (player(), Instant::now());
        for part in 0..100 {
            assert_eq!(player.loaded(start + HALF * part, HALF), None);
            assert_eq!(player.has_begun(), part >= 2);
        }
        assert_eq!(player.buffered(start + HALF * 99), HALF * 3);
    }

    #[test]
    fn a_part_within_the_hold_back_is_no_stall_and_one_beyond_is() {
        let (mut player, start) = (player(), Instant::now());
        (0..3).for_each(|_| assert_eq!(player.loaded(start, HALF), None));
        assert_eq!(player.loaded(start + ms(1500), HALF), None);
        assert_eq!(player.buffered(start + ms(1500)), HALF);
        // 2000 ms of media were there; the next part comes 700 ms after that.
        let stall = player.loaded(start + ms(2700), HALF);
        assert_eq!(stall, Some(Stall { from: start + ms(2000), length: ms(700) }));
        // It plays on from there: the stall is now part of its latency.
        assert_eq!(player.loaded(start + ms(3200), HALF), None);
        assert_eq!(player.stalled(start + ms(3700)), None);
    }

    #[test]
    fn a_stalled_player_waits_for_a_part_target() {
        let (mut player, start) = (player(), Instant::now());
        (0..3).for_each(|_| assert_eq!(player.loaded(start, HALF), None));
        assert_eq!(player.loaded(start + ms(2000), ms(300)), None);
        assert_eq!(player.stalled(start + ms(2100)), Some(Stall { from: start + ms(1500), length: ms(600) }));
        let stall = player.loaded(start + ms(2200), ms(200));
        assert_eq!(stall, Some(Stall { from: start + ms(1500), length: ms(700) }));
    }

    #[test]
    fn a_stall_that_lasts_at_the_end_is_seen() {
        let (mut player, start) = (player(), Instant::now());
        (0..3).for_each(|_| assert_eq!(player.loaded(start, HALF), None));
        player.advance(start + ms(2000));
        assert_eq!(player.stalled(start + ms(2000)).map(|s| s.length), Some(ms(500)));
    }
}
