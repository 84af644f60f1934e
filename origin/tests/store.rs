//! The embedded engine: the suite that all engines share, and what only a file can suffer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use farcast_origin::store::{Embedded, Metrics};
use farcast_store::{Batch, Items, Key, Operation, Scan, Store, StoreError, Tuple, counter};
use prometheus::Registry;
use tempfile::TempDir;

fn engine(folder: &Path) -> Arc<Embedded> {
    let metrics = Metrics::new(&Registry::new()).unwrap();
    Arc::new(Embedded::open(folder, metrics).unwrap())
}

fn open(folder: &Path) -> Store {
    Store::new(engine(folder))
}

mod conformance {
    use super::*;

    farcast_store::store_conformance!(async {
        let folder = TempDir::new().unwrap();
        (open(folder.path()), folder)
    });
    farcast_store::store_conformance!(snapshots: async {
        let folder = TempDir::new().unwrap();
        (open(folder.path()), folder)
    });
}

/// The folder, in the process that a test started to play the victim; the test is its own child then.
fn victims_folder() -> Option<PathBuf> {
    std::env::var_os("FARCAST_TEST_VICTIM").map(PathBuf::from)
}

/// The test of this name again, as a process of its own.
fn victim(test: &str, folder: &Path) -> Vec<std::ffi::OsString> {
    let exe = std::env::current_exe().unwrap();
    vec![
        "env".into(),
        [std::ffi::OsStr::new("FARCAST_TEST_VICTIM="), folder.as_os_str()].into_iter().collect(),
        exe.into(),
        "--exact".into(),
        test.into(),
        "--nocapture".into(),
    ]
}

fn sum() -> Key {
    Tuple::new().text("sum").key()
}

fn log() -> Key {
    Tuple::new().text("log").key()
}

/// One to the sum, and an entry to the log: both or neither.
fn one_more(number: u64) -> Batch {
    let value = number.to_be_bytes().to_vec().into();
    Batch::new().then(Operation::Add(sum(), 1)).then(Operation::Append { prefix: log(), order: 0, value })
}

/// Whenever the process is killed, all that it acknowledged is there, in order, and nothing by halves.
#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    if let Some(folder) = victims_folder() {
        let store = open(&folder);
        for number in counter(store.get(&sum()).await.unwrap().as_deref()).. {
            store.commit(one_more(u64::try_from(number).unwrap())).await.unwrap();
            println!("acknowledged {number}");
        }
    }
    let folder = TempDir::new().unwrap();
    let mut before = 0;
    // Kills at different moments of a commit: after so many lines, and so many microseconds more.
    for round in 0..24_u64 {
        let command = victim("nothing_acknowledged_is_lost_when_the_process_is_killed", folder.path());
        let mut child = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let acknowledged = |line: String| line.strip_prefix("acknowledged ")?.parse::<i64>().ok();
        let mut last =
            lines.by_ref().filter_map(acknowledged).nth(usize::try_from(round % 5).unwrap()).unwrap();
        std::thread::sleep(Duration::from_micros(round * 173));
        child.kill().unwrap();
        child.wait().unwrap();
        last = lines.filter_map(acknowledged).last().unwrap_or(last);

        let store = open(folder.path());
        let sum = counter(store.get(&sum()).await.unwrap().as_deref());
        assert!(sum > last && last >= before, "round {round}: {sum} after {last} was acknowledged");
        let entries = store.scan_all(Scan::prefix(log()), usize::MAX).await.unwrap();
        let numbers = entries.iter().map(|(_, value)| i64::from_be_bytes(value[..].try_into().unwrap()));
        assert!(numbers.eq(0..sum), "round {round}: the log and the sum disagree");
        let stamps = entries.iter().map(|(key, _)| Items::behind(&log(), key).unwrap().stamp().unwrap());
        assert!(stamps.is_sorted());
        before = sum;
    }
}

/// A disk that is full is told to whoever writes; reading goes on, and so does writing once there is room.
#[tokio::test]
async fn a_full_disk_is_told_and_heals() {
    if let Some(folder) = victims_folder() {
        let store = open(&folder);
        let mut written = 0;
        let error = loop {
            let key = Tuple::new().text("filler").uint(written).key();
            let engine_sees = store.commit(Batch::new().set(key, vec![7; 90_000]));
            match tokio::time::timeout(Duration::from_secs(4), engine_sees).await {
                Ok(Ok(_)) => written += 1,
                Ok(Err(error)) => break error,
                // It is still being tried, which is the same news.
                Err(_) => break StoreError::Unknown("no answer".to_owned()),
            }
        };
        assert!(error.may_pass(), "{error}");
        let first = Tuple::new().text("filler").uint(0).key();
        let read = loop {
            // Not while the file is being opened again.
            match store.get(&first).await {
                Err(StoreError::Unavailable(_)) => tokio::task::yield_now().await,
                read => break read.unwrap(),
            }
        };
        assert_eq!(read.map(|value| value.len()), Some(90_000));
        let own = std::process::id().to_string();
        assert!(
            Command::new("prlimit").args(["--pid", &own, "--fsize=unlimited"]).status().unwrap().success()
        );
        store.commit(one_more(0)).await.unwrap();
        println!("healed after {written}");
        return;
    }
    let folder = TempDir::new().unwrap();
    // A limit of the file's size fails writes as a full disk does, once its signal is ignored.
    let mut command = Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 4000; exec \"$@\"", "victim"]);
    let output = command.args(victim("a_full_disk_is_told_and_heals", folder.path())).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let written = text.lines().find_map(|line| line.strip_prefix("healed after ")?.parse::<u64>().ok());
    let store = open(folder.path());
    assert_eq!(counter(store.get(&sum()).await.unwrap().as_deref()), 1);
    for number in 0..written.unwrap() {
        assert!(store.get(&Tuple::new().text("filler").uint(number).key()).await.unwrap().is_some());
    }
}

/// Whoever gives up waiting is forgotten.
#[tokio::test]
async fn a_watch_that_is_dropped_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let engine = engine(folder.path());
    let store = Store::new(engine.clone());
    let key = sum();
    for _ in 0..3 {
        let watched = store.changed(&key, None);
        assert!(tokio::time::timeout(Duration::from_millis(20), watched).await.is_err());
    }
    assert_eq!(engine.watched_keys(), 0);
}

/// Two processes that wrote one file would undo each other's work.
#[tokio::test]
async fn a_store_is_open_once() {
    let folder = TempDir::new().unwrap();
    let _first = engine(folder.path());
    assert!(Embedded::open(folder.path(), Metrics::new(&Registry::new()).unwrap()).is_err());
}
