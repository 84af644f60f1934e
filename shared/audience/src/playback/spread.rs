//! Durations as counts in steps of a tenth: enough for a median over all edges.

use std::fmt;
use std::time::Duration;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Upper bound of the first step, in milliseconds.
const FIRST_MS: f64 = 100.0;
/// Each step is so much longer than the one before.
const FACTOR: f64 = 1.1;
/// Steps: the last one, which has no upper bound, begins at nearly two minutes.
const STEPS: usize = 76;
/// Largest count of a step.
const MAX_COUNT: u32 = 1 << 24;

/// A distribution of durations. A median of it is within 5 % of the true one, between 0.1 s and two minutes.
#[derive(Clone, PartialEq, Eq)]
pub struct Spread([u32; STEPS]);

impl Default for Spread {
    fn default() -> Self {
        Self([0; STEPS])
    }
}

impl fmt::Debug for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spread({} in all, median {:?})", self.total(), self.median())
    }
}

impl Spread {
    /// Counts a duration.
    pub fn count(&mut self, duration: Duration) {
        let count = &mut self.0[step(duration)];
        *count = (*count + 1).min(MAX_COUNT);
    }

    /// Adds another spread; a step counts to 2^32 at most.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    /// Number of durations that were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().copied().map(u64::from).sum()
    }

    /// The duration that half of all do not exceed; none where nothing was counted.
    #[must_use]
    pub fn median(&self) -> Option<Duration> {
        let half = self.total().div_ceil(2);
        let mut below = 0;
        let step = self.0.iter().position(|count| {
            below += u64::from(*count);
            half > 0 && below >= half
        })?;
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        // The middle of the step.
        let ms = FIRST_MS * FACTOR.powi(exponent) / FACTOR.sqrt();
        Some(Duration::from_secs_f64(ms / 1000.0))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "held between 0 and the last step"
)]
fn step(duration: Duration) -> usize {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms <= FIRST_MS {
        return 0;
    }
    let step = (ms / FIRST_MS).ln() / FACTOR.ln();
    (step.ceil() as usize).min(STEPS - 1)
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Spread {
    /// Exactly as many counts as there are steps, none above the largest: nothing longer is kept while it is read.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counts;
        impl<'de> Visitor<'de> for Counts {
            type Value = Spread;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{STEPS} counts of {MAX_COUNT} at most")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut counts: A) -> Result<Spread, A::Error> {
                let mut spread = Spread::default();
                for (index, place) in spread.0.iter_mut().enumerate() {
                    let count: u32 =
                        counts.next_element()?.ok_or_else(|| A::Error::invalid_length(index, &self))?;
                    if count > MAX_COUNT {
                        return Err(A::Error::custom("a count of a spread is too large"));
                    }
                    *place = count;
                }
                match counts.next_element::<u32>()? {
                    None => Ok(spread),
                    Some(_) => Err(A::Error::invalid_length(STEPS + 1, &self)),
                }
            }
        }
        deserializer.deserialize_seq(Counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_near_the_true_one() {
        assert_eq!(Spread::default().median(), None);
        for truth_ms in [120_u32, 480, 1000, 2345, 9_999, 60_000] {
            let mut spread = Spread::default();
            for ms in [1, truth_ms, 10_000_000] {
                spread.count(Duration::from_millis(ms.into()));
            }
            let (median, truth) = (spread.median().unwrap().as_secs_f64() * 1000.0, f64::from(truth_ms));
            assert!((median - truth).abs() <= truth * 0.05, "{median} for {truth}");
        }
    }

    #[test]
    fn half_of_all_do_not_exceed_the_median() {
        let mut spread = Spread::default();
        for ms in [200, 200, 200, 5000, 5000, 5000] {
            spread.count(Duration::from_millis(ms));
        }
        assert!(spread.median().unwrap() < Duration::from_millis(300));
        spread.count(Duration::from_millis(5000));
        assert!(spread.median().unwrap() > Duration::from_secs(4));
    }

    #[test]
    fn any_duration_has_a_step() {
        let mut spread = Spread::default();
        for duration in [Duration::ZERO, Duration::from_millis(100), Duration::from_secs(121), Duration::MAX]
        {
            spread.count(duration);
        }
        assert_eq!((spread.0[0], spread.0[STEPS - 1], spread.total()), (2, 2, 4));
    }

    #[test]
    fn counts_beyond_the_largest_are_held_or_refused() {
        let mut spread = Spread::default();
        spread.0[3] = MAX_COUNT;
        let json = serde_json::to_string(&spread).unwrap();
        assert_eq!(serde_json::from_str::<Spread>(&json).unwrap(), spread);
        let beyond = json.replace(&MAX_COUNT.to_string(), &(MAX_COUNT + 1).to_string());
        assert!(serde_json::from_str::<Spread>(&beyond).is_err());
        spread.count(Duration::from_millis(130));
        assert_eq!(spread.0[3], MAX_COUNT);
    }
}
