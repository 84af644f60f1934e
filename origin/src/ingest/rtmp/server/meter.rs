//! Measures and limits the bit rate of a publisher.

use std::time::{Duration, Instant};

/// Time for which a publisher may send at any rate, as seconds of the limit: after a stall an encoder sends all
/// that it has buffered at once.
const BURST: Duration = Duration::from_secs(5);

/// Interval at which the rate is reported.
const WINDOW: Duration = Duration::from_secs(1);

/// A leaky bucket, and a rate.
#[derive(Debug)]
pub(super) struct Meter {
    limit_bps: f64,
    /// Bits above the limit's flow.
    level: f64,
    drained_at: Instant,
    window_bits: f64,
    window_from: Instant,
}

impl Meter {
    pub(super) fn new(limit_bps: u64, now: Instant) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a limit, not an account")]
        let limit_bps = limit_bps as f64;
        Self { limit_bps, level: 0.0, drained_at: now, window_bits: 0.0, window_from: now }
    }

    /// Counts bytes; says whether the limit still holds.
    pub(super) fn add(&mut self, bytes: usize, now: Instant) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a read is far below 2^52 bits")]
        let bits = bytes as f64 * 8.0;
        let passed = now.saturating_duration_since(self.drained_at).as_secs_f64();
        self.drained_at = now;
        self.level = (self.level - passed * self.limit_bps).max(0.0) + bits;
        self.window_bits += bits;
        self.level <= self.limit_bps * BURST.as_secs_f64()
    }

    /// The rate in bits per second since the last report, once per window.
    pub(super) fn rate_bps(&mut self, now: Instant) -> Option<i64> {
        let passed = now.saturating_duration_since(self.window_from);
        if passed < WINDOW {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let rate = (self.window_bits / passed.as_secs_f64()) as i64;
        self.window_bits = 0.0;
        self.window_from = now;
        Some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_a_lasting_excess_is_not() {
        let start = Instant::now();
        let mut meter = Meter::new(8_000_000, start);
        assert!(meter.add(5_000_000, start));
        assert!(!meter.add(1, start));
        let later = start + Duration::from_secs(60);
        assert!((0..60).all(|s| meter.add(1_000_000, later + Duration::from_secs(s))));
        assert!(!(0..60).all(|s| meter.add(1_200_000, later + Duration::from_secs(60 + s))));
    }

    #[test]
    fn the_rate_is_reported_once_per_window() {
        let start = Instant::now();
        let mut meter = Meter::new(u64::MAX, start);
        meter.add(1000, start);
        assert_eq!(meter.rate_bps(start + Duration::from_millis(999)), None);
        assert_eq!(meter.rate_bps(start + Duration::from_secs(2)), Some(4000));
        assert_eq!(meter.rate_bps(start + Duration::from_secs(3)), Some(0));
    }
}
