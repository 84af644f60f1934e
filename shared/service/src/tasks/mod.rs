//! The tasks of a program: their owner, the order in which they stop, and the treatment of one that ends by itself.
//!
//! Place in the flow: the service layer. Both programs assemble their parts and give each to [`Tasks`], which runs them
//! until somebody asks the program to stop. Nothing here knows what the tasks do.
//!
//! There are two kinds of work:
//! - A task of [`Tasks`] is needed as long as the program runs. When it panics, or ends before it was asked to, the program
//!   is not whole any more: that is logged and counted under the task's name, `/healthz` and `/readyz` fail and name it, and
//!   the program stops in order with [`EXIT_STATUS`], so that its supervisor starts it again.
//! - Work that fails alone (a connection, a broadcast) runs in [`Contained`]: its panic is logged and counted and ends that
//!   work, nothing else.
//!
//! Invariants: every task is joined; tasks of a stage stop before those of the next; stopping takes no longer than
//! [`STOP_DEADLINE`].

mod contained;
pub mod hook;
#[cfg(test)]
mod tests;
mod thread;

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use prometheus::{IntCounterVec, Registry};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

pub use self::contained::{Contained, Part};
pub use self::thread::{Ended, Running};
use farcast_telemetry::health::Health;
use farcast_telemetry::make::Make as _;
use farcast_telemetry::shutdown::Shutdown;

/// Status that a program exits with after a task of it has failed: "internal software error" of BSD's sysexits.h.
pub const EXIT_STATUS: u8 = 70;

/// Longest time for stopping in all. Every part has a deadline of its own, of seconds; the longest are ingest (6 s), the
/// broadcast's encoders (7 s), samples and peaks for a store that is away (10 s) and webhooks (10 s). The units in `infra`
/// give 60 s, since the last writes to the disk come after that.
pub const STOP_DEADLINE: Duration = Duration::from_secs(40);

/// Time for which a failure waits for others that come with it, to find the one that was the cause.
const SETTLE: Duration = Duration::from_millis(100);

/// A task that has ended, with its result.
type End<N> = (N, Result<(), JoinError>);

/// The names of a program's tasks; made by [`task_names`](crate::task_names).
pub trait Name: Copy + Eq + fmt::Debug + Send + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// As it is in logs, in metrics and in the answers of `/healthz`.
    fn label(self) -> &'static str;
}

/// Makes an enum of task names, each with its label.
#[macro_export]
macro_rules! task_names {
    ($(#[$about:meta])* $vis:vis enum $Type:ident { $($(#[$note:meta])* $Name:ident = $label:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        $vis enum $Type { $($(#[$note])* $Name,)+ }

        impl $crate::tasks::Name for $Type {
            const ALL: &'static [Self] = &[$(Self::$Name,)+];

            fn label(self) -> &'static str {
                match self { $(Self::$Name => $label,)+ }
            }
        }
    };
}

/// Tasks that stop together.
#[derive(Clone, Debug)]
pub struct Stage {
    place: usize,
    stop: CancellationToken,
}

/// The tasks of a program. Dropping it aborts them.
#[derive(Debug)]
pub struct Tasks<N> {
    running: JoinSet<()>,
    known: HashMap<Id, (N, usize)>,
    stages: Vec<CancellationToken>,
    failures: IntCounterVec,
    health: Health,
}

/// The way in which a program has stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// Everything ended by itself, in order.
    InOrder,
    /// Somebody asked a second time: what still ran was cut off.
    AtOnce,
}

/// The reason why a program has stopped although nobody asked it to, or has not stopped in order.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failed {
    /// These tasks panicked, or ended before they were asked to.
    #[error("these parts of the program failed: {}; the log says why", .0.join(", "))]
    Tasks(Vec<&'static str>),
    /// These tasks had not ended within [`STOP_DEADLINE`].
    #[error("these parts of the program did not stop in time: {}", .0.join(", "))]
    Unfinished(Vec<&'static str>),
}

impl<N: Name> Tasks<N> {
    /// Nothing runs yet. Failures are counted in `registry` and reported to `health`.
    ///
    /// # Errors
    /// When the metric is registered already.
    pub fn new(registry: &Registry, health: Health) -> Result<Self, prometheus::Error> {
        let about = "Tasks of the program that panicked or ended by themselves; each stops the program.";
        let failures = registry.counters("farcast_task_failures_total", about, &["task"])?;
        for name in N::ALL {
            failures.with_label_values(&[name.label()]).reset();
        }
        Ok(Self { running: JoinSet::new(), known: HashMap::new(), stages: Vec::new(), failures, health })
    }

    /// A further stage, which stops when all before it have stopped.
    pub fn stage(&mut self) -> Stage {
        let stop = CancellationToken::new();
        self.stages.push(stop.clone());
        Stage { place: self.stages.len() - 1, stop }
    }

    /// Starts a task that ends once its token is cancelled, and not before.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        stage: &Stage,
        name: N,
        task: impl FnOnce(CancellationToken) -> F,
    ) {
        let task = Box::pin(task(stage.stop.clone()));
        let handle = self.running.spawn(hook::until_asked(name.label(), task));
        self.known.insert(handle.id(), (name, stage.place));
    }

    /// Starts a task that runs until it is dropped, which happens when its stage stops.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn_until_stopped<F>(&mut self, stage: &Stage, name: N, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn(stage, name, |stop| async move {
            stop.run_until_cancelled_owned(task).await;
        });
    }

    /// Owns a thread: its end counts as that of a task.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn watch(&mut self, stage: &Stage, name: N, thread: Ended) {
        self.spawn_until_stopped(stage, name, thread.wait());
    }

    /// Waits until somebody asks to stop or a task fails; then stops all stages in order, and joins every task.
    ///
    /// Not cancel safe: dropping the future aborts what runs.
    ///
    /// # Errors
    /// When a task had failed, also while stopping, or did not end in time. All others were stopped in order.
    pub async fn run(mut self, shutdown: &Shutdown) -> Result<Stopped, Failed> {
        let mut failed = Vec::new();
        tokio::select! {
            biased;
            () = shutdown.graceful.cancelled() => {}
            Some(end) = self.ended() => {
                self.first_failure(end, &mut failed).await;
                shutdown.graceful.cancel();
            }
        }
        self.health.drain();
        let in_time = tokio::select! {
            biased;
            () = shutdown.immediate.cancelled() => None,
            stopped = tokio::time::timeout(STOP_DEADLINE, self.stop(&mut failed)) => Some(stopped.is_ok()),
        };
        let unfinished: Vec<_> = self.known.values().map(|(name, _)| name.label()).collect();
        if in_time == Some(false) {
            tracing::error!(tasks = ?unfinished, "these tasks did not end in time, they are cut off");
        }
        match in_time {
            _ if !failed.is_empty() => Err(Failed::Tasks(failed)),
            Some(true) => Ok(Stopped::InOrder),
            Some(false) => Err(Failed::Unfinished(unfinished)),
            None => Ok(Stopped::AtOnce),
        }
    }

    /// A task that panics drops what it held before its own end is seen: a task that ends because of that may be seen
    /// first, and has not failed.
    async fn first_failure(&mut self, end: End<N>, failed: &mut Vec<&'static str>) {
        let mut ends = vec![end];
        let settled = Instant::now() + SETTLE;
        while let Ok(Some(end)) = timeout_at(settled, self.ended()).await {
            ends.push(end);
        }
        let panicked = ends.iter().any(|(_, end)| end.is_err());
        for (name, end) in ends.into_iter().filter(|(_, end)| end.is_err() || !panicked) {
            self.failure(name, end, failed);
        }
    }

    async fn stop(&mut self, failed: &mut Vec<&'static str>) {
        for place in 0..self.stages.len() {
            self.stages[place].cancel();
            while self.known.values().any(|(_, of)| *of == place) {
                let Some((name, end)) = self.ended().await else { break };
                // A task that ends earlier now ends because of one that has ended before it.
                if end.is_err() {
                    self.failure(name, end, failed);
                }
            }
        }
    }

    /// Waits for the next end; never, where nothing runs. Cancel safe.
    async fn ended(&mut self) -> Option<End<N>> {
        let (id, end) = match self.running.join_next_with_id().await? {
            Ok((id, ())) => (id, Ok(())),
            Err(error) => (error.id(), Err(error)),
        };
        let (name, _) = self.known.remove(&id)?;
        Some((name, end))
    }

    fn failure(&self, name: N, end: Result<(), JoinError>, failed: &mut Vec<&'static str>) {
        let task = name.label();
        match end.map_err(JoinError::try_into_panic) {
            Ok(()) => tracing::error!(task, "a task of the program has ended by itself, the program stops"),
            Err(Ok(panic)) => {
                tracing::error!(
                    task,
                    panic = text(&*panic),
                    "a task of the program panicked, the program stops"
                );
            }
            Err(Err(error)) => {
                tracing::error!(task, %error, "a task of the program was lost, the program stops")
            }
        }
        self.failures.with_label_values(&[task]).inc();
        self.health.fail(task);
        failed.push(task);
    }
}

/// The result of a part of a task; its panic becomes the task's own, so that the owner of the task sees it.
///
/// # Panics
/// As the part did.
pub fn relay<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(output) => Some(output),
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // It was aborted.
        Err(Err(_)) => None,
    }
}

/// The message of a panic.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}
