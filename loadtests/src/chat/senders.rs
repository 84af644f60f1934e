//! The order of speakers: users in turn, so many that none speaks faster than the chat allows.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// Least time between two messages of a user. The chat allows one in 0.667 s; the rest is for delays on the way.
pub const SPACING: Duration = Duration::from_secs(2);
/// Most words of a message.
const MOST_WORDS: usize = 16;
const WORDS: [&str; 12] = [
    "hello", "what", "a", "nice", "stream", "**wow**", "_really_", "haha", "émile", "thanks", "1 < 2",
    "see you",
];

/// Too few users for a rate.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("{rate} messages a second need {needed} users, who speak once in {spacing:?}; there are {users}")]
pub struct TooFewUsers {
    rate: f64,
    spacing: Duration,
    needed: usize,
    users: usize,
}

/// A message to send.
#[derive(Clone, PartialEq, Debug)]
pub struct Due {
    /// Time from the first message on.
    pub after: Duration,
    /// Index of the user.
    pub user: usize,
    /// The text after the mark; may be empty.
    pub words: String,
}

/// Messages at a rate, evenly but for a seeded shift of each within its slot. The same seed gives the same.
#[derive(Debug)]
pub struct Senders {
    turns: Vec<usize>,
    slot: Duration,
    length: Duration,
    next: u32,
    random: StdRng,
}

impl Senders {
    /// `rate` messages per second of some of `users`, for `length`, at least `spacing` between two of one user.
    ///
    /// # Errors
    /// When there are too few users.
    pub fn new(
        rate: f64,
        users: usize,
        spacing: Duration,
        length: Duration,
        seed: u64,
    ) -> Result<Self, TooFewUsers> {
        let mut random = StdRng::seed_from_u64(seed);
        let slot = if rate > 0.0 { Duration::from_secs_f64(1.0 / rate) } else { Duration::MAX };
        // One slot more than fit, since the shift can take up to one away.
        let needed = usize::try_from(spacing.as_nanos().div_ceil(slot.as_nanos())).unwrap_or(usize::MAX);
        let needed = needed.saturating_add(1);
        if slot < length && users < needed {
            return Err(TooFewUsers { rate, spacing, needed, users });
        }
        let mut turns: Vec<_> = (0..users).collect();
        turns.shuffle(&mut random);
        turns.truncate(needed);
        Ok(Self { turns, slot, length, next: 0, random })
    }
}

impl Iterator for Senders {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        let user = *self.turns.get(usize::try_from(self.next).ok()? % self.turns.len().max(1))?;
        let begin = self.slot.checked_mul(self.next)?;
        begin.checked_add(self.slot).filter(|end| *end <= self.length)?;
        self.next += 1;
        let after = begin + self.slot.mul_f64(self.random.random::<f64>());
        let count = self.random.random_range(0..=MOST_WORDS);
        let words = (0..count).map(|_| WORDS[self.random.random_range(0..WORDS.len())]);
        Some(Due { after, user, words: words.collect::<Vec<_>>().join(" ") })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    proptest! {
        #[test]
        fn the_rate_is_kept_and_nobody_hurries(rate in 0.2..30.0_f64, more in 0..5_usize, seed: u64) {
            let least = (rate * 2.0).ceil() as usize + 2;
            let dues: Vec<_> = Senders::new(rate, least + more, SPACING, MINUTE, seed).unwrap().collect();
            let expected = rate * 60.0;
            prop_assert!((dues.len() as f64 - expected).abs() <= 1.0, "{} instead of {expected}", dues.len());
            let mut last = HashMap::new();
            for due in &dues {
                prop_assert!(due.after < MINUTE && due.user < least + more);
                if let Some(before) = last.insert(due.user, due.after) {
                    prop_assert!(due.after - before >= SPACING);
                }
            }
            prop_assert!(dues.windows(2).all(|pair| pair[0].after <= pair[1].after));
        }
    }

    #[test]
    fn too_few_users_are_refused_and_silence_needs_none() {
        let error = Senders::new(20.0, 40, SPACING, MINUTE, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "20 messages a second need 41 users, who speak once in 2s; there are 40"
        );
        assert!(Senders::new(20.0, 41, SPACING, MINUTE, 1).is_ok());
        assert_eq!(Senders::new(0.0, 1, SPACING, MINUTE, 1).unwrap().count(), 0);
        assert_eq!(Senders::new(0.0, 0, SPACING, MINUTE, 1).unwrap().count(), 0);
    }

    #[test]
    fn a_seed_gives_the_same_again() {
        let of = |seed| Senders::new(5.0, 30, SPACING, MINUTE, seed).unwrap().collect::<Vec<_>>();
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
    }
}
