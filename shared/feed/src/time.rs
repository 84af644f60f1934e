//! Time as it travels: positions on a broadcast's timeline and wall-clock stamps.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Position on a broadcast's timeline in microseconds; 0 is its first sample. May be negative for
/// audio priming. Microseconds hold RTMP's milliseconds exactly and 90 kHz ticks within half a tick.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct MediaTime(pub i64);

impl MediaTime {
    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1000))
    }

    /// Microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// `self` advanced by `by`, saturating.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to `self`; zero when `self` is before it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// In ticks of `timescale` per second, rounded to the nearest.
    #[must_use]
    pub fn ticks(self, timescale: u32) -> i64 {
        let product = i128::from(self.0) * i128::from(timescale);
        i64::try_from((product + 500_000).div_euclid(1_000_000)).unwrap_or(i64::MAX)
    }
}

/// Wall-clock time of the origin, microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct WallTime(pub u64);

impl WallTime {
    /// The system clock now; 0 if it is set before 1970.
    #[must_use]
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// `self` advanced by `by`, saturating.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The time from `earlier` to `self`; zero when `self` is before it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl From<WallTime> for SystemTime {
    fn from(time: WallTime) -> Self {
        UNIX_EPOCH + Duration::from_micros(time.0)
    }
}

impl From<SystemTime> for WallTime {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_round_to_the_nearest_in_both_directions() {
        assert_eq!(MediaTime(33_333).ticks(90_000), 3000);
        assert_eq!(MediaTime(-33_333).ticks(90_000), -3000);
        assert_eq!(MediaTime(21_333).ticks(48_000), 1024);
        assert_eq!(MediaTime(i64::MAX).ticks(u32::MAX), i64::MAX);
    }

    #[test]
    fn a_time_that_lies_before_is_zero_away() {
        assert_eq!(MediaTime(1).since(MediaTime(2)), Duration::ZERO);
        assert_eq!(WallTime(5).since(WallTime(2)), Duration::from_micros(3));
    }
}
