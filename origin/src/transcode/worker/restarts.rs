//! The policy of restarts of a worker process that ended.

use std::time::Duration;

/// Time for which a worker must have run for earlier ends to be forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);
/// The first restart of several in a row that waits.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait: the same input may end each worker, and each costs a second of CPU.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Ends in a row after which a broadcast that has nothing else to show is ended.
const MAX_ENDS: u32 = 5;

/// The step after the end of a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Another one, after this time.
    After(Duration),
    /// None; so many have ended in a row.
    Never(u32),
}

/// Counts ends in a row. Sans-IO.
#[derive(Debug)]
pub(super) struct Restarts {
    /// True if the broadcast has variants that need no worker.
    goes_on_without: bool,
    ends: u32,
}

impl Restarts {
    pub(super) fn new(goes_on_without: bool) -> Self {
        Self { goes_on_without, ends: 0 }
    }

    /// A worker ended unasked that had run for so long.
    pub(super) fn ended(&mut self, ran: Duration) -> Next {
        if ran >= FORGIVEN_AFTER {
            self.ends = 0;
        }
        self.ends = self.ends.saturating_add(1);
        if self.ends >= MAX_ENDS && !self.goes_on_without {
            return Next::Never(self.ends);
        }
        // The first at once, then 1 s, 2 s, 4 s …
        let Some(doublings) = self.ends.checked_sub(2) else { return Next::After(Duration::ZERO) };
        let wait = FIRST_WAIT.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
        Next::After(wait.min(LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(200);

    fn waits(restarts: &mut Restarts, count: usize) -> Vec<Next> {
        (0..count).map(|_| restarts.ended(MOMENT)).collect()
    }

    #[test]
    fn the_first_restart_is_at_once_and_then_they_wait_longer_and_longer() {
        let mut restarts = Restarts::new(true);
        let seconds = [0, 1, 2, 4, 8, 16, 30, 30].map(|s| Next::After(Duration::from_secs(s)));
        assert_eq!(waits(&mut restarts, 8), seconds);
        assert_eq!(waits(&mut restarts, 60).last(), Some(&Next::After(LONGEST_WAIT)));
        assert_eq!(restarts.ended(FORGIVEN_AFTER), Next::After(Duration::ZERO));
    }

    #[test]
    fn a_broadcast_that_has_nothing_else_to_show_ends_at_last() {
        let mut restarts = Restarts::new(false);
        let ends = waits(&mut restarts, 5);
        assert!(ends[..4].iter().all(|next| matches!(next, Next::After(_))), "{ends:?}");
        assert_eq!(ends[4], Next::Never(5));
    }
}
