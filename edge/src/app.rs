//! Assembly of the edge, in this order: metrics before the parts that register in them; the server (live
//! window, HTTP) before its source (the link), so that a viewer who comes first is answered; all ports
//! are bound before anything runs, so that a taken port is the only output; readiness last.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use farcast_api::budget::{self, Budget};
use farcast_audience::viewers::Active;
use farcast_config::Loaded;
use farcast_feed::name::StreamName;
use farcast_link::JoinToken;
use farcast_service::accept;
use farcast_service::listen::{self, Purpose};
use farcast_service::listener;
use farcast_service::task_names;
use farcast_service::tasks::{Contained, Part, Stopped, Tasks};
use farcast_service::tls;
use farcast_settings::{follow, follow_status, status_key};
use farcast_store::{Engine, Store};
use farcast_store_fdb::{Foundation, Network};
use farcast_telemetry::announce::Announcement;
use farcast_telemetry::health::{Health, Probe};
use farcast_telemetry::metrics;
use farcast_telemetry::shutdown::{Shutdown, Signals};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::answers::Answers;
use crate::api::{self, Api};
use crate::chat::{self, Chat};
use crate::geo::Geo;
use crate::live::{self, Live};
use crate::playback::{self, Playback};
use crate::receive::{self, Client, ClientConfig};
use crate::serve::{self, Server};
use crate::settings::Settings;
use crate::viewers;

/// Link events that may wait for the live window: a second of ten variants. When it is full the link waits,
/// and the origin drops for this edge alone.
const LINK_EVENTS: usize = 256;
/// Files that are no connections of viewers: listeners, the link, the disk, the log.
const RESERVED_FILES: usize = 64;
/// Interval at which readiness follows the live window.
const HEALTH_TICK: Duration = Duration::from_millis(200);

task_names! {
    /// The tasks of a running edge.
    pub enum Task {
        /// Viewers in the clear.
        Http = "http",
        /// Viewers over TLS.
        Https = "https",
        /// Publishing the viewers of this edge.
        Viewers = "viewers",
        /// The link to the origin.
        Link = "link",
        /// The cache and the window.
        LiveWindow = "live_window",
        /// Following the settings.
        Settings = "settings",
        /// Following the status of the broadcast.
        Status = "status",
        /// Asking whether the store answers.
        StorePulse = "store_pulse",
        /// The chat's log, room and clock.
        Chat = "chat",
        /// Reloading the GeoIP file.
        Geo = "geo",
        /// Keeping readiness up to date.
        Readiness = "readiness",
        /// Metrics and health.
        Metrics = "metrics",
        /// SIGTERM and its like.
        Signals = "signals",
    }
}

/// Runs the edge until it is asked to stop, or a task of it fails.
///
/// # Errors
/// Whatever keeps it from starting: a taken port, a missing join token, an unreadable certificate. While it runs:
/// [`Failed`](farcast_service::tasks::Failed).
pub async fn run(loaded: Loaded<Settings>) -> anyhow::Result<()> {
    let Loaded { settings, announce, warnings } = loaded;
    for warning in warnings {
        tracing::warn!(warning, "configuration");
    }
    let (shutdown, signals) = (Shutdown::default(), Signals::take().context("signal handlers")?);
    let registry = metrics::Registry::new("farcast-edge", env!("CARGO_PKG_VERSION"))?;
    let health = Health::new();

    let token = join_token(&settings)?;
    if token.is_none() && receive::identity::IdentityFile::new(&settings.data_dir).load().is_none() {
        bail!(
            "this edge has not joined an origin yet: give it the origin's join token by --join-token-file \
             or FARCAST_JOIN_TOKEN (the origin keeps it as join-token in its data folder)"
        );
    }
    let geo = Arc::new(match &settings.geoip_database {
        Some(path) => Geo::open(path).context("geoip_database")?,
        None => Geo::none(),
    });
    let http = bind("HTTP", "http_listen", settings.http_listen)?;
    let https = match (settings.https_listen, &settings.tls_cert, &settings.tls_key) {
        (Some(address), Some(cert), Some(key)) => {
            let acceptor = TlsAcceptor::from(tls::load(cert, key, tls::ALPN_HTTP)?);
            Some((bind("HTTPS", "https_listen", address)?, acceptor))
        }
        _ => None,
    };
    let metrics_listener = bind("metrics", "metrics_listen", settings.metrics_listen)?;
    let mut bound =
        Announcement::new().with("http", http.local_addr()?).with("metrics", metrics_listener.local_addr()?);
    if let Some((https, _)) = &https {
        bound = bound.with("https", https.local_addr()?);
    }

    let client = Client::new(
        ClientConfig {
            data_dir: settings.data_dir.clone(),
            token,
            name: settings.name(),
            stream: StreamName::live(),
        },
        receive::Metrics::new(registry.inner())?,
    );
    let live_config = live::Config { cache_bytes: settings.cache_size.bytes(), ..live::Config::default() };
    let live_metrics = live::Metrics::new(registry.inner())?;
    let live = Arc::new(Live::new(live_config, Arc::new(client.fetcher()), live_metrics));
    let seen = farcast_store::Metrics::new(registry.inner())?;
    let engine: Arc<dyn Engine> = match settings.store.cluster() {
        Some(cluster) => Foundation::open(&Network::boot()?, &cluster.file, cluster.root().as_bytes())?
            .counting(seen.clone()),
        None => Arc::new(client.origin_engine()),
    };
    let store = Store::new(engine).observed(seen);
    let (set, runtime) = watch::channel(None);
    let (tell_status, status) = watch::channel(None);
    let active = Arc::new(Active::new(Instant::now()));
    let files = chat::raise_file_limit();
    let wanted = usize::try_from(settings.max_connections).unwrap_or(usize::MAX);
    let connections = wanted.min(files.saturating_sub(RESERVED_FILES)).max(1);
    let chat = Arc::new(Chat::new(chat::Config {
        store: store.clone(),
        runtime: runtime.clone(),
        status: status.clone(),
        geo: Arc::clone(&geo),
        metrics: chat::Metrics::new(registry.inner())?,
        max_connections: chat::most_connections(connections),
        limits: chat::Limits {
            lines_per_network: settings.chat_lines_per_network,
            lines: settings.chat_lines,
            proxies: settings.trusted_proxies.clone(),
        },
    }));
    let playback = Playback::new(playback::Metrics::new(registry.inner())?, Instant::now());
    let playback = Arc::new(playback);
    let viewer_metrics = viewers::Metrics::new(registry.inner())?;
    let serve_metrics = serve::Metrics::new(registry.inner())?;
    let client = client.with_answers(Arc::new(Answers {
        chat: Arc::clone(&chat),
        playback: Arc::clone(&playback),
        viewers: viewer_metrics.clone(),
        served: serve_metrics.clone(),
    }));
    let api = Arc::new(Api::new(api::Sources {
        store: store.clone(),
        runtime,
        status,
        chat: Arc::clone(&chat),
        viewers: Arc::clone(&active),
        playback,
        bodies: Budget::new(settings.request_body_memory, budget::Metrics::new(registry.inner())?),
        forwarder: settings.forward_admin.then(|| client.forwarder()),
        stills: Arc::new(client.fetcher()),
    }));
    let serve_config = serve::Config {
        max_connections: connections,
        max_connections_per_network: usize::try_from(settings.max_connections_per_network)
            .unwrap_or(usize::MAX),
        trusted_proxies: settings.trusted_proxies.clone(),
        frame_ancestors: settings.frame_ancestors.clone(),
        web_dir: settings.web_dir.clone(),
        hsts_max_age: settings.hsts_max_age,
        ..serve::Config::default()
    };
    let server =
        Server::new(serve_config, Arc::clone(&live), Arc::clone(&api), health.clone(), serve_metrics);

    let listener_counters = listener::Counters::new(accept::Listener::Metrics, &registry)?;
    let geo_panics = Contained::new(Part::GeoReload, registry.inner())?;

    // The servers drain first; the link and the window outlive them, so that requests that are being drained can end
    // well.
    let mut tasks = Tasks::new(registry.inner(), health.clone())?;
    let (serving, feeding, last) = (tasks.stage(), tasks.stage(), tasks.stage());
    let plain = server.clone();
    tasks.spawn(&serving, Task::Http, |stop| async move { plain.run(http, None, stop).await });
    if let Some((listener, acceptor)) = https {
        tasks.spawn(&serving, Task::Https, |stop| async move {
            server.run(listener, Some(acceptor), stop).await;
        });
    }
    // It says farewell while there is still a link.
    let (telling, followed, also, asked) = (store.clone(), store.clone(), store.clone(), store);
    tasks.spawn(&serving, Task::Viewers, |stop| viewers::run(telling, active, viewer_metrics, stop));
    let (sink, inputs) = mpsc::channel(LINK_EVENTS);
    tasks.spawn(&feeding, Task::Link, |stop| client.run(sink, stop));
    let window = Arc::clone(&live);
    tasks.spawn(&feeding, Task::LiveWindow, |stop| async move { window.run(inputs, stop).await });
    tasks.spawn_until_stopped(&feeding, Task::Settings, async move { follow(&followed, &set).await });
    tasks.spawn_until_stopped(&feeding, Task::Status, async move {
        follow_status(&also, &tell_status).await;
    });
    tasks.spawn_until_stopped(
        &feeding,
        Task::StorePulse,
        async move { asked.pulse(status_key().key()).await },
    );
    let linked = health.readiness_of(&[Probe::All, Probe::Media], "linked to the origin");
    let informed = health.readiness_of(&[Probe::All, Probe::Chat], "informed of the settings yet");
    let stored = health.readiness_of(&[Probe::Chat], "in touch with the store");
    tasks.spawn_until_stopped(&feeding, Task::Readiness, async move {
        let mut tick = tokio::time::interval(HEALTH_TICK);
        loop {
            tick.tick().await;
            linked.set(live.is_ready());
            informed.set(api.is_ready());
            stored.set(!api.store_is_away());
        }
    });
    if geo.has_file() {
        tasks.spawn(&feeding, Task::Geo, |stop| geo.run(geo_panics, stop));
    }
    tasks.spawn(&feeding, Task::Chat, |stop| chat.run(stop));
    // A program that stops is still seen, and hears a second signal.
    tasks.spawn(&last, Task::Metrics, |stop| {
        listener::run(metrics_listener, listener_counters, registry, health, stop)
    });
    tasks.spawn_until_stopped(&last, Task::Signals, signals.run(shutdown.clone()));

    if let Some(path) = announce {
        bound.write(&path)?;
    }
    tracing::info!(addresses = %bound, name = settings.name(), "edge runs");

    match tasks.run(&shutdown).await? {
        Stopped::InOrder => tracing::info!("edge has stopped"),
        Stopped::AtOnce => tracing::warn!("edge stops without draining"),
    }
    Ok(())
}

fn bind(
    protocol: &'static str,
    setting: &'static str,
    at: std::net::SocketAddr,
) -> anyhow::Result<TcpListener> {
    Ok(TcpListener::from_std(listen::tcp(Purpose::new(protocol, setting), at)?)?)
}

fn join_token(settings: &Settings) -> anyhow::Result<Option<JoinToken>> {
    if let Some(token) = &settings.join_token {
        return Ok(Some(token.expose().parse().context("join_token")?));
    }
    let Some(path) = &settings.join_token_file else { return Ok(None) };
    let read = |path: &Path| std::fs::read_to_string(path);
    let text =
        read(path).with_context(|| format!("the join token file {} cannot be read", path.display()))?;
    Ok(Some(text.parse().with_context(|| format!("the join token file {}", path.display()))?))
}
