//! The retry policy: when a receiver that failed is asked again, and when no more, without a clock.

use std::time::Duration;

use farcast_feed::time::WallTime;
use serde::{Deserialize, Serialize};

use super::failure::{Failure, Reason};

/// Pause after the first failure of an event; it doubles with each. Up to as much is added at random.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause, also where the receiver asks for a longer one.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// Time for which a receiver may fail, from the first failure on, until its webhook is disabled.
pub(super) const TRIED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Attempts that this takes at least: half of those of a day with the longest pauses. A clock that is a day ahead for a minute
/// is no day of failures.
const LEAST_ATTEMPTS: u32 = 72;

/// Time for which an event that its receiver does not take holds up those behind it: from when it happened, or from the
/// receiver's first failure if that was later. A receiver that is restarted or redeployed is back by then, after eight
/// attempts or so; and a receiver that learns then that a stream stopped can still do something about it.
pub(super) const HOLDS_UP_FOR: Duration = Duration::from_secs(5 * 60);

/// A receiver that does not take an event; kept with the cursor, so that a restart begins no new day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Time of the first failure.
    pub since: WallTime,
    /// Number of attempts that failed.
    pub attempts: u32,
    /// Time of the next attempt.
    pub next: WallTime,
    /// The reason why the last attempt failed.
    pub reason: String,
    /// Time of the last attempt.
    #[serde(default)]
    pub last: WallTime,
    /// Kinds of events that it did not take. Another kind is tried at once: a receiver may fail at one only.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Events that were skipped since it first failed.
    #[serde(default)]
    pub passed_over: u64,
}

/// The treatment of an event that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// The event is retried.
    Again(Trouble),
    /// Its webhook is disabled, for this reason.
    Disable(String),
}

/// Judges an attempt with an event of this `kind` that failed at `now`, after those of `before`. `random` is between 0 and 1.
pub(super) fn judge(
    before: Option<&Trouble>,
    kind: &str,
    failure: &Failure,
    now: WallTime,
    random: f64,
) -> Verdict {
    if failure.reason == Reason::Gone {
        return Verdict::Disable(failure.text.clone());
    }
    let since = before.map_or(now, |trouble| trouble.since);
    let attempts = before.map_or(0, |trouble| trouble.attempts).saturating_add(1);
    if now.since(since) >= TRIED_FOR && attempts >= LEAST_ATTEMPTS {
        let hours = TRIED_FOR.as_secs() / 3600;
        return Verdict::Disable(format!("failed for {hours} hours: {}", failure.text));
    }
    let pause = pause(attempts, random).max(failure.retry_after.unwrap_or_default()).min(LONGEST_PAUSE);
    let mut kinds = before.map(|trouble| trouble.kinds.clone()).unwrap_or_default();
    if !kinds.iter().any(|known| known == kind) {
        kinds.push(kind.to_owned());
    }
    Verdict::Again(Trouble {
        since,
        attempts,
        next: now.after(pause),
        reason: failure.text.clone(),
        last: now,
        kinds,
        passed_over: before.map_or(0, |trouble| trouble.passed_over),
    })
}

fn pause(attempts: u32, random: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let least = (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE / 2);
    least + least.mul_f64(random.clamp(0.0, 1.0))
}

impl Trouble {
    /// The wait until an event of this kind is tried. A clock that was put back does not make it longer than ever.
    pub(super) fn wait(&self, kind: &str, now: WallTime) -> Duration {
        if self.has_failed(kind) { self.next.since(now).min(LONGEST_PAUSE) } else { Duration::ZERO }
    }

    /// The time for which an event of this kind, which happened `at`, still holds up those behind it: zero when it has
    /// for long enough. None when the receiver was not called since: it may be back.
    pub(super) fn holds_up(&self, kind: &str, at: WallTime, now: WallTime) -> Option<Duration> {
        (self.has_failed(kind) && self.last >= at)
            .then(|| at.max(self.since).after(HOLDS_UP_FOR).since(now).min(HOLDS_UP_FOR))
    }

    fn has_failed(&self, kind: &str) -> bool {
        self.kinds.iter().any(|known| known == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: WallTime = WallTime(1_700_000_000_000_000);

    fn failure(retry_after: Option<u64>) -> Failure {
        Failure {
            reason: Reason::Status,
            text: "status 500".to_owned(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    /// Seconds between attempts that all fail at once, until the webhook is disabled.
    fn pauses(retry_after: Option<u64>, random: f64) -> (Vec<u64>, WallTime, String) {
        let (mut now, mut trouble, mut pauses) = (START, None, Vec::new());
        loop {
            match judge(trouble.as_ref(), "CHAT", &failure(retry_after), now, random) {
                Verdict::Again(next) => {
                    assert_eq!(next.since, START);
                    pauses.push(next.wait("CHAT", now).as_secs());
                    now = next.next;
                    trouble = Some(next);
                }
                Verdict::Disable(reason) => return (pauses, now, reason),
            }
        }
    }

    #[test]
    fn pauses_double_from_a_second_to_ten_minutes_for_a_day() {
        let (shortest, _, _) = pauses(None, 0.0);
        assert_eq!(shortest[..11], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        let (longest, end, reason) = pauses(None, 1.0);
        assert_eq!(longest[..11], [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert!(end.since(START) >= TRIED_FOR && end.since(START) < TRIED_FOR + LONGEST_PAUSE);
        assert_eq!(reason, "failed for 24 hours: status 500");
        assert!(shortest.len() < 320 && longest.len() > 150, "{} {}", shortest.len(), longest.len());
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_up_to_the_longest() {
        assert_eq!(pauses(Some(90), 0.0).0[..9], [90, 90, 90, 90, 90, 90, 90, 128, 256]);
        assert!(pauses(Some(100_000), 0.0).0.iter().all(|pause| *pause == 600));
    }

    #[test]
    fn a_receiver_that_is_gone_is_not_asked_again() {
        let gone = Failure { reason: Reason::Gone, text: "gone".to_owned(), retry_after: None };
        assert_eq!(judge(None, "CHAT", &gone, START, 0.5), Verdict::Disable("gone".to_owned()));
    }

    #[test]
    fn a_clock_that_is_put_back_does_not_keep_an_event_waiting() {
        let Verdict::Again(trouble) = judge(None, "CHAT", &failure(None), START, 0.0) else { panic!() };
        assert_eq!(trouble.wait("CHAT", WallTime(0)), LONGEST_PAUSE);
        assert_eq!(trouble.wait("CHAT", START.after(TRIED_FOR)), Duration::ZERO);
        assert_eq!(trouble.holds_up("CHAT", START, WallTime(0)), Some(HOLDS_UP_FOR));
    }

    #[test]
    fn a_clock_that_is_ahead_disables_nothing() {
        let Verdict::Again(trouble) = judge(None, "CHAT", &failure(None), START, 0.0) else { panic!() };
        let wrong = START.after(TRIED_FOR * 365);
        assert!(matches!(judge(Some(&trouble), "CHAT", &failure(None), wrong, 0.0), Verdict::Again(_)));
    }

    #[test]
    fn an_event_holds_up_others_for_minutes_once_its_receiver_was_asked_and_another_kind_is_tried_at_once() {
        let minutes = |minutes: u64| START.after(Duration::from_secs(minutes * 60));
        let Verdict::Again(trouble) = judge(None, "CHAT", &failure(None), START, 0.0) else { panic!() };
        let Verdict::Again(trouble) = judge(Some(&trouble), "CHAT", &failure(None), minutes(20), 0.0) else {
            panic!()
        };
        let chat = |at, now| trouble.holds_up("CHAT", at, now).map(|left| left.as_secs());
        // An event from before the first failure waits from then on, a later one from when it happened.
        assert_eq!(chat(WallTime(0), minutes(1)), Some(240));
        assert_eq!(chat(minutes(18), minutes(20)), Some(180));
        assert_eq!(chat(minutes(10), minutes(20)), Some(0));
        // Of what happened since the last attempt nobody knows.
        assert_eq!(chat(minutes(21), minutes(40)), None);
        assert_eq!(trouble.holds_up("STREAM_STOPPED", minutes(1), minutes(20)), None);
        assert_eq!(trouble.wait("STREAM_STOPPED", minutes(20)), Duration::ZERO);
        assert!(trouble.wait("CHAT", minutes(20)) > Duration::ZERO);
    }
}
