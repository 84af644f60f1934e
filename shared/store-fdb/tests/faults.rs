//! Tests of the engine with a cluster that stands still, dies, comes back or is far away. Each test has a cluster of
//! its own; `make test-foundationdb` runs them where there is an `fdbserver`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod server;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use farcast_store::{Batch, Key, Operation, Scan, Store, StoreError, Tuple, counter, limits};
use farcast_store_fdb::{Foundation, Network, ROOT};
use server::Server;

/// Longest time after a fault until everything works again.
const HEALED: Duration = Duration::from_secs(30);

/// Longest time from a change of its key until a watch fires: one that was lost is checked once a minute.
const WATCHED: Duration = Duration::from_secs(120);

/// Length of a fault: longer than a call, shorter than a commit with all its tries.
const FAULT: Duration = Duration::from_secs(10);

fn open(server: &Server) -> Store {
    static NETWORK: OnceLock<Arc<Network>> = OnceLock::new();
    let network = NETWORK.get_or_init(|| Network::boot().unwrap());
    Store::new(Arc::new(Foundation::open(network, &server.cluster_file(), ROOT).unwrap()))
}

fn key(name: &str) -> Key {
    Tuple::new().text(name).key()
}

fn append(number: u64) -> Batch {
    let value = number.to_be_bytes().to_vec().into();
    let sum = Operation::Add(key("sum"), 1);
    Batch::new().then(Operation::Append { prefix: key("log"), order: 0, value }).then(sum)
}

/// Appends numbers one after another, as a chat does, until it is told to stop: each until it is known to be there.
/// Returns how many there are.
async fn write(store: Store, stop: tokio_util::sync::CancellationToken) -> u64 {
    let mut number = 0;
    while !stop.is_cancelled() {
        let batch = append(number);
        // One of unknown result is sent again, and applied once.
        while let Err(error) = store.commit(batch.clone()).await {
            assert!(error.may_pass(), "{error}");
        }
        number += 1;
    }
    number
}

/// All numbers, once, in their order.
async fn assert_whole(store: &Store, count: u64) {
    let entries = store.scan_all(Scan::prefix(key("log")), usize::MAX).await.unwrap();
    let numbers: Vec<u64> =
        entries.iter().map(|(_, value)| u64::from_be_bytes(value.as_ref().try_into().unwrap())).collect();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
    let sum = store.get(&key("sum")).await.unwrap();
    assert_eq!(u64::try_from(counter(sum.as_deref())).unwrap(), count, "nothing is applied twice");
}

/// Writes through one engine while `fault` goes on, and sees all of it through another one.
async fn survives(mut server: Server, fault: impl AsyncFnOnce(&mut Server)) {
    let (writer, reader) = (open(&server), open(&server));
    let stop = tokio_util::sync::CancellationToken::new();
    let writing = tokio::spawn(write(writer, stop.clone()));
    // Set before the fault, told after it.
    let watched = tokio::spawn({
        let reader = reader.clone();
        async move { reader.changed(&key("end"), None).await }
    });
    let sum = async |store: &Store| {
        let value = store.get(&key("sum")).await.ok().flatten();
        value.map_or(0, |value| counter(Some(&value)))
    };
    let grows = async |store: &Store| {
        let (before, began) = (sum(store).await, Instant::now());
        // A read that is not answered is 0.
        while sum(store).await <= before {
            assert!(began.elapsed() < HEALED, "nothing is written any more");
            tokio::task::yield_now().await;
        }
    };
    grows(&reader).await;
    fault(&mut server).await;
    server.available().await;
    grows(&reader).await;
    stop.cancel();
    let count = tokio::time::timeout(HEALED, writing).await.unwrap().unwrap();
    assert_whole(&reader, count).await;
    reader.commit(Batch::new().set(key("end"), "reached")).await.unwrap();
    let seen = tokio::time::timeout(WATCHED, watched).await.unwrap().unwrap().unwrap();
    assert_eq!(seen.as_deref(), Some(&b"reached"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_loses_and_doubles_nothing() {
    let fault = async |server: &mut Server| {
        server.stop();
        tokio::time::sleep(FAULT).await;
        server.go_on();
    };
    survives(Server::start().await, fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_started_again_loses_and_doubles_nothing() {
    let fault = async |server: &mut Server| {
        server.kill();
        tokio::time::sleep(FAULT).await;
        server.restart();
    };
    survives(Server::start().await, fault).await;
}

/// The origin's engine is gone; an edge's goes on with what both wrote before.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_started_again_while_the_origin_is_away_keeps_what_both_wrote() {
    let mut server = Server::start().await;
    let (origin, edge) = (open(&server), open(&server));
    origin.commit(append(0)).await.unwrap();
    edge.commit(append(1)).await.unwrap();
    let waiting = tokio::spawn({
        let edge = edge.clone();
        async move { edge.changed(&key("title"), None).await }
    });
    drop(origin);
    server.restart();
    server.available().await;
    edge.commit(append(2)).await.unwrap();
    assert_whole(&edge, 3).await;
    let origin = open(&server);
    origin.commit(Batch::new().set(key("title"), "back")).await.unwrap();
    let seen = tokio::time::timeout(WATCHED, waiting).await;
    assert_eq!(seen.unwrap().unwrap().unwrap().as_deref(), Some(&b"back"[..]));
    assert_whole(&origin, 3).await;
}

/// Calls that get no answer fail in time, and with the right error.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_server_stands_still_calls_end_in_time() {
    let server = Server::start().await;
    let store = open(&server);
    store.commit(append(0)).await.unwrap();
    server.stop();
    let began = Instant::now();
    let read = store.get(&key("sum")).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(began.elapsed() <= limits::DEADLINE + Duration::from_secs(1), "{:?}", began.elapsed());
    let began = Instant::now();
    let written = store.commit(append(1)).await.unwrap_err();
    assert!(written.may_pass(), "{written}");
    assert!(began.elapsed() <= limits::COMMIT_DEADLINE + Duration::from_secs(1), "{:?}", began.elapsed());
    server.go_on();
}

/// A cluster in another city: 20 ms each way.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_far_away_is_slow_and_nothing_else() {
    let server = Server::start_behind(Duration::from_millis(20)).await;
    let store = open(&server);
    store.commit(append(0)).await.unwrap();
    let began = Instant::now();
    for number in 1..20 {
        store.commit(append(number)).await.unwrap();
    }
    let each = began.elapsed() / 19;
    // A version, the batch's id, the commit: three round trips; the server talks to itself over the same link.
    assert!(each >= Duration::from_millis(60), "the link is not in between: {each:?}");
    assert!(each < Duration::from_secs(1), "{each:?}");
    // Many at once do not wait for one another.
    let began = Instant::now();
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        others.spawn(async move { store.commit(Batch::new().then(Operation::Add(key("other"), 1))).await });
    }
    for done in others.join_all().await {
        done.unwrap();
    }
    assert!(began.elapsed() < 20 * each, "{:?}", began.elapsed());
    assert_whole(&store, 20).await;
}
