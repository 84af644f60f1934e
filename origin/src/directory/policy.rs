//! The policy of pings to the directory: when to ping, and what to log, without a clock.

use std::time::{Duration, Instant};

use http::Uri;

/// Time between pings, and from the beginning of a broadcast to its first.
pub const PING_EVERY: Duration = Duration::from_secs(4 * 60);

/// Pings are at most this many times as far apart while they fail: about half an hour.
const MAX_BACKOFF: u32 = 8;

/// The conditions of a ping.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Conditions {
    /// True if the operator wants to be listed.
    pub enabled: bool,
    /// Start of the live broadcast, if there is one.
    pub live_since: Option<Instant>,
    /// The operator's public address of this server. Without scheme and host there is no ping.
    pub server_url: String,
}

/// The next step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Ping.
    Ping,
    /// Look again then, or when the conditions change.
    WaitUntil(Instant),
    /// Look again when the conditions change.
    Wait,
}

/// The log line for a ping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    /// Pings succeed, for the first time or again.
    Works,
    /// Pings fail, for the first time or for another reason.
    Fails,
    /// Nothing has changed.
    Nothing,
}

/// State of the pings.
#[derive(Debug, Default)]
pub struct Policy {
    last: Option<Instant>,
    /// In a row.
    failures: u32,
    /// The outcome of the last ping: this error, or success.
    outcome: Option<Result<(), String>>,
    url: String,
}

impl Policy {
    /// The next step.
    pub fn next(&mut self, conditions: &Conditions, now: Instant) -> Step {
        let Some(live_since) = conditions.live_since else { return Step::Wait };
        if !conditions.enabled || !is_complete(&conditions.server_url) {
            return Step::Wait;
        }
        // Another address may be the cure.
        if self.url != conditions.server_url {
            self.url.clone_from(&conditions.server_url);
            self.failures = 0;
        }
        let apart = PING_EVERY * MAX_BACKOFF.min(1 << self.failures.min(MAX_BACKOFF));
        let first = live_since + PING_EVERY;
        let due = self.last.map_or(first, |last| first.max(last + apart));
        if due <= now { Step::Ping } else { Step::WaitUntil(due) }
    }

    /// A ping begins.
    pub fn began(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// A ping ended, with this error if it failed.
    pub fn ended(&mut self, outcome: Result<(), String>) -> Report {
        self.failures = if outcome.is_ok() { 0 } else { self.failures.saturating_add(1) };
        if self.outcome.as_ref() == Some(&outcome) {
            return Report::Nothing;
        }
        let report = if outcome.is_ok() { Report::Works } else { Report::Fails };
        self.outcome = Some(outcome);
        report
    }
}

fn is_complete(server_url: &str) -> bool {
    let Ok(url) = server_url.parse::<Uri>() else { return false };
    matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn live(since: Instant) -> Conditions {
        Conditions {
            enabled: true,
            live_since: Some(since),
            server_url: "https://live.example.org".to_owned(),
        }
    }

    /// Minutes of the pings of so many minutes, all of which end so.
    fn pings(
        policy: &mut Policy,
        conditions: &Conditions,
        start: Instant,
        minutes: u32,
        good: bool,
    ) -> Vec<u32> {
        let mut pings = Vec::new();
        for minute in 0..minutes {
            let now = start + MINUTE * minute;
            if policy.next(conditions, now) == Step::Ping {
                policy.began(now);
                policy.ended(if good { Ok(()) } else { Err("no".to_owned()) });
                pings.push(minute);
            }
        }
        pings
    }

    #[test]
    fn the_first_ping_is_four_minutes_after_going_live_then_one_every_four() {
        let start = Instant::now();
        let mut policy = Policy::default();
        assert_eq!(policy.next(&live(start), start), Step::WaitUntil(start + PING_EVERY));
        assert_eq!(pings(&mut policy, &live(start), start, 15, true), [4, 8, 12]);
        // Another broadcast.
        let start = start + 100 * MINUTE;
        assert_eq!(pings(&mut policy, &live(start), start, 10, true), [4, 8]);
    }

    #[test]
    fn nothing_is_sent_unless_enabled_live_and_with_an_address() {
        let start = Instant::now();
        let off = [
            Conditions { enabled: false, ..live(start) },
            Conditions { live_since: None, ..live(start) },
            Conditions::default(),
        ];
        let urls = [
            "",
            "live.example.org",
            "/live",
            "https://",
            "http://:80",
            "ftp://live.example.org",
            "https:// x",
        ];
        let wrong = urls.map(|url| Conditions { server_url: url.to_owned(), ..live(start) });
        for conditions in off.iter().chain(&wrong) {
            let mut policy = Policy::default();
            assert_eq!(policy.next(conditions, start + 100 * MINUTE), Step::Wait, "{conditions:?}");
        }
    }

    #[test]
    fn who_enables_it_during_a_broadcast_is_listed_at_once_and_not_pinged_for_by_turning_it_on_and_off() {
        let start = Instant::now();
        let mut policy = Policy::default();
        let now = start + 10 * MINUTE;
        assert_eq!(policy.next(&live(start), now), Step::Ping);
        policy.began(now);
        policy.ended(Ok(()));
        let off = Conditions { enabled: false, ..live(start) };
        assert_eq!(policy.next(&off, now + MINUTE), Step::Wait);
        assert_eq!(policy.next(&live(start), now + MINUTE), Step::WaitUntil(now + PING_EVERY));
    }

    #[test]
    fn failures_make_pings_rarer_up_to_a_bound_until_one_succeeds_or_the_address_changes() {
        let start = Instant::now();
        let mut policy = Policy::default();
        let conditions = live(start);
        let failed = pings(&mut policy, &conditions, start, 160, false);
        assert_eq!(failed, [4, 12, 28, 60, 92, 124, 156]);
        let last = start + 156 * MINUTE;
        assert_eq!(policy.next(&conditions, last), Step::WaitUntil(last + 32 * MINUTE));
        let other = Conditions { server_url: "https://other.example.org".to_owned(), ..conditions };
        assert_eq!(policy.next(&other, last), Step::WaitUntil(last + 4 * MINUTE));

        let mut policy = Policy::default();
        let conditions = live(start);
        assert_eq!(pings(&mut policy, &conditions, start, 13, false), [4, 12]);
        assert_eq!(pings(&mut policy, &conditions, start, 34, true), [28, 32]);
    }

    #[test]
    fn an_error_is_reported_once_until_it_changes() {
        let mut policy = Policy::default();
        let fails = |text: &str| Err(text.to_owned());
        for (outcome, report) in [
            (fails("a"), Report::Fails),
            (fails("a"), Report::Nothing),
            (fails("b"), Report::Fails),
            (Ok(()), Report::Works),
            (Ok(()), Report::Nothing),
            (fails("b"), Report::Fails),
        ] {
            assert_eq!(policy.ended(outcome.clone()), report, "{outcome:?}");
        }
    }
}
