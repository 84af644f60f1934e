//! Health: whether the process is alive and whether it is ready, by named conditions.
//!
//! A component takes a [`Condition`] and keeps it up to date; the listeners answer `/healthz` and
//! `/readyz` from all of them, and `/readyz/media` and `/readyz/chat` from those of that part ([`Probe`]). A liveness condition begins fulfilled (a supervisor restarts the
//! process when one fails); a readiness condition begins unfulfilled (traffic comes once all are).
//! A task that failed (`tasks` of the crate `service`) makes both fail for good, and is named in the answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::pulse::{Beat, Pulses};

/// The health of a process; clones are the same health.
#[derive(Clone, Debug, Default)]
pub struct Health {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    draining: AtomicBool,
    /// Names of tasks that failed; there are as many as the program has at most.
    failed: Mutex<Vec<&'static str>>,
    liveness: Mutex<Vec<Condition>>,
    readiness: Mutex<Vec<(Condition, &'static [Probe])>>,
    pulses: Pulses,
}

/// The kinds of readiness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probe {
    /// `/readyz`: whether viewers may be sent here.
    All,
    /// `/readyz/media`: whether the media that it serves is new.
    Media,
    /// `/readyz/chat`: whether the chat and the API work.
    Chat,
}

impl Probe {
    const EVERY: [Self; 3] = [Self::All, Self::Media, Self::Chat];

    /// Its path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::All => "/readyz",
            Self::Media => "/readyz/media",
            Self::Chat => "/readyz/chat",
        }
    }

    /// The probe of a path.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|probe| probe.path() == path)
    }
}

/// Something that must hold; clones are the same condition.
#[derive(Clone, Debug)]
pub struct Condition {
    name: &'static str,
    fulfilled: Arc<AtomicBool>,
}

impl Condition {
    fn new(name: &'static str, fulfilled: bool) -> Self {
        Self { name, fulfilled: Arc::new(AtomicBool::new(fulfilled)) }
    }

    /// Says whether it holds now.
    pub fn set(&self, fulfilled: bool) {
        self.fulfilled.store(fulfilled, Ordering::Release);
    }

    /// True if it holds.
    #[must_use]
    pub fn is_fulfilled(&self) -> bool {
        self.fulfilled.load(Ordering::Acquire)
    }
}

/// The answer to a probe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// 200 when true, 503 when false.
    pub ok: bool,
    /// Body: `ok`, or which conditions do not hold, one a line.
    pub text: String,
}

impl Answer {
    /// HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        if self.ok { http::StatusCode::OK } else { http::StatusCode::SERVICE_UNAVAILABLE }
    }

    fn of(failed: &[&str], unfulfilled: &[&str]) -> Self {
        if failed.is_empty() && unfulfilled.is_empty() {
            return Self { ok: true, text: "ok\n".to_owned() };
        }
        let failed = failed.iter().map(|task| format!("the task \"{task}\" failed\n"));
        let unfulfilled = unfulfilled.iter().map(|name| format!("not {name}\n"));
        Self { ok: false, text: failed.chain(unfulfilled).collect() }
    }
}

impl Health {
    /// A process without conditions: alive and ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new condition for being alive; it holds until set otherwise. `name` completes "not …".
    #[must_use]
    pub fn liveness(&self, name: &'static str) -> Condition {
        let condition = Condition::new(name, true);
        let mut list = self.shared.liveness.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(condition.clone());
        condition
    }

    /// A new condition for being ready; it does not hold until set. `name` completes "not …".
    #[must_use]
    pub fn readiness(&self, name: &'static str) -> Condition {
        self.readiness_of(&[Probe::All], name)
    }

    /// The same, for these probes.
    #[must_use]
    pub fn readiness_of(&self, probes: &'static [Probe], name: &'static str) -> Condition {
        let condition = Condition::new(name, false);
        let mut list = self.shared.readiness.lock().unwrap_or_else(PoisonError::into_inner);
        list.push((condition.clone(), probes));
        condition
    }

    /// A loop that can be asked whether it still turns; see [`crate::pulse`]. `name` is for the log.
    #[must_use]
    pub fn beat(&self, name: &'static str) -> Beat {
        self.shared.pulses.beat(name)
    }

    /// The loops that do not answer within `patience`. Cancel safe.
    pub async fn unanswered(&self, patience: Duration) -> Vec<&'static str> {
        self.shared.pulses.unanswered(patience).await
    }

    /// Not ready from now on, for good: the process is about to stop.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Release);
    }

    /// True once the process is about to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Acquire)
    }

    /// Neither alive nor ready from now on, for good: a task of the process failed.
    pub fn fail(&self, task: &'static str) {
        self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// True if every condition of `/readyz` holds and the process does not drain.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.readyz(Probe::All).is_some_and(|answer| answer.ok)
    }

    /// Answer to `/healthz`.
    #[must_use]
    pub fn healthz(&self) -> Answer {
        let list = self.shared.liveness.lock().unwrap_or_else(PoisonError::into_inner);
        Answer::of(&self.failed(), &unfulfilled(list.iter()))
    }

    /// Answer to a probe for readiness; none where the process has no such part.
    #[must_use]
    pub fn readyz(&self, probe: Probe) -> Option<Answer> {
        let list = self.shared.readiness.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = list.iter().filter(|(_, probes)| probes.contains(&probe)).map(|(condition, _)| condition);
        if probe != Probe::All && asked.clone().next().is_none() {
            return None;
        }
        let mut names = unfulfilled(asked);
        if self.shared.draining.load(Ordering::Acquire) {
            names.push("staying: it is shutting down");
        }
        Some(Answer::of(&self.failed(), &names))
    }

    fn failed(&self) -> Vec<&'static str> {
        self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn unfulfilled<'a>(conditions: impl Iterator<Item = &'a Condition>) -> Vec<&'static str> {
    conditions.filter(|condition| !condition.is_fulfilled()).map(|condition| condition.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_that_every_condition_holds_and_nothing_drains() {
        let health = Health::new();
        let (link, disk) = (health.readiness("linked"), health.readiness("writable"));
        assert_eq!(health.readyz(Probe::All).unwrap().text, "not linked\nnot writable\n");
        link.set(true);
        disk.set(true);
        assert!(health.is_ready());
        link.set(false);
        let answer = health.readyz(Probe::All).unwrap();
        assert_eq!(answer, Answer { ok: false, text: "not linked\n".to_owned() });
        link.set(true);
        health.clone().drain();
        assert!(!health.is_ready());
        assert!(health.healthz().ok);
    }

    #[test]
    fn a_part_is_ready_by_its_own_conditions_and_unknown_without_any() {
        let health = Health::new();
        let ok = |probe| health.readyz(probe).map(|answer| answer.ok);
        let started = health.readiness("started");
        assert_eq!([ok(Probe::Media), ok(Probe::Chat)], [None, None]);
        let linked = health.readiness_of(&[Probe::All, Probe::Media], "linked");
        let stored = health.readiness_of(&[Probe::Chat], "in touch with the store");
        started.set(true);
        stored.set(true);
        assert_eq!([Probe::All, Probe::Media, Probe::Chat].map(ok), [Some(false), Some(false), Some(true)]);
        stored.set(false);
        linked.set(true);
        assert_eq!([Probe::All, Probe::Media, Probe::Chat].map(ok), [Some(true), Some(true), Some(false)]);
        health.drain();
        assert_eq!([Probe::All, Probe::Media, Probe::Chat].map(ok), [Some(false); 3]);
    }

    #[test]
    fn alive_until_a_liveness_condition_fails() {
        let health = Health::new();
        let encoder = health.liveness("encoding");
        assert_eq!(health.healthz().status(), 200);
        encoder.set(false);
        assert_eq!(health.healthz().status(), 503);
    }

    #[test]
    fn a_task_that_failed_ends_life_and_readiness_for_good_and_is_named() {
        let health = Health::new();
        health.fail("store writer");
        health.clone().drain();
        let failed = "the task \"store writer\" failed\n";
        assert_eq!(health.healthz(), Answer { ok: false, text: failed.to_owned() });
        assert!(!health.is_ready() && health.readyz(Probe::All).unwrap().text.starts_with(failed));
    }
}
