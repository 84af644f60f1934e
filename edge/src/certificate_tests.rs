use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use farcast_certificates::{Announced, Metrics};
use prometheus::Registry;
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;

/// Answers what it is told, and counts how often it is asked.
#[derive(Clone, Default)]
struct Fake {
    answer: Arc<Mutex<Option<Bytes>>>,
    asked: Arc<AtomicUsize>,
}

impl Origin for Fake {
    fn certificate(&self) -> Asked<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer.lock().unwrap().clone().ok_or(FetchError::LinkDown);
        Box::pin(async { answer })
    }
}

fn pair() -> Pair {
    let made = rcgen::generate_simple_self_signed(["live.example.org".to_owned()]).unwrap();
    Pair { chain_pem: made.cert.pem(), key_pem: made.signing_key.serialize_pem() }
}

struct Stage {
    folder: TempDir,
    origin: Fake,
    announce: watch::Sender<Option<Arc<Announced>>>,
    current: Arc<Current>,
}

impl Stage {
    fn new() -> Self {
        let (announce, following) = watch::channel(None);
        let current = Current::new(following, Metrics::new(&Registry::new()).unwrap());
        let (folder, origin) = (tempfile::tempdir().unwrap(), Fake::default());
        Self { folder, origin, announce, current: Arc::new(current) }
    }

    fn keeper(&self) -> Keeper {
        let (origin, following) = (self.origin.clone(), self.announce.subscribe());
        Keeper::new(origin, Arc::clone(&self.current), following, self.folder.path())
    }

    fn announce(&self, pair: &Pair) {
        let certificate = Some(pair.fingerprint());
        self.announce.send_replace(Some(Arc::new(Announced { certificate, ..Announced::default() })));
    }

    fn give(&self, bytes: impl Into<Bytes>) {
        *self.origin.answer.lock().unwrap() = Some(bytes.into());
    }

    fn give_pair(&self, pair: &Pair) {
        self.give(serde_json::to_vec(pair).unwrap());
    }

    /// The certificate in the data folder.
    fn kept(&self) -> Option<Pair> {
        let bytes = std::fs::read(self.folder.path().join(FILE)).ok()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_announced_is_asked_for_until_it_comes_and_kept_for_the_next_start() {
    let stage = Stage::new();
    let (first, second) = (pair(), pair());
    stage.announce(&first);
    let mut keeper = stage.keeper();
    let wanted = keeper.wanted().await.unwrap();
    let down = keeper.bring(&wanted).await;
    assert!(matches!(down, Err(NotUsed::Asking(FetchError::LinkDown))), "{down:?}");
    // The one before, or after.
    stage.give_pair(&second);
    assert!(matches!(keeper.bring(&wanted).await, Err(NotUsed::Other)));
    stage.give("nonsense");
    assert!(matches!(keeper.bring(&wanted).await, Err(NotUsed::Answer(_))));
    let mixed = Pair { key_pem: second.key_pem.clone(), ..first.clone() };
    stage.give_pair(&mixed);
    assert!(matches!(keeper.bring(&wanted).await, Err(NotUsed::Pair(_))));
    assert!(!stage.current.is_there());
    assert_eq!(stage.kept(), None);
    stage.give_pair(&first);
    keeper.bring(&wanted).await.unwrap();
    assert!(stage.current.is_there());
    assert_eq!(stage.kept(), Some(first.clone()));

    // Another start, without the origin.
    *stage.origin.answer.lock().unwrap() = None;
    let again = Stage { current: Stage::new().current, ..stage };
    let mut keeper = again.keeper();
    keeper.use_kept().await;
    assert!(again.current.is_there());
    assert_eq!(keeper.used, Some(first.fingerprint()));
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_has_none_is_asked_ever_more_rarely() {
    let stage = Stage::new();
    stage.announce(&pair());
    let running = tokio::spawn(stage.keeper().run());
    tokio::time::sleep(Duration::from_secs(600)).await;
    let asked = stage.origin.asked.load(Ordering::Relaxed);
    // After 1, 2, 4 … 32 s, then every 60 s.
    assert!((14..=17).contains(&asked), "{asked}");
    let last = pair();
    stage.give_pair(&last);
    stage.announce(&last);
    tokio::time::sleep(PAUSES[1]).await;
    // The disk's thread is no part of the paused time.
    while stage.kept().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(stage.current.is_there());
    running.abort();
}
