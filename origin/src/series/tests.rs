//! A series and its writer, over a store in memory.

use std::time::{Duration, Instant};

use farcast_feed::time::WallTime;
use farcast_store::memory::Memory;
use farcast_store::{Batch, Scan, Store};
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use super::shared::{key, prefix};
use super::*;

const NOW_S: u64 = 1_700_000_000;

fn at(seconds: u64) -> WallTime {
    WallTime((NOW_S + seconds) * 1_000_000)
}

struct Running {
    series: Series,
    metrics: Metrics,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(store: &Store, now: WallTime) -> Self {
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let (series, writer) = Series::load(store, VIEWERS, now, metrics.clone()).await.unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(writer.run(shutdown.clone()));
        Self { series, metrics, shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    fn times(&self) -> Vec<u64> {
        self.series.since(WallTime(0)).iter().map(|sample| sample.unix_s - NOW_S).collect()
    }
}

/// A sample of a moment at which both clocks agree.
fn push(series: &Series, now: WallTime, value: f64) {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    series.push(now, *BEGAN + now.since(at(0)), value);
}

async fn stored(store: &Store) -> usize {
    store.scan_all(Scan::prefix(prefix(VIEWERS).key()), 100_000).await.unwrap().len()
}

/// Lets tasks run until the condition holds, in paused time.
async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let patience = Duration::from_secs(24 * 3600);
    let done = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(patience, done).await.expect("the condition never held");
}

#[tokio::test]
async fn samples_survive_a_restart() {
    let (store, _) = Memory::store();
    let running = Running::start(&store, at(0)).await;
    push(&running.series, at(0), 1.0);
    push(&running.series, at(60), 2.5);
    push(&running.series, at(60), f64::NAN);
    let samples = running.series.since(at(60));
    assert_eq!(samples, [Sample { unix_s: NOW_S + 60, value: 2.5 }]);
    running.stop().await;
    let again = Running::start(&store, at(120)).await;
    assert_eq!(again.times(), [0, 60]);
    assert_eq!(again.series.since(at(60)), samples);
    again.stop().await;
}

#[tokio::test(start_paused = true)]
async fn samples_are_stored_while_the_series_runs() {
    let (store, _) = Memory::store();
    let running = Running::start(&store, at(0)).await;
    for minute in 0..3_usize {
        push(&running.series, at(minute as u64 * 60), 1.0);
        until(async || stored(&store).await == minute + 1).await;
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_blocks_nobody_and_gets_the_samples_later() {
    let (store, engine) = Memory::store();
    let running = Running::start(&store, at(0)).await;
    engine.fail(true);
    for minute in 0..250 {
        push(&running.series, at(minute * 60), 1.0);
    }
    assert_eq!(running.times().len(), 250);
    tokio::time::sleep(Duration::from_secs(600)).await;
    engine.fail(false);
    until(async || stored(&store).await == 250).await;
    assert_eq!(running.metrics.lost.get(), 0);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_too_long_is_lost_to_the_store_and_counted() {
    let (store, engine) = Memory::store();
    let running = Running::start(&store, at(0)).await;
    engine.fail(true);
    for minute in 0..1443 {
        push(&running.series, at(minute * 60), 1.0);
    }
    assert_eq!((running.metrics.lost.get(), running.times().len()), (3, 1443));
    engine.fail(false);
    running.stop().await;
    let again = Running::start(&store, at(1443 * 60)).await;
    assert_eq!((again.times().first(), again.times().len()), (Some(&180), MAX_PENDING));
    again.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_long_for_a_store_that_fails() {
    let (store, engine) = Memory::store();
    let running = Running::start(&store, at(0)).await;
    engine.fail(true);
    push(&running.series, at(0), 1.0);
    let before = tokio::time::Instant::now();
    running.stop().await;
    assert!(before.elapsed() <= Duration::from_secs(6), "{:?}", before.elapsed());
}

#[tokio::test]
async fn old_samples_are_not_shown_and_are_cleared_a_few_at_a_time() {
    let (store, engine) = Memory::store();
    let running = Running::start(&store, at(0)).await;
    for minute in 0..1200 {
        push(&running.series, at(minute * 60), 1.0);
    }
    running.stop().await;
    assert_eq!(stored(&store).await, 1200);

    // So much later that the first 1090 are too old, and ten more once the clock is believed.
    let later = at(1090 * 60).after(VIEWERS.keep);
    let running = Running::start(&store, later).await;
    assert_eq!((running.times().first(), running.times().len()), (Some(&(1090 * 60)), 110));
    let commits = engine.commits();
    for minute in 0..=10 {
        push(&running.series, later.after(Duration::from_secs(minute * 60)), 2.0);
    }
    running.stop().await;
    assert_eq!(stored(&store).await, 111);
    assert_eq!(engine.commits() - commits, 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_series_that_runs_on_clears_its_old_samples() {
    let (store, engine) = Memory::store();
    let running = Running::start(&store, at(0)).await;
    push(&running.series, at(0), 1.0);
    until(async || engine.commits() == 1).await;
    push(&running.series, at(1).after(VIEWERS.keep), 1.0);
    // The sample, and the clearing.
    until(async || engine.commits() == 3).await;
    assert_eq!(stored(&store).await, 1);
    assert_eq!(running.times(), [1 + VIEWERS.keep.as_secs()]);
    running.stop().await;
}

#[tokio::test]
async fn a_clock_that_jumps_clears_nothing() {
    let (store, _) = Memory::store();
    let running = Running::start(&store, at(0)).await;
    let began = Instant::now();
    for minute in 0..20 {
        let passed = Duration::from_secs(minute * 60);
        // Ten years ahead for a minute.
        let off = if minute == 15 { VIEWERS.keep * 40 } else { Duration::ZERO };
        running.series.push(at(0).after(passed + off), began + passed, 1.0);
    }
    assert_eq!(running.times().len(), 20);
    running.stop().await;
    assert_eq!(stored(&store).await, 20);
}

#[tokio::test]
async fn what_is_damaged_or_of_another_series_is_left_out() {
    let (store, _) = Memory::store();
    let foreign = Kind { name: "viewers2", ..VIEWERS };
    let batch = Batch::new()
        .set(key(VIEWERS, NOW_S), "\x01{\"value\":1}")
        .set(key(VIEWERS, NOW_S + 1), "\x01{\"value\":\"1\"}")
        .set(key(VIEWERS, NOW_S + 2), "")
        .set(prefix(VIEWERS).uint(NOW_S + 3).uint(1).key(), "\x01{\"value\":1}")
        .set(key(foreign, NOW_S + 4), "\x01{\"value\":1}");
    store.commit(batch).await.unwrap();
    let running = Running::start(&store, at(60)).await;
    assert_eq!(running.times(), [0]);
    running.stop().await;
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_told() {
    let (store, engine) = Memory::store();
    engine.fail(true);
    let metrics = Metrics::new(&Registry::new()).unwrap();
    assert!(Series::load(&store, VIEWERS, at(0), metrics).await.is_err());
}
