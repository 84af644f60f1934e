//! The counts of all viewers together.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::check::Breach;
use crate::playback::Stall;
use crate::watch::histogram::Histogram;

/// Breaches kept with their excerpts; further ones are only counted.
const KEPT_BREACHES: usize = 50;
/// Distinct texts of errors kept.
const KEPT_ERRORS: usize = 50;
/// A stall shorter than this is not one: clocks and wake-ups of a loaded machine.
const SHORTEST_STALL: Duration = Duration::from_millis(50);

/// Counts.
#[derive(Debug, Default)]
pub struct Tally {
    /// Viewers that are connected and have a playlist.
    pub watching: u64,
    /// Viewers that have begun to play.
    pub playing: u64,
    /// Playlists received.
    pub playlists: u64,
    /// Parts and segments received.
    pub media: u64,
    /// Bytes of bodies.
    pub bytes: u64,
    /// Stalls.
    pub stalls: u64,
    /// Time stalled.
    pub stalled: Duration,
    /// Parts that came more than a part target later than the earliest one had.
    pub late_parts: u64,
    /// Parts of gaps, and parts that had gone when they were asked for.
    pub missed_parts: u64,
    /// Viewers who saw the end.
    pub ended: u64,
    /// Discontinuities seen, by any viewer.
    pub discontinuities: u64,
    /// Age of a part when it was complete at a viewer: against its date and duration, by this machine's clock.
    pub latency: Histogram,
    /// Durations of downloads of media.
    pub downloads: Histogram,
    /// Times of viewers from connecting to playing.
    pub first_picture: Histogram,
    /// Errors by text.
    pub errors: BTreeMap<String, u64>,
    /// Breaches by rule.
    pub rules: BTreeMap<&'static str, u64>,
    /// The first breaches with their excerpts.
    pub breaches: Vec<Breach>,
    /// Content steering.
    pub steering: SteeringTally,
}

/// Counts of content steering.
#[derive(Debug, Default)]
pub struct SteeringTally {
    /// Viewers whose playlist is steered.
    pub viewers: u64,
    /// Requests to steering servers.
    pub requests: u64,
    /// Those that brought no manifest, by text.
    pub errors: BTreeMap<String, u64>,
    /// Changes to a Pathway that the steering server prefers, or whose penalty is over.
    pub switches_by_steering: u64,
    /// Changes to another Pathway since one failed.
    pub switches_by_failure: u64,
    /// Longest stall from the beginning of a change until the viewer played on.
    pub longest_gap: Duration,
    /// Objects whose bytes were compared with those that another server had given.
    pub compared: u64,
    /// Answers on each Pathway.
    pub pathways: BTreeMap<String, Traffic>,
}

/// Playlists, sections and media that came by one Pathway.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Traffic {
    /// Answers.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

/// A summary of a [`Histogram`], in seconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Summary {
    /// Their number.
    pub count: u64,
    /// Median.
    pub p50_s: f64,
    /// 95th percentile.
    pub p95_s: f64,
    /// 99th percentile.
    pub p99_s: f64,
    /// Largest.
    pub max_s: f64,
}

impl From<&Histogram> for Summary {
    fn from(histogram: &Histogram) -> Self {
        let at = |percent| histogram.percentile(percent).as_secs_f64();
        let max_s = histogram.largest().as_secs_f64();
        Self { count: histogram.count(), p50_s: at(50), p95_s: at(95), p99_s: at(99), max_s }
    }
}

impl Tally {
    /// Counts a stall.
    pub fn stall(&mut self, stall: Stall) {
        if stall.length >= SHORTEST_STALL {
            self.stalls += 1;
            self.stalled += stall.length;
        }
    }

    /// Notes what a change of the Pathway cost, if it is over.
    pub fn gap(&mut self, gap: Option<Duration>) {
        self.steering.longest_gap = self.steering.longest_gap.max(gap.unwrap_or_default());
    }

    /// Counts an error.
    pub fn error(&mut self, text: String) {
        count(&mut self.errors, text);
    }

    /// Counts a request to a steering server that brought no manifest.
    pub fn steering_error(&mut self, text: String) {
        count(&mut self.steering.errors, text);
    }

    /// Counts an answer of `bytes`, and the Pathway that it came by if there are any.
    pub fn received(&mut self, pathway: Option<&str>, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes += bytes;
        if let Some(pathway) = pathway {
            let traffic = self.steering.pathways.entry(pathway.to_owned()).or_default();
            traffic.requests += 1;
            traffic.bytes += bytes;
        }
    }

    /// Counts breaches.
    pub fn breach(&mut self, breaches: Vec<Breach>) {
        for breach in breaches {
            *self.rules.entry(breach.rule.id()).or_default() += 1;
            if self.breaches.len() < KEPT_BREACHES {
                self.breaches.push(breach);
            }
        }
    }

    /// All errors.
    #[must_use]
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// All breaches.
    #[must_use]
    pub fn breach_count(&self) -> u64 {
        self.rules.values().sum()
    }
}

fn count(errors: &mut BTreeMap<String, u64>, text: String) {
    let known = errors.len() < KEPT_ERRORS || errors.contains_key(&text);
    *errors.entry(if known { text } else { "others".to_owned() }).or_default() += 1;
}
