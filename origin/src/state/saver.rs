//! Saving cursors in the background: cheap for the caller, coalesced, durable.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use farcast_feed::name::{Msn, StreamName};
use farcast_service::tasks::{Ended, Running, hook};
use farcast_telemetry::throttle::Throttle;

use super::{Cursor, State};

/// Time after which a failed write is tried again; the disk may be full for a while.
const RETRY: Duration = Duration::from_secs(1);
/// Interval of warnings about a failing disk.
const COMPLAIN: Duration = Duration::from_secs(30);

/// Owns the state and writes it on a thread of its own. Saves that arrive while one is written
/// become one further write, so the queue is one state long whatever the disk does. Dropping it
/// writes the pending state (once, without retries) and joins the thread.
#[derive(Debug)]
pub struct Saver {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    ended: Ended,
}

#[derive(Debug)]
struct Shared {
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug)]
struct Progress {
    wanted: State,
    /// Counts saves.
    version: u64,
    durable: State,
    durable_version: u64,
    stopping: bool,
}

impl Saver {
    /// Starts the thread. `state` must be as it is on the disk.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(state: State) -> io::Result<Self> {
        let progress = Progress {
            wanted: state.clone(),
            version: 0,
            durable: state,
            durable_version: 0,
            stopping: false,
        };
        let shared = Arc::new(Shared { progress: Mutex::new(progress), changed: Condvar::new() });
        let (running, ended) = Running::new();
        let thread = std::thread::Builder::new().name("state".to_owned()).spawn({
            let shared = shared.clone();
            move || {
                let _running = running;
                shared.write_until_stopped();
            }
        })?;
        Ok(Self { shared, thread: Some(thread), ended })
    }

    /// The end of the thread, to be awaited: nothing is saved any more.
    #[must_use]
    pub fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// Takes the newest cursor of `stream`; never waits for the disk.
    pub fn save(&self, stream: &StreamName, cursor: Cursor) {
        let mut progress = self.shared.lock();
        progress.wanted.set_cursor(stream.clone(), cursor);
        progress.version += 1;
        self.shared.changed.notify_all();
    }

    /// The newest cursor of `stream`, durable or not.
    #[must_use]
    pub fn cursor(&self, stream: &StreamName) -> Option<Cursor> {
        self.shared.lock().wanted.cursor(stream).cloned()
    }

    /// True if `msn` of `stream` is on the disk as used, so that no restart uses it again. When it is not,
    /// the disk is slower than a segment is long: the caller should use the number and say so.
    #[must_use]
    pub fn is_reserved(&self, stream: &StreamName, msn: Msn) -> bool {
        self.shared.lock().durable.cursor(stream).is_some_and(|cursor| msn < cursor.next_msn)
    }

    /// Waits until all that was saved is durable, at most `timeout`; whether it is. Blocks.
    #[must_use]
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut progress = self.shared.lock();
        let version = progress.version;
        while progress.durable_version < version {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            progress = self.shared.wait(progress, left);
        }
        true
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It panicked, and its watcher was told.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, progress: MutexGuard<'a, Progress>, timeout: Duration) -> MutexGuard<'a, Progress> {
        self.changed.wait_timeout(progress, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    fn write_until_stopped(&self) {
        let mut complaints = Throttle::new(COMPLAIN);
        let mut progress = self.lock();
        loop {
            if progress.durable_version == progress.version {
                if progress.stopping {
                    return;
                }
                progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (state, version) = (progress.wanted.clone(), progress.version);
            drop(progress);
            hook::point("state_saver");
            let result = state.write();
            progress = self.lock();
            match result {
                Ok(()) => {
                    progress.durable = state;
                    progress.durable_version = version;
                    self.changed.notify_all();
                }
                Err(error) => {
                    if let Some(suppressed) = complaints.admit(Instant::now()) {
                        let cause = &error.source;
                        tracing::error!(%error, %cause, suppressed, "origin state cannot be saved");
                    }
                    if progress.stopping {
                        return;
                    }
                    progress = self.pause(progress);
                }
            }
        }
    }

    /// Waits before a write is tried again; saves that arrive meanwhile do not cut it short.
    fn pause<'a>(&self, mut progress: MutexGuard<'a, Progress>) -> MutexGuard<'a, Progress> {
        let until = Instant::now() + RETRY;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || progress.stopping {
                return progress;
            }
            progress = self.wait(progress, left);
        }
    }
}
