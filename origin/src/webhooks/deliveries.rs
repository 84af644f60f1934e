//! The last attempts to tell each webhook's receiver, for the operator. In memory: a restart forgets them, and each origin
//! knows its own. Sans-IO.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farcast_feed::time::WallTime;

use super::record::MAX_WEBHOOKS;

/// Number that is kept of each webhook.
const KEPT: usize = 20;
/// Longest reason of a failure that is kept, in bytes.
const MAX_ERROR_BYTES: usize = 500;

/// An attempt to tell a receiver of something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Time of the answer, or of giving up.
    pub at: WallTime,
    /// Name of the event.
    pub event: &'static str,
    /// The number of this attempt for the event, from 1.
    pub attempt: u32,
    /// The time that it took.
    pub took: Duration,
    /// The reason why it failed; none if the receiver took it.
    pub error: Option<String>,
}

/// The last ones of all webhooks. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Deliveries(Arc<Mutex<BTreeMap<u64, VecDeque<Delivery>>>>);

impl Deliveries {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, VecDeque<Delivery>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The deliveries of a webhook, the newest first.
    #[must_use]
    pub fn of(&self, webhook: u64) -> Vec<Delivery> {
        self.lock().get(&webhook).into_iter().flatten().rev().cloned().collect()
    }

    pub(super) fn note(&self, webhook: u64, mut delivery: Delivery) {
        if let Some(error) = &mut delivery.error {
            let end = (0..=MAX_ERROR_BYTES.min(error.len())).rev().find(|end| error.is_char_boundary(*end));
            error.truncate(end.unwrap_or(0));
        }
        let mut all = self.lock();
        let of_webhook = all.entry(webhook).or_default();
        if of_webhook.len() == KEPT {
            of_webhook.pop_front();
        }
        of_webhook.push_back(delivery);
        // An attempt may end when its webhook was deleted already. Numbers grow and are given once, so the lowest goes: most
        // likely that of a deleted one.
        while all.len() > MAX_WEBHOOKS {
            let oldest = all.keys().copied().find(|id| *id != webhook);
            let Some(oldest) = oldest else { break };
            all.remove(&oldest);
        }
    }

    /// Forgets those of a webhook that was deleted.
    pub fn forget(&self, webhook: u64) {
        self.lock().remove(&webhook);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(attempt: u32, error: Option<String>) -> Delivery {
        Delivery { at: WallTime(1), event: "CHAT", attempt, took: Duration::from_millis(3), error }
    }

    #[test]
    fn the_newest_of_each_webhook_are_kept_and_deleted_ones_go() {
        let deliveries = Deliveries::default();
        for attempt in 1..=30 {
            deliveries.note(7, delivery(attempt, None));
        }
        deliveries.note(8, delivery(1, Some("é".repeat(MAX_ERROR_BYTES))));
        let attempts: Vec<_> = deliveries.of(7).into_iter().map(|delivery| delivery.attempt).collect();
        assert_eq!(attempts, (11..=30).rev().collect::<Vec<_>>());
        assert_eq!(deliveries.of(8)[0].error.as_ref().unwrap().len(), MAX_ERROR_BYTES);
        deliveries.forget(7);
        assert_eq!(deliveries.of(7), []);
    }

    #[test]
    fn no_more_webhooks_are_kept_than_there_can_be() {
        let deliveries = Deliveries::default();
        for id in 0..300 {
            deliveries.note(id, delivery(1, None));
        }
        assert_eq!(deliveries.lock().len(), MAX_WEBHOOKS);
        assert_eq!((deliveries.of(0).len(), deliveries.of(299).len()), (0, 1));
    }
}
