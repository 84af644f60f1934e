//! The delivering origin, and a task for each webhook.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant as Time};

use bytes::Bytes;
use farcast_feed::time::WallTime;
use farcast_service::tasks::Contained;
use farcast_settings::Snapshot;
use farcast_store::lease::{self, Lease};
use farcast_store::{Store, StoreError, Versionstamp};
use farcast_telemetry::throttle::Throttle;
use tokio::sync::watch;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::call::{Caller, Http};
use super::clock::Clock;
use super::deliveries::Deliveries;
use super::hook::{Common, End, Hook, Waiting};
use super::metrics::Metrics;
use super::record::{self, Cursor, Kept, MAX_WEBHOOKS};

/// Length of the lease of the delivering origin, and interval of its renewal: the next origin begins this long after
/// one died.
const LEASE: Duration = Duration::from_secs(30);
const RENEW: Duration = Duration::from_secs(10);

/// Time for receivers to take the events that are in the log when the origin stops: the end of its broadcast, for one.
/// The next run delivers the rest.
const DRAIN: Duration = Duration::from_secs(5);

/// Interval at which the positions of webhooks are read.
const LOOK: Duration = Duration::from_secs(10);

/// Interval at which the lag is measured.
const MEASURE: Duration = Duration::from_secs(1);

/// Interval of warnings about a store that is not available.
const COMPLAIN: Duration = Duration::from_secs(60);

/// Delivers to all webhooks. Constructing spawns nothing.
#[derive(Debug)]
pub struct Webhooks {
    delivery: Delivery<Http>,
    needed: Needed,
}

impl Webhooks {
    /// Delivery by this client, of the events in the store; each attempt is noted in `deliveries`.
    #[must_use]
    pub fn new(
        store: Store,
        caller: Http,
        runtime: watch::Receiver<Option<Snapshot>>,
        deliveries: Deliveries,
        metrics: Metrics,
    ) -> Self {
        let needed = Needed::new(store.clone());
        let common = Common { store, caller, runtime, deliveries, metrics, clock: Clock::system() };
        Self { delivery: Delivery::new(common), needed }
    }

    /// The place in the chat's log behind which a webhook still needs it; none when no webhook needs anything. Before
    /// [`Self::run`] has looked it is that of the log's beginning.
    #[must_use]
    pub fn keep(&self) -> watch::Receiver<Option<Versionstamp>> {
        self.needed.place.subscribe()
    }

    /// Delivers while no other origin does, until `shutdown`; then delivers the events in the log, for [`DRAIN`] at most.
    /// When the future is dropped the event that is on its way to each receiver is sent again by the next run.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = self.delivery.run(shutdown) => {}
            () = self.needed.follow() => {}
        }
    }
}

/// The entries of the log that webhooks still need: of all webhooks, whichever origin delivers. The answer may be late,
/// which keeps more.
#[derive(Debug)]
pub(super) struct Needed {
    store: Store,
    pub(super) place: watch::Sender<Option<Versionstamp>>,
}

impl Needed {
    pub(super) fn new(store: Store) -> Self {
        Self { store, place: watch::Sender::new(Some(Versionstamp::ZERO)) }
    }

    pub(super) async fn follow(&self) {
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match record::needed_behind(&self.store).await {
                Ok(needed) => drop(self.place.send_replace(needed)),
                Err(error) => tracing::debug!(%error, "what webhooks need of the log cannot be read"),
            }
        }
    }
}

/// Delivery, by whatever makes the calls.
#[derive(Debug)]
pub(super) struct Delivery<C> {
    common: Arc<Common<C>>,
}

/// A webhook that is served.
#[derive(Debug)]
struct Served {
    task: AbortHandle,
    waiting: Waiting,
}

/// The tasks of the webhooks, by the number of each.
#[derive(Debug, Default)]
struct Tasks {
    all: JoinSet<End>,
    served: HashMap<u64, Served>,
}

impl Tasks {
    /// One whose task panicked is begun again: that is its own failure, and no other webhook's.
    fn ended(&mut self, ended: Result<(Id, End), JoinError>, panics: &Contained) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        self.served.retain(|_, served| served.task.id() != id);
        match ended.map_err(JoinError::try_into_panic) {
            Ok((_, end)) => tracing::debug!(?end, "a webhook is not served any more"),
            Err(Ok(panic)) => panics.caught(&*panic),
            // It was deleted.
            Err(Err(_)) => {}
        }
    }

    fn lag(&self, now: WallTime) -> Duration {
        self.served.values().map(|served| served.waiting.lag(now)).max().unwrap_or_default()
    }
}

impl<C: Caller> Delivery<C> {
    pub(super) fn new(common: Common<C>) -> Self {
        Self { common: Arc::new(common) }
    }

    pub(super) async fn run(self, shutdown: CancellationToken) {
        let mut complaints = Throttle::new(COMPLAIN);
        loop {
            let Some(lease) = shutdown.run_until_cancelled(self.acquire(&mut complaints)).await else {
                return;
            };
            let (mut tasks, stop) = (Tasks::default(), CancellationToken::new());
            let lost = shutdown.run_until_cancelled(self.lead(&lease, &mut tasks, &stop)).await.is_some();
            if lost {
                tracing::warn!("webhooks are not called by this origin any more");
                tasks.all.shutdown().await;
                self.common.metrics.lag_seconds.set(0.0);
                continue;
            }
            stop.cancel();
            let drained = async { while tasks.all.join_next().await.is_some() {} };
            let drained = timeout(DRAIN, drained).await.is_ok();
            tasks.all.shutdown().await;
            // Only what this run wrote last may be late: the lease ends by itself otherwise.
            if let Ok(Err(error)) = timeout(DRAIN, lease.release(&self.common.store)).await {
                tracing::debug!(%error, "the lease of webhooks ends by itself");
            }
            tracing::debug!(drained, "webhooks have stopped");
            return;
        }
    }

    async fn acquire(&self, complaints: &mut Throttle) -> Lease {
        loop {
            let now = self.common.clock.now();
            let wait = match Lease::acquire(&self.common.store, record::lease_key(), now, LEASE).await {
                Ok(lease) => return lease,
                // It may be given back earlier.
                Err(lease::Refused::Held(left)) => left.min(RENEW),
                Err(lease::Refused::Store(error)) => {
                    if let Some(suppressed) = complaints.admit(Time::now()) {
                        tracing::warn!(%error, suppressed, "webhooks wait for the store");
                    }
                    RENEW
                }
            };
            sleep(wait).await;
        }
    }

    /// Serves all webhooks until the lease is lost. When the future is dropped, the tasks go on.
    async fn lead(&self, lease: &Lease, tasks: &mut Tasks, stop: &CancellationToken) {
        let common = &self.common;
        let mut seen: Option<Bytes> = None;
        let mut renewed = Instant::now();
        let (mut renew, mut measure) = (interval(RENEW), interval(MEASURE));
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        measure.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                changed = record::changed(&common.store, seen.clone()) => match changed {
                    Ok(changed) => seen = changed,
                    Err(error) => {
                        tracing::error!(%error, "webhooks cannot be watched");
                        return;
                    }
                },
                _ = renew.tick() => match lease.renew(&common.store, common.clock.now(), LEASE).await {
                    Ok(()) => renewed = Instant::now(),
                    Err(lease::Refused::Held(_)) => return,
                    Err(lease::Refused::Store(_)) if renewed.elapsed() >= LEASE => return,
                    Err(lease::Refused::Store(error)) => {
                        tracing::debug!(%error, "the lease of webhooks cannot be renewed");
                    }
                },
                _ = measure.tick() => {
                    common.metrics.lag_seconds.set(tasks.lag(common.clock.now()).as_secs_f64());
                    continue;
                }
                Some(ended) = tasks.all.join_next_with_id() => {
                    // One that should be served is begun again when the lease is renewed, not at once.
                    tasks.ended(ended, &common.metrics.panics);
                    continue;
                }
            }
            if let Err(error) = self.serve(lease, tasks, stop).await {
                tracing::debug!(%error, "the webhooks cannot be read");
            }
        }
    }

    /// Begins to serve the webhooks that came, and leaves those that went.
    async fn serve(
        &self,
        lease: &Lease,
        tasks: &mut Tasks,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let mut kept = record::all(&self.common.store).await?;
        kept.retain(|kept| kept.webhook.disabled.is_none());
        kept.truncate(MAX_WEBHOOKS);
        for (id, served) in &tasks.served {
            if !kept.iter().any(|kept| kept.webhook.id == *id) {
                served.task.abort();
            }
        }
        for Kept { webhook, cursor } in kept {
            if tasks.served.contains_key(&webhook.id) {
                continue;
            }
            let cursor = match cursor {
                Some(cursor) => cursor,
                None => Cursor::at_the_end(&self.common.store).await?,
            };
            let (id, waiting) = (webhook.id, Waiting::default());
            let hook = Hook {
                common: Arc::clone(&self.common),
                leads: lease.guard(),
                webhook,
                cursor,
                waiting: waiting.clone(),
                stop: stop.clone(),
            };
            let task = tasks.all.spawn(hook.run());
            tasks.served.insert(id, Served { task, waiting });
        }
        Ok(())
    }
}
