//! The queue of one edge, shared by the hub that fills it and the session that empties it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::queue::Queue;

/// One edge's queue with its alarm.
#[derive(Debug)]
pub(super) struct EdgeQueue {
    queue: Mutex<Queue>,
    /// Rung whenever something was pushed or confirmed.
    pub(super) changed: Notify,
}

impl EdgeQueue {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue: Mutex::new(queue), changed: Notify::new() }
    }

    /// Works on the queue. Held for moments only.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Queue) -> T) -> T {
        // A panic while it was held leaves a queue that at worst repeats or loses a message.
        work(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
