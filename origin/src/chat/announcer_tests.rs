//! Tests of the announcer.

use farcast_store::Versionstamp;
use farcast_store::memory::Memory;

use super::*;

const LONG: Duration = Duration::from_secs(600);

fn offline() -> LiveStatus {
    LiveStatus { disconnected_at: Some(WallTime(1)), ..LiveStatus::default() }
}

fn live(at: u64) -> LiveStatus {
    LiveStatus { online: true, connected_at: Some(WallTime(at)), ..LiveStatus::default() }
}

/// As the keeper of the status begins while it does not know whether the last run's broadcast goes on.
fn undecided(at: u64) -> LiveStatus {
    LiveStatus { online: false, ..live(at) }
}

fn told(live_since: Option<u64>, title: &str) -> Announced {
    Announced { live_since: live_since.map(WallTime), title: title.to_owned() }
}

#[test]
fn each_change_is_news_once() {
    use News::{Started, Stopped, Title};
    let none: &[News] = &[];
    for (before, status, title, expected) in [
        // The first start.
        (None, offline(), "a", none),
        (None, live(5), "a", &[Started]),
        (Some(told(None, "a")), offline(), "a", none),
        (Some(told(None, "a")), live(5), "a", &[Started]),
        (Some(told(Some(5), "a")), live(5), "a", none),
        (Some(told(Some(5), "a")), offline(), "a", &[Stopped]),
        (Some(told(Some(5), "a")), live(6), "a", &[Stopped, Started]),
        (Some(told(None, "a")), offline(), "b", &[Title]),
        (Some(told(Some(5), "a")), live(5), "", &[Title]),
        (Some(told(Some(5), "a")), live(6), "b", &[Stopped, Title, Started]),
    ] {
        let (next, news) = news(before.as_ref(), &status, title).unwrap();
        assert_eq!(news, expected, "{before:?} {status:?} {title}");
        assert_eq!(next, told(status.connected_at.map(|at| at.0), title));
    }
    assert_eq!(news(Some(&told(Some(5), "a")), &undecided(5), "b"), None);
}

struct Rig {
    store: Store,
    status: watch::Sender<Option<Arc<LiveStatus>>>,
    runtime: watch::Sender<Option<Snapshot>>,
    task: tokio::task::JoinHandle<()>,
}

fn snapshot(title: &str) -> Option<Snapshot> {
    let runtime = OperatorSettings { stream_title: title.to_owned(), ..OperatorSettings::default() };
    Some(Snapshot { runtime: Arc::new(runtime), tip: bytes::Bytes::new() })
}

impl Rig {
    fn start(store: Store, status: LiveStatus, title: &str) -> Self {
        let (tell_status, told_status) = watch::channel(Some(Arc::new(status)));
        let (tell_runtime, told_runtime) = watch::channel(snapshot(title));
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let announcer = Announcer::new(store.clone(), told_status, told_runtime, metrics);
        let task = tokio::spawn(announcer.run());
        Self { store, status: tell_status, runtime: tell_runtime, task }
    }

    fn status(&self, status: LiveStatus) {
        self.status.send_replace(Some(Arc::new(status)));
    }

    fn title(&self, title: &str) {
        self.runtime.send_replace(snapshot(title));
    }

    /// Waits until so much was told in all.
    async fn until(&self, words: &[&str]) {
        let reached = async {
            while told_so_far(&self.store).await != words {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(LONG, reached).await.is_err() {
            panic!("{:?} was told, not {words:?}", told_so_far(&self.store).await);
        }
    }

    /// Gives the announcer time to do what it should not.
    async fn settle(&self) {
        tokio::time::sleep(RETRY * 3).await;
    }

    /// As a crash does it.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn told_so_far(store: &Store) -> Vec<String> {
    let entries = log::after(store, Versionstamp::ZERO).await.map(|chunk| chunk.entries).unwrap_or_default();
    let word = |entry: &Entry| match &entry.event {
        Event::StreamStarted(stream) => format!("started {}", stream.title),
        Event::StreamStopped(stream) => format!("stopped {}", stream.title),
        Event::TitleChanged(stream) => format!("title {}", stream.title),
        other => panic!("{other:?}"),
    };
    entries.iter().map(|(_, entry)| word(entry)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_and_its_titles_are_told_in_order() {
    let rig = Rig::start(Memory::store().0, offline(), "a");
    rig.settle().await;
    rig.title("b");
    rig.until(&["title b"]).await;
    rig.status(live(5));
    rig.until(&["title b", "started b"]).await;
    // Viewers come and go.
    rig.status(LiveStatus { viewers: 7, ..live(5) });
    rig.settle().await;
    rig.status(offline());
    rig.until(&["title b", "started b", "stopped b"]).await;
    rig.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_continues_a_broadcast_tells_nothing() {
    let store = Memory::store().0;
    let rig = Rig::start(store.clone(), live(5), "a");
    rig.until(&["started a"]).await;
    rig.kill().await;
    let rig = Rig::start(store.clone(), undecided(5), "a");
    rig.settle().await;
    rig.status(live(5));
    rig.settle().await;
    rig.until(&["started a"]).await;
    rig.kill().await;
    // One that does not continue it, and whose title was changed in its last moments.
    let rig = Rig::start(store, undecided(5), "b");
    rig.settle().await;
    rig.until(&["started a"]).await;
    rig.status(offline());
    rig.until(&["started a", "stopped b", "title b"]).await;
    rig.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_a_while_is_told_once_and_late() {
    let (store, engine) = Memory::store();
    let rig = Rig::start(store, offline(), "a");
    rig.settle().await;
    engine.fail(true);
    rig.status(live(5));
    tokio::time::sleep(Duration::from_secs(60)).await;
    engine.fail(false);
    rig.until(&["started a"]).await;
    rig.settle().await;
    rig.until(&["started a"]).await;
    rig.kill().await;
}

#[tokio::test(start_paused = true)]
async fn what_another_run_told_is_not_told_again() {
    let store = Memory::store().0;
    // Two that overlap, as in a cluster while one origin takes over from another.
    let (one, two) = (Rig::start(store.clone(), offline(), "a"), Rig::start(store.clone(), offline(), "a"));
    one.settle().await;
    one.status(live(5));
    two.status(live(5));
    one.until(&["started a"]).await;
    one.settle().await;
    one.until(&["started a"]).await;
    one.kill().await;
    two.kill().await;
}
