//! Whether a connection deserves to be kept, as a policy without a clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a connection has been doing.
#[derive(Debug)]
pub(super) struct Activity(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    /// Requests whose response has not been handed to hyper.
    requests: usize,
    /// Responses that hyper has not taken to the end.
    bodies: usize,
    progress: Instant,
}

/// What to do with a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Keep,
    /// No request for too long: close it politely.
    Idle,
    /// A response makes no progress: cut it.
    Stalled,
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Counts { requests: 0, bodies: 0, progress: now }))
    }

    pub(super) fn request_began(&self, now: Instant) {
        self.update(now, |counts| counts.requests += 1);
    }

    pub(super) fn request_ended(&self, now: Instant) {
        self.update(now, |counts| counts.requests = counts.requests.saturating_sub(1));
    }

    pub(super) fn body_began(&self, now: Instant) {
        self.update(now, |counts| counts.bodies += 1);
    }

    pub(super) fn body_progressed(&self, now: Instant) {
        self.update(now, |_| {});
    }

    pub(super) fn body_ended(&self, now: Instant) {
        self.update(now, |counts| counts.bodies = counts.bodies.saturating_sub(1));
    }

    pub(super) fn verdict(&self, now: Instant, idle: Duration, stall: Duration) -> Verdict {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = now.saturating_duration_since(counts.progress);
        if counts.bodies > 0 {
            return if quiet >= stall { Verdict::Stalled } else { Verdict::Keep };
        }
        if counts.requests == 0 && quiet >= idle { Verdict::Idle } else { Verdict::Keep }
    }

    fn update(&self, now: Instant, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut counts);
        counts.progress = counts.progress.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);
    const STALL: Duration = Duration::from_secs(20);

    #[test]
    fn a_connection_without_requests_becomes_idle_and_one_that_waits_does_not() {
        let start = Instant::now();
        let activity = Activity::new(start);
        assert_eq!(activity.verdict(start + IDLE / 2, IDLE, STALL), Verdict::Keep);
        assert_eq!(activity.verdict(start + IDLE, IDLE, STALL), Verdict::Idle);
        activity.request_began(start + IDLE);
        assert_eq!(activity.verdict(start + IDLE * 9, IDLE, STALL), Verdict::Keep);
        activity.request_ended(start + IDLE * 9);
        assert_eq!(activity.verdict(start + IDLE * 9, IDLE, STALL), Verdict::Keep);
        assert_eq!(activity.verdict(start + IDLE * 10, IDLE, STALL), Verdict::Idle);
    }

    #[test]
    fn a_response_without_progress_is_stalled() {
        let start = Instant::now();
        let activity = Activity::new(start);
        activity.body_began(start);
        assert_eq!(activity.verdict(start + STALL / 2, IDLE, STALL), Verdict::Keep);
        activity.body_progressed(start + STALL / 2);
        assert_eq!(activity.verdict(start + STALL, IDLE, STALL), Verdict::Keep);
        assert_eq!(activity.verdict(start + STALL * 2, IDLE, STALL), Verdict::Stalled);
        activity.body_ended(start + STALL * 2);
        assert_eq!(activity.verdict(start + STALL * 3, IDLE, STALL), Verdict::Keep);
    }
}
