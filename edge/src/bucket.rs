//! A token bucket: a burst, and a refill rate.

use std::time::{Duration, Instant};

/// The size of a bucket, and how fast it fills again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Burst: the bucket's size in tokens.
    pub burst: u32,
    /// Time in which one token is refilled.
    pub each: Duration,
}

/// Counts the tokens taken. Sans-IO.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// Time at which the bucket is full again.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes one, if there is one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + rate.each;
        let there = full_at <= now + rate.each * rate.burst;
        if there {
            self.full_at = Some(full_at);
        }
        there
    }

    /// True if it is full, so that nothing need be remembered of it.
    #[must_use]
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_at_once_and_so_much_with_time() {
        let rate = Rate { burst: 3, each: Duration::from_secs(2) };
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        assert_eq!(
            [0, 0, 0, 0, 1, 2, 3, 4].map(|s| bucket.take(rate, at(s))),
            [true, true, true, false, false, true, false, true]
        );
        assert!(!bucket.is_full(at(9)) && bucket.is_full(at(10)));
    }
}
