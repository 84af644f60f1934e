//! Assembly of the origin, in this order: all ports are bound before anything runs, so that a taken port is
//! the only output; encoders are probed before a publisher can come; the hub exists before the
//! owner that feeds it and the server that empties it; ingest comes last, since it starts everything else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use farcast_shared::config::Loaded;
use farcast_shared::name::StreamName;
use farcast_shared::store::Store;
use farcast_shared::telemetry::announce::Announcement;
use farcast_shared::telemetry::health::Health;
use farcast_shared::telemetry::listen::{self, Purpose};
use farcast_shared::telemetry::{file, listener, metrics, shutdown};
use farcast_shared::tls;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::broadcast::{self, Owner};
use crate::ingest::{self, Gate};
use crate::package::{self, LatencyLevel};
use crate::plan;
use crate::push::identity::Identity;
use crate::push::{self, Hub, HubConfig};
use crate::settings::Settings;
use crate::state::{Saver, State};
use crate::store::{self, Embedded};
use crate::transcode::{self, CodecChoice, LadderConfig, LibavEncoders, VariantSpec};

/// Name of the file in the data folder that edges join with.
const JOIN_TOKEN_FILE: &str = "join-token";
/// How long the disk may take for the last word of the state.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// Runs the origin until it is asked to stop.
///
/// # Errors
/// Whatever keeps it from starting: a taken port, a damaged state file, an unusable ladder.
pub async fn run(loaded: Loaded<Settings>) -> anyhow::Result<()> {
    let Loaded { settings, announce, warnings } = loaded;
    for warning in warnings {
        tracing::warn!(warning, "configuration");
    }
    let (graceful, immediate) = shutdown::signals().context("signal handlers")?;
    let registry = metrics::Registry::new("farcast-origin", env!("CARGO_PKG_VERSION"))?;
    let health = Health::new();
    let ready = health.readiness("started");
    let specs = ladder(&settings);
    let level = LatencyLevel::try_from(settings.latency_level.get())?;

    let rtmp = bind("RTMP", "rtmp_listen", settings.rtmp_listen)?;
    let rtmps = match (settings.rtmps_listen, &settings.tls_cert, &settings.tls_key) {
        (Some(address), Some(cert), Some(key)) => {
            Some((bind("RTMPS", "rtmps_listen", address)?, TlsAcceptor::from(tls::load(cert, key, &[])?)))
        }
        _ => None,
    };
    let http = bind("HTTP", "http_listen", settings.http_listen)?;
    let quic = listen::udp(Purpose::new("QUIC", "quic_listen"), settings.quic_listen)?;
    let metrics_listener = bind("metrics", "metrics_listen", settings.metrics_listen)?;
    let quic_address = quic.local_addr()?;
    let mut bound = Announcement::new()
        .with("rtmp", rtmp.local_addr()?)
        .with("http", http.local_addr()?)
        .with("quic", quic_address)
        .with("metrics", metrics_listener.local_addr()?);
    if let Some((rtmps, _)) = &rtmps {
        bound = bound.with("rtmps", rtmps.local_addr()?);
    }

    let stream = StreamName::live();
    let (state, made_key) = State::load_or_create(&settings.data_dir, settings.stream_key.as_ref())?;
    if let Some(key) = &made_key {
        show_once(key.expose());
    }
    let gate = Arc::new(Gate::from_digest(state.key_digest()));
    let saver = Arc::new(Saver::start(state)?);
    let embedded = Embedded::open(&settings.data_dir, store::Metrics::new(registry.inner())?)?;
    let store = Store::new(Arc::new(embedded));
    let identity = Arc::new(Identity::load_or_create(&settings.data_dir)?);
    let advertise = settings
        .quic_advertise
        .as_ref()
        .map_or_else(|| format!("127.0.0.1:{}", quic_address.port()), ToString::to_string);
    let token = settings.data_dir.join(JOIN_TOKEN_FILE);
    write_token(&token, &format!("{}\n", identity.join_token(&advertise)))?;
    let endpoint = quinn::Endpoint::new(
        quinn::EndpointConfig::default(),
        Some(identity.server_config()?),
        quic,
        Arc::new(quinn::TokioRuntime),
    )?;

    let encoder = choose_encoder(&settings, &specs).await?;
    let hub = Hub::new(HubConfig::default(), push::Metrics::new(registry.inner())?);
    let ingest_metrics = ingest::Metrics::new(registry.inner())?;
    let owner = Owner::new(broadcast::Config {
        stream,
        level,
        ladder: LadderConfig::new(specs, encoder),
        reconnect_grace: settings.reconnect_grace,
        hub: hub.clone(),
        saver: Arc::clone(&saver),
        metrics: broadcast::Metrics::new(registry.inner())?,
        ingest_metrics: ingest_metrics.clone(),
        plan_metrics: plan::Metrics::new(registry.inner())?,
        transcode_metrics: transcode::Metrics::new(registry.inner())?,
        package_metrics: package::Metrics::new(registry.inner())?,
    });

    // Ingest stops first, then the owner packages what it has, then edges are told, then the listeners end.
    let (owner_stops, push_stops, last) =
        (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    let (publishers, arrivals) = mpsc::channel(1);
    let (ingesting, owning, pushing, watching) =
        (TaskTracker::new(), TaskTracker::new(), TaskTracker::new(), TaskTracker::new());
    watching.spawn(listener::run(metrics_listener, Some(registry), health.clone(), last.clone()));
    watching.spawn(listener::run(http, None, health.clone(), last.clone()));
    let push_server = push::Server::new(push::ServerConfig::default(), identity, hub, store.clone());
    pushing.spawn(push_server.run(endpoint, push_stops.clone()));
    owning.spawn(owner.run(arrivals, owner_stops.clone()));
    let server = ingest::Server::new(ingest::server::Config::default(), gate, ingest_metrics, publishers);
    if let Some((listener, acceptor)) = rtmps {
        ingesting.spawn(server.clone().run(listener, Some(acceptor), graceful.clone()));
    }
    ingesting.spawn(server.run(rtmp, None, graceful.clone()));

    ready.set(true);
    if let Some(path) = announce {
        bound.write(&path)?;
    }
    tracing::info!(addresses = %bound, join_token_file = %token.display(), "origin runs");

    graceful.cancelled().await;
    health.drain();
    for tracker in [&ingesting, &owning, &pushing, &watching] {
        tracker.close();
    }
    let drained = async {
        ingesting.wait().await;
        owner_stops.cancel();
        owning.wait().await;
        push_stops.cancel();
        pushing.wait().await;
        last.cancel();
        watching.wait().await;
        tokio::task::spawn_blocking(move || saver.flush(LAST_WRITE)).await
    };
    tokio::select! {
        written = drained => match written {
            Ok(true) => tracing::info!("origin has stopped"),
            _ => bail!("the state could not be written in time; segment numbers may jump at the next start"),
        },
        () = immediate.cancelled() => tracing::warn!("origin stops without draining"),
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

/// Not again where it is there already: a full disk does not keep an origin from starting.
fn write_token(path: &Path, token: &str) -> anyhow::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|there| there == token) {
        return Ok(());
    }
    Ok(file::write_private(path, token.as_bytes())?)
}

/// Not through the log: it is kept, and passed on.
#[expect(clippy::print_stdout, reason = "the key is shown once to whoever starts the origin")]
fn show_once(key: &str) {
    println!("stream key, shown this once: {key}");
}

/// The configured ladder, or the source with 480p below it.
fn ladder(settings: &Settings) -> Vec<VariantSpec> {
    match &settings.variants[..] {
        [] => transcode::default_ladder(),
        variants => variants.iter().map(VariantSpec::from).collect(),
    }
}

/// Probes the encoders, unless nothing is encoded.
async fn choose_encoder(
    settings: &Settings,
    specs: &[VariantSpec],
) -> anyhow::Result<transcode::EncoderKind> {
    farcast_av::route_log_to_tracing();
    if !specs.iter().any(VariantSpec::transcodes_video) {
        return Ok(transcode::EncoderKind::X264);
    }
    let wanted: CodecChoice = settings.video_codec.as_str().parse().map_err(anyhow::Error::msg)?;
    let outcomes = tokio::task::spawn_blocking(|| transcode::probe(&LibavEncoders::default())).await?;
    let choice = transcode::choose(wanted, &outcomes);
    if choice.replaced {
        let reason = outcomes.iter().find_map(|outcome| match (&outcome.works, wanted) {
            (Err(error), CodecChoice::Only(kind)) if kind == outcome.kind => Some(error.to_string()),
            _ => None,
        });
        tracing::warn!(
            wanted = settings.video_codec.as_str(),
            reason,
            "the configured encoder does not work here, libx264 takes its place"
        );
    }
    tracing::info!(encoder = choice.kind.name(), "encoder is chosen");
    Ok(choice.kind)
}
