//! Health: whether the process is alive and whether it is ready, by named conditions.
//!
//! A component takes a [`Condition`] and keeps it up to date; the listeners answer `/healthz` and
//! `/readyz` from all of them. A liveness condition begins fulfilled (a supervisor restarts the
//! process when one fails); a readiness condition begins unfulfilled (traffic comes once all are).
//! A task that failed ([`crate::tasks`]) makes both fail for good, and is named in the answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    readiness: Mutex<Vec<Condition>>,
}

/// Something that must hold; clones are the same condition.
#[derive(Clone, Debug)]
pub struct Condition {
    name: &'static str,
    fulfilled: Arc<AtomicBool>,
}

impl Condition {
    /// Says whether it holds now.
    pub fn set(&self, fulfilled: bool) {
        self.fulfilled.store(fulfilled, Ordering::Release);
    }

    /// Whether it holds.
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
        add(&self.shared.liveness, name, true)
    }

    /// A new condition for being ready; it does not hold until set. `name` completes "not …".
    #[must_use]
    pub fn readiness(&self, name: &'static str) -> Condition {
        add(&self.shared.readiness, name, false)
    }

    /// Not ready from now on, for good: the process is about to stop.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Release);
    }

    /// Neither alive nor ready from now on, for good: a task of the process failed.
    pub fn fail(&self, task: &'static str) {
        self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Whether every readiness condition holds and the process does not drain.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.readyz().ok
    }

    /// Answer to `/healthz`.
    #[must_use]
    pub fn healthz(&self) -> Answer {
        Answer::of(&self.failed(), &unfulfilled(&self.shared.liveness))
    }

    /// Answer to `/readyz`.
    #[must_use]
    pub fn readyz(&self) -> Answer {
        let mut names = unfulfilled(&self.shared.readiness);
        if self.shared.draining.load(Ordering::Acquire) {
            names.push("staying: it is shutting down");
        }
        Answer::of(&self.failed(), &names)
    }

    fn failed(&self) -> Vec<&'static str> {
        self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn add(list: &Mutex<Vec<Condition>>, name: &'static str, fulfilled: bool) -> Condition {
    let condition = Condition { name, fulfilled: Arc::new(AtomicBool::new(fulfilled)) };
    list.lock().unwrap_or_else(PoisonError::into_inner).push(condition.clone());
    condition
}

fn unfulfilled(list: &Mutex<Vec<Condition>>) -> Vec<&'static str> {
    let list = list.lock().unwrap_or_else(PoisonError::into_inner);
    list.iter().filter(|condition| !condition.is_fulfilled()).map(|condition| condition.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_that_every_condition_holds_and_nothing_drains() {
        let health = Health::new();
        let (link, disk) = (health.readiness("linked"), health.readiness("writable"));
        assert_eq!(health.readyz().text, "not linked\nnot writable\n");
        link.set(true);
        disk.set(true);
        assert!(health.is_ready());
        link.set(false);
        assert_eq!(health.readyz(), Answer { ok: false, text: "not linked\n".to_owned() });
        link.set(true);
        health.clone().drain();
        assert!(!health.is_ready());
        assert!(health.healthz().ok);
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
        assert!(!health.is_ready() && health.readyz().text.starts_with(failed));
    }
}
