//! One webhook: from the log to its receiver, event by event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use farcast_chat::{Entry, log};
use farcast_feed::time::WallTime;
use farcast_settings::Snapshot;
use farcast_store::{Batch, Precondition, Store, StoreError, Versionstamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::call::{Call, Caller};
use super::clock::Clock;
use super::deliveries::{Deliveries, Delivery};
use super::failure::Failure;
use super::metrics::Metrics;
use super::policy::{self, Trouble, Verdict};
use super::record::{self, Cursor, Disabled, Webhook};

/// Time for which a cursor that went past events which the webhook does not want may be in memory only: they are read
/// again after a restart, which costs little, and a write for each would cost much.
const SAVE_SKIPPED: Duration = Duration::from_secs(5);

/// Pause before a store that failed is asked again.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The time since which an event has waited for a webhook's receiver.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<AtomicU64>);

impl Waiting {
    /// The age of the oldest event that waits.
    pub(super) fn lag(&self, now: WallTime) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => now.since(WallTime(since)),
        }
    }

    fn since(&self, since: Option<WallTime>) {
        self.0.store(since.map_or(0, |since| since.0), Ordering::Relaxed);
    }
}

/// The state that all webhooks share.
#[derive(Debug)]
pub(super) struct Common<C> {
    pub(super) store: Store,
    pub(super) caller: C,
    pub(super) runtime: watch::Receiver<Option<Snapshot>>,
    pub(super) deliveries: Deliveries,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
}

/// The reason why a webhook is not served any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The origin stops.
    Stopped,
    /// The webhook was deleted, or another origin delivers.
    Lost,
    /// The receiver failed for too long, or does not want it.
    Disabled,
}

/// Serves one webhook.
#[derive(Debug)]
pub(super) struct Hook<C> {
    pub(super) common: Arc<Common<C>>,
    /// Holds as long as this origin delivers.
    pub(super) leads: Precondition,
    pub(super) webhook: Webhook,
    pub(super) cursor: Cursor,
    pub(super) waiting: Waiting,
    /// Only events that are there already are delivered; nothing is waited for.
    pub(super) stop: CancellationToken,
}

impl<C: Caller> Hook<C> {
    /// Serves until `stop`, then delivers the events in the log. When the future is dropped the event that is on its way
    /// is sent again by the next run.
    pub(super) async fn run(mut self) -> End {
        let end = self.serve().await;
        self.waiting.since(None);
        match end {
            Ok(()) => End::Stopped,
            Err(end) => end,
        }
    }

    async fn serve(&mut self) -> Result<(), End> {
        let mut tip = log::Tip::default();
        // The time at which the cursor went past events that are not saved yet.
        let mut unsaved: Option<Instant> = None;
        loop {
            let common = Arc::clone(&self.common);
            tokio::select! {
                () = tip.moved(&common.store) => {}
                () = due(unsaved) => {
                    self.save().await?;
                    unsaved = None;
                    continue;
                }
                () = self.stop.cancelled() => {}
            }
            let stopping = self.stop.is_cancelled();
            loop {
                let page = match log::after(&common.store, self.cursor.at).await {
                    Ok(page) => page,
                    Err(error) => {
                        self.pause(&error).await?;
                        continue;
                    }
                };
                for (at, entry) in &page.entries {
                    self.take(*at, entry, &mut unsaved).await?;
                }
                if let Some(last) = page.last.filter(|last| *last > self.cursor.at) {
                    self.skip(last, &mut unsaved);
                }
                if !page.more {
                    break;
                }
                // A store that always answers at once must not keep others from running.
                tokio::task::yield_now().await;
            }
            self.waiting.since(None);
            if stopping {
                return if unsaved.is_some() { self.save().await } else { Ok(()) };
            }
        }
    }

    async fn take(
        &mut self,
        at: Versionstamp,
        entry: &Entry,
        unsaved: &mut Option<Instant>,
    ) -> Result<(), End> {
        let server_url = self.server_url();
        let call = Call::new(at, entry, &server_url);
        let Some(call) = call.filter(|call| self.wants(call)) else {
            return self.skip_and_save(at, unsaved).await;
        };
        self.waiting.since(Some(entry.at));
        if self.tell(at, entry.at, &call).await? {
            *unsaved = None;
            return Ok(());
        }
        self.skip_and_save(at, unsaved).await
    }

    /// Goes past an event, which is saved now and then.
    async fn skip_and_save(&mut self, at: Versionstamp, unsaved: &mut Option<Instant>) -> Result<(), End> {
        self.skip(at, unsaved);
        if unsaved.is_some_and(|since| since.elapsed() >= SAVE_SKIPPED) {
            self.save().await?;
            *unsaved = None;
        }
        Ok(())
    }

    fn skip(&mut self, at: Versionstamp, unsaved: &mut Option<Instant>) {
        self.cursor.at = at;
        unsaved.get_or_insert_with(Instant::now);
    }

    /// Tells the receiver of an event, which happened at `happened`, until it takes it; or until it is skipped, because
    /// it has held up another for long enough. Returns true if it was taken.
    async fn tell(&mut self, at: Versionstamp, happened: WallTime, call: &Call) -> Result<bool, End> {
        let mut behind = Behind::of(at);
        let mut attempt = 0_u32;
        loop {
            let common = Arc::clone(&self.common);
            if let Some(trouble) = &self.cursor.trouble {
                let now = common.clock.now();
                let (wait, holds_up) =
                    (trouble.wait(call.event, now), trouble.holds_up(call.event, happened, now));
                let is_late = holds_up == Some(Duration::ZERO);
                if is_late && self.another_waits(&mut behind).await? {
                    self.pass_over();
                    return Ok(false);
                }
                let stop = self.stop.clone();
                tokio::select! {
                    () = sleep(wait) => {}
                    () = after(holds_up.filter(|_| !is_late)) => continue,
                    // Something may have come for which this has to make room.
                    () = behind.tip.moved(&common.store), if is_late => continue,
                    () = stop.cancelled() => return Err(End::Stopped),
                }
            }
            let begun = Instant::now();
            let told = common.caller.call(&self.webhook, call, common.clock.now()).await;
            let now = common.clock.now();
            attempt = attempt.saturating_add(1);
            let error = told.as_ref().err().map(|failure| failure.text.clone());
            let delivery = Delivery { at: now, event: call.event, attempt, took: begun.elapsed(), error };
            common.deliveries.note(self.webhook.id, delivery);
            match told {
                Ok(()) => {
                    common.metrics.delivered.inc();
                    if let Some(Trouble { since, attempts, passed_over, .. }) = self.cursor.trouble.take() {
                        let (id, after_s) = (self.webhook.id, now.since(since).as_secs());
                        tracing::info!(
                            webhook = id,
                            attempts,
                            after_s,
                            passed_over,
                            "a webhook's receiver takes events again"
                        );
                    }
                    self.cursor = Cursor { at, last_used_at: Some(now), trouble: None };
                    self.save().await?;
                    return Ok(true);
                }
                Err(failure) => self.failed(call.event, &failure, now).await?,
            }
        }
    }

    fn pass_over(&mut self) {
        self.common.metrics.passed_over.inc();
        let Some(trouble) = &mut self.cursor.trouble else { return };
        trouble.passed_over += 1;
        if trouble.passed_over == 1 {
            let (id, reason) = (self.webhook.id, &trouble.reason);
            tracing::warn!(
                webhook = id,
                %reason,
                "a webhook's receiver fails: events that hold up others are skipped"
            );
        }
    }

    /// True if there is another event for this webhook, so far.
    async fn another_waits(&self, behind: &mut Behind) -> Result<bool, End> {
        while !behind.waits {
            let page = match log::after(&self.common.store, behind.looked).await {
                Ok(page) => page,
                Err(error) => {
                    self.pause(&error).await?;
                    continue;
                }
            };
            let server_url = self.server_url();
            behind.waits = page
                .entries
                .iter()
                .any(|(at, entry)| Call::new(*at, entry, &server_url).is_some_and(|call| self.wants(&call)));
            behind.looked = page.last.unwrap_or(behind.looked);
            if !page.more {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(behind.waits)
    }

    fn wants(&self, call: &Call) -> bool {
        self.webhook.events.iter().any(|event| event == call.event)
    }

    async fn failed(&mut self, kind: &str, failure: &Failure, now: WallTime) -> Result<(), End> {
        let (id, reason) = (self.webhook.id, &failure.text);
        self.common.metrics.failed(failure.reason);
        match policy::judge(self.cursor.trouble.as_ref(), kind, failure, now, rand::random()) {
            Verdict::Again(trouble) => {
                if self.cursor.trouble.is_none() {
                    tracing::warn!(webhook = id, %reason, "a webhook's receiver fails, it is asked again");
                }
                self.cursor.trouble = Some(trouble);
                self.save().await
            }
            Verdict::Disable(reason) => {
                tracing::warn!(webhook = id, %reason, "a webhook is disabled");
                self.common.metrics.disabled.inc();
                self.webhook.disabled = Some(Disabled { at: now, reason });
                self.commit(|hook| record::disable(&hook.webhook, &hook.cursor, hook.leads.clone())).await?;
                Err(End::Disabled)
            }
        }
    }

    async fn save(&self) -> Result<(), End> {
        self.commit(|hook| record::save(hook.webhook.id, &hook.cursor, hook.leads.clone())).await
    }

    /// Writes until it succeeds: the receiver gets nothing more before, or it would get it twice.
    async fn commit(&self, batch: impl Fn(&Self) -> Result<Batch, StoreError>) -> Result<(), End> {
        loop {
            let written = match batch(self) {
                Ok(batch) => self.common.store.commit(batch).await,
                Err(error) => Err(error),
            };
            match written {
                Ok(_) => return Ok(()),
                Err(StoreError::Precondition { .. }) => return Err(End::Lost),
                Err(error) => {
                    tracing::debug!(%error, webhook = self.webhook.id, "how far a webhook is cannot be saved");
                    sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    async fn pause(&self, error: &StoreError) -> Result<(), End> {
        tracing::debug!(%error, webhook = self.webhook.id, "the log cannot be read for a webhook");
        tokio::select! {
            () = sleep(STORE_PAUSE) => Ok(()),
            () = self.stop.cancelled() => Err(End::Stopped),
        }
    }

    fn server_url(&self) -> String {
        let runtime = self.common.runtime.borrow();
        runtime.as_ref().map(|set| set.runtime.server_url.clone()).unwrap_or_default()
    }
}

/// The events after an event in the log.
#[derive(Debug)]
struct Behind {
    /// The place up to which was searched.
    looked: Versionstamp,
    /// True if the webhook wants something of it.
    waits: bool,
    tip: log::Tip,
}

impl Behind {
    fn of(at: Versionstamp) -> Self {
        Self { looked: at, waits: false, tip: log::Tip::default() }
    }
}

async fn after(wait: Option<Duration>) {
    match wait {
        Some(wait) => sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn due(unsaved: Option<Instant>) {
    match unsaved {
        Some(since) => sleep_until(since + SAVE_SKIPPED).await,
        None => std::future::pending().await,
    }
}
