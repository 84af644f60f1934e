//! Following the records: the newest directory in a watch channel, whatever happens to the store.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use farcast_routing::{Announced, Directory, EdgeId, EdgeRecord, Snapshot, Timing};
use farcast_settings::{EdgeOrders, OperatorSettings, Snapshot as Settings};
use farcast_store::Store;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::records::{Found, Reader};
use crate::sweep::Sweep;

/// Interval of reading, while there are few edges.
const EVERY: Duration = Duration::from_secs(2);

/// What each edge adds to the interval, so that the bytes that are read stay bounded.
const EVERY_PER_EDGE: Duration = Duration::from_millis(10);

/// Longest interval: a renewal that is read so late is not late yet.
const MAX_EVERY: Duration = Duration::from_secs(5);

/// Longest time for clearing a record.
const SWEEP_DEADLINE: Duration = Duration::from_secs(1);

/// Time after which a read counts as failed.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// The directory at one moment, with the clock of its reader.
#[derive(Clone, Debug)]
pub struct View {
    /// The edges.
    pub snapshot: Snapshot,
    /// True once the records were read; before that no edge is known, which says nothing.
    pub was_read: bool,
    started: Instant,
}

impl View {
    /// The time now, by the clock of the snapshot.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A channel for [`follow()`], which has no edge yet.
#[must_use]
pub fn views() -> watch::Sender<Arc<View>> {
    let nothing = View { snapshot: Snapshot::default(), was_read: false, started: Instant::now() };
    watch::Sender::new(Arc::new(nothing))
}

/// Keeps `view` as the store has the records and the settings have the orders. Runs until dropped, which is always allowed.
pub async fn follow(
    store: &Store,
    settings: watch::Receiver<Option<Settings>>,
    view: &watch::Sender<Arc<View>>,
    metrics: &Metrics,
) {
    Follower::new(store, settings, view, metrics).run(None).await;
}

/// The same, and clears the records of edges that are gone for ten minutes: for the origin.
pub async fn follow_and_sweep(
    store: &Store,
    settings: watch::Receiver<Option<Settings>>,
    view: &watch::Sender<Arc<View>>,
    metrics: &Metrics,
) {
    Follower::new(store, settings, view, metrics).run(Some(Sweep::default())).await;
}

struct Follower<'a> {
    store: &'a Store,
    settings: watch::Receiver<Option<Settings>>,
    view: &'a watch::Sender<Arc<View>>,
    metrics: &'a Metrics,
    /// Time of the last reading that succeeded.
    read_at: Option<Duration>,
    reader: Reader,
    directory: Directory,
    known: HashSet<EdgeId>,
    started: Instant,
    was_read: bool,
}

impl<'a> Follower<'a> {
    fn new(
        store: &'a Store,
        settings: watch::Receiver<Option<Settings>>,
        view: &'a watch::Sender<Arc<View>>,
        metrics: &'a Metrics,
    ) -> Self {
        Self {
            store,
            settings,
            view,
            metrics,
            read_at: None,
            reader: Reader::default(),
            directory: Directory::new(Timing::default()),
            known: HashSet::new(),
            started: view.borrow().started,
            was_read: false,
        }
    }

    async fn run(mut self, mut sweep: Option<Sweep>) {
        loop {
            let read = tokio::time::timeout(READ_DEADLINE, self.reader.all(self.store)).await;
            let now = self.started.elapsed();
            let mut gone = Vec::new();
            match read {
                Ok(Ok(all)) => {
                    gone = sweep.as_mut().map(|sweep| sweep.seen(&all, now)).unwrap_or_default();
                    self.read(all, now);
                }
                Ok(Err(_)) | Err(_) => {
                    // What was not seen since the last reading is nobody's silence.
                    self.directory.blind(self.read_at.unwrap_or(now));
                    sweep.iter_mut().for_each(Sweep::blind);
                }
            }
            self.show(now);
            if let Some(batch) = gone.pop() {
                // One that has changed meanwhile stays; one that is not cleared now is found again, as are the others.
                let _ = tokio::time::timeout(SWEEP_DEADLINE, self.store.commit(batch)).await;
            }
            let edges = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
            let pause = EVERY.max(EVERY_PER_EDGE.saturating_mul(edges)).min(MAX_EVERY);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Orders hold at once. A channel that is closed has no more of them.
                Ok(()) = self.settings.changed() => {}
            }
        }
    }

    fn read(&mut self, all: Vec<Found>, now: Duration) {
        self.directory.sees(now);
        self.was_read = true;
        self.read_at = Some(now);
        let settings = self.settings.borrow_and_update().as_ref().map(|known| Arc::clone(&known.runtime));
        let mut here = HashSet::with_capacity(all.len());
        for record in all.into_iter().filter_map(|found| found.record) {
            let id = record.id.clone();
            let record = ordered(record, settings.as_deref());
            // One too many is not taken, and not led to.
            if self.directory.read(record, now).is_ok() {
                here.insert(id);
            }
        }
        for gone in self.known.difference(&here) {
            self.directory.removed(gone, now);
        }
        self.known = here;
    }

    fn show(&mut self, now: Duration) {
        let snapshot = self.directory.snapshot(now);
        self.metrics.observe(&snapshot, now, now.saturating_sub(self.read_at.unwrap_or_default()));
        let view = View { snapshot, was_read: self.was_read, started: self.started };
        self.view.send_replace(Arc::new(view));
    }
}

/// A record under the operators' orders: these hold whatever the edge says.
fn ordered(record: EdgeRecord, settings: Option<&OperatorSettings>) -> EdgeRecord {
    let Some(EdgeOrders { drained, display_name }) =
        settings.and_then(|settings| settings.edges.get(record.id.as_str()))
    else {
        return record;
    };
    EdgeRecord {
        state: if *drained { Announced::Draining } else { record.state },
        name: if display_name.is_empty() { record.name.clone() } else { display_name.clone() },
        ..record
    }
}
