//! Announcing this edge to all who lead viewers: its record in the store, renewed every few seconds.
//!
//! Place in the flow: the record is put together from what the parts of the edge show, and published; every process that
//! leads viewers follows it ([`farcast_edge_directory`]). A change of state is published at once, the rest with the next
//! renewal. An edge that has not enrolled has no name yet, and announces nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_audience::viewers::Active;
use farcast_edge_directory::{publish, withdraw};
use farcast_feed::name::StreamName;
use farcast_geo::Geo;
use farcast_routing::{
    Announced, Capacity, Carried, EdgeId, EdgeRecord, Load, MAX_NAME_CHARS, MAX_REGION_CHARS,
};
use farcast_settings::Snapshot;
use farcast_store::Store;
use farcast_telemetry::health::Health;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::live::Live;
use crate::overload::Overload;
use crate::serve;
use crate::settings::Settings;
use crate::tenure::Tenure;

/// Interval at which changes are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Interval of renewals: four fit into the time after which an edge counts as lost.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// Longest time for publishing; a newer record is better than one that comes late.
const PUBLISH_DEADLINE: Duration = Duration::from_secs(4);

/// Longest time for taking the record back at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// The facts about an edge that do not change while it runs.
#[derive(Clone, Debug)]
pub struct About {
    name: String,
    settings: Settings,
    capacity: Capacity,
}

impl About {
    /// Of the settings; `connections` is how many viewers' connections the process can have.
    #[must_use]
    pub fn new(settings: &Settings, connections: usize) -> Self {
        let egress_bps = settings.egress_capacity_mbit.map(|mbit| u64::from(mbit) * 1_000_000);
        let connections = u64::try_from(connections).ok();
        Self {
            name: settings.name().chars().take(MAX_NAME_CHARS).collect(),
            settings: settings.clone(),
            capacity: Capacity { connections, egress_bps },
        }
    }
}

/// What the record is made of.
pub struct Sources {
    /// What does not change.
    pub about: About,
    /// Where it is published.
    pub store: Store,
    /// The name that the origin gave.
    pub given_name: watch::Receiver<Option<String>>,
    /// The channel that viewers see, and its name.
    pub live: Arc<Live>,
    /// The channel's name.
    pub channel: StreamName,
    /// The API, which has to be ready too.
    pub api: Arc<Api>,
    /// The viewers.
    pub viewers: Arc<Active>,
    /// Connections and bytes.
    pub served: serve::Metrics,
    /// The operators' orders.
    pub orders: Orders,
    /// Where the public addresses are, if nothing else says it.
    pub geo: Arc<Geo>,
    /// Says when the program is stopping.
    pub health: Health,
    /// Says whether new viewers are turned away: others lead nobody here then.
    pub overload: Arc<Overload>,
    /// When this process may announce anything.
    pub tenure: Tenure,
}

/// The operators' orders to this edge.
#[derive(Clone, Debug)]
pub struct Orders {
    /// The name that the origin gave.
    pub given_name: watch::Receiver<Option<String>>,
    /// The settings in force.
    pub runtime: watch::Receiver<Option<Snapshot>>,
}

impl Orders {
    /// True if it is to take no viewers.
    #[must_use]
    pub fn are_to_drain(&self) -> bool {
        let (name, known) = (self.given_name.borrow(), self.runtime.borrow());
        let orders = name.as_deref().zip(known.as_ref());
        orders.and_then(|(name, known)| known.runtime.edges.get(name)).is_some_and(|orders| orders.drained)
    }
}

/// Publishes until `shutdown`, then takes the record back. While the store is away nothing is published; others count this
/// edge as lost when they can read the store and see no renewal. The record is a successor's from the end of the tenure on.
pub async fn run(sources: Sources, shutdown: CancellationToken) {
    let tenure = sources.tenure.clone();
    tenure.within(shutdown, |until| announce(sources, until)).await;
}

async fn announce(sources: Sources, shutdown: CancellationToken) {
    let mut announcer =
        Announcer { sources, published: None, failed_at: None, lag: Duration::ZERO, sent: None };
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = tick.tick() => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = announcer.look() => {}
        }
    }
    let has_failed = !announcer.sources.health.healthz().ok;
    let is_anothers = announcer.sources.tenure.ended().is_cancelled();
    if let Some(Published { record, .. }) = announcer.published.filter(|_| !has_failed && !is_anothers) {
        // It counts as lost when the store does not hear of it. After a failure it is to: who takes the record back has
        // stopped in order, and one that fails again and again is not to be believed each time.
        let _ = timeout(FAREWELL, withdraw(&announcer.sources.store, &record.id)).await;
    }
}

struct Published {
    record: EdgeRecord,
    takes_viewers: bool,
    at: Instant,
}

struct Announcer {
    sources: Sources,
    published: Option<Published>,
    /// Time of the last try, if it failed.
    failed_at: Option<Instant>,
    /// The greatest lag that was not published yet.
    lag: Duration,
    /// Bytes that were sent until the last renewal, which say the bit rate at the next.
    sent: Option<(u64, Instant)>,
}

impl Announcer {
    async fn look(&mut self) {
        let id = self.sources.given_name.borrow().as_deref().and_then(|name| EdgeId::new(name).ok());
        let Some(id) = id else { return };
        let (now, state) = (Instant::now(), self.state());
        let takes_viewers = self.sources.overload.reason().is_none();
        let is_due = self.published.as_ref().is_none_or(|published| {
            let channels = published.record.channels.len();
            published.takes_viewers != takes_viewers
                || published.record.state != state
                || published.record.id != id
                || channels != usize::from(self.sources.live.has_broadcast())
                || now.duration_since(published.at) >= RENEW_EVERY
        });
        // An origin of an older version refuses it again and again.
        let is_too_soon = self.failed_at.is_some_and(|at| now.duration_since(at) < RENEW_EVERY);
        if !is_due || is_too_soon {
            return;
        }
        self.lag = self.lag.max(self.sources.live.take_lag());
        let sent_bytes = self.sources.served.sent_bytes();
        let record = self.record(id, state, now, sent_bytes);
        self.failed_at = Some(now);
        match timeout(PUBLISH_DEADLINE, publish(&self.sources.store, &record)).await {
            Ok(Ok(())) => {
                self.published = Some(Published { record, takes_viewers, at: now });
                (self.failed_at, self.lag, self.sent) = (None, Duration::ZERO, Some((sent_bytes, now)));
            }
            Ok(Err(error)) => tracing::debug!(%error, "this edge cannot be announced"),
            Err(_) => tracing::debug!("this edge cannot be announced in time"),
        }
    }

    fn state(&self) -> Announced {
        let Sources { live, api, health, orders, .. } = &self.sources;
        match () {
            () if orders.are_to_drain() || health.is_draining() => Announced::Draining,
            () if live.is_ready() && api.is_ready() => Announced::Ready,
            () => Announced::Joining,
        }
    }

    fn record(&mut self, id: EdgeId, state: Announced, now: Instant, sent_bytes: u64) -> EdgeRecord {
        let Sources { about, live, channel, api, viewers, served, geo, overload, tenure, .. } = &self.sources;
        let (run, renewal) = tenure.next_beat();
        let settings = &about.settings;
        let viewers = viewers.count(now);
        let lag_ms = u32::try_from(self.lag.as_millis()).unwrap_or(u32::MAX);
        let has_it = live.has_broadcast().then(|| (channel.clone(), Carried { lag_ms, viewers }));
        let addresses = settings.public_addresses.0.clone();
        let by_address = || addresses.iter().find_map(|address| geo.coordinates(*address));
        let egress_bps = self.sent.map_or(0, |(bytes, at)| {
            let bits = sent_bytes.saturating_sub(bytes).saturating_mul(8);
            bits.saturating_mul(1000) / u64::try_from(now.duration_since(at).as_millis()).unwrap_or(1).max(1)
        });
        let connections = served.connections() + api.chat().connections();
        let mut capacity = about.capacity;
        if overload.reason().is_some() {
            // Whatever it is short of, it can have no more than it has.
            capacity.connections = Some(connections);
        }
        EdgeRecord {
            id,
            name: about.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            region: settings.region.clone().unwrap_or_default().chars().take(MAX_REGION_CHARS).collect(),
            coordinates: settings.coordinates.map(|position| position.0).or_else(by_address),
            urls: settings.public_urls.0.clone(),
            capacity,
            load: Load { viewers, connections, egress_bps },
            state,
            channels: BTreeMap::from_iter(has_it),
            run,
            renewal,
            addresses,
        }
    }
}
