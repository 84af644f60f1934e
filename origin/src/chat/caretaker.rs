//! Deletes old entries of the chat's log each minute, and users who have been away for long each hour.
//!
//! Place in the flow: reads all of the log once, when it starts, and then new entries, so that it knows the log without
//! counting it again. Age is measured by [`Steady`], since deleted entries do not come back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use farcast_chat::log;
use farcast_feed::steady::Steady;
use farcast_feed::time::WallTime;
use farcast_settings::{Retention, Snapshot};
use farcast_store::{Store, StoreError, Versionstamp};
use farcast_telemetry::throttle::Throttle;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::kept::Kept;
use super::{Metrics, users};

/// Interval at which entries are deleted.
const TRIM_EVERY: Duration = Duration::from_secs(60);
/// Interval at which users are deleted.
const FORGET_USERS_EVERY: Duration = Duration::from_secs(3600);
/// Pause before what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Interval of warnings about a store that is not available.
const COMPLAIN: Duration = Duration::from_secs(60);

/// The last place of the log that every reader of all of it has passed: later entries stay. None if there is no such
/// reader. A reader that has read nothing yet says [`Versionstamp::ZERO`], before there is a [`Caretaker`].
pub type Keep = watch::Receiver<Option<Versionstamp>>;

/// The caretaker. Constructing spawns nothing.
#[derive(Debug)]
pub struct Caretaker {
    store: Store,
    runtime: watch::Receiver<Option<Snapshot>>,
    keep: Keep,
    kept: Mutex<Kept>,
    /// The wall clock.
    wall: fn() -> WallTime,
    steady: Mutex<Steady>,
    metrics: Metrics,
    complaints: Mutex<Throttle>,
}

impl Caretaker {
    /// A caretaker that has not looked yet.
    #[must_use]
    pub fn new(
        store: Store,
        runtime: watch::Receiver<Option<Snapshot>>,
        keep: Keep,
        metrics: Metrics,
    ) -> Self {
        Self {
            store,
            runtime,
            keep,
            kept: Mutex::default(),
            wall: WallTime::now,
            steady: Mutex::default(),
            metrics,
            complaints: Mutex::new(Throttle::new(COMPLAIN)),
        }
    }

    /// The same with another wall clock, for tests.
    #[cfg(test)]
    fn with_clock(self, wall: fn() -> WallTime) -> Self {
        Self { wall, ..self }
    }

    /// Runs until dropped, which is always allowed.
    pub async fn run(self) {
        let mut at = Versionstamp::ZERO;
        // Users who are mentioned are known before any user is deleted.
        while let Err(error) = self.catch_up(&mut at).await {
            self.complain(&error);
            tokio::time::sleep(RETRY).await;
        }
        tokio::join!(self.trim_often(at), self.forget_users_often());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time to forget by; none while the clock has not proved itself.
    fn now(&self) -> Option<WallTime> {
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        steady.now((self.wall)(), tokio::time::Instant::now().into_std())
    }

    fn take_jump(&self) -> bool {
        self.steady.lock().unwrap_or_else(PoisonError::into_inner).take_jump()
    }

    fn take(&self, entries: &[log::Placed]) {
        let now = self.now().unwrap_or_else(self.wall);
        let mut kept = self.kept();
        entries.iter().for_each(|(place, entry)| kept.add(*place, entry, now));
        self.metrics.entries.set(count(kept.len()));
    }

    /// Reads the new entries behind `at`.
    async fn catch_up(&self, at: &mut Versionstamp) -> Result<(), StoreError> {
        loop {
            let chunk = log::after(&self.store, *at).await?;
            self.take(&chunk.entries);
            *at = chunk.last.unwrap_or(*at);
            if !chunk.more {
                return Ok(());
            }
        }
    }

    async fn trim_often(&self, mut at: Versionstamp) {
        let mut tick = interval(TRIM_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let now = self.now();
            if self.take_jump() {
                // Times that lay in the future do not any more.
                tracing::warn!(
                    "the clock has jumped ahead, the age of chat entries is measured by it from now on"
                );
                at = Versionstamp::ZERO;
                *self.kept() = Kept::default();
            }
            let trimmed = async {
                self.catch_up(&mut at).await?;
                self.trim(now).await
            };
            if let Err(error) = trimmed.await {
                self.complain(&error);
            }
        }
    }

    async fn trim(&self, now: Option<WallTime>) -> Result<(), StoreError> {
        let (retention, done) = (self.retention(), *self.keep.borrow());
        let old = self.kept().old(retention, now, done);
        self.metrics.held.set(count(old.held));
        let Some(upto) = old.upto else { return Ok(()) };
        log::forget(&self.store, upto).await?;
        let mut kept = self.kept();
        let gone = kept.forget(upto);
        self.metrics.forgotten.inc_by(u64::try_from(gone).unwrap_or(u64::MAX));
        self.metrics.entries.set(count(kept.len()));
        Ok(())
    }

    fn retention(&self) -> Retention {
        let snapshot = self.runtime.borrow();
        snapshot.as_ref().map(|set| set.runtime.chat_retention).unwrap_or_default()
    }

    async fn forget_users_often(&self) {
        let mut tick = interval(FORGET_USERS_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let Some(now) = self.now() else { continue };
            if let Err(error) = self.forget_users(now).await {
                self.complain(&error);
            }
        }
    }

    async fn forget_users(&self, now: WallTime) -> Result<(), StoreError> {
        let forgotten = users::forget_gone(&self.store, now, |user| self.kept().mentions(user)).await?;
        self.metrics.forgotten_users.inc_by(forgotten);
        if forgotten > 0 {
            tracing::info!(users = forgotten, "users who were away from the chat for too long are deleted");
        }
        Ok(())
    }

    fn complain(&self, error: &StoreError) {
        self.metrics.failures.inc();
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = complaints.admit(Instant::now()) {
            tracing::warn!(%error, suppressed, "old entries of the chat cannot be deleted");
        }
    }
}

fn count(entries: usize) -> i64 {
    i64::try_from(entries).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "caretaker_tests.rs"]
mod tests;
