//! The delay before dialling again: exponential, with jitter, so that a restarted origin is not met by all its edges at
//! once.

use std::time::Duration;

/// The first wait. A link that was cut for a moment is back before players notice.
const FIRST: Duration = Duration::from_millis(200);

/// The longest wait: how late an edge may notice that the origin is back.
const LONGEST: Duration = Duration::from_secs(5);

/// A link that held so long was good: the next wait is the first again.
const GOOD: Duration = Duration::from_secs(10);

/// State of the dialling.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The wait after a link that held for `held`. `jitter` is a random number from 0 to 1; the wait is
    /// between half and all of the step.
    pub fn after(&mut self, held: Duration, jitter: f64) -> Duration {
        if held >= GOOD {
            self.next = FIRST;
        }
        let step = self.next;
        self.next = (step * 2).min(LONGEST);
        step.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_again_after_a_good_link() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.after(Duration::ZERO, 1.0)).collect();
        assert_eq!(waits[0], FIRST);
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(waits[7], LONGEST);
        assert_eq!(backoff.after(GOOD, 0.0), FIRST / 2);
    }
}
