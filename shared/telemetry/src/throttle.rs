//! A limit on how often a warning is logged.

use std::time::{Duration, Instant};

/// Lets one event through per interval and counts those it held back. Sans-IO: the caller says
/// what time it is.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use farcast_telemetry::throttle::Throttle;
/// let mut slow_edge = Throttle::new(Duration::from_secs(10));
/// let now = Instant::now();
/// if let Some(suppressed) = slow_edge.admit(now) {
///     tracing::warn!(suppressed, "edge falls behind");
/// }
/// assert_eq!(slow_edge.admit(now), None);
/// ```
#[derive(Clone, Debug)]
pub struct Throttle {
    interval: Duration,
    last: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    /// At most one event per `interval`; the first is let through.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { interval, last: None, suppressed: 0 }
    }

    /// `Some` when the event at `now` may be logged, with how many were held back since the last one.
    pub fn admit(&mut self, now: Instant) -> Option<u64> {
        let held = self.last.is_some_and(|last| now.saturating_duration_since(last) < self.interval);
        if held {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_passes_per_interval_and_says_how_many_were_held_back() {
        let mut throttle = Throttle::new(Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let admitted: Vec<_> = [0, 1, 9, 10, 11, 30].map(|s| throttle.admit(at(s))).into();
        assert_eq!(admitted, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
