//! Tests that only a cluster can answer, and that no other engine needs: several processes' engines on one root,
//! forgetting, transactions that grow too old.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use bytes::Bytes;
use farcast_store::{
    Batch, BatchId, Committed, Engine as _, Key, Operation, Precondition, Scan, Store, StoreError, Tuple,
    counter,
};
use foundationdb::Transaction;

use crate::foundation::CALL;
use crate::layout::commit_of;
use crate::{BootError, Foundation, Network, OpenError, ROOT};

#[path = "../tests/cluster/mod.rs"]
mod cluster;

use cluster::{Place, network};

/// No wait of a test takes so long unless something is lost.
const PATIENCE: Duration = Duration::from_secs(30);

fn key(name: &str) -> Key {
    Tuple::new().text(name).key()
}

fn add(name: &str) -> Batch {
    Batch::new().then(Operation::Add(key(name), 1))
}

/// A transaction of a version that no server has any more: its reads fail.
fn too_old(foundation: &Foundation) -> Transaction {
    let transaction = foundation.begin().unwrap();
    transaction.set_read_version(1);
    transaction
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_on_one_root_are_one_store() {
    let place = Place::new();
    let (one, other) = (Store::new(place.open()), Store::new(place.open()));
    let batch = add("sum");
    let first = one.commit(batch.clone()).await.unwrap();
    assert_eq!(other.commit(batch).await, Ok(first), "the id is known to both");
    for _ in 0..20 {
        one.commit(add("sum")).await.unwrap();
        other.commit(add("sum")).await.unwrap();
        let [a, b] = [one.get(&key("sum")).await, other.get(&key("sum")).await];
        assert_eq!(a, b);
    }
    assert_eq!(counter(one.get(&key("sum")).await.unwrap().as_deref()), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_one_engine_sees_the_commits_of_another() {
    let place = Place::new();
    let (one, other) = (Store::new(place.open()), Store::new(place.open()));
    let last = 100;
    let watcher = tokio::spawn(async move {
        let mut seen = None;
        while counter(seen.as_deref()) < last {
            let now = tokio::time::timeout(PATIENCE, one.changed(&key("tip"), seen.clone()))
                .await
                .unwrap()
                .unwrap();
            assert!(counter(now.as_deref()) > counter(seen.as_deref()));
            seen = now;
        }
    });
    for _ in 0..last {
        other.commit(add("tip")).await.unwrap();
    }
    watcher.await.unwrap();
}

/// The time of the transaction that set a watch is not the watch's.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_lasts_longer_than_its_transaction() {
    let place = Place::new();
    let (foundation, store) = (place.open(), Store::new(place.open()));
    let watch = tokio::spawn(async move { foundation.changed(key("key"), None).await });
    tokio::time::sleep(2 * CALL).await;
    assert!(!watch.is_finished(), "{:?}", watch.await);
    store.commit(Batch::new().set(key("key"), "value")).await.unwrap();
    let seen = tokio::time::timeout(PATIENCE, watch).await.unwrap().unwrap();
    assert_eq!(seen, Ok(Some(Bytes::from("value"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_lie_where_the_layout_says() {
    let place = Place::new();
    let foundation = place.open();
    let store = Store::new(foundation.clone());
    let batch = Batch::new().set(key("key"), "value");
    let Committed { stamp } = store.commit(batch.clone()).await.unwrap();
    let transaction = foundation.begin().unwrap();
    let read = |stored: Vec<u8>| {
        let value = transaction.get(&stored, true);
        async move { value.await.unwrap().map(|value| value.to_vec()) }
    };
    assert_eq!(read(foundation.layout.entry(&key("key"))).await.unwrap(), b"value");
    let applied = read(foundation.layout.applied(batch.id())).await.unwrap();
    assert_eq!(commit_of(&applied), Some(stamp));
}

/// Of batches that were applied long ago and one that was just now, only the latter is known afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn batches_of_long_ago_are_forgotten_and_new_ones_are_not() {
    let place = Place::new();
    let foundation = place.open();
    let store = Store::new(foundation.clone());
    let new = add("sum");
    let first = store.commit(new.clone()).await.unwrap();
    let old: Vec<_> = (1..=300).map(|version| (version, BatchId::random())).collect();
    let transaction = foundation.begin().unwrap();
    for (version, id) in &old {
        transaction.set(&foundation.layout.applied(*id), &[0; 10]);
        transaction.set(&foundation.layout.ordered_before(*version)[1], &id.0);
    }
    transaction.commit().await.unwrap();
    let forget = async || foundation.forget_before(foundation.begin().unwrap(), 1_000).await.unwrap();
    // A pass takes its share, the next one what is left.
    assert_eq!([forget().await, forget().await, forget().await], [256, 44, 0]);
    let transaction = foundation.begin().unwrap();
    for (_, id) in old {
        assert!(transaction.get(&foundation.layout.applied(id), true).await.unwrap().is_none());
    }
    assert_eq!(store.commit(new).await, Ok(first));
    assert_eq!(counter(store.get(&key("sum")).await.unwrap().as_deref()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_too_old_is_begun_anew() {
    let place = Place::new();
    let foundation = place.open();
    let store = Store::new(foundation.clone());
    store.commit(Batch::new().set(key("key"), "value")).await.unwrap();
    let value = foundation.value(too_old(&foundation), &key("key")).await;
    assert_eq!(value, Ok(Some(Bytes::from("value"))));
    let page = foundation.page(too_old(&foundation), &Scan::prefix(key("key"))).await.unwrap();
    assert_eq!(page.entries, [(key("key"), Bytes::from("value"))]);
    let batch = add("sum").require(Precondition::Equals(key("key"), Bytes::from("value")));
    foundation.apply(too_old(&foundation), &batch).await.unwrap();
    let wrong = add("sum").require(Precondition::Absent(key("key")));
    let refused = foundation.apply(too_old(&foundation), &wrong).await;
    assert_eq!(refused, Err(StoreError::Precondition { index: 0 }));
    assert_eq!(counter(store.get(&key("sum")).await.unwrap().as_deref()), 1);
}

/// More preconditions than are read at once, of which one does not hold.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_preconditions_the_first_broken_one_is_named() {
    let place = Place::new();
    let store = Store::new(place.open());
    let require = |there: u64| {
        let key = |number| Tuple::new().text("key").uint(number).key();
        (0..300).fold(add("sum"), |batch, number| {
            let precondition = if number == there { Precondition::Present } else { Precondition::Absent };
            batch.require(precondition(key(number)))
        })
    };
    assert_eq!(store.commit(require(200)).await, Err(StoreError::Precondition { index: 200 }));
    assert_eq!(store.commit(require(0)).await, Err(StoreError::Precondition { index: 0 }));
    store.commit(require(300)).await.unwrap();
}

/// A range that is cleared does not take with it what the same batch appends behind it, nor the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_appends_and_trims_keeps_its_own_order() {
    let place = Place::new();
    let store = Store::new(place.open());
    let log = key("log");
    let append =
        |value: &'static str| Operation::Append { prefix: log.clone(), order: 0, value: Bytes::from(value) };
    let all = Operation::ClearRange(log.clone(), log.after_all_with_prefix());
    store.commit(Batch::new().then(append("old"))).await.unwrap();
    let last = store.scan(Scan::prefix(log.clone())).await.unwrap().entries[0].0.successor();
    let trim = Operation::ClearRange(log.clone(), last);
    store.commit(Batch::new().then(append("new")).then(trim)).await.unwrap();
    let left = store.scan(Scan::prefix(log.clone())).await.unwrap().entries;
    assert!(matches!(&left[..], [(_, value)] if value == "new"), "{left:?}");
    store.commit(Batch::new().then(append("lost")).then(all.clone())).await.unwrap();
    assert_eq!(store.scan(Scan::prefix(log.clone())).await.unwrap().entries, []);
    store.commit(Batch::new().then(all).then(append("kept"))).await.unwrap();
    assert_eq!(store.scan(Scan::prefix(log.clone())).await.unwrap().entries.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_says_why() {
    network();
    assert!(matches!(Network::boot(), Err(BootError::Again)));
    let missing = Foundation::open(network(), "/nonexistent/fdb.cluster".as_ref(), ROOT);
    assert!(matches!(missing, Err(OpenError::ClusterFile { .. })), "{missing:?}");
    let file = std::env::temp_dir().join(format!("farcast-{:016x}.cluster", rand::random::<u64>()));
    std::fs::write(&file, "garbage\n").unwrap();
    let garbage = Foundation::open(network(), &file, ROOT);
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(garbage, Err(OpenError::ConnectionString { .. })), "{garbage:?}");
    let root = Foundation::open(network(), "/nonexistent/fdb.cluster".as_ref(), b"");
    assert!(matches!(root, Err(OpenError::Root { len: 0 })), "{root:?}");
}

/// A cluster that does not answer is told in time, and as what it is: nothing was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_not_available() {
    let file = std::env::temp_dir().join(format!("farcast-{:016x}.cluster", rand::random::<u64>()));
    // A port of the discard service, where no cluster listens.
    std::fs::write(&file, "nobody:nobody@127.0.0.1:9\n").unwrap();
    let foundation = Foundation::open(network(), &file, ROOT).unwrap();
    let answers = tokio::join!(foundation.get(key("key")), foundation.commit(add("sum").into()));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(answers.0, Err(StoreError::Unavailable(_))), "{answers:?}");
    assert!(matches!(answers.1, Err(StoreError::Unavailable(_))), "{answers:?}");
}
