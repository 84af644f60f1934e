//! How far this edge is behind the origin, whatever their clocks say.
//!
//! A part says when the origin closed it. What lies between that and its arrival here is the way from there to here plus the
//! difference of both clocks, which nobody knows; but it is never less than both, so the least of the last minutes is taken
//! for them, and what is more for lag. An edge that has always been slow is not told by it.
//!
//! Only parts that are new count. Those that an edge fetches when it joins are old by nature; and that nothing comes is no
//! lag: an encoder that pauses is silent at every edge, and edges that learn of it at different moments must not lead their
//! viewers to and fro. An edge whose link is cut is not ready.

use std::time::{Duration, Instant};

use farcast_feed::time::WallTime;

/// The least delay of one to two of these counts.
const SPAN: Duration = Duration::from_secs(300);

/// See the module. Delays are in microseconds, and may be negative.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LagMeter {
    spans: Option<Spans>,
    /// The greatest delay since it was read last.
    worst: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Spans {
    began: Instant,
    least: i64,
    least_before: i64,
}

impl LagMeter {
    /// A part has arrived.
    pub(super) fn arrived(&mut self, closed_at: WallTime, now: Instant, wall: WallTime) {
        let micros = |time: WallTime| i64::try_from(time.0).unwrap_or(i64::MAX);
        let delay = micros(wall).saturating_sub(micros(closed_at));
        let spans = self.spans.get_or_insert(Spans { began: now, least: delay, least_before: delay });
        if now.saturating_duration_since(spans.began) >= SPAN {
            *spans = Spans { began: now, least: delay, least_before: spans.least };
        }
        spans.least = spans.least.min(delay);
        self.worst = Some(self.worst.map_or(delay, |worst| worst.max(delay)));
    }

    /// Another broadcast, or none: what was measured of the way stays.
    pub(super) fn restart(&mut self) {
        self.worst = None;
    }

    /// The greatest lag since the last call; none if nothing new has come since.
    pub(super) fn take(&mut self) -> Duration {
        let Some(spans) = self.spans else { return Duration::ZERO };
        let least = spans.least.min(spans.least_before);
        let behind = self.worst.take().map_or(0, |worst| worst.saturating_sub(least));
        Duration::from_micros(u64::try_from(behind).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    /// Parts each 300 ms, of which each takes a time in milliseconds; `skew_us` is what this clock is ahead of the origin's.
    fn lag_ms(skew_us: i64, delays_ms: &[u64]) -> Vec<u128> {
        let (mut meter, start) = (LagMeter::default(), Instant::now());
        let mut lags = Vec::new();
        for (number, delay_ms) in (0_u64..).zip(delays_ms) {
            let closed = 1_700_000_000_000_000_u64 + number * 300_000;
            let wall = closed + delay_ms * 1000;
            let now = start + Duration::from_millis(number * 300 + delay_ms);
            meter.arrived(WallTime(closed), now, WallTime(wall.checked_add_signed(skew_us).unwrap()));
            lags.push(meter.take().as_millis());
        }
        lags
    }

    #[test]
    fn lag_is_what_a_part_takes_longer_than_the_fastest_whatever_the_clocks_say() {
        let delays = [40, 45, 1_040, 140, 40];
        for skew_us in [0, HOUR_US, -HOUR_US] {
            assert_eq!(lag_ms(skew_us, &delays), [0, 5, 1_000, 100, 0], "{skew_us}");
        }
    }

    #[test]
    fn the_worst_since_the_last_reading_counts_and_silence_is_no_lag() {
        let (mut meter, start) = (LagMeter::default(), Instant::now());
        assert_eq!(meter.take(), Duration::ZERO);
        let arrive = |meter: &mut LagMeter, at_ms: u64, delay_ms: u64| {
            let now = start + Duration::from_millis(at_ms);
            meter.arrived(WallTime((at_ms - delay_ms) * 1000), now, WallTime(at_ms * 1000));
        };
        arrive(&mut meter, 1_000, 10);
        arrive(&mut meter, 1_300, 510);
        arrive(&mut meter, 1_600, 10);
        assert_eq!(meter.take(), Duration::from_millis(500));
        assert_eq!(meter.take(), Duration::ZERO, "nothing has come since: the encoder may pause");
        arrive(&mut meter, 9_000, 110);
        assert_eq!(meter.take(), Duration::from_millis(100));
        arrive(&mut meter, 9_300, 910);
        meter.restart();
        assert_eq!(meter.take(), Duration::ZERO);
    }

    #[test]
    fn a_way_that_became_longer_for_good_is_no_lag_in_the_end() {
        let (mut meter, start) = (LagMeter::default(), Instant::now());
        let mut lag_at = |second: u64, delay_ms: u64| {
            let now = start + Duration::from_secs(second);
            meter.arrived(WallTime(second * 1_000_000), now, WallTime(second * 1_000_000 + delay_ms * 1000));
            meter.take().as_millis()
        };
        assert_eq!(lag_at(1, 10), 0);
        assert_eq!(lag_at(200, 110), 100);
        assert_eq!(lag_at(350, 110), 100);
        assert_eq!(lag_at(700, 110), 0);
    }
}
