//! Following the store: the newest state in a watch channel, whatever happens to store and link.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::OperatorSettings;
use super::field::{load, tip_key};
use super::status::{LiveStatus, status_key};
use farcast_store::{Store, StoreError, Together};

/// Longest wait for this process to see a change that was answered elsewhere.
const SEEN_WITHIN: Duration = Duration::from_secs(1);

/// Pause after a read that failed.
const RETRY: Duration = Duration::from_millis(500);

/// The settings at one time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The settings.
    pub runtime: Arc<OperatorSettings>,
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

/// Brings a process that follows the settings up to date with all changes that were answered before, by any process:
/// before it refuses something by its own copy, it asks the store. Many who ask at once cost one read.
#[derive(Debug)]
pub struct CatchUp {
    store: Store,
    runtime: watch::Receiver<Option<Snapshot>>,
    newest: Together<Bytes>,
}

impl CatchUp {
    /// Catches up with the settings of a store, which somebody follows.
    #[must_use]
    pub fn new(store: Store, runtime: watch::Receiver<Option<Snapshot>>) -> Self {
        Self { store, runtime, newest: Together::default() }
    }

    /// Waits until the settings here contain every change that was acknowledged before this call, for a second at most, and
    /// not while the store is away: then the known settings hold. Returns whether they do contain it. Cancel safe.
    pub async fn caught_up(&self) -> bool {
        let seen = async {
            let newest = self.newest.read(newest(&self.store)).await.ok()?;
            let mut runtime = self.runtime.clone();
            let reached =
                |snapshot: &Option<Snapshot>| snapshot.as_ref().is_some_and(|set| set.tip >= newest);
            // Fails only when nobody follows any more.
            runtime.wait_for(reached).await.ok().map(drop)
        };
        tokio::time::timeout(SEEN_WITHIN, seen).await.is_ok_and(|seen| seen.is_some())
    }
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
    store.follow(&status_key(), status, "the status").await;
}

async fn pause(what: &'static str, error: &StoreError) {
    tracing::debug!(%error, what, "the store is asked again");
    tokio::time::sleep(RETRY).await;
}

#[cfg(test)]
mod tests {
    use super::super::{Field, update};
    use super::*;
    use farcast_store::memory::Memory;

    async fn rename(store: &Store, name: &str) {
        let set = |value: &mut String| {
            name.clone_into(value);
            Ok::<_, StoreError>(())
        };
        update(store, Field("name"), set).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_catches_up_sees_what_was_acknowledged_before_and_waits_for_nothing_else() {
        let (store, engine) = Memory::store();
        let (set, runtime) = watch::channel(None);
        let catch_up = CatchUp::new(store.clone(), runtime.clone());
        let name = || runtime.borrow().as_ref().map(|snapshot| snapshot.runtime.name.clone());
        // Nobody follows yet: that is waited for, and not for ever.
        assert!(!catch_up.caught_up().await);
        let follower = store.clone();
        let following = tokio::spawn(async move { follow(&follower, &set).await });
        for n in 0..20 {
            rename(&store, &format!("name {n}")).await;
            assert!(catch_up.caught_up().await);
            assert_eq!(name(), Some(format!("name {n}")));
        }
        engine.fail(true);
        let began = tokio::time::Instant::now();
        assert!(!catch_up.caught_up().await && began.elapsed() < SEEN_WITHIN, "what is known holds");
        following.abort();
    }
}
