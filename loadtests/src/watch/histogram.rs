//! Durations counted in logarithmic buckets: constant memory, three per cent of error.

use std::time::Duration;

/// Buckets per power of two.
const STEPS: u32 = 32;
/// Powers of two of microseconds: up to an hour.
const POWERS: u32 = 32;

/// Counts of durations.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; (STEPS * POWERS) as usize], total: 0, largest: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let index = bucket(duration).min(self.counts.len() - 1);
        self.counts[index] += 1;
        self.total += 1;
        self.largest = self.largest.max(duration);
    }

    /// Counts all that another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.largest = self.largest.max(other.largest);
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The largest.
    #[must_use]
    pub fn largest(&self) -> Duration {
        self.largest
    }

    /// The duration that `percent` of all do not exceed, give or take a bucket; zero when there are none.
    #[must_use]
    pub fn percentile(&self, percent: u64) -> Duration {
        let wanted = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper(index).min(self.largest);
            }
        }
        self.largest
    }
}

fn bucket(duration: Duration) -> usize {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(1);
    let power = micros.ilog2();
    let steps = u64::from(STEPS);
    // Within a power of two the steps are equal.
    let fraction = (u128::from(micros - (1 << power)) * u128::from(steps)) >> power;
    usize::try_from(u64::from(power) * steps).unwrap_or(usize::MAX) + usize::try_from(fraction).unwrap_or(0)
}

fn upper(index: usize) -> Duration {
    let index = u64::try_from(index).unwrap_or(u64::MAX) + 1;
    let (power, fraction) = (index / u64::from(STEPS), index % u64::from(STEPS));
    let base = 1_u64.checked_shl(u32::try_from(power).unwrap_or(u32::MAX)).unwrap_or(u64::MAX);
    Duration::from_micros(base.saturating_add(base / u64::from(STEPS) * fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_close() {
        let mut histogram = Histogram::default();
        for ms in 1..=1000 {
            histogram.add(Duration::from_millis(ms));
        }
        for (percent, expected) in [(50, 500), (95, 950), (99, 990), (100, 1000)] {
            let found = histogram.percentile(percent).as_millis();
            assert!((expected * 96 / 100..=expected * 104 / 100).contains(&found), "p{percent} is {found}");
        }
    }

    #[test]
    fn merged_is_as_counted_together() {
        let (mut all, mut parts) = (Histogram::default(), [Histogram::default(), Histogram::default()]);
        for ms in 1..=100 {
            all.add(Duration::from_millis(ms));
            parts[usize::from(ms > 70)].add(Duration::from_millis(ms));
        }
        let [mut merged, rest] = parts;
        merged.merge(&rest);
        assert_eq!((merged.counts, merged.total, merged.largest), (all.counts, all.total, all.largest));
    }

    #[test]
    fn extremes_fit() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), Duration::ZERO);
        histogram.add(Duration::ZERO);
        histogram.add(Duration::MAX);
        assert_eq!(
            histogram.percentile(100),
            Duration::MAX.min(histogram.largest()).min(upper(STEPS as usize * POWERS as usize - 1))
        );
        assert_eq!(histogram.count(), 2);
    }
}
