//! Following the store: the newest state in a watch channel, whatever happens to store and link.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::Runtime;
use super::field::{load, tip_key};
use super::status::{LiveStatus, status_key};
use crate::store::{Store, StoreError, decode};

/// Pause after a read that failed.
const RETRY: Duration = Duration::from_millis(500);

/// The settings at one time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The settings.
    pub runtime: Arc<Runtime>,
    /// Stamp of a change that they contain, as bytes: empty before the first, greater with each.
    pub tip: Bytes,
}

/// Stamp of the newest change.
///
/// # Errors
/// When the store fails.
pub async fn newest(store: &Store) -> Result<Bytes, StoreError> {
    Ok(store.get(&tip_key()).await?.unwrap_or_default())
}

/// Keeps `runtime` as the store has it; `None` until it was read for the first time. Runs until dropped, which is always
/// allowed.
pub async fn follow(store: &Store, runtime: &watch::Sender<Option<Snapshot>>) {
    let mut read = false;
    let mut seen = None;
    loop {
        // The tip first: a change after that moves it again.
        let tip =
            if read { store.changed(&tip_key(), seen.clone()).await } else { store.get(&tip_key()).await };
        let loaded = match tip {
            Ok(tip) => load(store).await.map(|loaded| (tip, loaded)),
            Err(error) => Err(error),
        };
        match loaded {
            Ok((tip, loaded)) => {
                (read, seen) = (true, tip.clone());
                runtime
                    .send_replace(Some(Snapshot { runtime: Arc::new(loaded), tip: tip.unwrap_or_default() }));
            }
            Err(error) => pause("the settings cannot be read", &error).await,
        }
    }
}

/// Keeps `status` as the store has it; `None` until it was read for the first time. Runs until dropped.
pub async fn follow_status(store: &Store, status: &watch::Sender<Option<Arc<LiveStatus>>>) {
    let key = status_key();
    let mut read = false;
    let mut seen = None;
    loop {
        let value =
            if read { store.changed(key.key(), seen.clone()).await } else { store.get(key.key()).await };
        match value {
            Ok(value) => {
                let known = value.as_deref().map(decode::<LiveStatus>).transpose();
                let known = known.unwrap_or_else(|error| {
                    tracing::error!(%error, "the status cannot be read");
                    None
                });
                (read, seen) = (true, value);
                status.send_replace(Some(Arc::new(known.unwrap_or_default())));
            }
            Err(error) => pause("the status cannot be read", &error).await,
        }
    }
}

async fn pause(what: &'static str, error: &StoreError) {
    tracing::debug!(%error, what, "the store is asked again");
    tokio::time::sleep(RETRY).await;
}
