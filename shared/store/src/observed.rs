//! Observation of a store, whatever its engine: metrics, and a warning while it does not answer.
//!
//! Place in the flow: [`Store`](super::Store) reports the result of each call; programs make one with
//! [`Store::observed`](super::Store::observed). Invariant: an outage is logged with the engine's own reason after
//! [`MOMENT`], then once in [`COMPLAIN`], and its end is logged if it was.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::{Histogram, IntCounter, IntGauge, Registry};

use super::error::StoreError;
use farcast_telemetry::make::Make as _;
use farcast_telemetry::metrics::HOP_SECONDS;
use farcast_telemetry::throttle::Throttle;

/// Interval of warnings about a store that does not answer.
const COMPLAIN: Duration = Duration::from_secs(60);

/// A shorter outage is not logged: a link that is not there yet when an edge starts, one call of many that a server lost.
/// It is counted all the same.
const MOMENT: Duration = Duration::from_secs(1);

/// A store that has not answered for so long is away. Shorter than that is a server of the cluster that was replaced, or a
/// link that was dialled again: nothing that a balancer should act upon.
const AWAY: Duration = Duration::from_secs(5);

/// Interval at which a store is asked only to see whether it answers ([`super::Store::pulse`]): twice before it is
/// away.
pub(super) const PULSE: Duration = Duration::from_secs(2);

/// The calls of an engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Call {
    Get,
    Scan,
    /// One try of a commit.
    Commit,
    Watch,
}

impl Call {
    const ALL: [Self; 4] = [Self::Get, Self::Scan, Self::Commit, Self::Watch];

    fn label(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Scan => "scan",
            Self::Commit => "commit",
            Self::Watch => "watch",
        }
    }
}

/// Names of the results of a call, by [`outcome`].
const OUTCOMES: [&str; 7] = ["ok", "conflict", "refused", "damaged", "unavailable", "unknown", "displaced"];

fn outcome(error: Option<&StoreError>) -> usize {
    match error {
        None => 0,
        Some(StoreError::Precondition { .. }) => 1,
        Some(StoreError::Limit(_)) => 2,
        Some(StoreError::Damaged(_)) => 3,
        Some(StoreError::Unavailable(_)) => 4,
        Some(StoreError::Unknown(_)) => 5,
        Some(StoreError::Displaced) => 6,
    }
}

/// The reason why a commit is retried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// Another change had altered a key that this one was built upon.
    Conflict,
    /// The store was not available.
    Unavailable,
    /// The result is not known.
    Unknown,
}

impl Retry {
    const ALL: [Self; 3] = [Self::Conflict, Self::Unavailable, Self::Unknown];

    fn label(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
        }
    }
}

/// Handles of the store's metrics: the same on every engine, in origin and edges.
#[derive(Clone, Debug)]
pub struct Metrics {
    // By call, in the order of `Call::ALL`: looked up once, since reads are many.
    calls: [[IntCounter; OUTCOMES.len()]; Call::ALL.len()],
    seconds: [Histogram; Call::ALL.len()],
    retries: [IntCounter; Retry::ALL.len()],
    answering: IntGauge,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let calls = registry.counters(
            "farcast_store_calls_total",
            "Calls of the store (each try of a commit is one), by outcome; conflict: another was first.",
            &["call", "outcome"],
        )?;
        let seconds = registry.histograms(
            "farcast_store_call_seconds",
            "Duration of calls of the store, answered or not.",
            &["call"],
            &HOP_SECONDS,
        )?;
        let retries = registry.counters(
            "farcast_store_retries_total",
            "Tries of commits beyond the first of each, by reason.",
            &["reason"],
        )?;
        let answering = registry.gauge(
            "farcast_store_answering",
            "1 while the store answers; 0 from the first call that it did not answer to the next that it did.",
        )?;
        answering.set(1);
        Ok(Self {
            calls: Call::ALL
                .map(|call| OUTCOMES.map(|outcome| calls.with_label_values(&[call.label(), outcome]))),
            seconds: Call::ALL.map(|call| seconds.with_label_values(&[call.label()])),
            retries: Retry::ALL.map(|why| retries.with_label_values(&[why.label()])),
            answering,
        })
    }

    /// Counts a try of a commit beyond its first: by the store, or by an engine that tries again itself.
    pub fn retried(&self, why: Retry) {
        self.retries[why as usize].inc();
    }
}

/// The state of a store that may not answer. Sans-IO.
#[derive(Debug)]
struct Outage {
    since: Option<Instant>,
    warned: bool,
    complaints: Throttle,
}

impl Outage {
    fn new() -> Self {
        Self { since: None, warned: false, complaints: Throttle::new(COMPLAIN) }
    }

    /// A call that began then was not answered. `Some` when that is to be warned of, with how many were held back.
    fn silent(&mut self, began: Instant, now: Instant) -> Option<u64> {
        let since = *self.since.get_or_insert(began);
        if now.saturating_duration_since(since) < MOMENT {
            return None;
        }
        let admitted = self.complaints.admit(now);
        self.warned |= admitted.is_some();
        admitted
    }

    /// A call was answered. `Some` with the length of an outage that was warned of.
    fn answered(&mut self, now: Instant) -> Option<Duration> {
        let since = self.since.take()?;
        std::mem::take(&mut self.warned).then(|| now.saturating_duration_since(since))
    }

    fn is_away(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.saturating_duration_since(since) >= AWAY)
    }
}

/// The time, which tests may make.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The observer of one store.
#[derive(Debug)]
pub(super) struct Observer {
    metrics: Option<Metrics>,
    /// True if the last call was not answered: as long as calls are answered, nobody needs the lock.
    silent: AtomicBool,
    outage: Mutex<Outage>,
}

impl Observer {
    pub(super) fn new(metrics: Option<Metrics>) -> Self {
        Self { metrics, silent: AtomicBool::new(false), outage: Mutex::new(Outage::new()) }
    }

    /// A call began then and has ended, with this error or none.
    pub(super) fn ended(&self, place: &'static str, call: Call, began: Instant, error: Option<&StoreError>) {
        let now = now();
        // The caller's mistake: no engine was asked.
        let asked = !matches!(error, Some(StoreError::Limit(_)));
        let silent = error.filter(|error| error.may_pass());
        if let Some(metrics) = &self.metrics {
            metrics.calls[call as usize][outcome(error)].inc();
            // A watch waits for others to change something.
            if asked && call != Call::Watch {
                metrics.seconds[call as usize].observe(now.saturating_duration_since(began).as_secs_f64());
            }
        }
        if !asked || (silent.is_none() && !self.silent.load(Ordering::Acquire)) {
            return;
        }
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        self.silent.store(silent.is_some(), Ordering::Release);
        if let Some(metrics) = &self.metrics {
            metrics.answering.set(i64::from(silent.is_none()));
        }
        match silent {
            Some(error) => {
                if let Some(suppressed) = outage.silent(began, now) {
                    tracing::warn!(store = place, %error, suppressed, "the store does not answer");
                }
            }
            None => {
                if let Some(outage) = outage.answered(now) {
                    tracing::info!(store = place, outage_s = outage.as_secs_f64(), "the store answers again");
                }
            }
        }
    }

    pub(super) fn retried(&self, error: &StoreError) {
        let Some(metrics) = &self.metrics else { return };
        metrics.retried(if matches!(error, StoreError::Unknown(_)) {
            Retry::Unknown
        } else {
            Retry::Unavailable
        });
    }

    pub(super) fn is_away(&self) -> bool {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner).is_away(now())
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::Memory;
    use super::super::{Batch, Precondition, Tuple};
    use super::*;

    #[test]
    fn an_outage_is_warned_of_once_a_minute_and_its_end_is_told() {
        let (mut outage, start) = (Outage::new(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(outage.answered(at(0)), None);
        let mut silent = |began, now| outage.silent(at(began), at(now));
        assert_eq!(silent(1, 1), None, "a moment");
        assert_eq!(
            [(2, 2), (3, 4), (60, 61), (61, 62)].map(|(b, n)| silent(b, n)),
            [Some(0), None, None, Some(2)]
        );
        assert_eq!(outage.answered(at(70)), Some(Duration::from_secs(69)));
        // An outage that was not logged ends quietly.
        assert_eq!(outage.silent(at(71), at(73)), None);
        assert_eq!(outage.answered(at(74)), None);
        // A call that waited long for nothing is an outage by itself.
        assert_eq!(outage.silent(at(200), at(204)), Some(1));
    }

    #[test]
    fn a_moment_without_an_answer_is_not_away() {
        let (mut outage, start) = (Outage::new(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        outage.silent(at(1), at(1));
        outage.silent(at(5), at(5));
        assert!(!outage.is_away(at(5)));
        assert!(outage.is_away(at(6)));
        outage.answered(at(7));
        assert!(!outage.is_away(at(60)));
    }

    /// Nobody asks an edge without viewers for anything: it must notice both ends of an outage by itself.
    #[tokio::test(start_paused = true)]
    async fn who_does_nothing_else_with_a_store_still_sees_it_go_and_come_back() {
        let (store, engine) = Memory::store();
        let pulse = tokio::spawn({
            let store = store.clone();
            async move { store.pulse(&Tuple::new().text("key").key()).await }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!store.is_away());
        engine.fail(true);
        tokio::time::sleep(AWAY + 2 * PULSE).await;
        assert!(store.is_away());
        engine.fail(false);
        tokio::time::sleep(2 * PULSE).await;
        assert!(!store.is_away());
        pulse.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn calls_conflicts_retries_and_latency_are_counted_on_any_engine() {
        let registry = Registry::new();
        let (store, engine) = Memory::store();
        let store = store.observed(Metrics::new(&registry).unwrap());
        let key = Tuple::new().text("key").key();
        let there = Batch::new().require(Precondition::Present(key.clone()));
        assert!(store.commit(there).await.is_err());
        store.commit(Batch::new().set(key.clone(), "value")).await.unwrap();
        store.get(&key).await.unwrap();
        engine.fail(true);
        assert!(store.commit(Batch::new().set(key.clone(), "other")).await.is_err());
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for expected in [
            "farcast_store_calls_total{call=\"commit\",outcome=\"conflict\"} 1",
            "farcast_store_calls_total{call=\"commit\",outcome=\"ok\"} 1",
            "farcast_store_calls_total{call=\"get\",outcome=\"ok\"} 1",
            "farcast_store_call_seconds_count{call=\"get\"} 1",
            "farcast_store_answering 0",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        let number = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().parse().unwrap()
        };
        let tries = number("farcast_store_calls_total{call=\"commit\",outcome=\"unavailable\"}");
        assert!(tries > 10, "{tries}");
        assert_eq!(number("farcast_store_retries_total{reason=\"unavailable\"}"), tries - 1);
        engine.fail(false);
        store.get(&key).await.unwrap();
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(text.contains("farcast_store_answering 1"), "{text}");
    }
}
