//! How fast the store is: embedded, and as an edge reaches it over QUIC. The disk's own pace (a write and fdatasync of one
//! page) is measured in the same run, as what a commit is compared with.
//!
//! `make bench-store`; each figure is of [`SECONDS`] seconds.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on ends, and prints"
)]

#[path = "../tests/link/rig.rs"]
#[expect(dead_code, clippy::panic, reason = "it serves the tests, too")]
mod rig;

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_store::{Batch, Key, Store, Tuple};
use tokio::task::JoinSet;

use rig::{Edge, Origin};

const SECONDS: u64 = 4;
/// Bytes of a value.
const VALUE_BYTES: usize = 200;
/// Keys that are written and read.
const KEYS: u64 = 1000;
/// Callers at once, where it is not one.
const CALLERS: u64 = 64;
const PAGE_BYTES: usize = 4096;

fn key(number: u64) -> Key {
    Tuple::new().text("bench").uint(number % KEYS).key()
}

#[derive(Clone, Copy)]
enum Call {
    Commit,
    Read,
}

async fn one(store: &Store, call: Call, number: u64) {
    match call {
        Call::Commit => {
            store.commit(Batch::new().set(key(number), vec![7; VALUE_BYTES])).await.unwrap();
        }
        Call::Read => assert!(store.get(&key(number)).await.unwrap().is_some()),
    }
}

/// Durations of all calls that `callers` made.
async fn measure(store: &Store, call: Call, callers: u64) -> Vec<Duration> {
    let until = Instant::now() + Duration::from_secs(SECONDS);
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let store = store.clone();
        tasks.spawn(async move {
            let mut took = Vec::new();
            for number in (caller * 7919).. {
                let began = Instant::now();
                if began > until {
                    break;
                }
                one(&store, call, number).await;
                took.push(began.elapsed());
            }
            took
        });
    }
    tasks.join_all().await.concat()
}

fn disk(folder: &std::path::Path) -> Vec<Duration> {
    let mut file = File::create(folder.join("page")).unwrap();
    let until = Instant::now() + Duration::from_secs(SECONDS);
    let mut took = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        file.write_all(&[7; PAGE_BYTES]).unwrap();
        file.sync_data().unwrap();
        took.push(began.elapsed());
    }
    took
}

/// Prints a row; gives the median.
fn row(what: &str, mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let per_second = took.len() as u64 / SECONDS;
    println!("{what:44} {per_second:>9}/s   p50 {:>9.3?}   p99 {:>9.3?}", at(0.5), at(0.99));
    at(0.5)
}

#[tokio::main]
async fn main() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let edge = Edge::start(dirs[1].path(), origin.token());
    edge.until_up().await;
    for number in 0..KEYS {
        one(&origin.store, Call::Commit, number).await;
    }
    let folder = Arc::new(dirs[2].path().to_owned());
    let disk = row(
        "disk: write and fdatasync of 4 KiB",
        tokio::task::spawn_blocking(move || disk(&folder)).await.unwrap(),
    );
    for (name, store) in [("embedded", &origin.store), ("over QUIC", &edge.store)] {
        let commit =
            row(&format!("{name}: commits, one after another"), measure(store, Call::Commit, 1).await);
        println!("{:44} {:.2} times the disk's median", "", commit.as_secs_f64() / disk.as_secs_f64());
        row(&format!("{name}: commits, {CALLERS} at once"), measure(store, Call::Commit, CALLERS).await);
        row(&format!("{name}: reads, one after another"), measure(store, Call::Read, 1).await);
        row(&format!("{name}: reads, {CALLERS} at once"), measure(store, Call::Read, CALLERS).await);
    }
    edge.stop().await;
    origin.stop().await;
}
