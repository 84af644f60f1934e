//! Health: whether the process is alive and whether it is ready, by named conditions.
//!
//! A component takes a [`Condition`] and keeps it up to date; the listeners answer `/healthz` and
//! `/readyz` from all of them. A liveness condition begins fulfilled (a supervisor restarts the
//! process when one fails); a readiness condition begins unfulfilled (traffic comes once all are).

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

    fn of(unfulfilled: &[&str]) -> Self {
        if unfulfilled.is_empty() {
            return Self { ok: true, text: "ok\n".to_owned() };
        }
        Self { ok: false, text: unfulfilled.iter().map(|name| format!("not {name}\n")).collect() }
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

    /// Whether every readiness condition holds and the process does not drain.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.readyz().ok
    }

    /// Answer to `/healthz`.
    #[must_use]
    pub fn healthz(&self) -> Answer {
        Answer::of(&unfulfilled(&self.shared.liveness))
    }

    /// Answer to `/readyz`.
    #[must_use]
    pub fn readyz(&self) -> Answer {
        let mut names = unfulfilled(&self.shared.readiness);
        if self.shared.draining.load(Ordering::Acquire) {
            names.push("staying: it is shutting down");
        }
        Answer::of(&names)
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
}
