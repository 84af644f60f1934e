//! The rules that a random history does not show: what happens at once, and at the edges.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "these are tests, and fail by panicking")]

use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::super::batch::{Batch, Operation, Precondition, counter};
use super::super::key::{Items, Key};
use super::super::lease::{Lease, Refused, note};
use super::super::limits::{LimitError, MAX_BATCH_ITEMS, MAX_KEY_BYTES, MAX_PAGE_ROWS, MAX_VALUE_BYTES};
use super::super::record::{Record, TypedKey};
use super::super::scan::Scan;
use super::super::stamp::{STAMP_BYTES, Versionstamp};
use super::super::{Store, StoreError};
use super::{named, own_prefix};
use farcast_feed::time::WallTime;

/// Histories of the suite, and the calls of each.
const HISTORIES: std::ops::Range<u64> = 0..12;
const STEPS: u32 = 120;
/// Writers at once, and what each does.
const WRITERS: u32 = 16;
const WRITES: u32 = 12;
/// No wait of a test takes so long unless something is lost.
const PATIENCE: Duration = Duration::from_secs(30);

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it happens in time")
}

fn set(key: &Key, value: &'static str) -> Batch {
    Batch::new().set(key.clone(), value)
}

/// Any calls of any order are answered as by a map.
pub async fn random_histories_agree_with_the_model(store: &Store) {
    for seed in HISTORIES {
        super::random_history(store, seed, STEPS).await;
    }
}

/// No increment is lost and none is done twice.
pub async fn concurrent_increments_sum_exactly(store: &Store) {
    let key = named(&own_prefix("increments"), "sum");
    let mut writers = JoinSet::new();
    for writer in 1..=WRITERS {
        let (store, key) = (store.clone(), key.clone());
        writers.spawn(async move {
            for _ in 0..WRITES {
                store.commit(Batch::new().then(Operation::Add(key.clone(), writer.into()))).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let sum = i64::from(WRITES * (1..=WRITERS).sum::<u32>());
    assert_eq!(counter(store.get(&key).await.unwrap().as_deref()), sum);
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Names(Vec<u32>);

impl Record for Names {
    const VERSION: u8 = 1;
}

/// Read, change, write: a client that is overtaken starts again.
pub async fn concurrent_updates_lose_nothing(store: &Store) {
    let key = TypedKey::<Names>::new(named(&own_prefix("updates"), "names"));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, key) = (store.clone(), key.clone());
        writers.spawn(async move {
            let add = |names: &mut Names| {
                names.0.push(writer);
                Ok::<_, StoreError>(())
            };
            store.update(&key, add, |batch| batch).await.unwrap();
        });
    }
    writers.join_all().await;
    let mut names = store.load(&key).await.unwrap().unwrap().record.0;
    names.sort_unstable();
    assert_eq!(names, (0..WRITERS).collect::<Vec<_>>());
}

/// All or nothing.
pub async fn a_failed_precondition_changes_nothing(store: &Store) {
    let prefix = own_prefix("precondition");
    let (a, b, log) = (named(&prefix, "a"), named(&prefix, "b"), named(&prefix, "log"));
    store.commit(set(&a, "old")).await.unwrap();
    let batch = set(&a, "new")
        .set(b.clone(), "new")
        .then(Operation::Append { prefix: log.clone(), order: 0, value: Bytes::new() })
        .then(Operation::ClearRange(a.clone(), b.clone()))
        .require(Precondition::Present(a.clone()))
        .require(Precondition::Absent(a.clone()));
    assert_eq!(store.commit(batch).await, Err(StoreError::Precondition { index: 1 }));
    let all = store.scan(Scan::prefix(prefix.key())).await.unwrap().entries;
    assert_eq!(all, [(a, Bytes::from("old"))]);
}

/// Each kind holds when it should and only then.
pub async fn every_kind_of_precondition_is_judged(store: &Store) {
    let prefix = own_prefix("preconditions");
    let (there, missing) = (named(&prefix, "there"), named(&prefix, "missing"));
    store.commit(set(&there, "value")).await.unwrap();
    let value = |text: &'static str| Bytes::from(text);
    for (precondition, holds) in [
        (Precondition::Absent(there.clone()), false),
        (Precondition::Absent(missing.clone()), true),
        (Precondition::Present(there.clone()), true),
        (Precondition::Present(missing.clone()), false),
        (Precondition::Equals(there.clone(), value("value")), true),
        (Precondition::Equals(there.clone(), value("valu")), false),
        (Precondition::Equals(there.clone(), value("values")), false),
        (Precondition::Equals(missing.clone(), Bytes::new()), false),
        (Precondition::StartsWith(there.clone(), value("val")), true),
        (Precondition::StartsWith(there.clone(), value("")), true),
        (Precondition::StartsWith(there.clone(), value("alu")), false),
        (Precondition::StartsWith(missing.clone(), value("")), false),
    ] {
        let outcome = store.commit(Batch::new().require(precondition.clone())).await;
        let expected = if holds { Ok(()) } else { Err(StoreError::Precondition { index: 0 }) };
        assert_eq!(outcome.map(drop), expected, "{precondition:?}");
    }
}

/// A retry whose first try arrived does nothing more, and hears the same.
pub async fn a_replayed_batch_applies_once(store: &Store) {
    let prefix = own_prefix("replay");
    let (sum, log) = (named(&prefix, "sum"), named(&prefix, "log"));
    let batch = Batch::new()
        .require(Precondition::Absent(sum.clone()))
        .then(Operation::Add(sum.clone(), 1))
        .then(Operation::Append { prefix: log.clone(), order: 0, value: Bytes::from("entry") });
    let first = store.commit(batch.clone()).await.unwrap();
    store.commit(Batch::new().then(Operation::Add(sum.clone(), 10))).await.unwrap();
    // Its precondition no longer holds, which must not matter.
    assert_eq!(store.commit(batch).await, Ok(first));
    assert_eq!(counter(store.get(&sum).await.unwrap().as_deref()), 11);
    assert_eq!(store.scan(Scan::prefix(log)).await.unwrap().entries.len(), 1);
}

/// The same while the first try is under way.
pub async fn batches_that_race_with_their_replay_apply_once(store: &Store) {
    let sum = named(&own_prefix("race"), "sum");
    for round in 1..=WRITES {
        let batch = Batch::new().then(Operation::Add(sum.clone(), 1));
        let mut tries = JoinSet::new();
        for _ in 0..4 {
            let (store, batch) = (store.clone(), batch.clone());
            tries.spawn(async move { store.commit(batch).await.unwrap() });
        }
        let outcomes = tries.join_all().await;
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
        assert_eq!(counter(store.get(&sum).await.unwrap().as_deref()), i64::from(round));
    }
}

/// A watch compares with the value that was seen, not with the time at which it began.
pub async fn a_watch_sees_what_was_changed_before_it_began(store: &Store) {
    let key = named(&own_prefix("watch"), "key");
    store.commit(set(&key, "new")).await.unwrap();
    let new = Some(Bytes::from("new"));
    assert_eq!(in_time(store.changed(&key, None)).await, Ok(new.clone()));
    assert_eq!(in_time(store.changed(&key, Some(Bytes::from("old")))).await, Ok(new));
}

/// However writers and watchers interleave, every watcher gets to the last value.
pub async fn watches_never_miss(store: &Store) {
    let key = named(&own_prefix("watches"), "key");
    let last = i64::from(WRITERS * WRITES);
    let mut watchers = JoinSet::new();
    for _ in 0..8 {
        let (store, key) = (store.clone(), key.clone());
        watchers.spawn(async move {
            let mut seen: Option<Bytes> = None;
            while counter(seen.as_deref()) < last {
                let now = in_time(store.changed(&key, seen.clone())).await.unwrap();
                assert!(counter(now.as_deref()) > counter(seen.as_deref()));
                seen = now;
            }
        });
    }
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (store, key) = (store.clone(), key.clone());
        writers.spawn(async move {
            for _ in 0..WRITES {
                store.commit(Batch::new().then(Operation::Add(key.clone(), 1))).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    watchers.join_all().await;
}

/// A value that goes with its whole range is seen to go.
pub async fn a_watch_sees_a_cleared_range(store: &Store) {
    let prefix = own_prefix("range");
    let key = named(&prefix, "key");
    store.commit(set(&key, "value")).await.unwrap();
    let watch = tokio::spawn({
        let (store, key) = (store.clone(), key.clone());
        async move { store.changed(&key, Some(Bytes::from("value"))).await }
    });
    let all = prefix.key();
    let clear = Operation::ClearRange(all.clone(), all.after_all_with_prefix());
    store.commit(Batch::new().then(clear)).await.unwrap();
    assert_eq!(in_time(watch).await.unwrap(), Ok(None));
}

/// An append that follows the acknowledgement of another comes behind it; all entries are there.
pub async fn entries_are_ordered_as_they_were_acknowledged(store: &Store) {
    let log = named(&own_prefix("log"), "log");
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, log) = (store.clone(), log.clone());
        writers.spawn(async move {
            let mut last = Versionstamp::ZERO;
            for write in 0..WRITES {
                let value = Bytes::from(format!("{writer} {write}"));
                let append = Operation::Append { prefix: log.clone(), order: 7, value };
                let stamp = store.commit(Batch::new().then(append)).await.unwrap().stamp;
                assert!(stamp > last);
                last = stamp;
            }
        });
    }
    writers.join_all().await;
    let all = store.scan_all(Scan::prefix(log.clone()), 1000).await.unwrap();
    assert_eq!(all.len(), (WRITERS * WRITES) as usize);
    for writer in 0..WRITERS {
        let own = all.iter().filter(|(_, value)| value.starts_with(format!("{writer} ").as_bytes()));
        let own = own.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap()).collect::<Vec<_>>();
        assert_eq!(own, (0..WRITES).map(|write| format!("{writer} {write}")).collect::<Vec<_>>());
    }
    for (key, _) in &all {
        let mut items = Items::behind(&log, key).unwrap();
        assert_eq!(items.stamp().unwrap().order, 7);
        items.end().unwrap();
    }
}

/// The three places that show a stamp agree: the answer, the key of an entry, the value of a tip.
pub async fn a_tip_is_the_stamp_of_its_commit(store: &Store) {
    let prefix = own_prefix("tip");
    let (tip, log) = (named(&prefix, "tip"), named(&prefix, "log"));
    let batch = Batch::new()
        .then(Operation::Append { prefix: log.clone(), order: 1, value: Bytes::from("first") })
        .then(Operation::Append { prefix: log.clone(), order: 2, value: Bytes::from("second") })
        .then(Operation::SetStamp(tip.clone(), 2));
    let stamp = store.commit(batch).await.unwrap().stamp;
    let value = store.get(&tip).await.unwrap().unwrap();
    let value = <[u8; STAMP_BYTES]>::try_from(&value[..]).unwrap();
    assert_eq!(Versionstamp::from_bytes(value), Versionstamp { order: 2, ..stamp });
    let entries = store.scan(Scan::prefix(log.clone())).await.unwrap().entries;
    let stamps = entries.iter().map(|(key, _)| Items::behind(&log, key).unwrap().stamp().unwrap());
    let expected = [Versionstamp { order: 1, ..stamp }, Versionstamp { order: 2, ..stamp }];
    assert_eq!(stamps.collect::<Vec<_>>(), expected);
}

/// Whatever the size of the pages, by rows or by bytes, they join without loss or repetition.
pub async fn pages_make_up_the_whole_in_both_directions(store: &Store) {
    let prefix = own_prefix("pages");
    let key = |index: u64| prefix.clone().uint(index).key();
    let large = |index: u64| Bytes::from(vec![u8::try_from(index).unwrap(); 40_000]);
    for index in 0..8 {
        store.commit(Batch::new().set(key(index), large(index))).await.unwrap();
    }
    let all: Vec<_> = (0..8).map(|index| (key(index), large(index))).collect();
    let page = store.scan(Scan::prefix(prefix.clone().key())).await.unwrap();
    assert!(page.more && page.entries.len() == 3, "a page is bounded in bytes, {}", page.entries.len());
    for rows in [1, 2, 3, 8, MAX_PAGE_ROWS] {
        let scan = Scan::prefix(prefix.clone().key()).rows(rows);
        assert_eq!(store.scan_all(scan.clone(), 100).await.unwrap(), all, "{rows} rows");
        let mut reversed = store.scan_all(scan.reversed(), 100).await.unwrap();
        reversed.reverse();
        assert_eq!(reversed, all, "{rows} rows reversed");
    }
    let exact = store.scan(Scan::range(key(0), key(2)).rows(2)).await.unwrap();
    assert!(!exact.more && exact.entries.len() == 2);
    assert_eq!(store.scan(Scan::range(key(3), key(3))).await.unwrap().entries, []);
}

/// A key or value that is too large is refused before any engine sees it, and one at the limit is stored.
pub async fn limits_are_the_same_everywhere(store: &Store) {
    let prefix = own_prefix("limits");
    let long = |len: usize| {
        let mut bytes = prefix.clone().key().as_bytes().to_vec();
        bytes.resize(len, b'k');
        Key::from_bytes(bytes)
    };
    let value = |len: usize| Bytes::from(vec![b'v'; len]);
    let (key, longest) = (named(&prefix, "key"), long(MAX_KEY_BYTES));
    let good = Batch::new().set(longest.clone(), value(MAX_VALUE_BYTES));
    store.commit(good).await.unwrap();
    assert_eq!(store.get(&longest).await.unwrap().unwrap().len(), MAX_VALUE_BYTES);
    let append = |prefix: Key| Operation::Append { prefix, order: 0, value: Bytes::new() };
    store.commit(Batch::new().then(append(long(MAX_KEY_BYTES - STAMP_BYTES - 1)))).await.unwrap();
    let over = |limit: usize| u64::try_from(limit + 1).unwrap();
    let (long_key, long_value) = (over(MAX_KEY_BYTES), over(MAX_VALUE_BYTES));
    let many =
        (0..=MAX_BATCH_ITEMS).fold(Batch::new(), |batch, _| batch.then(Operation::Add(key.clone(), 1)));
    for (batch, limit) in [
        (Batch::new().set(long(MAX_KEY_BYTES + 1), ""), LimitError::KeyTooLong(long_key)),
        (Batch::new().then(append(long(MAX_KEY_BYTES - STAMP_BYTES))), LimitError::KeyTooLong(long_key)),
        (Batch::new().set(key.clone(), value(MAX_VALUE_BYTES + 1)), LimitError::ValueTooLong(long_value)),
        (Batch::new().set(Key::default(), ""), LimitError::EmptyKey),
        (Batch::new().set(Key::from_bytes(&b"\xff\x02"[..]), ""), LimitError::ReservedKey),
        (Batch::new().require(Precondition::Absent(Key::from_bytes(&b"\xfe"[..]))), LimitError::ReservedKey),
        (Batch::new().then(Operation::ClearRange(key.successor(), key.clone())), LimitError::Range),
        (many, LimitError::TooManyItems(10_001)),
    ] {
        assert_eq!(store.commit(batch).await, Err(StoreError::Limit(limit)));
    }
    let rows = Scan::prefix(key.clone()).rows(MAX_PAGE_ROWS + 1);
    assert_eq!(store.scan(rows).await, Err(StoreError::Limit(LimitError::Rows(MAX_PAGE_ROWS + 1))));
    assert_eq!(store.get(&Key::default()).await, Err(StoreError::Limit(LimitError::EmptyKey)));
    assert_eq!(store.changed(&Key::default(), None).await, Err(StoreError::Limit(LimitError::EmptyKey)));
    assert_eq!(store.get(&key).await, Ok(None), "a refused batch changes nothing");
}

/// Nearly ten megabytes at once, and not a value more.
pub async fn the_largest_batch_passes(store: &Store) {
    let prefix = own_prefix("largest");
    let fill = |values: u64| {
        (0..values).fold(Batch::new(), |batch, index| {
            batch.set(prefix.clone().uint(index).key(), vec![b'v'; MAX_VALUE_BYTES])
        })
    };
    let refused = store.commit(fill(100)).await;
    assert!(matches!(refused, Err(StoreError::Limit(LimitError::BatchTooLarge(_)))), "{refused:?}");
    store.commit(fill(99)).await.unwrap();
    let all = store.scan_all(Scan::prefix(prefix.clone().key()), 99).await.unwrap();
    assert_eq!(all.len(), 99);
}

/// A read after an acknowledgement sees the change.
pub async fn what_was_acknowledged_is_read_at_once(store: &Store) {
    let key = named(&own_prefix("read"), "key");
    for round in 0..50_u32 {
        let value = Bytes::from(round.to_string());
        store.commit(Batch::new().set(key.clone(), value.clone())).await.unwrap();
        assert_eq!(store.get(&key).await, Ok(Some(value)));
    }
}

/// One holder, until the end of the lease or its release.
pub async fn a_lease_has_one_holder(store: &Store) {
    let key = named(&own_prefix("lease"), "lease");
    let (start, lasts) = (WallTime(1_000_000), Duration::from_secs(10));
    let first = Lease::acquire(store, key.clone(), start, lasts).await.unwrap();
    let early = Lease::acquire(store, key.clone(), start.after(lasts / 2), lasts).await;
    assert!(matches!(early, Err(Refused::Held(left)) if left == lasts / 2), "{early:?}");
    first.renew(store, start.after(lasts / 2), lasts).await.unwrap();
    assert!(Lease::acquire(store, key.clone(), start.after(lasts), lasts).await.is_err());
    first.release(store).await.unwrap();
    let mut rivals = JoinSet::new();
    for _ in 0..WRITERS {
        let (store, key) = (store.clone(), key.clone());
        rivals.spawn(async move { Lease::acquire(&store, key, start, lasts).await.is_ok() });
    }
    let won = rivals.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 1);
}

/// A process that decides for itself that a lease has ended takes it from the value that it saw, and from no other.
pub async fn a_lease_is_taken_from_the_value_that_was_seen(store: &Store) {
    let key = named(&own_prefix("seen"), "lease");
    let (start, lasts) = (WallTime(1_000_000), Duration::from_secs(10));
    let take =
        async |seen, note| Lease::take(store, key.clone(), seen, Bytes::from(note), start, lasts).await;
    let first = take(None, "first").await.unwrap();
    let seen = store.get(&key).await.unwrap();
    assert_eq!(seen.as_deref().map(note), Some(&b"first"[..]));
    assert!(take(None, "other").await.is_err());
    first.renew(store, start.after(lasts), lasts).await.unwrap();
    assert!(take(seen, "other").await.is_err(), "it was renewed since");
    let seen = store.get(&key).await.unwrap();
    let other = take(seen, "other").await.unwrap();
    assert!(matches!(first.renew(store, start, lasts).await, Err(Refused::Held(_))));
    other.renew(store, start, lasts).await.unwrap();
    assert_eq!(store.get(&key).await.unwrap().as_deref().map(note), Some(&b"other"[..]));
}

/// However late a batch of a former holder comes, it changes nothing.
pub async fn who_lost_a_lease_changes_nothing_more(store: &Store) {
    let prefix = own_prefix("guard");
    let (key, value) = (named(&prefix, "lease"), named(&prefix, "value"));
    let (start, lasts) = (WallTime(1_000_000), Duration::from_secs(10));
    let old = Lease::acquire(store, key.clone(), start, lasts).await.unwrap();
    store.commit(set(&value, "old").require(old.guard())).await.unwrap();
    let new = Lease::acquire(store, key, start.after(lasts), lasts).await.unwrap();
    let late = store.commit(set(&value, "late").require(old.guard())).await;
    assert_eq!(late, Err(StoreError::Precondition { index: 0 }));
    assert!(matches!(old.renew(store, start.after(lasts), lasts).await, Err(Refused::Held(_))));
    old.release(store).await.unwrap();
    store.commit(set(&value, "new").require(new.guard())).await.unwrap();
    assert_eq!(store.get(&value).await, Ok(Some(Bytes::from("new"))));
}

/// A snapshot has everything that was acknowledged before it and nothing later, in order, over several pages.
pub async fn a_snapshot_shows_one_instant(store: &Store) {
    let prefix = own_prefix("snapshot");
    let log = prefix.clone().text("log").key();
    let key = |number: u32| prefix.clone().text("entry").uint(number.into()).key();
    // More than a page, in rows and in bytes.
    let count = MAX_PAGE_ROWS + 10;
    for numbers in (0..count).collect::<Vec<_>>().chunks(100) {
        let batch = numbers.iter().fold(Batch::new(), |batch, number| {
            batch.set(key(*number), Bytes::from(vec![b'x'; 200 + *number as usize % 7]))
        });
        store.commit(batch).await.unwrap();
    }
    let append = |value: &'static str| {
        Batch::new().then(Operation::Append { prefix: log.clone(), order: 0, value: value.into() })
    };
    let before = store.commit(append("before")).await.unwrap();

    let mut snapshot = store.snapshot().await.unwrap();
    let first = in_time(snapshot.next()).await.unwrap().expect("there is something");
    let mut change = append("after").then(Operation::Clear(key(0))).then(Operation::Clear(key(count - 1)));
    for number in 1..count - 1 {
        change = change.set(key(number), "changed");
    }
    let after = store.commit(change).await.unwrap();
    let mut all = first.entries;
    while let Some(page) = in_time(snapshot.next()).await.unwrap() {
        all.extend(page.entries);
    }

    assert!(all.is_sorted_by(|one, two| one.0 < two.0));
    let own = prefix.clone().key();
    all.retain(|(key, _)| key.as_bytes().starts_with(own.as_bytes()));
    let entries: Vec<_> =
        (0..count).map(|number| (key(number), vec![b'x'; 200 + number as usize % 7].into())).collect();
    let logged: Vec<_> = all.extract_if(.., |(key, _)| key.as_bytes().starts_with(log.as_bytes())).collect();
    assert_eq!(all, entries);
    assert_eq!(logged.iter().map(|(_, value)| &**value).collect::<Vec<_>>(), [b"before"]);
    let place = |stamp: Versionstamp| u64::from_be_bytes(stamp.commit[..8].try_into().unwrap());
    assert!((place(before.stamp)..place(after.stamp)).contains(&snapshot.version()));
}
