//! The live window: objects in a cache, playlists rendered once, requests that wait.
//!
//! [`Live`] stands between the feed and the viewers. [`Live::run`] drains the feed, puts bytes
//! where they can be served, applies the batch to the [`farcast_feed::window::StreamWindow`] and wakes
//! the requests that wait; [`Live::media`], [`Live::multivariant`] and [`Live::object`] answer
//! requests.
//!
//! Invariants:
//! - a part is visible only when all of its bytes are here (they are stored before it is applied);
//! - a playlist is rendered at most once per variant, form and change, however many ask for it,
//!   and nothing is locked while a viewer is written to;
//! - parts that are listed are held outside the cache, so that no policy can refuse or evict them;
//!   they are bounded by what playlists list;
//! - every wait ends: after three target durations (503), with the broadcast, or with the request,
//!   whose waiter goes when it is dropped;
//! - a lost link never ends a playlist.
//!
//! Cancel safety: all public async functions but [`Live::run`] may be dropped at any time.

mod answer;
mod cache;
mod fetch;
mod input;
mod lag;
mod metrics;
mod object;
mod rendering;
mod state;
#[cfg(test)]
mod tests;
mod traces;
mod waiter;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use farcast_feed::feed::MAX_VARIANTS;
use farcast_feed::name::StreamName;
use farcast_feed::time::WallTime;
use farcast_telemetry::pulse::Beat;
use farcast_trace::Tracer;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use self::answer::{Failure, Media};
pub use self::cache::{ChannelCache, ObjectCache};
pub use self::fetch::{Fetch, FetchFuture};
pub use self::input::Input;
use self::input::part_of;
pub use self::metrics::Metrics;
pub use self::object::Object;
pub use self::rendering::Playlist;
pub(crate) use self::rendering::gzip;
use self::state::State;
pub(crate) use self::traces::Listed;
use self::traces::Traces;

/// Most inputs that are applied together: enough for a part of every variant at once, and a
/// newcomer's backlog in few steps.
const BATCH: usize = 256;

/// Settings of [`Live`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Stream that is served.
    pub stream: StreamName,
    /// Longest wait of a request for an object that has to be fetched.
    pub fetch_deadline: Duration,
    /// Takes spans of parts that are traced.
    pub tracer: Option<Tracer>,
}

impl Default for Config {
    /// Stream `live`, and 5 s: a segment over a slow link, while a player still waits.
    fn default() -> Self {
        Self { stream: StreamName::live(), fetch_deadline: Duration::from_secs(5), tracer: None }
    }
}

/// The live window of a channel. Constructing it starts nothing; see [`Live::run`].
pub struct Live {
    config: Config,
    fetch: Arc<dyn Fetch>,
    metrics: Metrics,
    traces: Option<Traces>,
    cache: ChannelCache,
    /// Locked for moments and never across an await.
    state: RwLock<State>,
    /// Signals that a variant's playlist changed.
    changes: Vec<watch::Sender<u64>>,
    /// Signals any change.
    any_change: watch::Sender<u64>,
}

impl Live {
    /// A live window that knows of nothing yet.
    #[must_use]
    pub fn new(config: Config, cache: ChannelCache, fetch: Arc<dyn Fetch>, metrics: Metrics) -> Self {
        let traces = config.tracer.clone().map(|tracer| Traces::new(tracer, config.stream.clone()));
        Self {
            config,
            fetch,
            metrics,
            traces,
            cache,
            state: RwLock::new(State::default()),
            changes: (0..MAX_VARIANTS).map(|_| watch::Sender::new(0)).collect(),
            any_change: watch::Sender::new(0),
        }
    }

    /// Applies inputs until `shutdown`, or until the sender is gone, which counts as a lost link.
    pub async fn run(&self, mut inputs: mpsc::Receiver<Input>, mut beat: Beat, shutdown: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let taken = tokio::select! {
                () = shutdown.cancelled() => break,
                () = beat.asked() => continue,
                () = tokio::time::sleep(self.until_expiry()) => {
                    self.expire();
                    continue;
                }
                taken = inputs.recv_many(&mut batch, BATCH) => taken,
            };
            if taken == 0 {
                batch.push(Input::Down);
            }
            self.apply(std::mem::take(&mut batch)).await;
            if taken == 0 {
                break;
            }
            batch.reserve(BATCH);
        }
    }

    /// Applies a batch of inputs as one change.
    pub async fn apply(&self, batch: Vec<Input>) {
        let traced = self.traces.as_ref().map(|traces| (traces, traces.chosen(&batch), WallTime::now()));
        for input in &batch {
            if let Some((name, bytes)) = part_of(input) {
                self.cache.insert(name, bytes.clone()).await;
            }
        }
        let changed = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let changed = state.apply(batch, Instant::now(), WallTime::now());
            // Before anybody can have a playlist with them.
            if let Some((traces, parts, from)) = traced {
                traces.listed(parts, from, WallTime::now());
            }
            self.observe(&state);
            changed
        };
        self.wake(&changed);
    }

    /// True if viewers should be sent here: the link to the origin is up. (With no broadcast there
    /// is nothing to serve, and this edge can say so as well as any.)
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.read().link_up
    }

    /// The greatest lag behind the origin since the last call, whatever the clocks say. For one caller: each call begins
    /// anew.
    #[must_use]
    pub fn take_lag(&self) -> Duration {
        self.state.write().unwrap_or_else(PoisonError::into_inner).lag.take()
    }

    /// Number of requests that wait for a playlist or a part now.
    #[must_use]
    pub fn waiters(&self) -> i64 {
        self.metrics.waiters.get()
    }

    /// Tells players of content steering, with this edge's pathway, or no more.
    pub fn set_pathway(&self, pathway: Option<String>) {
        if self.read().pathway == pathway {
            return;
        }
        let changed = self.state.write().unwrap_or_else(PoisonError::into_inner).set_pathway(pathway);
        self.wake(&changed);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, changed: &state::Changes) {
        for (at, sender) in self.changes.iter().enumerate() {
            if changed.variants & (1 << at) != 0 {
                sender.send_modify(|version| *version = version.wrapping_add(1));
            }
        }
        if changed.any {
            self.any_change.send_modify(|version| *version = version.wrapping_add(1));
        }
    }

    fn until_expiry(&self) -> Duration {
        const LONG: Duration = Duration::from_secs(3600);
        let expires_at = self.read().expires_at();
        expires_at.map_or(LONG, |at| at.saturating_duration_since(Instant::now()))
    }

    fn expire(&self) {
        let changed = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let changed = state.expire(Instant::now());
            self.observe(&state);
            changed
        };
        self.wake(&changed);
    }

    fn observe(&self, state: &State) {
        self.metrics.observe(state);
        self.cache.observe();
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("config", &self.config).finish_non_exhaustive()
    }
}
