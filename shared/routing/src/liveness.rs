//! Whether an edge lives, judged by the reader's own clock from what it sees change: an edge's clock never matters. And how
//! often it has gone away and come back.

use std::time::Duration;

/// Returns that are still no flapping: an edge may be started again.
const FREE_RETURNS: u32 = 1;

/// Doublings of the first damping after which it grows no more, whatever [`Timing::damp_most`] is.
const MAX_DOUBLINGS: u32 = 16;

/// When an edge is late, lost and damped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// Silence after which an edge costs more: more than two intervals of renewal.
    pub late_after: Duration,
    /// Silence after which an edge is lost.
    pub lost_after: Duration,
    /// For how long an edge is put after all others when it comes back for the second time. It doubles with each further
    /// return.
    pub damp_first: Duration,
    /// The longest that it is.
    pub damp_most: Duration,
    /// Time without a return after which former ones are forgotten. Longer than `damp_most`.
    pub forget_after: Duration,
}

impl Default for Timing {
    /// For leases that are renewed every 5 s or more often: late after 12 s, lost after 20 s; damped for 30 s, at most 10
    /// minutes; returns are forgotten after 20 minutes.
    fn default() -> Self {
        Self {
            late_after: Duration::from_secs(12),
            lost_after: Duration::from_secs(20),
            damp_first: Duration::from_secs(30),
            damp_most: Duration::from_secs(600),
            forget_after: Duration::from_secs(1200),
        }
    }
}

/// What a record says about its renewal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Beat {
    pub(crate) run: u64,
    pub(crate) renewal: u64,
}

/// The life of one edge as one reader has seen it.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    beat: Beat,
    /// When the beat changed last, or was seen first.
    pub(crate) changed_at: Duration,
    /// Whether it was seen to change: a record that is there when the reader starts may be a dead edge's.
    pub(crate) proven: bool,
    /// Since when it has no record any more.
    pub(crate) removed_at: Option<Duration>,
    returns: u32,
    returned_at: Duration,
    /// Until when it is put after others.
    pub(crate) damped_until: Duration,
}

impl Life {
    pub(crate) fn new(beat: Beat, now: Duration) -> Self {
        Self {
            beat,
            changed_at: now,
            proven: false,
            removed_at: None,
            returns: 0,
            returned_at: Duration::ZERO,
            damped_until: Duration::ZERO,
        }
    }

    /// Its record was read. `left_in_order`: the one before said that it would go. Says whether anything changed.
    pub(crate) fn read(&mut self, beat: Beat, left_in_order: bool, now: Duration, timing: &Timing) -> bool {
        if beat == self.beat && self.removed_at.is_none() {
            return false;
        }
        let was_away = self.removed_at.is_some() || now.saturating_sub(self.changed_at) >= timing.lost_after;
        let restarted = beat.run != self.beat.run;
        if (was_away || restarted) && !left_in_order {
            self.returned(now, timing);
        }
        self.beat = beat;
        self.changed_at = self.changed_at.max(now);
        self.proven = true;
        self.removed_at = None;
        true
    }

    fn returned(&mut self, now: Duration, timing: &Timing) {
        if now.saturating_sub(self.returned_at) >= timing.forget_after {
            self.returns = 0;
        }
        self.returns = self.returns.saturating_add(1);
        self.returned_at = now;
        if let Some(doublings) = self.returns.checked_sub(FREE_RETURNS + 1) {
            let damped = timing.damp_first.saturating_mul(1 << doublings.min(MAX_DOUBLINGS));
            self.damped_until = now.saturating_add(damped.min(timing.damp_most));
        }
    }

    /// Time that was no silence of the edge, because the reader could not read.
    pub(crate) fn skip(&mut self, time: Duration, now: Duration) {
        self.changed_at = self.changed_at.saturating_add(time).min(now.max(self.changed_at));
    }

    /// Whether it is gone, and what is known of its returns is of no use any more.
    pub(crate) fn is_forgotten(&self, now: Duration, timing: &Timing) -> bool {
        self.removed_at.is_some_and(|at| now.saturating_sub(at) >= timing.forget_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        late_after: Duration::from_secs(12),
        lost_after: Duration::from_secs(20),
        damp_first: Duration::from_secs(30),
        damp_most: Duration::from_secs(600),
        forget_after: Duration::from_secs(1200),
    };

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn beat(run: u64, renewal: u64) -> Beat {
        Beat { run, renewal }
    }

    #[test]
    fn only_a_change_of_the_renewal_is_a_sign_of_life() {
        let mut life = Life::new(beat(1, 5), secs(100));
        assert!(!life.read(beat(1, 5), false, secs(110), &TIMING));
        assert_eq!((life.changed_at, life.proven), (secs(100), false));
        assert!(life.read(beat(1, 6), false, secs(111), &TIMING));
        assert_eq!((life.changed_at, life.proven), (secs(111), true));
        assert!(life.read(beat(1, 2), false, secs(112), &TIMING), "also one that is smaller");
    }

    #[test]
    fn an_edge_that_returns_often_is_damped_for_longer_and_longer_and_never_longer_than_the_most() {
        let mut life = Life::new(beat(0, 0), secs(0));
        let mut now = 0;
        let mut damped = Vec::new();
        for run in 1..12 {
            now += 60;
            life.read(beat(run, 0), false, secs(now), &TIMING);
            damped.push(life.damped_until.saturating_sub(secs(now)).as_secs());
        }
        assert_eq!(damped, [0, 30, 60, 120, 240, 480, 600, 600, 600, 600, 600]);
        life.read(beat(99, 0), false, secs(now + 1200), &TIMING);
        assert!(life.damped_until <= secs(now + 1200), "former returns are forgotten");
    }

    #[test]
    fn silence_absence_and_a_new_run_are_returns_and_what_was_announced_is_none() {
        let twice = |steps: &dyn Fn(&mut Life, u64)| {
            let mut life = Life::new(beat(1, 1), secs(0));
            steps(&mut life, 100);
            steps(&mut life, 200);
            life.damped_until > secs(200)
        };
        assert!(twice(&|life, at| {
            life.read(beat(1, at), false, secs(at), &TIMING);
        }));
        let steady = |life: &mut Life, at: u64, left: bool, run: u64| {
            life.changed_at = secs(at - 5);
            life.read(beat(run, at), left, secs(at), &TIMING);
        };
        assert!(!twice(&|life, at| steady(life, at, false, 1)), "renewed in time");
        assert!(twice(&|life, at| steady(life, at, false, at)), "started again");
        assert!(!twice(&|life, at| steady(life, at, true, at)), "it had drained");
        assert!(twice(&|life, at| {
            life.removed_at = Some(secs(at - 1));
            steady(life, at, false, 1);
        }));
    }
}
