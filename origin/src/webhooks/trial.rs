//! A delivery that the operator asks for: one attempt, now, to see whether the receiver is there and accepts the
//! signature. It may reach the same addresses as webhooks: it is the same client.

use std::sync::Arc;
use std::time::Instant;

use farcast_feed::time::WallTime;
use farcast_store::{Store, StoreError};
use serde_json::json;
use tokio::sync::Semaphore;

use super::call::{Call, Caller, Http};
use super::deliveries::{Deliveries, Delivery};
use super::record;

/// The name of the trial event; no event of the server has it.
const TEST_EVENT: &str = "TEST";

/// Trials at once. Each lasts as long as a receiver may take.
const MAX_TRIALS: usize = 2;

/// Makes trials. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trials {
    store: Store,
    http: Http,
    deliveries: Deliveries,
    turns: Arc<Semaphore>,
}

/// The reason why there was no trial.
#[derive(Debug, thiserror::Error)]
pub enum NotTried {
    /// The webhook does not exist.
    #[error("there is no such webhook")]
    Unknown,
    /// Others are under way.
    #[error("other tests are under way, try again soon")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Trials {
    /// Trials by this client, noted beside the other deliveries.
    #[must_use]
    pub fn new(store: Store, http: Http, deliveries: Deliveries) -> Self {
        Self { store, http, deliveries, turns: Arc::new(Semaphore::new(MAX_TRIALS)) }
    }

    /// The deliveries that are known.
    #[must_use]
    pub fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// Sends a trial event to the receiver of a webhook, enabled or not, once. When the future is dropped the request
    /// may have arrived.
    ///
    /// # Errors
    /// [`NotTried`].
    pub async fn run(&self, webhook: u64, server_url: &str) -> Result<Delivery, NotTried> {
        let _turn = self.turns.try_acquire().map_err(|_| NotTried::Busy)?;
        let all = record::all(&self.store).await?;
        let kept = all.into_iter().find(|kept| kept.webhook.id == webhook).ok_or(NotTried::Unknown)?;
        let now = WallTime::now();
        let data = json!({
            "type": TEST_EVENT,
            "eventData": { "id": webhook, "serverURL": server_url, "message": "a test that the owner asked for" },
        });
        let id = format!("test-{webhook}-{}", now.0);
        let call = Call { id, event: TEST_EVENT, body: data.to_string().into() };
        let begun = Instant::now();
        let told = self.http.call(&kept.webhook, &call, now).await;
        let error = told.err().map(|failure| failure.text);
        let delivery =
            Delivery { at: WallTime::now(), event: TEST_EVENT, attempt: 1, took: begun.elapsed(), error };
        self.deliveries.note(webhook, delivery.clone());
        Ok(delivery)
    }
}
