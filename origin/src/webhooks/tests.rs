//! Delivery with receivers of every kind: scripted ones in virtual time, real ones over HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farcast_chat::{Entry, Event, log};
use farcast_feed::time::WallTime;
use farcast_settings::{OperatorSettings, Snapshot};
use farcast_store::memory::Memory;
use farcast_store::{Batch, Store, Versionstamp};
use http::{Request, StatusCode};
use prometheus::Registry;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::call::{Call, Caller, Http};
use super::clock::Clock;
use super::failure::{Failure, Reason};
use super::hook::Common;
use super::policy::{HOLDS_UP_FOR, LONGEST_PAUSE, TRIED_FOR};
use super::record::needed_behind;
use super::run::{Delivery, Needed};
use super::*;
use crate::http_client::server::{Answer, Server};
use crate::http_client::{HttpClient, Reach};

const START: WallTime = WallTime(1_700_000_000_000_000);
const PATIENCE: Duration = Duration::from_secs(60);

/// The behaviour of a scripted receiver at the call of a webhook, by the event's id and the number of its earlier
/// calls.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Does {
    Takes,
    Fails,
    Gone,
    /// Nothing, for ever.
    Hangs,
}

type Told = (u64, String);
type Script = dyn Fn(u64, &str, usize) -> Does + Send + Sync;

/// A receiver that follows a script and remembers what it was told, and when.
#[derive(Clone)]
struct Scripted {
    told: Arc<Mutex<Vec<(Duration, Told)>>>,
    script: Arc<Script>,
    start: Instant,
}

impl Scripted {
    fn new(script: impl Fn(u64, &str, usize) -> Does + Send + Sync + 'static) -> Self {
        Self { told: Arc::default(), script: Arc::new(script), start: Instant::now() }
    }

    /// Ids of the events that a webhook was told of, in their order.
    fn told(&self, hook: u64) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter().filter(|(_, (to, _))| *to == hook).map(|(_, (_, id))| id.clone()).collect()
    }

    fn times(&self) -> Vec<Duration> {
        self.told.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }
}

impl Caller for Scripted {
    async fn call(&self, webhook: &Webhook, call: &Call, _: WallTime) -> Result<(), Failure> {
        let told = (webhook.id, call.id.clone());
        let before = {
            let mut all = self.told.lock().unwrap();
            let before = all.iter().filter(|(_, before)| *before == told).count();
            all.push((self.start.elapsed(), told));
            before
        };
        let failure = |reason, text: &str| Failure { reason, text: text.to_owned(), retry_after: None };
        match (self.script)(webhook.id, &call.id, before) {
            Does::Takes => Ok(()),
            Does::Fails => Err(failure(Reason::Status, "status 500")),
            Does::Gone => Err(failure(Reason::Gone, "status 410")),
            Does::Hangs => std::future::pending().await,
        }
    }
}

/// A delivery that runs.
struct Running {
    metrics: Metrics,
    deliveries: Deliveries,
    shutdown: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Running {
    fn start(store: &Store, caller: impl Caller, clock: Clock) -> Self {
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let set = OperatorSettings {
            server_url: "https://live.example.org".to_owned(),
            ..OperatorSettings::default()
        };
        let snapshot = Snapshot { runtime: Arc::new(set), tip: bytes::Bytes::new() };
        let (_, runtime) = watch::channel(Some(snapshot));
        let deliveries = Deliveries::default();
        let common = Common {
            store: store.clone(),
            caller,
            runtime,
            deliveries: deliveries.clone(),
            metrics: metrics.clone(),
            clock,
        };
        let shutdown = CancellationToken::new();
        let task = AbortOnDropHandle::new(tokio::spawn(Delivery::new(common).run(shutdown.clone())));
        Self { metrics, deliveries, shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }

    /// As if the process were killed.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn virtual_clock() -> Clock {
    let start = Instant::now();
    Clock::new(move || START.after(start.elapsed()))
}

fn system_clock() -> Clock {
    Clock::new(WallTime::now)
}

async fn hook(store: &Store, url: &str, events: &[&str]) -> u64 {
    let events = events.iter().map(|event| (*event).to_owned()).collect();
    create(store, url.to_owned(), events, START).await.unwrap().id
}

fn hidden(id: &str) -> Entry {
    let event = Event::Visibility { ids: vec!["m".to_owned()], visible: false };
    Entry { id: id.to_owned(), at: START, event, network: None }
}

/// An entry that no webhook is told of.
fn action(id: &str) -> Entry {
    Entry { id: id.to_owned(), at: START, event: Event::Action { body: "a".to_owned() }, network: None }
}

fn stopped(id: &str) -> Entry {
    let stream = farcast_chat::entry::Stream {
        name: String::new(),
        summary: String::new(),
        title: String::new(),
        status: farcast_settings::LiveStatus::default(),
    };
    Entry { id: id.to_owned(), at: START, event: Event::StreamStopped(stream), network: None }
}

async fn append(store: &Store, entries: &[Entry]) {
    store.commit(log::append(Batch::new(), entries).unwrap()).await.unwrap();
}

async fn kept(store: &Store, id: u64) -> Kept {
    all(store).await.unwrap().into_iter().find(|kept| kept.webhook.id == id).unwrap()
}

async fn cursor(store: &Store, id: u64) -> Cursor {
    kept(store, id).await.cursor.unwrap()
}

/// Waits until something holds. It is looked at ever more rarely: some wait for a day.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        let mut pause = Duration::from_millis(10);
        while !holds().await {
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(20));
        }
    };
    timeout(TRIED_FOR * 2, waiting).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

#[tokio::test(start_paused = true)]
async fn a_webhook_is_told_of_what_it_wants_and_of_what_comes_after_it_was_made() {
    let (store, _) = Memory::store();
    append(&store, &[hidden("before")]).await;
    let both = hook(&store, "http://a", &["VISIBILITY-UPDATE", "CHAT"]).await;
    let receiver = Scripted::new(|_, _, _| Does::Takes);
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    append(&store, &[hidden("a"), action("x"), hidden("b")]).await;
    until("two are told", async || receiver.told(both).len() == 2).await;
    // Made while the delivery runs.
    let (late, other) =
        (hook(&store, "http://b", &["VISIBILITY-UPDATE"]).await, hook(&store, "http://c", &["CHAT"]).await);
    append(&store, &[hidden("c")]).await;
    until("the new one is told", async || receiver.told(late).len() == 1).await;
    running.stop().await;
    assert_eq!(receiver.told(both), ["a", "b", "c"]);
    assert_eq!(receiver.told(late), ["c"]);
    assert!(receiver.told(other).is_empty());
    assert!(cursor(&store, both).await.last_used_at.is_some());
    assert!(cursor(&store, other).await.last_used_at.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_fails_is_told_again_before_the_next_and_other_webhooks_do_not_wait() {
    let (store, _) = Memory::store();
    let (bad, good) = (
        hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await,
        hook(&store, "http://b", &["VISIBILITY-UPDATE"]).await,
    );
    let receiver =
        Scripted::new(
            move |hook, id, before| {
                if hook == bad && id == "b" && before < 3 { Does::Fails } else { Does::Takes }
            },
        );
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    append(&store, &[hidden("a"), hidden("b"), hidden("c")]).await;
    until("the good one is told", async || receiver.told(good).len() == 3).await;
    assert_eq!(receiver.told(bad), ["a", "b"]);
    let trouble = cursor(&store, bad).await.trouble.unwrap();
    assert_eq!((trouble.attempts, trouble.reason.as_str()), (1, "status 500"));
    until("the lag is seen", async || running.metrics.lag_seconds.get() > 1.0).await;
    until("the bad one is told", async || receiver.told(bad).len() == 6).await;
    assert_eq!(receiver.told(bad), ["a", "b", "b", "b", "b", "c"]);
    until("it is in order", async || cursor(&store, bad).await.trouble.is_none()).await;
    until("there is no lag", async || running.metrics.lag_seconds.get() == 0.0).await;
    assert_eq!(running.metrics.delivered.get(), 6);
    let noted = running.deliveries.of(bad).into_iter().rev();
    let noted: Vec<_> = noted.map(|delivery| (delivery.attempt, delivery.error)).collect();
    let failed = Some("status 500".to_owned());
    let of_b = (1..=3).map(|attempt| (attempt, failed.clone()));
    let expected: Vec<_> = [(1, None)].into_iter().chain(of_b).chain([(4, None), (1, None)]).collect();
    assert_eq!(noted, expected);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_only_the_event_that_was_on_its_way_is_told_again() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let clock = virtual_clock();
    let stuck = Scripted::new(|_, id, _| if id == "b" { Does::Hangs } else { Does::Takes });
    let running = Running::start(&store, stuck.clone(), clock.clone());
    append(&store, &[hidden("a"), hidden("b"), hidden("c")]).await;
    until("it is stuck", async || stuck.told(id) == ["a", "b"]).await;
    running.kill().await;
    let receiver = Scripted::new(|_, _, _| Does::Takes);
    let running = Running::start(&store, receiver.clone(), clock);
    until("the rest is told", async || receiver.told(id).len() == 2).await;
    assert_eq!(receiver.told(id), ["b", "c"]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_fails_for_a_day_is_disabled_also_when_the_origin_was_restarted() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let (clock, start) = (virtual_clock(), Instant::now());
    let receiver = Scripted::new(|_, id, _| if id == "a" { Does::Takes } else { Does::Fails });
    let running = Running::start(&store, receiver.clone(), clock.clone());
    append(&store, &[hidden("a"), hidden("b")]).await;
    until("it fails", async || receiver.told(id).len() == 2).await;
    let began = start.elapsed();
    sleep(TRIED_FOR / 2).await;
    let place = cursor(&store, id).await.at;
    assert_eq!(needed_behind(&store).await.unwrap(), Some(place));
    running.kill().await;
    let again = Running::start(&store, receiver.clone(), clock);
    until("it is disabled", async || kept(&store, id).await.webhook.disabled.is_some()).await;
    let lasted = start.elapsed().checked_sub(began).unwrap();
    assert!(lasted >= TRIED_FOR && lasted < TRIED_FOR + LONGEST_PAUSE * 2, "{lasted:?}");
    let Kept { webhook, cursor } = kept(&store, id).await;
    assert_eq!(webhook.disabled.unwrap().reason, "failed for 24 hours: status 500");
    assert_eq!(cursor.unwrap().at, place);
    assert_eq!(needed_behind(&store).await.unwrap(), None);
    assert_eq!(again.metrics.disabled.get(), 1);
    // No pause was longer than the longest, but for the lease of the one that was killed.
    let longest = receiver.times().windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max();
    assert!(longest.unwrap() <= LONGEST_PAUSE + Duration::from_secs(60), "{longest:?}");
    let told = receiver.told(id).len();
    append(&store, &[hidden("c")]).await;
    sleep(LONGEST_PAUSE * 2).await;
    assert_eq!(receiver.told(id).len(), told);
    again.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_log_is_kept_for_the_slowest_webhook_and_wholly_until_that_is_known() {
    let (store, engine) = Memory::store();
    let needed = Arc::new(Needed::new(store.clone()));
    let keep = needed.place.subscribe();
    engine.fail(true);
    let following = Arc::clone(&needed);
    let _task = AbortOnDropHandle::new(tokio::spawn(async move { following.follow().await }));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(*keep.borrow(), Some(Versionstamp::ZERO));
    engine.fail(false);
    until("nobody needs anything", async || keep.borrow().is_none()).await;
    append(&store, &[hidden("a")]).await;
    let slow = hook(&store, "http://a", &["CHAT"]).await;
    let place = cursor(&store, slow).await.at;
    append(&store, &[hidden("b")]).await;
    hook(&store, "http://b", &["CHAT"]).await;
    until("the older is known", async || keep.borrow().is_some()).await;
    assert_eq!(*keep.borrow(), Some(place));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_is_disabled_at_once() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let receiver = Scripted::new(|_, _, _| Does::Gone);
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    append(&store, &[hidden("a"), hidden("b")]).await;
    until("it is disabled", async || kept(&store, id).await.webhook.disabled.is_some()).await;
    running.stop().await;
    assert_eq!(receiver.told(id), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_deleted_is_not_called_any_more() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let receiver = Scripted::new(|_, _, _| Does::Fails);
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    append(&store, &[hidden("a")]).await;
    until("it is called", async || !receiver.told(id).is_empty()).await;
    assert!(delete(&store, id).await.unwrap());
    sleep(Duration::from_secs(1)).await;
    let told = receiver.told(id).len();
    sleep(LONGEST_PAUSE * 2).await;
    assert_eq!(receiver.told(id).len(), told);
    assert!(!delete(&store, id).await.unwrap());
    assert!(all(&store).await.unwrap().is_empty());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn events_that_are_not_wanted_cost_a_write_now_and_then() {
    let (store, engine) = Memory::store();
    let id = hook(&store, "http://a", &["CHAT"]).await;
    let running = Running::start(&store, Scripted::new(|_, _, _| Does::Takes), virtual_clock());
    sleep(Duration::from_secs(1)).await;
    let before = engine.commits();
    for n in 0..200 {
        append(&store, &[hidden(&n.to_string())]).await;
        sleep(Duration::from_millis(50)).await;
    }
    let end = log::end(&store).await.unwrap();
    let last = |place: Versionstamp| place.commit == end.commit;
    until("all is saved", async || last(cursor(&store, id).await.at)).await;
    // Ten seconds: a save each five, and a renewal of the lease or two.
    let writes = engine.commits() - before - 200;
    assert!(writes <= 6, "{writes}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_origins_one_delivers_and_the_other_when_it_is_gone() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let clock = virtual_clock();
    let (a, b) = (Scripted::new(|_, _, _| Does::Takes), Scripted::new(|_, _, _| Does::Takes));
    let first = Running::start(&store, a.clone(), clock.clone());
    append(&store, &[hidden("a")]).await;
    until("the first delivers", async || a.told(id).len() == 1).await;
    let second = Running::start(&store, b.clone(), clock);
    sleep(Duration::from_secs(600)).await;
    append(&store, &[hidden("b")]).await;
    until("the first delivers", async || a.told(id).len() == 2).await;
    first.stop().await;
    append(&store, &[hidden("c")]).await;
    let before = Instant::now();
    until("the second delivers", async || b.told(id).len() == 1).await;
    assert!(before.elapsed() < Duration::from_secs(25), "the lease was not given back");
    second.stop().await;
    assert_eq!((a.told(id), b.told(id)), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_lease_moves_no_cursor() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let before = cursor(&store, id).await;
    let receiver = Scripted::new(|_, _, _| Does::Takes);
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    sleep(Duration::from_secs(1)).await;
    // Another origin takes over, which this one does not know yet.
    store.commit(Batch::new().set(record::lease_key(), vec![7; 24])).await.unwrap();
    append(&store, &[hidden("a")]).await;
    until("it was told", async || receiver.told(id).len() == 1).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(cursor(&store, id).await, before);
    running.kill().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_taken_is_not_told_again_when_the_store_fails_meanwhile() {
    let (store, engine) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let breaks = Arc::clone(&engine);
    let receiver = Scripted::new(move |_, id, _| {
        breaks.fail(id == "a");
        Does::Takes
    });
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    append(&store, &[hidden("a"), hidden("b")]).await;
    until("it was told", async || receiver.told(id).len() == 1).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(receiver.told(id), ["a"]);
    engine.fail(false);
    until("the next is told", async || receiver.told(id).len() == 2).await;
    assert_eq!(receiver.told(id), ["a", "b"]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_log_when_the_origin_stops_is_told_unless_its_receiver_hangs() {
    let (store, _) = Memory::store();
    let (good, stuck) = (
        hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await,
        hook(&store, "http://b", &["VISIBILITY-UPDATE"]).await,
    );
    let receiver = Scripted::new(move |hook, _, _| if hook == stuck { Does::Hangs } else { Does::Takes });
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    sleep(Duration::from_secs(1)).await;
    append(&store, &[hidden("a"), hidden("b")]).await;
    let before = Instant::now();
    running.stop().await;
    assert!(before.elapsed() < Duration::from_secs(11));
    assert_eq!((receiver.told(good).len(), receiver.told(stuck).len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_lags_reads_more_than_one_page() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let ids: Vec<_> = (0..1500).map(|n| format!("e{n}")).collect();
    for some in ids.chunks(100) {
        append(&store, &some.iter().map(|id| hidden(id)).collect::<Vec<_>>()).await;
    }
    let receiver = Scripted::new(|_, _, _| Does::Takes);
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    until("all are told", async || receiver.told(id).len() >= ids.len()).await;
    assert_eq!(receiver.told(id), ids);
    running.stop().await;
}

#[tokio::test]
async fn numbers_are_not_given_twice_and_there_are_so_many_webhooks() {
    let (store, _) = Memory::store();
    let (first, second) =
        (hook(&store, "http://a", &["CHAT"]).await, hook(&store, "http://b", &["CHAT"]).await);
    assert!(delete(&store, second).await.unwrap());
    assert_eq!((first, hook(&store, "http://c", &["CHAT"]).await), (1, 3));
    for _ in 2..MAX_WEBHOOKS {
        hook(&store, "http://d", &["CHAT"]).await;
    }
    let more = create(&store, "http://e".to_owned(), vec!["CHAT".to_owned()], START).await;
    assert!(matches!(more, Err(Refused::TooMany)), "{more:?}");
    let ids: Vec<_> = all(&store).await.unwrap().iter().map(|kept| kept.webhook.id).collect();
    assert!(ids.is_sorted() && ids.len() == MAX_WEBHOOKS, "{ids:?}");
}

/// A webhook of before there were cursors and secrets.
#[tokio::test(start_paused = true)]
async fn a_webhook_without_a_cursor_begins_with_what_comes() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let key = |tail: &str| {
        let key = farcast_store::Tuple::new().text("private").text("webhook").uint(id);
        if tail.is_empty() { key.key() } else { key.text(tail).key() }
    };
    let old = br#"{"id":1,"url":"http://a","events":["VISIBILITY-UPDATE"],"createdAt":1,"lastUsedAt":null}"#;
    let batch = Batch::new().clear(key("cursor")).set(key(""), [&[1], &old[..]].concat());
    store.commit(batch).await.unwrap();
    append(&store, &[hidden("a")]).await;
    let receiver = Scripted::new(|_, _, _| Does::Takes);
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    sleep(Duration::from_secs(1)).await;
    append(&store, &[hidden("b")]).await;
    until("it is told", async || !receiver.told(id).is_empty()).await;
    running.stop().await;
    assert_eq!(receiver.told(id), ["b"]);
}

fn over_http() -> Http {
    Http::new(HttpClient::new(Reach::Anywhere).unwrap())
}

fn address(server: &Server) -> String {
    format!("http://{}/hook?a=b", server.address)
}

async fn arrives(server: &mut Server) -> Request<bytes::Bytes> {
    timeout(PATIENCE, server.requests.recv()).await.unwrap().unwrap()
}

fn id_of(request: &Request<bytes::Bytes>) -> String {
    request.headers()["webhook-id"].to_str().unwrap().to_owned()
}

/// RFC 2104, of a key that is no longer than a block.
fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(block, key)| *block ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[tokio::test]
async fn a_request_has_the_body_of_owncast_and_a_signature_of_the_standard() {
    let (store, _) = Memory::store();
    let mut server = Server::start(Answer::Whole(StatusCode::NO_CONTENT, String::new())).await;
    let events = vec!["VISIBILITY-UPDATE".to_owned()];
    let webhook = create(&store, address(&server), events, START).await.unwrap();
    let running = Running::start(&store, over_http(), system_clock());
    append(&store, &[hidden("aB3-_")]).await;
    let request = arrives(&mut server).await;
    assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("POST", "/hook?a=b"));
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("webhook-id")), ("application/json".into(), "aB3-_".into()));
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body["type"], "VISIBILITY-UPDATE");
    assert_eq!(body["eventData"]["MessageIDs"][0], "m");
    assert_eq!(body["eventData"]["serverURL"], "https://live.example.org");

    let sent = header("webhook-timestamp").parse::<u64>().unwrap();
    assert!((WallTime::now().0 / 1_000_000).abs_diff(sent) < 60);
    let secret = webhook.secret.unwrap().expose();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = [format!("aB3-_.{sent}.").as_bytes(), request.body()].concat();
    let expected = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &signed)));
    assert_eq!(header("webhook-signature"), expected);

    until("it is saved", async || cursor(&store, webhook.id).await.last_used_at.is_some()).await;
    running.stop().await;
}

#[tokio::test]
async fn receivers_that_misbehave_lose_nothing_and_delay_nobody() {
    let (store, _) = Memory::store();
    let fine = || Answer::Whole(StatusCode::OK, "ok".to_owned());
    let mut target = Server::start(fine()).await;
    let misbehave = [
        Answer::Whole(StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        Answer::Redirect(StatusCode::FOUND, format!("http://{}/", target.address)),
        Answer::Hangup,
        Answer::Silence,
    ];
    let mut bad = Vec::new();
    for answer in misbehave {
        bad.push(Server::start(answer).await);
    }
    let mut good = Server::start(fine()).await;
    for server in bad.iter().chain([&good]) {
        hook(&store, &address(server), &["VISIBILITY-UPDATE"]).await;
    }
    let running = Running::start(&store, over_http(), system_clock());
    let ids = ["a", "b", "c"];
    append(&store, &ids.map(hidden)).await;
    // All of the good one's, while the bad ones are at their first.
    for id in ids {
        assert_eq!(id_of(&arrives(&mut good).await), id);
    }
    for server in &mut bad {
        assert_eq!(id_of(&arrives(server).await), "a");
        server.answer(fine());
    }
    for server in &mut bad {
        for id in ids {
            assert_eq!(id_of(&arrives(server).await), id);
        }
    }
    assert!(target.arrived().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_has_moved_is_told_where_it_is_now_by_the_same_signed_post() {
    let (store, _) = Memory::store();
    let mut target = Server::start(Answer::Whole(StatusCode::OK, String::new())).await;
    let onward = format!("http://{}/new?c=d", target.address);
    let mut second = Server::start(Answer::Redirect(StatusCode::TEMPORARY_REDIRECT, onward)).await;
    let onward = format!("http://{}/second", second.address);
    let mut first = Server::start(Answer::Redirect(StatusCode::PERMANENT_REDIRECT, onward)).await;
    let id = hook(&store, &address(&first), &["VISIBILITY-UPDATE"]).await;
    let running = Running::start(&store, over_http(), system_clock());
    append(&store, &[hidden("a")]).await;
    let asked = arrives(&mut first).await;
    arrives(&mut second).await;
    let told = arrives(&mut target).await;
    assert_eq!((told.method().as_str(), told.uri().to_string().as_str()), ("POST", "/new?c=d"));
    assert_eq!(told.headers()["host"], target.address.to_string());
    assert_eq!(told.body(), asked.body());
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature", "content-type"] {
        assert_eq!(told.headers()[name], asked.headers()[name], "{name}");
    }
    until("it is saved", async || cursor(&store, id).await.last_used_at.is_some()).await;
    running.stop().await;
}

#[tokio::test]
async fn redirects_without_end_and_those_that_lose_the_body_are_failures() {
    let (store, _) = Memory::store();
    let mut target = Server::start(Answer::Whole(StatusCode::OK, String::new())).await;
    let mut cases = Vec::new();
    for status in [301, 302, 303] {
        let status = StatusCode::from_u16(status).unwrap();
        let server = Server::start(Answer::Redirect(status, format!("http://{}/", target.address))).await;
        cases.push((server, "only 307 and 308"));
    }
    let circle = Server::start(Answer::Redirect(StatusCode::PERMANENT_REDIRECT, "/again".to_owned())).await;
    cases.push((circle, "more than 3 times"));
    let file = Answer::Redirect(StatusCode::TEMPORARY_REDIRECT, "file:///etc/passwd".to_owned());
    cases.push((Server::start(file).await, "not one of http or https"));
    let mut ids = Vec::new();
    for (server, why) in &cases {
        ids.push((hook(&store, &address(server), &["VISIBILITY-UPDATE"]).await, *why));
    }
    let running = Running::start(&store, over_http(), system_clock());
    append(&store, &[hidden("a")]).await;
    for (id, why) in ids {
        until("it fails", async || cursor(&store, id).await.trouble.is_some()).await;
        let trouble = cursor(&store, id).await.trouble.unwrap();
        assert!(trouble.reason.contains(why), "{}", trouble.reason);
    }
    running.stop().await;
    assert!(target.arrived().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_receiver_does_not_take_holds_up_what_is_behind_it_for_minutes_and_no_longer() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE", "STREAM_STOPPED"]).await;
    // It fails at one kind only.
    let receiver = Scripted::new(|_, id, _| if id.starts_with("bad") { Does::Fails } else { Does::Takes });
    let running = Running::start(&store, receiver.clone(), virtual_clock());
    let start = Instant::now();
    append(&store, &[hidden("bad")]).await;
    until("it fails", async || !receiver.told(id).is_empty()).await;
    append(&store, &[action("x"), stopped("stopped")]).await;
    until("what is behind it is told", async || receiver.told(id).contains(&"stopped".to_owned())).await;
    let after = start.elapsed();
    assert!(after >= HOLDS_UP_FOR && after < HOLDS_UP_FOR + Duration::from_secs(60), "{after:?}");
    assert!(receiver.told(id).len() > 5, "it was tried {} times before", receiver.told(id).len());
    until("it is well again", async || cursor(&store, id).await.trouble.is_none()).await;
    assert_eq!(running.metrics.passed_over.get(), 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_was_away_for_an_hour_is_told_of_what_is_new_and_in_order() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let (start, clock) = (Instant::now(), virtual_clock());
    let away = Duration::from_secs(3600);
    let receiver =
        Scripted::new(move |_, _, _| if start.elapsed() < away { Does::Fails } else { Does::Takes });
    let running = Running::start(&store, receiver.clone(), clock.clone());
    // One each minute, for an hour and a half.
    for n in 0..90_u64 {
        let entry = Entry { at: clock.now(), ..hidden(&format!("e{n}")) };
        append(&store, &[entry]).await;
        sleep(Duration::from_secs(60)).await;
    }
    until("the last is told", async || receiver.told(id).last().is_some_and(|last| last == "e89")).await;
    until("it is well again", async || cursor(&store, id).await.trouble.is_none()).await;
    let mut numbers: Vec<u64> = receiver.told(id).iter().map(|id| id[1..].parse().unwrap()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let attempts = numbers.len();
    numbers.dedup();
    // Everything since the last attempt that failed, and not much of what was before.
    let new = numbers.iter().filter(|n| **n >= 60).count();
    assert_eq!(new, 30, "{numbers:?}");
    let passed = usize::try_from(running.metrics.passed_over.get()).unwrap();
    assert!(passed > 30 && passed <= 60, "{passed} were passed over");
    assert!(attempts < 90, "{attempts}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_event_is_passed_over_when_another_comes_and_not_before() {
    let (store, _) = Memory::store();
    let id = hook(&store, "http://a", &["VISIBILITY-UPDATE"]).await;
    let receiver = Scripted::new(|_, id, _| if id == "a" { Does::Fails } else { Does::Takes });
    let clock = virtual_clock();
    let running = Running::start(&store, receiver.clone(), clock.clone());
    append(&store, &[hidden("a")]).await;
    sleep(HOLDS_UP_FOR * 4).await;
    let trouble = cursor(&store, id).await.trouble.unwrap();
    assert_eq!(trouble.passed_over, 0);
    // What nobody wants makes no room.
    append(&store, &[action("x")]).await;
    sleep(HOLDS_UP_FOR * 2).await;
    assert_eq!(running.metrics.passed_over.get(), 0);
    append(&store, &[Entry { at: clock.now(), ..hidden("b") }]).await;
    until("the next is told", async || receiver.told(id).last().is_some_and(|last| last == "b")).await;
    assert_eq!(running.metrics.passed_over.get(), 1);
    until("it is saved", async || cursor(&store, id).await.trouble.is_none()).await;
    running.stop().await;
}

#[tokio::test]
async fn an_answer_without_end_is_a_success_all_the_same_and_a_receiver_that_is_gone_is_disabled() {
    let (store, _) = Memory::store();
    let mut server = Server::start(Answer::Endless).await;
    let id = hook(&store, &address(&server), &["VISIBILITY-UPDATE"]).await;
    let running = Running::start(&store, over_http(), system_clock());
    append(&store, &[hidden("a")]).await;
    arrives(&mut server).await;
    until("it is saved", async || cursor(&store, id).await.last_used_at.is_some()).await;
    server.answer(Answer::Whole(StatusCode::GONE, String::new()));
    append(&store, &[hidden("b")]).await;
    assert_eq!(id_of(&arrives(&mut server).await), "b");
    until("it is disabled", async || kept(&store, id).await.webhook.disabled.is_some()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_of_no_public_network_is_not_called() {
    let (store, _) = Memory::store();
    let mut server = Server::start(Answer::Silence).await;
    let port = server.address.port();
    // A name that resolves to it, and the address itself as if it had been permitted once.
    let hosts = ["localhost", "127.0.0.1"];
    let mut ids = Vec::new();
    for host in hosts {
        ids.push(hook(&store, &format!("http://{host}:{port}/"), &["VISIBILITY-UPDATE"]).await);
    }
    let public = Http::new(HttpClient::new(Reach::Public).unwrap());
    let running = Running::start(&store, public, system_clock());
    append(&store, &[hidden("a")]).await;
    for id in ids {
        until("it fails", async || cursor(&store, id).await.trouble.is_some()).await;
        let trouble = cursor(&store, id).await.trouble.unwrap();
        assert_eq!(trouble.reason, "its address is of no public network");
    }
    running.stop().await;
    assert!(server.arrived().is_empty());
}
