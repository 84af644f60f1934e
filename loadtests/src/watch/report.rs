//! The report of a watch, and whether it is good enough.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::check::Breach;
use crate::watch::tally::{SteeringTally, Summary, Tally, Traffic};

/// The bounds of a good result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Stalls.
    pub stalls: u64,
    /// Late parts; `None` for any number.
    pub late_parts: Option<u64>,
    /// Errors.
    pub errors: u64,
    /// Breaches.
    pub breaches: u64,
    /// 95th percentile of the latency of parts; `None` for any.
    pub latency: Option<Duration>,
}

/// A report.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Viewers that were started.
    pub clients: u64,
    /// Viewers that played.
    pub played: u64,
    /// Seconds.
    pub seconds: f64,
    /// Playlists.
    pub playlists: u64,
    /// Parts and segments.
    pub media: u64,
    /// Bytes of bodies.
    pub bytes: u64,
    /// Stalls.
    pub stalls: u64,
    /// Time stalled, of all viewers together.
    pub stalled_s: f64,
    /// Late parts.
    pub late_parts: u64,
    /// Missed parts.
    pub missed_parts: u64,
    /// Viewers who saw the end.
    pub ended: u64,
    /// Discontinuities, of all viewers together.
    pub discontinuities: u64,
    /// Age of parts when they were complete at a viewer.
    pub latency: Summary,
    /// Downloads of media.
    pub downloads: Summary,
    /// Connecting to playing.
    pub first_picture: Summary,
    /// Errors by text.
    pub errors: BTreeMap<String, u64>,
    /// Breaches by rule.
    pub rules: BTreeMap<&'static str, u64>,
    /// The first breaches.
    pub breaches: Vec<Breach>,
    /// Content steering.
    pub steering: Steering,
    /// The reasons why it is not good enough; empty if it is.
    pub failures: Vec<String>,
}

/// What became of content steering.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Steering {
    /// Viewers whose playlist was steered.
    pub viewers: u64,
    /// Requests to steering servers.
    pub requests: u64,
    /// Those that brought no manifest; no errors of playback.
    pub failures: u64,
    /// The same by text.
    pub errors: BTreeMap<String, u64>,
    /// Changes to a Pathway that was preferred.
    pub switches_by_steering: u64,
    /// Changes to another Pathway since one failed.
    pub switches_by_failure: u64,
    /// Longest stall across a change.
    pub longest_gap_s: f64,
    /// Objects whose bytes were compared with those that another server had given.
    pub compared: u64,
    /// Answers on each Pathway, by its ID.
    pub pathways: BTreeMap<String, Traffic>,
}

impl From<&SteeringTally> for Steering {
    fn from(tally: &SteeringTally) -> Self {
        Self {
            viewers: tally.viewers,
            requests: tally.requests,
            failures: tally.errors.values().sum(),
            errors: tally.errors.clone(),
            switches_by_steering: tally.switches_by_steering,
            switches_by_failure: tally.switches_by_failure,
            longest_gap_s: tally.longest_gap.as_secs_f64(),
            compared: tally.compared,
            pathways: tally.pathways.clone(),
        }
    }
}

impl Report {
    /// Of a tally after `length`.
    #[must_use]
    pub fn new(tally: &Tally, clients: u64, length: Duration, limits: Limits) -> Self {
        let mut report = Self {
            clients,
            played: tally.playing,
            seconds: length.as_secs_f64(),
            playlists: tally.playlists,
            media: tally.media,
            bytes: tally.bytes,
            stalls: tally.stalls,
            stalled_s: tally.stalled.as_secs_f64(),
            late_parts: tally.late_parts,
            missed_parts: tally.missed_parts,
            ended: tally.ended,
            discontinuities: tally.discontinuities,
            latency: (&tally.latency).into(),
            downloads: (&tally.downloads).into(),
            first_picture: (&tally.first_picture).into(),
            errors: tally.errors.clone(),
            rules: tally.rules.clone(),
            breaches: tally.breaches.clone(),
            steering: (&tally.steering).into(),
            failures: Vec::new(),
        };
        report.failures = failures(tally, clients, limits);
        report
    }

    /// True if it is good enough.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }
}

fn failures(tally: &Tally, clients: u64, limits: Limits) -> Vec<String> {
    let mut failures = Vec::new();
    let mut over = |what: &str, count: u64, limit: u64| {
        if count > limit {
            failures.push(format!("{count} {what}, {limit} allowed"));
        }
    };
    over("stalls", tally.stalls, limits.stalls);
    over("errors", tally.error_count(), limits.errors);
    over("breaches", tally.breach_count(), limits.breaches);
    over("late parts", tally.late_parts, limits.late_parts.unwrap_or(u64::MAX));
    over("viewers who never played", clients.saturating_sub(tally.playing), 0);
    let p95 = tally.latency.percentile(95);
    if limits.latency.is_some_and(|limit| p95 > limit) {
        failures.push(format!("latency of {p95:?} at the 95th percentile"));
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Rule;

    #[test]
    fn a_breach_a_stall_or_a_viewer_without_picture_is_a_failure() {
        let good = || Tally { playing: 2, ..Tally::default() };
        let of = |tally: &Tally| Report::new(tally, 2, Duration::from_secs(1), Limits::default());
        assert!(of(&good()).is_good());
        let mut breached = good();
        breached.breach(vec![Breach::new(Rule::Syntax, "x")]);
        assert!(!of(&breached).is_good());
        assert!(!of(&Tally { stalls: 1, ..good() }).is_good());
        assert!(!of(&Tally { playing: 1, ..good() }).is_good());
        let mut unsteered = good();
        unsteered.steering_error("status 503".to_owned());
        assert!(of(&unsteered).is_good(), "a steering server that fails is no fault of the playback");
        assert_eq!(of(&unsteered).steering.failures, 1);
        let json = serde_json::to_string(&of(&breached)).unwrap();
        assert!(json.contains("\"rule\":\"syntax\""), "{json}");
    }
}
