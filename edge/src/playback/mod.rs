//! The viewers' playback, as their players report it: Common Media Client Data version 1 (CTA-5004).
//!
//! Place in the flow: [`crate::serve`] hands over the report of a request for media, [`crate::api`] that of a ping; [`cmcd`]
//! parses it, [`report`] keeps the known keys, [`metrics`] counts it for Prometheus, and [`recent`] sums up the last minutes
//! for the owner, whose origin asks for them ([`Ask::Playback`](farcast_link::Ask)).
//!
//! Invariants: a request is answered the same whatever its player tells; a request that tells nothing costs a look at its
//! query and four of its headers; how much is heard of a network and of all is bounded ([`limit`]), the rest is a sample
//! that was not taken. Nothing of a viewer is kept but a hash of the random id of their session, in memory, for ten
//! minutes; nothing is logged.

mod cmcd;
mod limit;
mod metrics;
mod recent;
mod report;

use std::hash::RandomState;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use farcast_audience::playback::Summary;
use farcast_config::network;
use http::{HeaderMap, HeaderName};

use self::cmcd::{Decoded, MAX_BYTES};
use self::limit::Limit;
pub use self::metrics::Metrics;
use self::metrics::Outcome;
use self::recent::Recent;
use self::report::{Malformed, Report};

/// The parameter of a query that a player writes.
const PARAMETER: &str = "CMCD=";

/// The headers among which a player distributes the same.
static HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("cmcd-object"),
    HeaderName::from_static("cmcd-request"),
    HeaderName::from_static("cmcd-session"),
    HeaderName::from_static("cmcd-status"),
];

/// The report of a request.
#[derive(Clone, Copy, Debug)]
pub struct Told<'r> {
    query: Option<&'r str>,
    headers: &'r HeaderMap,
}

impl<'r> Told<'r> {
    /// The player's report in a request; none for most requests.
    #[must_use]
    pub fn of(query: Option<&'r str>, headers: &'r HeaderMap) -> Option<Self> {
        let query = query.and_then(|query| {
            // Most queries are the directives of a playlist.
            if !query.contains(PARAMETER) {
                return None;
            }
            query.split('&').find_map(|parameter| parameter.strip_prefix(PARAMETER))
        });
        let is_there = query.is_some() || HEADERS.iter().any(|name| headers.contains_key(name));
        is_there.then_some(Self { query, headers })
    }

    fn read(&self, hasher: &RandomState) -> Result<Report, Malformed> {
        let mut report = Report::default();
        let mut left = MAX_BYTES;
        if let Some(query) = self.query {
            let decoded = Decoded::of(query).ok_or(Malformed)?;
            left -= decoded.text().len();
            report.read(decoded.text(), hasher)?;
        }
        for value in HEADERS.iter().flat_map(|name| self.headers.get_all(name)) {
            left = left.checked_sub(value.len()).ok_or(Malformed)?;
            report.read(value.as_bytes(), hasher)?;
        }
        Ok(report)
    }
}

/// Hears what players tell. Shared by all connections.
#[derive(Debug)]
pub struct Playback {
    metrics: Metrics,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: Limit,
    recent: Recent,
}

impl Playback {
    /// Has heard nothing yet.
    #[must_use]
    pub fn new(metrics: Metrics, now: Instant) -> Self {
        let state = State { limit: Limit::default(), recent: Recent::new(now) };
        Self { metrics, hasher: RandomState::new(), state: Mutex::new(state) }
    }

    /// Hears what a player at an address tells. Whatever it is, the request it came with is answered all the same.
    pub fn hear(&self, told: &Told<'_>, address: IpAddr, now: Instant) {
        let admitted = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.limit.admits(address, now)
        };
        if !admitted {
            return self.metrics.report(Outcome::PassedOver);
        }
        let Ok(mut report) = told.read(&self.hasher) else {
            return self.metrics.report(Outcome::Malformed);
        };
        // The ids of others are of no use elsewhere.
        report.session = report.session.map(|session| self.session_at(session, address));
        self.metrics.heard(&report);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).recent.note(&report, now);
    }

    fn session_at(&self, session: u64, address: IpAddr) -> u64 {
        use std::hash::BuildHasher as _;
        self.hasher.hash_one((network::of(address), session))
    }

    /// The summary of recent reports.
    #[must_use]
    pub fn summary(&self, now: Instant) -> Summary {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).recent.summary(now)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
