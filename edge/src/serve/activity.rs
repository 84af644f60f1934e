//! The decision whether a connection is kept, as a policy without a clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use farcast_service::entrance::State;

/// The recent activity of a connection.
#[derive(Debug)]
pub(super) struct Activity(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    /// Requests whose response has not been handed to hyper.
    requests: usize,
    /// Responses that hyper has not taken to the end.
    bodies: usize,
    progress: Instant,
    /// Time at which the connection was opened, while there was no request.
    silent_since: Option<Instant>,
    /// Number of requests, up to the most that `u8` holds.
    asked: u8,
}

/// Time without request and response after which a connection counts as resting: a player's is never so long without,
/// between one request and the next.
const RESTS_AFTER: Duration = Duration::from_secs(2);

/// Requests of a connection up to which it rests as soon as it is answered: that of a player, which pauses between two,
/// has asked more often within a second.
const FEW: u8 = 3;

/// Timeouts of connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Of a connection that never sent a request.
    pub(super) first_request: Duration,
    /// Between requests.
    pub(super) idle: Duration,
    /// Of a response that makes no progress.
    pub(super) stall: Duration,
}

/// The decision on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Keep,
    /// The connection never sent a request: cut it.
    Silent,
    /// No request for too long: close it politely.
    Idle,
    /// A response makes no progress: cut it.
    Stalled,
}

impl Activity {
    /// Of a connection that was opened at `opened`.
    pub(super) fn new(opened: Instant) -> Self {
        Self(Mutex::new(Counts {
            requests: 0,
            bodies: 0,
            progress: opened,
            silent_since: Some(opened),
            asked: 0,
        }))
    }

    /// True for the first.
    pub(super) fn request_began(&self, now: Instant) -> bool {
        let mut is_first = false;
        self.update(now, |counts| {
            counts.requests += 1;
            counts.asked = counts.asked.saturating_add(1);
            is_first = counts.silent_since.take().is_some();
        });
        is_first
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

    pub(super) fn verdict(&self, now: Instant, patience: Patience) -> Verdict {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = counts.silent_since {
            let silent = now.saturating_duration_since(since);
            return if silent >= patience.first_request { Verdict::Silent } else { Verdict::Keep };
        }
        let quiet = now.saturating_duration_since(counts.progress);
        if counts.bodies > 0 {
            return if quiet >= patience.stall { Verdict::Stalled } else { Verdict::Keep };
        }
        if counts.requests == 0 && quiet >= patience.idle { Verdict::Idle } else { Verdict::Keep }
    }

    /// The connection's state, as far as its place is concerned.
    pub(super) fn state(&self, now: Instant) -> State {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = now.saturating_duration_since(counts.progress);
        if counts.silent_since.is_some() {
            State::Silent
        } else if counts.requests == 0 && counts.bodies == 0 && (quiet >= RESTS_AFTER || counts.asked <= FEW)
        {
            State::Resting
        } else {
            State::Busy
        }
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

    const FIRST: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(60);
    const STALL: Duration = Duration::from_secs(20);
    const PATIENCE: Patience = Patience { first_request: FIRST, idle: IDLE, stall: STALL };

    #[test]
    fn a_connection_without_requests_becomes_idle_and_one_that_waits_does_not() {
        let start = Instant::now();
        let activity = Activity::new(start);
        assert_eq!(activity.verdict(start + FIRST / 2, PATIENCE), Verdict::Keep);
        assert!(activity.request_began(start + FIRST / 2) && !activity.request_began(start + FIRST / 2));
        for _ in 0..FEW {
            activity.request_began(start + FIRST / 2);
            activity.request_ended(start + FIRST / 2);
        }
        activity.request_ended(start + FIRST / 2);
        assert_eq!(activity.verdict(start + IDLE * 9, PATIENCE), Verdict::Keep);
        assert_eq!(activity.state(start + IDLE * 9), State::Busy);
        activity.request_ended(start + IDLE * 9);
        assert_eq!(activity.verdict(start + IDLE * 9, PATIENCE), Verdict::Keep);
        assert_eq!(activity.state(start + IDLE * 9 + RESTS_AFTER / 2), State::Busy);
        assert_eq!(activity.state(start + IDLE * 9 + RESTS_AFTER), State::Resting);
        assert_eq!(activity.verdict(start + IDLE * 10, PATIENCE), Verdict::Idle);
    }

    #[test]
    fn a_connection_that_asked_once_rests_as_soon_as_it_is_answered() {
        let start = Instant::now();
        let activity = Activity::new(start);
        activity.request_began(start);
        assert_eq!(activity.state(start), State::Busy);
        activity.request_ended(start);
        assert_eq!(activity.state(start), State::Resting);
    }

    #[test]
    fn a_connection_that_never_asks_is_not_kept_for_long() {
        let start = Instant::now();
        let activity = Activity::new(start);
        assert_eq!(
            (activity.verdict(start, PATIENCE), activity.state(start)),
            (Verdict::Keep, State::Silent)
        );
        assert_eq!(activity.verdict(start + FIRST, PATIENCE), Verdict::Silent);
    }

    #[test]
    fn a_response_without_progress_is_stalled() {
        let start = Instant::now();
        let activity = Activity::new(start);
        activity.request_began(start);
        activity.body_began(start);
        activity.request_ended(start);
        assert_eq!(activity.verdict(start + STALL / 2, PATIENCE), Verdict::Keep);
        activity.body_progressed(start + STALL / 2);
        assert_eq!(activity.verdict(start + STALL, PATIENCE), Verdict::Keep);
        assert_eq!(activity.verdict(start + STALL * 2, PATIENCE), Verdict::Stalled);
        activity.body_ended(start + STALL * 2);
        assert_eq!(activity.verdict(start + STALL * 3, PATIENCE), Verdict::Keep);
    }
}
