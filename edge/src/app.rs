//! Assembly of the edge, in this order: metrics before what registers in them; what serves (live window,
//! HTTP) before what feeds it (the link), so that a viewer who comes first is answered; all ports are
//! bound before anything runs, so that a taken port is the only output; readiness last.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use farcast_shared::config::Loaded;
use farcast_shared::name::StreamName;
use farcast_shared::protocol::JoinToken;
use farcast_shared::runtime::{follow, follow_status, status_key};
use farcast_shared::store::{self, Engine, Store};
use farcast_shared::telemetry::announce::Announcement;
use farcast_shared::telemetry::health::{Health, Probe};
use farcast_shared::telemetry::listen::{self, Purpose};
use farcast_shared::telemetry::{listener, metrics, shutdown};
use farcast_shared::tls;
use farcast_shared::viewers::Active;
use farcast_store_fdb::{Foundation, Network};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{self, Api};
use crate::chat::{self, Chat};
use crate::geo::Geo;
use crate::live::{self, Live};
use crate::receive::{self, Asked, Client, ClientConfig};
use crate::serve::{self, Server};
use crate::settings::Settings;
use crate::viewers;

/// Link events that may wait for the live window: a second of ten variants. When it is full the link waits,
/// and the origin drops for this edge alone.
const LINK_EVENTS: usize = 256;
/// Files that are no connections of viewers: listeners, the link, the disk, the log.
const RESERVED_FILES: usize = 64;
/// How often readiness follows the live window.
const HEALTH_TICK: Duration = Duration::from_millis(200);

/// Runs the edge until it is asked to stop.
///
/// # Errors
/// Whatever keeps it from starting: a taken port, a missing join token, an unreadable certificate.
pub async fn run(loaded: Loaded<Settings>) -> anyhow::Result<()> {
    let Loaded { settings, announce, warnings } = loaded;
    for warning in warnings {
        tracing::warn!(warning, "configuration");
    }
    let (graceful, immediate) = shutdown::signals().context("signal handlers")?;
    let registry = metrics::Registry::new("farcast-edge", env!("CARGO_PKG_VERSION"))?;
    let health = Health::new();

    let token = join_token(&settings)?;
    if token.is_none() && receive::identity::Store::new(&settings.data_dir).load().is_none() {
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
    let seen = store::Metrics::new(registry.inner())?;
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
    let chat = Arc::new(Chat::new(chat::Parts {
        store: store.clone(),
        runtime: runtime.clone(),
        status: status.clone(),
        geo: Arc::clone(&geo),
        metrics: chat::Metrics::new(registry.inner())?,
        max_connections: chat::most_connections(connections),
    }));
    let client = client.with_answers(Arc::clone(&chat) as Arc<dyn Asked>);
    let api = Arc::new(Api::new(api::Parts {
        store: store.clone(),
        runtime,
        status,
        chat: Arc::clone(&chat),
        viewers: Arc::clone(&active),
        forwarder: settings.forward_admin.then(|| client.forwarder()),
    }));
    let serve_config = serve::Config {
        max_connections: connections,
        trusted_proxies: settings.trusted_proxies.clone(),
        ..serve::Config::default()
    };
    let viewer_metrics = viewers::Metrics::new(registry.inner())?;
    let serve_metrics = serve::Metrics::new(registry.inner())?;
    let server = Server::new(serve_config, Arc::clone(&live), Arc::clone(&api), serve_metrics);

    // The servers drain first; the link and the window outlive them, so that what is drained can end well.
    let last = CancellationToken::new();
    let serving = TaskTracker::new();
    let plain = (server.clone(), graceful.clone());
    serving.spawn(async move { plain.0.run(http, None, plain.1).await });
    if let Some((listener, acceptor)) = https {
        let graceful = graceful.clone();
        serving.spawn(async move { server.run(listener, Some(acceptor), graceful).await });
    }
    let feeding = TaskTracker::new();
    let (sink, inputs) = mpsc::channel(LINK_EVENTS);
    feeding.spawn(client.run(sink, last.clone()));
    let window = (Arc::clone(&live), last.clone());
    feeding.spawn(async move { window.0.run(inputs, window.1).await });
    let (followed, also) = (store.clone(), store.clone());
    feeding.spawn(last.clone().run_until_cancelled_owned(async move { follow(&followed, &set).await }));
    feeding.spawn(
        last.clone().run_until_cancelled_owned(async move { follow_status(&also, &tell_status).await }),
    );
    let asked = store.clone();
    feeding
        .spawn(last.clone().run_until_cancelled_owned(async move { asked.pulse(status_key().key()).await }));
    // It says farewell while there is still a link.
    serving.spawn(viewers::run(store, active, viewer_metrics, graceful.clone()));
    let observed = Arc::clone(&live);
    let linked = health.readiness_of(&[Probe::All, Probe::Media], "linked to the origin");
    let informed = health.readiness_of(&[Probe::All, Probe::Chat], "informed of the settings yet");
    let stored = health.readiness_of(&[Probe::Chat], "in touch with the store");
    feeding.spawn(last.clone().run_until_cancelled_owned(async move {
        let mut tick = tokio::time::interval(HEALTH_TICK);
        loop {
            tick.tick().await;
            linked.set(observed.is_ready());
            informed.set(api.is_ready());
            stored.set(!api.store_is_away());
        }
    }));
    feeding.spawn(geo.run(last.clone()));
    feeding.spawn(chat.run(last.clone()));
    feeding.spawn(listener::run(metrics_listener, Some(registry), health.clone(), last.clone()));

    if let Some(path) = announce {
        bound.write(&path)?;
    }
    tracing::info!(addresses = %bound, name = settings.name(), "edge runs");

    graceful.cancelled().await;
    health.drain();
    serving.close();
    feeding.close();
    let drained = async {
        serving.wait().await;
        last.cancel();
        feeding.wait().await;
    };
    tokio::select! {
        () = drained => tracing::info!("edge has stopped"),
        () = immediate.cancelled() => tracing::warn!("edge stops without draining"),
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
