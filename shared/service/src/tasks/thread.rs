//! Threads as tasks: their end can be waited for.

use tokio_util::sync::{CancellationToken, DropGuard};

/// Held by a thread while it runs; dropping it, by a panic too, tells [`Ended`].
#[derive(Debug)]
pub struct Running(#[expect(dead_code, reason = "dropping it is its use")] DropGuard);

/// The end of a thread, to be awaited. Clones are of the same thread.
#[derive(Clone, Debug)]
pub struct Ended(CancellationToken);

impl Running {
    /// For one thread.
    #[must_use]
    pub fn new() -> (Self, Ended) {
        let ended = CancellationToken::new();
        (Self(ended.clone().drop_guard()), Ended(ended))
    }
}

impl Ended {
    /// Waits for the end of the thread. Cancel safe.
    pub async fn wait(self) {
        self.0.cancelled_owned().await;
    }
}
