//! The samples in memory.

use std::collections::VecDeque;

use super::Kind;
use super::sample::Sample;

/// The newest samples, in order of time, one per second; bounded by age and number.
#[derive(Debug)]
pub(super) struct Ring {
    kind: Kind,
    samples: VecDeque<Sample>,
}

impl Ring {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, samples: VecDeque::new() }
    }

    /// Takes a sample, in place of one of the same second, and forgets those that are too old or too many. A clock that
    /// was set back puts it before others.
    pub(super) fn push(&mut self, sample: Sample, now_s: u64) {
        let place = self.samples.partition_point(|other| other.unix_s < sample.unix_s);
        match self.samples.get_mut(place) {
            Some(other) if other.unix_s == sample.unix_s => *other = sample,
            _ => self.samples.insert(place, sample),
        }
        let oldest = self.oldest_s(now_s);
        while self.samples.len() > self.kind.capacity()
            || self.samples.front().is_some_and(|first| first.unix_s < oldest)
        {
            self.samples.pop_front();
        }
    }

    /// The samples of this second and later.
    pub(super) fn since(&self, start_s: u64) -> Vec<Sample> {
        let place = self.samples.partition_point(|sample| sample.unix_s < start_s);
        self.samples.range(place..).copied().collect()
    }

    /// The oldest second that is kept.
    pub(super) fn oldest_s(&self, now_s: u64) -> u64 {
        now_s.saturating_sub(self.kind.keep.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ring(samples: impl IntoIterator<Item = (u64, f64)>) -> Ring {
        let mut ring = Ring::new(Kind { name: "test", keep: Duration::from_secs(300) });
        samples.into_iter().for_each(|(unix_s, value)| ring.push(Sample { unix_s, value }, unix_s));
        ring
    }

    fn times(ring: &Ring, since: u64) -> Vec<u64> {
        ring.since(since).iter().map(|sample| sample.unix_s).collect()
    }

    #[test]
    fn samples_are_in_order_and_the_newest_of_a_second_stays() {
        let ring = ring([(1000, 1.0), (1060, 2.0), (1030, 3.0), (1060, 4.0)]);
        let value = |unix_s, value| Sample { unix_s, value };
        assert_eq!(ring.since(0), [value(1000, 1.0), value(1030, 3.0), value(1060, 4.0)]);
        assert_eq!(times(&ring, 1030), [1030, 1060]);
        assert_eq!(times(&ring, 1031), [1060]);
        assert_eq!(times(&ring, 1061), [0; 0]);
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let ring = ring([1000, 1060, 1300, 1361].map(|time| (time, 1.0)));
        assert_eq!(times(&ring, 0), [1300, 1361]);
    }

    #[test]
    fn what_is_too_much_is_forgotten_the_oldest_first() {
        let ring = ring((1000..1100).map(|time| (time, 1.0)));
        assert_eq!(times(&ring, 0), (1090..1100).collect::<Vec<_>>());
    }
}
