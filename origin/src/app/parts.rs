//! The parts of an origin, and what each is made with. The hub exists before the owner that feeds it and the server that
//! empties it. Nothing runs yet.

use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use farcast_api::budget::{self, Budget};
use farcast_certificates::Following as Announcements;
use farcast_edge_directory::{Router, View, dns_server, views};
use farcast_feed::name::StreamName;
use farcast_geo::Geo;
use farcast_link::roster::Roster;
use farcast_link::sender::{self, Channels};
use farcast_service::accept;
use farcast_service::access;
use farcast_service::host;
use farcast_service::listener;
use farcast_service::tasks::{Contained, Ended, Part};
use farcast_settings::Snapshot;
use farcast_store::Store;
use farcast_trace::{Exporter, OpenError, Tracer};
use tokio::sync::watch;

use super::certificate::Keeping;
use super::channel::{self, Channel};
use super::ground::{Common, Ground};
use super::ports::Listeners;
use crate::admin::{self, Admin, Counted, Sessions};
use crate::api::leading::Leading;
use crate::api::pages::Pages;
use crate::api::{self, Api, Public};
use crate::audience::Keeper;
use crate::backup::{self, Backups, Schedule, Scheduled};
use crate::broadcast::{self, Air};
use crate::chat::{self, Announcer, Caretaker};
use crate::choices::Choices;
use crate::directory::Directory;
use crate::edge_access::{self, EdgeAccess};
use crate::edge_metrics::EdgeMetrics;
use crate::emoji;
use crate::http_client::{HttpClient, Reach};
use crate::ingest;
use crate::integrations::{self, Integrations};
use crate::pictures::Pictures;
use crate::state::Saver;
use crate::statistics::{Sampler, Statistics};
use crate::tokens;
use crate::transfer::Transfers;
use crate::webhooks::{self, Trials, Webhooks};

/// See the module.
pub(super) struct Parts {
    pub(super) listeners: Listeners,
    pub(super) endpoint: quinn::Endpoint,
    pub(super) saver: Arc<Saver>,
    pub(super) ingest: ingest::rtmp::Server,
    pub(super) channels: Vec<Channel>,
    pub(super) keeper: Keeper,
    pub(super) sampler: Sampler,
    pub(super) emoji: Arc<emoji::Folder>,
    pub(super) backups: Backups,
    pub(super) scheduled: Option<Scheduled>,
    pub(super) transfers: Transfers,
    pub(super) push: sender::Server,
    pub(super) http: Http,
    pub(super) edge_metrics: Option<Arc<EdgeMetrics>>,
    pub(super) traces: Option<Exporter>,
    pub(super) following: Following,
    pub(super) view: watch::Sender<Arc<View>>,
    pub(super) seen_edges: farcast_edge_directory::Metrics,
    pub(super) dns: Option<farcast_dns::server::Server>,
    pub(super) certificate: Keeping,
    pub(super) geo: Arc<Geo>,
    pub(super) geo_panics: Contained,
    pub(super) announcer: Announcer,
    pub(super) caretaker: Caretaker,
    pub(super) listing: Listing,
    pub(super) webhooks: Webhooks,
    /// The thread that writes the store, where there is one.
    pub(super) store_writer: Option<Ended>,
}

/// The parts behind the origin's own HTTP listeners.
pub(super) struct Http {
    pub(super) parts: api::server::Parts,
    pub(super) counters: listener::Counters,
    pub(super) access_writer: Option<access::Writer>,
}

/// The parts that follow changes of the settings.
pub(super) struct Following {
    pub(super) store: Store,
    pub(super) set: watch::Sender<Option<Snapshot>>,
    pub(super) runtime: watch::Receiver<Option<Snapshot>>,
    pub(super) choices: Choices,
    pub(super) chosen: watch::Sender<broadcast::Settings>,
}

/// Being listed in the directory.
pub(super) struct Listing {
    pub(super) directory: Directory,
    pub(super) runtime: watch::Receiver<Option<Snapshot>>,
    pub(super) air: watch::Receiver<Air>,
}

impl Parts {
    /// Makes all of them.
    ///
    /// # Errors
    /// Whatever keeps one from being made; of the store, which is read, among it.
    pub(super) async fn of(ground: Ground<'_>) -> anyhow::Result<Self> {
        let Ground { common, senders, credentials, saver, roster, choices, facts, .. } = ground;
        let (settings, store, status) = (common.settings, &common.store, common.status.clone());
        let counted = common.counted()?;
        let shared = channel::Shared::new(&common, &saver)?;
        let (tracer, traces) = common.traces()?.unzip();
        let live = Channel::new(StreamName::live(), &common, &shared, &counted, senders.air, tracer)?;
        let (pictures, disconnects) = (live.pictures.clone(), live.disconnect.clone());
        let channels = vec![live];
        let ingest = channel::ingest(&common, &channels, Arc::clone(&credentials), &counted);
        let hubs = shared.hubs(&channels);
        let edge_metrics = settings.edge_metrics.then(|| Arc::new(EdgeMetrics::new(hubs.edges().clone())));
        let folder = settings.data_dir.clone();
        let (statistics, sampler) =
            Statistics::load(store, common.registry.inner(), status.clone(), folder).await?;
        tokens::reserve_names(store).await?;
        let emoji = Arc::new(emoji::Folder::new(settings.data_dir.join(emoji::FOLDER), store.clone()));
        let backups = Backups::new(store.clone(), &settings.data_dir);
        let scheduled = common.scheduled(&backups)?;
        let transfers = Transfers::new(store.clone(), Some(Arc::clone(&credentials)), settings);
        let (webhooks, trials) = common.webhooks(facts.webhooks_reach)?;
        let view = views();
        let geo = Arc::new(match &settings.geoip_database {
            Some(path) => Geo::open(path).context("geoip_database")?,
            None => Geo::none(),
        });
        let router = Arc::new(Router::new(view.subscribe(), None, Arc::clone(&geo), StreamName::live()));
        let following = ground.certificate.following();
        let inner = common.registry.inner();
        let dns = dns_server(&settings.dns(), &router, following.clone(), ground.dns, inner)?;
        let keeping =
            ground.certificate.keeping(settings, store, hubs.edges().clone(), &ground.identity, inner);
        let (certificate, given) = keeping.await?;
        let api = common.api(
            pictures,
            given,
            admin::Managed {
                store: store.clone(),
                credentials,
                sessions: Arc::new(Sessions::load(store.clone()).await?),
                runtime: common.runtime.clone(),
                status,
                air: common.air.clone(),
                disconnects,
                edges: hubs.edges().clone(),
                roster: Arc::clone(&roster),
                router: Arc::clone(&router),
                recent: ground.recent,
                bodies: common.bodies()?,
                statistics,
                emoji: Arc::clone(&emoji),
                counted,
                trials,
                backups: backups.clone(),
                facts,
            },
        );
        let (announcer, caretaker) = common.chat(webhooks.keep())?;
        let access = common.edge_access()?;
        Ok(Self {
            keeper: Keeper::new(store.clone(), common.air.clone(), senders.status).await?,
            listing: common.listing()?,
            push: push_server(roster, hubs, access, &api),
            http: common.http(api, router, following)?,
            edge_metrics,
            traces,
            certificate,
            following: common.following(senders.runtime, choices, senders.chosen),
            view,
            seen_edges: farcast_edge_directory::Metrics::new(common.registry.inner())?,
            dns,
            geo,
            geo_panics: Contained::new(Part::GeoReload, common.registry.inner())?,
            listeners: ground.listeners,
            endpoint: ground.endpoint,
            store_writer: ground.store_writer,
            saver,
            ingest,
            channels,
            sampler,
            emoji,
            backups,
            scheduled,
            transfers,
            announcer,
            caretaker,
            webhooks,
        })
    }
}

impl Common<'_> {
    /// The counters of the broadcast of `live` that admins see.
    fn counted(&self) -> anyhow::Result<Counted> {
        let stream = StreamName::live();
        Ok(Counted::new(self.registry.inner(), &self.registry.of_stream(stream.as_str())?)?)
    }

    fn traces(&self) -> Result<Option<(Tracer, Exporter)>, OpenError> {
        let config = self.settings.otlp_endpoint.clone().map(|endpoint| farcast_trace::Config {
            endpoint,
            share: self.settings.otlp_sample,
            program: "farcast-origin",
            version: env!("CARGO_PKG_VERSION"),
            instance: host::name().unwrap_or_else(|| "origin".to_owned()),
        });
        farcast_trace::open(config, self.registry.inner())
    }

    fn webhooks(&self, reach: Reach) -> anyhow::Result<(Webhooks, Trials)> {
        let caller = webhooks::Http::new(HttpClient::new(reach)?);
        let deliveries = webhooks::Deliveries::default();
        let trials = Trials::new(self.store.clone(), caller.clone(), deliveries.clone());
        let metrics = webhooks::Metrics::new(self.registry.inner())?;
        let webhooks = Webhooks::new(self.store.clone(), caller, self.runtime.clone(), deliveries, metrics);
        Ok((webhooks, trials))
    }

    /// Backups that are made by themselves, if they are to be.
    fn scheduled(&self, backups: &Backups) -> anyhow::Result<Option<Scheduled>> {
        let metrics = backup::Metrics::new(self.registry.inner())?;
        let schedule = Schedule::of(self.settings);
        Ok(schedule.map(|schedule| Scheduled::new(schedule, backups.clone(), metrics)))
    }

    fn bodies(&self) -> anyhow::Result<Arc<Budget>> {
        Ok(Budget::new(self.settings.request_body_memory, budget::Metrics::new(self.registry.inner())?))
    }

    fn api(
        &self,
        pictures: Pictures,
        given: watch::Receiver<Option<Bytes>>,
        managed: admin::Managed,
    ) -> Arc<Api> {
        let integrations = Integrations::new(integrations::Services {
            store: self.store.clone(),
            runtime: self.runtime.clone(),
            edges: managed.edges.clone(),
            bodies: Arc::clone(&managed.bodies),
            status: self.status.clone(),
            air: self.air.clone(),
        });
        let public = Public::new(self.store.clone(), self.runtime.clone(), self.status.clone());
        let for_edges = api::ForEdges { pictures, certificate: given };
        Arc::new(Api::new(Admin::new(managed), integrations, public, for_edges))
    }

    fn http(&self, api: Arc<Api>, router: Arc<Router>, certificates: Announcements) -> anyhow::Result<Http> {
        let leading = Arc::new(Leading::new(router));
        let pages = Arc::new(Pages::new(self.settings.web_dir.as_deref()));
        let counters = listener::Counters::new(accept::Listener::Api, self.registry)?;
        let health = self.health.clone();
        let (target, format) = (self.settings.access_log.as_ref(), self.settings.access_log_format);
        let (access_log, access_writer) = access::open(target, format, self.registry.inner())?.unzip();
        let parts = api::server::Parts { api, pages, leading, certificates, health, access_log };
        Ok(Http { parts, counters, access_writer })
    }

    fn following(
        &self,
        set: watch::Sender<Option<Snapshot>>,
        choices: Choices,
        chosen: watch::Sender<broadcast::Settings>,
    ) -> Following {
        Following { store: self.store.clone(), set, runtime: self.runtime.clone(), choices, chosen }
    }

    fn listing(&self) -> anyhow::Result<Listing> {
        let client = HttpClient::new(Reach::Anywhere)?;
        let directory = Directory::new(client, self.store.clone(), &self.settings.directory)?;
        Ok(Listing { directory, runtime: self.runtime.clone(), air: self.air.clone() })
    }

    fn chat(&self, keep: chat::Keep) -> anyhow::Result<(Announcer, Caretaker)> {
        let metrics = chat::Metrics::new(self.registry.inner())?;
        let (store, status, runtime) = (self.store.clone(), self.status.clone(), self.runtime.clone());
        let announcer = Announcer::new(store.clone(), status, runtime.clone(), metrics.clone());
        Ok((announcer, Caretaker::new(store, runtime, keep, metrics)))
    }

    fn edge_access(&self) -> anyhow::Result<Arc<EdgeAccess>> {
        let metrics = edge_access::Metrics::new(self.registry.inner())?;
        Ok(Arc::new(EdgeAccess::new(self.store.clone(), self.runtime.clone(), metrics)))
    }
}

/// The server of edges, which may call the store and pass requests on.
fn push_server(
    roster: Arc<Roster>,
    channels: Channels,
    access: Arc<EdgeAccess>,
    api: &Arc<Api>,
) -> sender::Server {
    let api = Arc::clone(api) as Arc<dyn sender::Api>;
    sender::Server::new(sender::ServerConfig::default(), roster, channels, access, Some(api))
}
