//! The throughput that a player observes: what it tells the steering server as `_HLS_throughput` (§7).

use std::time::Duration;

/// Time spent on downloads after which older ones count half.
const HALVED_AFTER: Duration = Duration::from_secs(2);

/// A measurement that forgets slowly.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Throughput {
    bits: f64,
    seconds: f64,
}

impl Throughput {
    /// Counts a download of `bytes` that took `length`. What waited for media to come into being is none.
    pub fn add(&mut self, bytes: usize, length: Duration) {
        if self.seconds > HALVED_AFTER.as_secs_f64() {
            self.bits /= 2.0;
            self.seconds /= 2.0;
        }
        self.bits += f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) * 8.0;
        self.seconds += length.as_secs_f64();
    }

    /// Bits per second; `None` before the first download, or while downloads took no time.
    #[must_use]
    pub fn bps(&self) -> Option<u64> {
        let bps = self.bits / self.seconds;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and both parts are sums of what is not negative"
        )]
        (bps.is_finite() && bps > 0.0).then_some(bps as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_long_ago_counts_less_than_what_was_just_now() {
        let mut throughput = Throughput::default();
        assert_eq!(throughput.bps(), None);
        throughput.add(1000, Duration::from_secs(1));
        assert_eq!(throughput.bps(), Some(8000));
        for _ in 0..100 {
            throughput.add(2000, Duration::from_secs(1));
        }
        assert!(throughput.bps().is_some_and(|bps| bps > 15_900), "{throughput:?}");
    }
}
