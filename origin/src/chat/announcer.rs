//! Announces the broadcast in the chat: beginning, end, new title. Webhooks get it from the same log.
//!
//! Place in the flow: status and settings come by watch channels, entries go to the chat's log. The last announcement
//! is a record that changes in the same batch as the log, so each change is announced once, whenever the origin stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_chat::{Entry, Event, Stream, log};
use farcast_feed::time::WallTime;
use farcast_settings::{LiveStatus, OperatorSettings, Snapshot};
use farcast_store::wire::PRIVATE;
use farcast_store::{Batch, Precondition, Record, Store, StoreError, Stored, Tuple, TypedKey, encode};
use farcast_telemetry::throttle::Throttle;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Metrics;

/// Pause before what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Interval of warnings about a store that is not available.
const COMPLAIN: Duration = Duration::from_secs(60);

/// The last announcement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Announced {
    /// The broadcast whose beginning was announced and whose end was not, by the time at which its encoder connected.
    live_since: Option<WallTime>,
    title: String,
}

impl Record for Announced {
    const VERSION: u8 = 1;
}

fn key() -> TypedKey<Announced> {
    TypedKey::new(Tuple::new().text(PRIVATE).text("announced").key())
}

/// A change to announce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    Stopped,
    Title,
    Started,
}

/// The changes to announce, in this order, and the state after them. None while the state of the broadcast is not
/// known.
fn news(told: Option<&Announced>, status: &LiveStatus, title: &str) -> Option<(Announced, Vec<News>)> {
    let live_since = match (status.online, status.connected_at) {
        (true, Some(at)) => Some(at),
        (false, None) => None,
        // So it is until the last run's broadcast has been continued, or has been given up.
        (false, Some(_)) | (true, None) => return None,
    };
    let was_live = told.and_then(|told| told.live_since);
    let mut news = Vec::new();
    if was_live != live_since && was_live.is_some() {
        news.push(News::Stopped);
    }
    if told.is_some_and(|told| told.title != title) {
        news.push(News::Title);
    }
    if was_live != live_since && live_since.is_some() {
        news.push(News::Started);
    }
    Some((Announced { live_since, title: title.to_owned() }, news))
}

/// The announcer. Constructing spawns nothing.
#[derive(Debug)]
pub struct Announcer {
    store: Store,
    status: watch::Receiver<Option<Arc<LiveStatus>>>,
    runtime: watch::Receiver<Option<Snapshot>>,
    /// The last announcement, once it was read.
    told: Option<Option<Stored<Announced>>>,
    metrics: Metrics,
    complaints: Throttle,
}

impl Announcer {
    /// An announcer that goes on where the last run of the origin stopped.
    #[must_use]
    pub fn new(
        store: Store,
        status: watch::Receiver<Option<Arc<LiveStatus>>>,
        runtime: watch::Receiver<Option<Snapshot>>,
        metrics: Metrics,
    ) -> Self {
        Self { store, status, runtime, told: None, metrics, complaints: Throttle::new(COMPLAIN) }
    }

    /// Runs until nobody says anything any more, or until dropped, which is always allowed.
    pub async fn run(mut self) {
        loop {
            let status = self.status.borrow_and_update().clone();
            let runtime = self.runtime.borrow_and_update().as_ref().map(|set| Arc::clone(&set.runtime));
            if let (Some(status), Some(runtime)) = (status, runtime)
                && let Err(error) = self.announce(&status, &runtime, WallTime::now()).await
            {
                // The record is read again: the outcome is unknown.
                self.told = None;
                self.metrics.failures.inc();
                if let Some(suppressed) = self.complaints.admit(Instant::now()) {
                    tracing::warn!(%error, suppressed, "the chat cannot be told of the broadcast");
                }
                tokio::time::sleep(RETRY).await;
                continue;
            }
            tokio::select! {
                changed = self.status.changed() => if changed.is_err() { return },
                changed = self.runtime.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn announce(
        &mut self,
        status: &LiveStatus,
        runtime: &OperatorSettings,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let key = key();
        let told = match self.told.take() {
            Some(told) => told,
            None => self.store.load(&key).await?,
        };
        let before = told.as_ref().map(|told| &told.record);
        let next = news(before, status, &runtime.stream_title);
        let Some((next, news)) = next.filter(|(next, _)| before != Some(next)) else {
            self.told = Some(told);
            return Ok(());
        };
        let stream = Stream::new(runtime, status);
        let event = |news: &News| match news {
            News::Stopped => Event::StreamStopped(stream.clone()),
            News::Title => Event::TitleChanged(stream.clone()),
            News::Started => Event::StreamStarted(stream.clone()),
        };
        let entries: Vec<_> = news.iter().map(|news| Entry::new(now, event(news))).collect();
        let unchanged = match told {
            Some(told) => Precondition::Equals(key.key().clone(), told.bytes),
            None => Precondition::Absent(key.key().clone()),
        };
        let bytes = encode(&next)?;
        let mut batch = Batch::new().require(unchanged).set(key.key().clone(), bytes.clone());
        if !entries.is_empty() {
            batch = log::append(batch, &entries)?;
        }
        self.store.commit(batch).await?;
        self.told = Some(Some(Stored { record: next, bytes }));
        self.metrics.announced.inc_by(u64::try_from(entries.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

#[cfg(test)]
#[path = "announcer_tests.rs"]
mod tests;
