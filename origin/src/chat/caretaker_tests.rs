//! Tests of the caretaker.

use std::cell::Cell;
use std::sync::Arc;

use farcast_chat::{Chat, Entry, Event, User};
use farcast_feed::steady::FIRST;
use farcast_settings::OperatorSettings;
use farcast_store::memory::Memory;

use super::*;

const LONG: Duration = Duration::from_secs(4 * 3600);

thread_local! {
    /// The time of the wall clock's start, and of tokio's clock then.
    static BEGAN: (WallTime, tokio::time::Instant) = (WallTime::now(), tokio::time::Instant::now());
    /// Lead of the wall clock, in seconds.
    static AHEAD_S: Cell<u64> = const { Cell::new(0) };
}

/// A wall clock that keeps pace with tokio's virtual time, and may be wrong. Each test has a thread of its own.
fn wall() -> WallTime {
    let (began, at) = BEGAN.with(|began| *began);
    began.after(at.elapsed()).after(Duration::from_secs(AHEAD_S.get()))
}

struct Rig {
    chat: Chat,
    runtime: watch::Sender<Option<Snapshot>>,
    keep: watch::Sender<Option<Versionstamp>>,
    metrics: Metrics,
    task: tokio::task::JoinHandle<()>,
}

fn snapshot(max_events: u64) -> Option<Snapshot> {
    let chat_retention = Retention { max_age_seconds: 3600, max_events };
    let runtime = OperatorSettings { chat_retention, ..OperatorSettings::default() };
    Some(Snapshot { runtime: Arc::new(runtime), tip: bytes::Bytes::new() })
}

impl Rig {
    fn start(chat: Chat, max_events: u64, keep: Option<Versionstamp>) -> Self {
        let (runtime, set) = watch::channel(snapshot(max_events));
        let (keep, kept) = watch::channel(keep);
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let caretaker = Caretaker::new(chat.store().clone(), set, kept, metrics.clone()).with_clock(wall);
        Self { chat, runtime, keep, metrics, task: tokio::spawn(caretaker.run()) }
    }

    async fn until(&self, words: &[&str]) {
        let reached = async {
            while said(&self.chat).await != words {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        if tokio::time::timeout(LONG, reached).await.is_err() {
            panic!("{:?} is there, not {words:?}", said(&self.chat).await);
        }
    }

    fn gauges(&self) -> [i64; 2] {
        [self.metrics.entries.get(), self.metrics.held.get()]
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn say(chat: &Chat, at: WallTime, text: &str) {
    chat.tell(&[Entry::new(at, Event::Action { body: text.to_owned() })]).await.unwrap();
}

async fn said(chat: &Chat) -> Vec<String> {
    let body = |(_, entry): (_, Entry)| match entry.event {
        Event::Action { body } => body,
        other => panic!("{other:?}"),
    };
    log::after(chat.store(), Versionstamp::ZERO).await.unwrap().entries.into_iter().map(body).collect()
}

fn ago(seconds: u64) -> WallTime {
    WallTime(wall().0 - seconds * 1_000_000)
}

#[tokio::test(start_paused = true)]
async fn what_is_old_or_too_much_is_forgotten_and_what_comes_is_counted() {
    let chat = Chat::new(Memory::store().0);
    for (at, text) in [(ago(7200), "a"), (ago(3700), "b"), (ago(1000), "c"), (ago(10), "d")] {
        say(&chat, at, text).await;
    }
    let rig = Rig::start(chat.clone(), 100, None);
    rig.until(&["c", "d"]).await;
    say(&chat, ago(5), "e").await;
    rig.runtime.send_replace(snapshot(2));
    rig.until(&["d", "e"]).await;
    assert_eq!(rig.gauges(), [2, 0]);
    assert_eq!(rig.metrics.forgotten.get(), 3);
    for text in ["f", "g", "h"] {
        say(&chat, ago(1), text).await;
    }
    rig.until(&["g", "h"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_webhooks_still_need_is_kept_until_they_are_done() {
    let chat = Chat::new(Memory::store().0);
    for text in ["a", "b", "c"] {
        say(&chat, ago(7200), text).await;
    }
    let places: Vec<_> = log::after(chat.store(), Versionstamp::ZERO)
        .await
        .unwrap()
        .entries
        .iter()
        .map(|(at, _)| *at)
        .collect();
    let rig = Rig::start(chat.clone(), 100, Some(Versionstamp::ZERO));
    tokio::time::sleep(FIRST + TRIM_EVERY * 3).await;
    rig.until(&["a", "b", "c"]).await;
    assert_eq!(rig.gauges(), [3, 3]);
    rig.keep.send_replace(Some(places[1]));
    rig.until(&["c"]).await;
    assert_eq!(rig.gauges(), [1, 1]);
    rig.keep.send_replace(None);
    rig.until(&[]).await;
    assert_eq!(rig.gauges(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn users_whom_the_log_mentions_are_kept_as_long_as_it_does() {
    let chat = Chat::new(Memory::store().0);
    let long_ago = ago(48 * 3600);
    let (gone, _) = chat.register(User::new("gone".to_owned(), long_ago)).await.unwrap();
    let (spoke, _) = chat.register(User::new("spoke".to_owned(), long_ago)).await.unwrap();
    let account = chat.account(&spoke.id).await.unwrap().unwrap();
    chat.act(account, |user| {
        let (user, body) = (user.clone(), "x".to_owned());
        Entry::new(ago(7200), Event::Message { user, client: None, raw: body.clone(), body })
    })
    .await
    .unwrap();
    let rig = Rig::start(chat.clone(), 100, Some(Versionstamp::ZERO));
    let until_gone = async |id: &str| {
        let gone = async {
            while chat.account(id).await.unwrap().is_some() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(LONG, gone).await.expect("they are forgotten");
    };
    until_gone(&gone.id).await;
    tokio::time::sleep(FORGET_USERS_EVERY * 2).await;
    assert!(chat.account(&spoke.id).await.unwrap().is_some());
    rig.keep.send_replace(None);
    until_gone(&spoke.id).await;
    assert_eq!(rig.metrics.forgotten_users.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_at_first_is_tidied_later() {
    let (store, engine) = Memory::store();
    let chat = Chat::new(store);
    say(&chat, ago(7200), "a").await;
    engine.fail(true);
    let rig = Rig::start(chat, 100, None);
    tokio::time::sleep(RETRY * 5).await;
    engine.fail(false);
    rig.until(&[]).await;
    assert!(rig.metrics.failures.get() > 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_for_a_while_deletes_nothing_and_what_is_old_goes_all_the_same() {
    let chat = Chat::new(Memory::store().0);
    let (user, _) = chat.register(User::new("Ada".to_owned(), ago(60))).await.unwrap();
    say(&chat, ago(600), "a").await;
    let rig = Rig::start(chat.clone(), 100, None);
    tokio::time::sleep(FIRST + TRIM_EVERY * 2).await;
    say(&chat, ago(0), "b").await;
    // A year ahead, until the next look at users and beyond it.
    AHEAD_S.set(365 * 86_400);
    tokio::time::sleep(FORGET_USERS_EVERY - FIRST).await;
    assert_eq!(said(&chat).await, ["b"], "what is old by the clock that was right goes");
    assert!(chat.account(&user.id).await.unwrap().is_some());
    AHEAD_S.set(0);
    rig.until(&[]).await;
    assert!(chat.account(&user.id).await.unwrap().is_some());
}
