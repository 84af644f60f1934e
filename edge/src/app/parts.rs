//! The parts of an edge, and what each is made with: the live window and the server before the link that fills them, so that
//! a viewer who comes first is answered. Nothing runs yet.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use farcast_api::budget::{self, Budget};
use farcast_audience::viewers::Active;
use farcast_certificates::{Announced, Current, Files};
use farcast_edge_directory::{Own, Router, View, dns_server, views};
use farcast_feed::name::StreamName;
use farcast_geo::Geo;
use farcast_link::JoinToken;
use farcast_link::receiver::{self, Client, ClientConfig};
use farcast_service::accept;
use farcast_service::access;
use farcast_service::listener;
use farcast_service::tasks::{Contained, Part};
use farcast_settings::{LiveStatus, Snapshot};
use farcast_store::{Engine, Store};
use farcast_store_fdb::{Foundation, Network};
use farcast_telemetry::health::Health;
use farcast_telemetry::make::Make as _;
use farcast_telemetry::metrics::Registry;
use farcast_trace::{Exporter, OpenError, Tracer};
use tokio::sync::watch;

use super::ports::Ports;
use crate::announce::{self, About, Orders};
use crate::answers::Answers;
use crate::api::{self, Api};
use crate::certificate;
use crate::channel::{self, Channel, Sinks};
use crate::chat::{self, Chat};
use crate::live::{Fetch, Live, ObjectCache};
use crate::memory::Memory;
use crate::overload::{self, Overload};
use crate::playback::{self, Playback};
use crate::serve::{self, Server};
use crate::settings::Settings;
use crate::tenure::Tenure;
use crate::viewers;

/// Files that are no connections of viewers: listeners, the link, the disk, the log.
const RESERVED_FILES: usize = 64;

/// See the module.
pub(super) struct Parts {
    /// The link to the origin, and the channels that take its events.
    pub(super) client: Client,
    pub(super) sinks: Sinks,
    pub(super) channels: Vec<Channel>,
    /// The channel that viewers see.
    pub(super) live: Arc<Live>,
    pub(super) store: Store,
    pub(super) runtime: watch::Sender<Option<Snapshot>>,
    pub(super) settings: watch::Receiver<Option<Snapshot>>,
    pub(super) status: watch::Sender<Option<Arc<LiveStatus>>>,
    pub(super) viewers: Arc<Active>,
    pub(super) viewer_metrics: viewers::Metrics,
    pub(super) geo: Arc<Geo>,
    pub(super) geo_panics: Contained,
    pub(super) chat: Arc<Chat>,
    pub(super) api: Arc<Api>,
    pub(super) server: Server,
    pub(super) router: Arc<Router>,
    pub(super) view: watch::Sender<Arc<View>>,
    pub(super) orders: Orders,
    pub(super) seen_edges: farcast_edge_directory::Metrics,
    pub(super) announced: announce::Sources,
    /// What is measured to turn new viewers away, where that is wanted.
    pub(super) pressure: Option<overload::Sources>,
    pub(super) dns: Option<farcast_dns::server::Server>,
    pub(super) announce_certificate: watch::Sender<Option<Arc<Announced>>>,
    pub(super) certificate: Option<Kept>,
    pub(super) access_writer: Option<access::Writer>,
    pub(super) traces: Option<Exporter>,
    pub(super) operators: listener::Counters,
    /// When this process is the edge, and the connections that it has.
    pub(super) tenure: Tenure,
    pub(super) served: serve::Metrics,
}

/// What keeps the certificate of the TLS listener.
pub(super) enum Kept {
    /// Files that somebody else renews.
    Files(Files),
    /// The one of the origin for all edges.
    Shared(certificate::Keeper),
}

/// The certificate of the TLS listener before there is one, and the announcements of the origin about it.
pub(super) struct Certificate {
    pub(super) current: Arc<Current>,
    pub(super) announce: watch::Sender<Option<Arc<Announced>>>,
}

impl Certificate {
    pub(super) fn new(registry: &prometheus::Registry) -> anyhow::Result<Self> {
        let (announce, following) = watch::channel(None);
        let metrics = farcast_certificates::Metrics::new(registry)?;
        Ok(Self { current: Arc::new(Current::new(following, metrics)), announce })
    }

    /// What keeps it, where there is a listener.
    fn kept(&self, settings: &Settings, client: &Client) -> anyhow::Result<Option<Kept>> {
        let current = Arc::clone(&self.current);
        if let (Some(chain), Some(key)) = (settings.tls_cert.clone(), settings.tls_key.clone()) {
            return Ok(Some(Kept::Files(Files::open(chain, key, current)?)));
        }
        let following = self.announce.subscribe();
        let keeper = || certificate::Keeper::new(client.fetcher(), current, following, &settings.data_dir);
        Ok(settings.https_listen.map(|_| Kept::Shared(keeper())))
    }
}

/// The inputs that most parts need.
struct Common<'a> {
    settings: &'a Settings,
    registry: &'a prometheus::Registry,
    store: Store,
    runtime: watch::Receiver<Option<Snapshot>>,
    status: watch::Receiver<Option<Arc<LiveStatus>>>,
}

impl Parts {
    /// Makes all of them.
    ///
    /// # Errors
    /// When the cluster of the store cannot be reached as the settings say, the access log cannot be opened, or a metric is
    /// there twice.
    pub(super) fn assemble(
        settings: &Settings,
        registry: &Registry,
        health: &Health,
        geo: Arc<Geo>,
        token: Option<JoinToken>,
        ports: &mut Ports,
        certificate: Certificate,
    ) -> anyhow::Result<Self> {
        let (tracer, traces) = traces(settings, registry.inner())?.unzip();
        let client = client(settings, token, registry.inner())?.with_tracer(tracer.clone());
        let kept_certificate = certificate.kept(settings, &client)?;
        let (memory, tenure) = (Memory::here(settings), Tenure::default());
        let cache = ObjectCache::new(memory.cache_bytes, registry.inner())?;
        let fetch: Arc<dyn Fetch> = Arc::new(client.fetcher());
        let (channels, sinks) =
            channel::channels([StreamName::live()], &cache, &fetch, registry, tracer.as_ref())?;
        let live =
            channels.first().map(|channel| Arc::clone(&channel.live)).context("there is no channel")?;
        let store = open_store(settings, &client, registry.inner())?;
        let (set, runtime) = watch::channel(None);
        let (tell_status, status) = watch::channel(None);
        let common = Common { settings, registry: registry.inner(), store, runtime, status };
        let connections = most_connections(memory);
        let chat = common.chat(connections, Arc::clone(&geo))?;
        let playback = Playback::new(playback::Metrics::new(common.registry)?, Instant::now());
        let playback = Arc::new(playback);
        let viewer_metrics = viewers::Metrics::new(common.registry)?;
        let serve_metrics = serve::Metrics::new(common.registry)?;
        serve_metrics.limited_to(connections);
        show_egress_capacity(settings, common.registry)?;
        let client = client.with_answers(Arc::new(Answers {
            chat: Arc::clone(&chat),
            playback: Arc::clone(&playback),
            viewers: viewer_metrics.clone(),
            served: serve_metrics.clone(),
            certificates: certificate.announce.subscribe(),
            registry: registry.clone(),
        }));
        let viewers = Arc::new(Active::new(Instant::now()));
        let shed_metrics = overload::Metrics::new(common.registry)?;
        let overload = Arc::new(Overload::new(Some(shed_metrics), Instant::now()));
        let view = views();
        let own = Own { name: client.given_name(), urls: settings.public_urls.0.clone() };
        let router = Router::new(view.subscribe(), Some(own), Arc::clone(&geo), StreamName::live());
        let router = Arc::new(router);
        let api = Arc::new(Api::new(api::Sources {
            certificates: certificate.announce.subscribe(),
            router: Arc::clone(&router),
            store: common.store.clone(),
            runtime: common.runtime.clone(),
            status: common.status.clone(),
            chat: Arc::clone(&chat),
            viewers: Arc::clone(&viewers),
            playback,
            bodies: Budget::new(settings.request_body_memory, budget::Metrics::new(common.registry)?),
            forwarder: settings.forward_admin.then(|| client.forwarder()),
            stills: Arc::new(client.fetcher()),
        }));
        let orders = Orders { given_name: client.given_name(), runtime: common.runtime.clone() };
        let announced = announce::Sources {
            about: About::new(settings, connections),
            store: common.store.clone(),
            given_name: client.given_name(),
            live: Arc::clone(&live),
            channel: StreamName::live(),
            api: Arc::clone(&api),
            viewers: Arc::clone(&viewers),
            served: serve_metrics.clone(),
            orders: orders.clone(),
            geo: Arc::clone(&geo),
            health: health.clone(),
            overload: Arc::clone(&overload),
            tenure: tenure.clone(),
        };
        let challenges = certificate.announce.subscribe();
        let dns = dns_server(&settings.dns(), &router, challenges, ports.dns.take(), common.registry)?;
        let window = Arc::clone(&live);
        let (target, format) = (settings.access_log.as_ref(), settings.access_log_format);
        let (access_log, access_writer) = access::open(target, format, common.registry)?.unzip();
        let leave = tenure.ended().clone();
        let serving = serve::Config {
            access_log,
            leave,
            overload: Arc::clone(&overload),
            ..serving(settings, connections, ports)?
        };
        let served = serve_metrics.clone();
        let server = Server::new(serving, window, Arc::clone(&api), health.clone(), serve_metrics.clone());
        let pressure = settings.shed_newcomers.then(|| overload::Sources {
            overload,
            server: server.clone(),
            served: serve_metrics,
            egress_bps: settings.egress_capacity_mbit.map(|mbit| u64::from(mbit) * 1_000_000),
        });
        Ok(Self {
            client,
            sinks,
            channels,
            live,
            store: common.store,
            runtime: set,
            settings: common.runtime,
            status: tell_status,
            viewers,
            viewer_metrics,
            geo,
            geo_panics: Contained::new(Part::GeoReload, registry.inner())?,
            chat,
            api,
            server,
            router,
            view,
            orders,
            seen_edges: farcast_edge_directory::Metrics::new(registry.inner())?,
            announced,
            pressure,
            dns,
            announce_certificate: certificate.announce,
            certificate: kept_certificate,
            access_writer,
            traces,
            operators: listener::Counters::new(accept::Listener::Metrics, registry)?,
            tenure,
            served,
        })
    }
}

impl Common<'_> {
    fn chat(&self, connections: usize, geo: Arc<Geo>) -> anyhow::Result<Arc<Chat>> {
        let settings = self.settings;
        Ok(Arc::new(Chat::new(chat::Config {
            store: self.store.clone(),
            runtime: self.runtime.clone(),
            status: self.status.clone(),
            geo,
            metrics: chat::Metrics::new(self.registry)?,
            max_connections: chat::most_connections(connections),
            limits: chat::Limits {
                lines_per_network: settings.chat_lines_per_network,
                lines: settings.chat_lines,
                proxies: settings.trusted_proxies.clone(),
            },
        })))
    }
}

fn client(
    settings: &Settings,
    token: Option<JoinToken>,
    registry: &prometheus::Registry,
) -> anyhow::Result<Client> {
    let config = ClientConfig { data_dir: settings.data_dir.clone(), token, name: settings.name() };
    Ok(Client::new(config, receiver::Metrics::new(registry)?))
}

fn traces(
    settings: &Settings,
    registry: &prometheus::Registry,
) -> Result<Option<(Tracer, Exporter)>, OpenError> {
    let config = settings.otlp_endpoint.clone().map(|endpoint| farcast_trace::Config {
        endpoint,
        share: settings.otlp_sample,
        program: "farcast-edge",
        version: env!("CARGO_PKG_VERSION"),
        instance: settings.name(),
    });
    farcast_trace::open(config, registry)
}

/// The store: a cluster's, or the origin's over the link.
fn open_store(
    settings: &Settings,
    client: &Client,
    registry: &prometheus::Registry,
) -> anyhow::Result<Store> {
    let seen = farcast_store::Metrics::new(registry)?;
    let engine: Arc<dyn Engine> = match settings.store.cluster() {
        Some(cluster) => Foundation::open(&Network::boot()?, &cluster.file, cluster.root().as_bytes())?
            .counting(seen.clone()),
        None => Arc::new(client.origin_engine()),
    };
    Ok(Store::new(engine).observed(seen))
}

/// Most connections of viewers that this process can have.
fn most_connections(memory: Memory) -> usize {
    let files = chat::raise_file_limit();
    let wanted = usize::try_from(memory.connections).unwrap_or(usize::MAX);
    wanted.min(files.saturating_sub(RESERVED_FILES)).max(1)
}

/// Shows what the machine can send; there is no such metric where nobody said it.
fn show_egress_capacity(
    settings: &Settings,
    registry: &prometheus::Registry,
) -> Result<(), prometheus::Error> {
    let Some(mbit) = settings.egress_capacity_mbit else { return Ok(()) };
    let shown = registry.gauge(
        "farcast_edge_egress_capacity_bits_per_second",
        "What the machine can send, as its settings say.",
    )?;
    shown.set(i64::from(mbit) * 1_000_000);
    Ok(())
}

fn serving(settings: &Settings, connections: usize, ports: &Ports) -> anyhow::Result<serve::Config> {
    let secure_port = ports.https.as_ref().map(|(https, _)| https.local_addr()).transpose()?;
    Ok(serve::Config {
        max_connections: connections,
        max_connections_per_network: usize::try_from(settings.max_connections_per_network)
            .unwrap_or(usize::MAX),
        trusted_proxies: settings.trusted_proxies.clone(),
        proxy_protocol: settings.proxy_protocol.clone(),
        frame_ancestors: settings.frame_ancestors.clone(),
        web_dir: settings.web_dir.clone(),
        hsts_max_age: settings.hsts_max_age,
        redirect_port: secure_port.filter(|_| settings.https_redirect).map(|address| address.port()),
        ..serve::Config::default()
    })
}
