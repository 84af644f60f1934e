//! The audience: the viewers of all edges together, its peaks, and the status that everybody sees.
//!
//! Place in the flow: edges publish their viewers ([`farcast_audience::viewers`]), the owner publishes the state of the
//! broadcast; the keeper makes one [`LiveStatus`] of both, which edges follow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_audience::viewers::{self, Peaks, SWEEP_EVERY, SavedPeaks, peaks_key};
use farcast_feed::time::WallTime;
use farcast_settings::{LiveStatus, status_key};
use farcast_store::{Batch, Store, StoreError};
use farcast_telemetry::throttle::Throttle;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::broadcast::Air;

/// Interval at which peaks are saved during a broadcast, beside whenever they grow: the time until which they were seen is
/// kept as well.
const SAVE_PEAKS: Duration = Duration::from_secs(60);
/// Interval of warnings about a store that is not available.
const COMPLAIN: Duration = Duration::from_secs(60);

/// Keeps the status. Constructing spawns nothing.
#[derive(Debug)]
pub struct Keeper {
    store: Store,
    air: watch::Receiver<Air>,
    status: watch::Sender<Option<Arc<LiveStatus>>>,
    peaks: Peaks,
    known: LiveStatus,
    /// The status in the store.
    written: Option<LiveStatus>,
    peaks_saved_at: Instant,
    complaints: Throttle,
}

impl Keeper {
    /// A keeper that goes on where the last run of the origin stopped.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn new(
        store: Store,
        air: watch::Receiver<Air>,
        status: watch::Sender<Option<Arc<LiveStatus>>>,
    ) -> Result<Self, StoreError> {
        let known = store.load(&status_key()).await?.map(|stored| stored.record).unwrap_or_default();
        let saved = store.load(&peaks_key()).await?.map(|stored| stored.record).unwrap_or_default();
        let saved = SavedPeaks { overall: saved.overall.max(known.overall_peak), ..saved };
        let peaks = Peaks::restore(saved, WallTime::now());
        let (session_peak, overall_peak) = (peaks.session(), peaks.overall());
        let known = LiveStatus { online: false, viewers: 0, session_peak, overall_peak, ..known };
        status.send_replace(Some(Arc::new(known.clone())));
        let complaints = Throttle::new(COMPLAIN);
        Ok(Self {
            store,
            air,
            status,
            peaks,
            known,
            written: None,
            peaks_saved_at: Instant::now(),
            complaints,
        })
    }

    /// Runs until `shutdown`; the last state of the broadcast was published before.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut tick = interval(SWEEP_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                changed = self.air.changed() => if changed.is_err() { break },
                _ = tick.tick() => self.count().await,
            }
            self.follow_air();
            self.write().await;
        }
        self.follow_air();
        self.write().await;
        self.save_peaks().await;
    }

    async fn count(&mut self) {
        match viewers::collect(&self.store, WallTime::now()).await {
            Ok(total) => self.known.viewers = total.viewers(),
            Err(error) => self.complain(&error),
        }
        self.peaks.observe(self.known.viewers, WallTime::now());
        if self.known.online && self.peaks_saved_at.elapsed() >= SAVE_PEAKS {
            self.save_peaks().await;
        }
    }

    fn follow_air(&mut self) {
        let air = self.air.borrow_and_update().clone();
        let now = WallTime::now();
        match (self.known.online, air.online) {
            (false, true) => {
                // One that goes on after a restart has no encoder yet, and its beginning is known.
                let resumed = air.connected_at.is_none();
                self.peaks.connected(resumed, now);
                self.known.connected_at = air.connected_at.or(self.known.connected_at).or(Some(now));
                self.known.disconnected_at = None;
            }
            // Online, or not continued since the last run.
            (_, false) if self.known.online || self.known.connected_at.is_some() => {
                self.peaks.disconnected(now);
                self.known.disconnected_at = air.ended_at.or(Some(now));
                self.known.connected_at = None;
            }
            _ => {}
        }
        self.known.online = air.online;
        self.known.session_peak = self.peaks.session();
        self.known.overall_peak = self.peaks.overall();
    }

    /// The visible status: nobody watches while there is nothing to watch.
    fn shown(&self) -> LiveStatus {
        let viewers = if self.known.online { self.known.viewers } else { 0 };
        LiveStatus { viewers, ..self.known.clone() }
    }

    async fn write(&mut self) {
        let shown = self.shown();
        if self.written.as_ref() == Some(&shown) {
            return;
        }
        self.status.send_replace(Some(Arc::new(shown.clone())));
        // The peaks with it: published numbers never fall because the origin is killed.
        let both = Batch::new().put(&status_key(), &shown);
        let written = match both.and_then(|batch| batch.put(&peaks_key(), &self.peaks.saved())) {
            Ok(batch) => self.store.commit(batch).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(_) => self.written = Some(shown),
            Err(error) => self.complain(&error),
        }
    }

    async fn save_peaks(&mut self) {
        self.peaks_saved_at = Instant::now();
        let saved = match Batch::new().put(&peaks_key(), &self.peaks.saved()) {
            Ok(batch) => self.store.commit(batch).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            self.complain(&error);
        }
    }

    fn complain(&mut self, error: &StoreError) {
        if let Some(suppressed) = self.complaints.admit(Instant::now()) {
            tracing::warn!(%error, suppressed, "the audience cannot be counted or published");
        }
    }
}

#[cfg(test)]
mod tests {
    use farcast_audience::viewers::{Active, ViewerId, publish};
    use farcast_store::memory::Memory;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    struct Rig {
        store: Store,
        air: watch::Sender<Air>,
        status: watch::Receiver<Option<Arc<LiveStatus>>>,
        stop: CancellationToken,
        task: tokio::task::JoinHandle<()>,
    }

    impl Rig {
        async fn start(store: Store) -> Self {
            let (air, on_air) = watch::channel(Air::default());
            let (publish, status) = watch::channel(None);
            let keeper = Keeper::new(store.clone(), on_air, publish).await.unwrap();
            let stop = CancellationToken::new();
            let task = tokio::spawn(keeper.run(stop.clone()));
            Self { store, air, status, stop, task }
        }

        async fn until(&mut self, what: impl FnMut(&LiveStatus) -> bool) -> LiveStatus {
            let mut what = what;
            let reached = self.status.wait_for(|status| status.as_ref().is_some_and(|status| what(status)));
            let reached = tokio::time::timeout(LONG, reached).await.expect("it comes to that");
            LiveStatus::clone(reached.unwrap().as_ref().unwrap())
        }

        async fn watch(&self, edge: &[u8], viewers: std::ops::Range<u64>) {
            let (active, now) = (Active::new(Instant::now()), Instant::now());
            viewers.for_each(|viewer| active.mark(ViewerId::from_bits(viewer), now));
            publish(&self.store, edge, &active.audience(now), WallTime::now(), LONG).await.unwrap();
        }

        async fn stop(self) -> LiveStatus {
            self.stop.cancel();
            self.task.await.unwrap();
            self.store.load(&status_key()).await.unwrap().unwrap().record
        }
    }

    fn live(at: u64) -> Air {
        Air { online: true, connected_at: Some(WallTime(at)), ..Air::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn viewers_of_all_edges_are_counted_once_while_something_is_on_air() {
        let mut rig = Rig::start(Memory::store().0).await;
        rig.watch(b"a", 0..5).await;
        rig.watch(b"b", 3..8).await;
        let offline = rig.until(|_| true).await;
        assert_eq!((offline.online, offline.viewers), (false, 0));
        rig.air.send_replace(live(7));
        let online = rig.until(|status| status.viewers == 8).await;
        assert_eq!((online.connected_at, online.disconnected_at), (Some(WallTime(7)), None));
        let peak = rig.until(|status| status.session_peak == 8).await;
        assert_eq!(peak.overall_peak, 8);
        rig.air.send_replace(Air { ended_at: Some(WallTime(9)), ..Air::default() });
        let ended = rig.until(|status| !status.online).await;
        assert_eq!((ended.viewers, ended.session_peak, ended.disconnected_at), (0, 8, Some(WallTime(9))));
        assert_eq!(rig.stop().await, ended);
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_goes_on_with_a_broadcast_that_waits_for_its_encoder() {
        let store = Memory::store().0;
        let mut rig = Rig::start(store.clone()).await;
        rig.air.send_replace(live(7));
        rig.watch(b"a", 0..5).await;
        rig.until(|status| status.session_peak == 5).await;
        rig.stop().await;
        let mut rig = Rig::start(store).await;
        rig.air.send_replace(Air { online: true, ..Air::default() });
        let resumed = rig.until(|status| status.online).await;
        assert_eq!((resumed.connected_at, resumed.session_peak), (Some(WallTime(7)), 5));
        rig.stop().await;
    }

    /// Killed without a word, seconds after the peak was seen for the first time.
    #[tokio::test(start_paused = true)]
    async fn peaks_that_were_published_are_not_lost_when_the_origin_is_killed() {
        let store = Memory::store().0;
        let mut rig = Rig::start(store.clone()).await;
        rig.air.send_replace(live(7));
        rig.watch(b"a", 0..5).await;
        rig.until(|status| status.session_peak == 5).await;
        let published = async {
            while store.load(&status_key()).await.unwrap().is_none_or(|stored| stored.record.overall_peak < 5)
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        published.await;
        rig.task.abort();
        let mut rig = Rig::start(store).await;
        let restarted = rig.until(|_| true).await;
        assert_eq!((restarted.session_peak, restarted.overall_peak), (5, 5));
        rig.air.send_replace(Air { online: true, ..Air::default() });
        let resumed = rig.until(|status| status.online).await;
        assert_eq!((resumed.session_peak, resumed.overall_peak), (5, 5));
        // The next broadcast has a peak of its own.
        rig.air.send_replace(Air { ended_at: Some(WallTime(9)), ..Air::default() });
        rig.until(|status| !status.online).await;
        rig.air.send_replace(live(11));
        let next = rig.until(|status| status.online).await;
        assert_eq!((next.session_peak, next.overall_peak), (0, 5));
        rig.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_broadcast_that_a_restart_does_not_continue_is_over() {
        let store = Memory::store().0;
        let mut rig = Rig::start(store.clone()).await;
        rig.air.send_replace(live(7));
        rig.until(|status| status.online).await;
        rig.stop().await;
        let mut rig = Rig::start(store).await;
        let over = rig.until(|status| status.disconnected_at.is_some()).await;
        assert_eq!((over.online, over.connected_at), (false, None));
        assert_eq!(rig.stop().await, over);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_for_a_while_gets_the_status_later() {
        let (store, engine) = Memory::store();
        let mut rig = Rig::start(store.clone()).await;
        rig.until(|_| true).await;
        engine.fail(true);
        rig.air.send_replace(live(7));
        rig.until(|status| status.online).await;
        engine.fail(false);
        let told = store.changed(status_key().key(), None).await.unwrap();
        assert!(told.is_some());
        assert!(rig.stop().await.online);
    }
}
