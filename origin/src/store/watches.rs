//! Waiters for changes of keys.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farcast_store::Key;
use tokio::sync::Notify;

/// Waiters by key. A key is here for as long as somebody waits for it.
#[derive(Debug, Default)]
pub(super) struct Watches {
    waiting: Mutex<BTreeMap<Key, Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    notify: Arc<Notify>,
    count: usize,
}

/// The keys that changed.
#[derive(Debug)]
pub(super) enum Change {
    Key(Key),
    /// From the first (included) to the second (not included).
    Range(Key, Key),
}

/// A place among the waiters of a key, given up when dropped.
#[derive(Debug)]
pub(super) struct Registration {
    watches: Arc<Watches>,
    key: Key,
    pub(super) notify: Arc<Notify>,
}

impl Watches {
    /// Waits for `key` from now on: a later read misses nothing.
    pub(super) fn register(self: &Arc<Self>, key: Key) -> Registration {
        let mut waiting = self.lock();
        let entry = waiting.entry(key.clone()).or_default();
        entry.count += 1;
        let notify = Arc::clone(&entry.notify);
        drop(waiting);
        Registration { watches: Arc::clone(self), key, notify }
    }

    /// Wakes the waiters of the keys that changed.
    pub(super) fn wake(&self, changes: &[Change]) {
        let waiting = self.lock();
        if waiting.is_empty() {
            return;
        }
        for change in changes {
            match change {
                Change::Key(key) => {
                    if let Some(waiting) = waiting.get(key) {
                        waiting.notify.notify_waiters();
                    }
                }
                Change::Range(from, to) if from < to => {
                    waiting.range(from..to).for_each(|(_, waiting)| waiting.notify.notify_waiters());
                }
                Change::Range(..) => {}
            }
        }
    }

    /// Number of keys with waiters.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut waiting = self.watches.lock();
        if let Some(entry) = waiting.get_mut(&self.key) {
            entry.count -= 1;
            if entry.count == 0 {
                waiting.remove(&self.key);
            }
        }
    }
}
