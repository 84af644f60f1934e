//! The state that all threads of a ladder share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::LadderError;
use super::metrics::Metrics;

/// The state that all threads of a ladder see.
pub(super) struct Shared {
    pub(super) metrics: Metrics,
    abort: AtomicBool,
    /// Bit rate of the source's video in bits per second; 0: not known.
    source_bps: AtomicU64,
    failure: Mutex<Option<LadderError>>,
}

impl Shared {
    pub(super) fn new(metrics: Metrics) -> Arc<Self> {
        let (abort, source_bps) = (AtomicBool::new(false), AtomicU64::new(0));
        Arc::new(Self { metrics, abort, source_bps, failure: Mutex::new(None) })
    }

    pub(super) fn aborted(&self) -> bool {
        self.abort.load(Ordering::Relaxed)
    }

    /// Threads are to end at once.
    pub(super) fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
    }

    /// Bit rate of the source's video in bits per second, if it is known.
    pub(super) fn source_bps(&self) -> Option<u64> {
        Some(self.source_bps.load(Ordering::Relaxed)).filter(|bps| *bps > 0)
    }

    pub(super) fn set_source_bps(&self, bps: Option<u64>) {
        self.source_bps.store(bps.unwrap_or(0), Ordering::Relaxed);
    }

    /// Ends the ladder with an error; the first one counts.
    pub(super) fn fail(&self, error: LadderError) {
        tracing::error!(%error, "transcoding ends");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.abort();
    }

    pub(super) fn failure(&self) -> Option<LadderError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
