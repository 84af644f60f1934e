//! A decaying counter: recent events weigh more than old ones. Sans-IO.

use std::time::{Duration, Instant};

/// Goes down by one in each of its owner's periods, to zero.
#[derive(Clone, Copy, Debug)]
pub struct Fading {
    count: f64,
    at: Instant,
}

impl Fading {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { count: 0.0, at: now }
    }

    /// Its present value.
    #[must_use]
    pub fn count(&self, period: Duration, now: Instant) -> f64 {
        let gone = now.saturating_duration_since(self.at).as_secs_f64() / period.as_secs_f64();
        (self.count - gone).max(0.0)
    }

    /// Something happened. It never counts more than `most`, so that it is over after `most` periods.
    pub fn add(&mut self, amount: f64, most: f64, period: Duration, now: Instant) {
        self.count = (self.count(period, now) + amount).min(most);
        self.at = self.at.max(now);
    }

    /// Time of the last event.
    #[must_use]
    pub fn last(&self) -> Instant {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_down_by_one_in_each_period_and_not_below_zero() {
        let (period, start) = (Duration::from_secs(10), Instant::now());
        let mut fading = Fading::new(start);
        for _ in 0..5 {
            fading.add(1.0, 3.0, period, start);
        }
        let left = |seconds| fading.count(period, start + Duration::from_secs(seconds));
        assert_eq!([left(0), left(5), left(10), left(30), left(1000)], [3.0, 2.5, 2.0, 0.0, 0.0]);
        assert!((left(29) - 0.1).abs() < 1e-9);
    }
}
