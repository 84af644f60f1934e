//! The clock of deliveries, which tests replace.

use std::fmt;
use std::sync::Arc;

use farcast_feed::time::WallTime;

/// Returns the current time.
#[derive(Clone)]
pub(super) struct Clock(Arc<dyn Fn() -> WallTime + Send + Sync>);

impl Clock {
    /// The system's.
    pub(super) fn system() -> Self {
        Self::new(WallTime::now)
    }

    pub(super) fn new(now: impl Fn() -> WallTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(super) fn now(&self) -> WallTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
