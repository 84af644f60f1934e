//! Two origins on one store, in virtual time.

use farcast_settings::{LiveStatus, status_key};
use farcast_store::memory::Memory;
use farcast_store::{Batch, Operation};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant as Time;

use super::*;
use crate::audience::Keeper;
use crate::broadcast::Air;

const HOUR: Duration = Duration::from_secs(3600);

fn holder(host: &str) -> Holder {
    Holder { host: host.to_owned(), data_dir: format!("/{host}"), identity: host.to_owned() }
}

/// An engine of its own on the same entries, as each origin of a cluster has one.
fn engine_on(memory: &Arc<Memory>) -> Store {
    Store::new(Arc::clone(memory) as Arc<dyn Engine>)
}

/// An origin as far as the store is concerned.
struct Origin {
    store: Store,
    tenure: Tenure,
    stop: CancellationToken,
    shutdown: CancellationToken,
    keeping: JoinHandle<()>,
}

impl Origin {
    async fn start(memory: &Arc<Memory>, host: &str) -> Self {
        let (store, tenure) = stand_by(&engine_on(memory), holder(host)).await;
        let (stop, shutdown) = (CancellationToken::new(), CancellationToken::new());
        let keeping = tokio::spawn(tenure.clone().keep(stop.clone(), shutdown.clone()));
        Self { store, tenure, stop, shutdown, keeping }
    }

    /// As kill -9 does, or a machine that is cut off.
    fn kill(&self) {
        self.keeping.abort();
    }

    async fn end(self) -> Result<(), Displaced> {
        self.shutdown.cancel();
        self.keeping.await.unwrap();
        self.tenure.end().await
    }
}

fn put(store: &Store, text: &'static str) -> impl Future<Output = Result<(), StoreError>> {
    let key = Tuple::new().text("key").key();
    let store = store.clone();
    async move { store.commit(Batch::new().set(key, text)).await.map(drop) }
}

#[tokio::test(start_paused = true)]
async fn a_second_origin_waits_as_long_as_the_first_one_runs_and_writes_nothing() {
    let (_, memory) = Memory::store();
    let first = Origin::start(&memory, "a").await;
    put(&first.store, "a").await.unwrap();
    let other = engine_on(&memory);
    let second = stand_by(&other, holder("b"));
    assert!(tokio::time::timeout(HOUR, second).await.is_err(), "there are two origins");
    assert!(!first.stop.is_cancelled());
    // The lease, an hour of renewals, and what the first one wrote: nothing is of the second.
    let renewals = HOUR.as_secs() / RENEW.as_secs();
    assert!(memory.commits() <= 2 + renewals + 1, "{}", memory.commits());
    first.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_next_one_goes_on_at_once_when_the_first_one_stops() {
    let (_, memory) = Memory::store();
    let first = Origin::start(&memory, "a").await;
    let waiting = tokio::spawn({
        let memory = Arc::clone(&memory);
        async move { Origin::start(&memory, "b").await }
    });
    sleep(HOUR).await;
    let stopped = Time::now();
    first.end().await.unwrap();
    let second = waiting.await.unwrap();
    assert!(stopped.elapsed() <= 2 * LOOK, "{:?}", stopped.elapsed());
    put(&second.store, "b").await.unwrap();
    second.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_was_killed_is_replaced_when_its_lease_has_ended_and_not_before() {
    let (_, memory) = Memory::store();
    let first = Origin::start(&memory, "a").await;
    sleep(HOUR).await;
    first.kill();
    let killed = Time::now();
    let second = Origin::start(&memory, "b").await;
    assert!(killed.elapsed() >= LASTS, "{:?}", killed.elapsed());
    assert!(killed.elapsed() <= LASTS + 2 * LOOK, "{:?}", killed.elapsed());
    second.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_is_started_again_on_its_folder_does_not_wait() {
    let (_, memory) = Memory::store();
    let first = Origin::start(&memory, "a").await;
    first.kill();
    let killed = Time::now();
    let again = Origin::start(&memory, "a").await;
    assert_eq!(killed.elapsed(), Duration::ZERO);
    // What the killed one had sent arrives now.
    assert_eq!(put(&first.store, "late").await, Err(StoreError::Displaced));
    put(&again.store, "a").await.unwrap();
    again.end().await.unwrap();
}

/// An origin that is cut off from the store with a broadcast on, is overtaken, and comes back.
#[tokio::test(start_paused = true)]
async fn who_was_overtaken_while_live_says_nothing_more_and_stops() {
    let (_, memory) = Memory::store();
    let mut first = Origin::start(&memory, "a").await;
    first.kill();
    let second = Origin::start(&memory, "b").await;
    let online = LiveStatus { online: true, viewers: 7, ..LiveStatus::default() };
    second.store.commit(Batch::new().put(&status_key(), &online).unwrap()).await.unwrap();
    // Back again: its keeper has an offline status and peaks to write, its lease to renew.
    let (_air, on_air) = watch::channel(Air::default());
    let (publish, _status) = watch::channel(None);
    let keeper = Keeper::new(first.store.clone(), on_air, publish).await.unwrap();
    let keeper = tokio::spawn(keeper.run(first.stop.clone()));
    first.keeping = tokio::spawn(first.tenure.clone().keep(first.stop.clone(), first.shutdown.clone()));
    first.stop.cancelled().await;
    keeper.await.unwrap();
    let counted =
        first.store.commit(Batch::new().then(Operation::Add(Tuple::new().text("n").key(), 1))).await;
    assert_eq!(counted, Err(StoreError::Displaced));
    assert_eq!(second.store.load(&status_key()).await.unwrap().unwrap().record, online);
    let told = first.end().await.unwrap_err().to_string();
    assert!(told.contains("host \"b\"") && told.contains("/b"), "{told}");
    assert!(!second.stop.is_cancelled());
    second.end().await.unwrap();
}

/// Nobody can renew then, so nobody may conclude anything from it.
#[tokio::test(start_paused = true)]
async fn a_store_that_was_away_changes_nobodys_place() {
    let (_, memory) = Memory::store();
    let first = Origin::start(&memory, "a").await;
    let waiting = tokio::spawn({
        let memory = Arc::clone(&memory);
        async move { Origin::start(&memory, "b").await }
    });
    for away in [1, 10, 14, 16, 60, 3600] {
        memory.fail(true);
        sleep(Duration::from_secs(away)).await;
        memory.fail(false);
        sleep(Duration::from_secs(30)).await;
        assert!(!first.stop.is_cancelled() && !waiting.is_finished(), "after {away} s");
    }
    put(&first.store, "a").await.unwrap();
    waiting.abort();
    first.end().await.unwrap();
}

/// A batch's own preconditions keep their meaning.
#[tokio::test(start_paused = true)]
async fn a_conflict_of_the_origin_itself_is_no_loss_of_the_channel() {
    use farcast_store::Precondition;
    let (_, memory) = Memory::store();
    let origin = Origin::start(&memory, "a").await;
    let key = Tuple::new().text("key").key();
    let batch = Batch::new().require(Precondition::Present(key.clone())).set(key, "value");
    assert_eq!(origin.store.commit(batch).await, Err(StoreError::Precondition { index: 0 }));
    assert!(!origin.stop.is_cancelled());
    origin.end().await.unwrap();
}

farcast_store::store_conformance!(async {
    let (_, memory) = Memory::store();
    let (store, tenure) = stand_by(&engine_on(&memory), holder("a")).await;
    (store, tenure)
});
