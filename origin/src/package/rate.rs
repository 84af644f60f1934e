//! Measured bit rates: BANDWIDTH and AVERAGE-BANDWIDTH (RFC 8216bis §4.4.6.2).

use std::collections::VecDeque;
use std::time::Duration;

/// AVERAGE-BANDWIDTH of a live stream is that of the last hour (Apple's authoring specification, 1.29).
const AVERAGED: Duration = Duration::from_secs(3600);
/// Most segments remembered: an hour of one-second segments. Shorter ones average over less.
const MAX_REMEMBERED: usize = 3600;

/// Bit rates of a variant.
#[derive(Debug, Default)]
pub(super) struct Rates {
    recent: VecDeque<(u64, Duration)>,
    bytes: u64,
    duration: Duration,
    peak_bps: u64,
}

impl Rates {
    /// Takes note of a segment. `target_duration`: segments shorter than half of it do not count
    /// as a peak (RFC 8216bis §4.1), for a lone IDR frame is no bit rate.
    pub(super) fn push(&mut self, bytes: u64, duration: Duration, target_duration: Duration) {
        if duration >= target_duration / 2 {
            self.peak_bps = self.peak_bps.max(bps(bytes, duration));
        }
        self.recent.push_back((bytes, duration));
        self.bytes = self.bytes.saturating_add(bytes);
        self.duration += duration;
        while self.recent.len() > MAX_REMEMBERED || (self.duration > AVERAGED && self.recent.len() > 1) {
            let Some((bytes, duration)) = self.recent.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(bytes);
            self.duration = self.duration.saturating_sub(duration);
        }
    }

    /// Highest bit rate of a segment so far.
    pub(super) fn peak_bps(&self) -> u64 {
        self.peak_bps.max(self.average_bps())
    }

    /// Bit rate of the last hour.
    pub(super) fn average_bps(&self) -> u64 {
        bps(self.bytes, self.duration)
    }
}

fn bps(bytes: u64, duration: Duration) -> u64 {
    let bits_us = u128::from(bytes) * 8 * 1_000_000;
    u64::try_from(bits_us / duration.as_micros().max(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_of_real_segments_and_the_average_of_an_hour() {
        let (four, td) = (Duration::from_secs(4), Duration::from_secs(4));
        let mut rates = Rates::default();
        rates.push(1_000_000, four, td);
        rates.push(2_000_000, four, td);
        rates.push(900_000, Duration::from_millis(100), td);
        assert_eq!(rates.peak_bps(), 4_000_000);
        for _ in 0..900 {
            rates.push(500_000, four, td);
        }
        assert_eq!((rates.peak_bps(), rates.average_bps()), (4_000_000, 1_000_000));
        assert_eq!(rates.recent.len(), 900);
    }
}
