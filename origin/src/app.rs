//! Assembly of the origin, in this order: the store before the ports, since it may say which, and the channel before
//! anything of the store, since another origin may have it; all ports are bound before anything runs, so that a taken port is the only output; encoders are probed before a publisher can come;
//! the hub exists before the owner that feeds it and the server that empties it; ingest comes last, since it starts
//! everything else.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use farcast_shared::config::Loaded;
use farcast_shared::name::StreamName;
use farcast_shared::runtime::{self, Field, Runtime, Snapshot, VariantSpec};
use farcast_shared::store::{self as shared_store, Batch, Engine, Store};
use farcast_shared::telemetry::announce::Announcement;
use farcast_shared::telemetry::health::Health;
use farcast_shared::telemetry::listen::{self, Purpose};
use farcast_shared::telemetry::recent::Recent;
use farcast_shared::telemetry::{file, listener, metrics, shutdown};
use farcast_shared::tls;
use farcast_store_fdb::{Foundation, Network};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin, Facts};
use crate::api::{self, Api};
use crate::audience::Keeper;
use crate::broadcast::{self, Air, Owner};
use crate::chat::{self, Announcer, Caretaker};
use crate::choices::Choices;
use crate::credentials::Credentials;
use crate::directory::{self, Conditions, Directory};
use crate::emoji;
use crate::http_client::{HttpClient, Reach};
use crate::ingest::{self, Gate};
use crate::integrations::{self, Integrations};
use crate::package;
use crate::plan;
use crate::push::identity::Identity;
use crate::push::{self, Hub, HubConfig};
use crate::settings::Settings;
use crate::standby::{self, Holder, Tenure};
use crate::state::{Saver, State};
use crate::statistics::Statistics;
use crate::store::{self, Embedded};
use crate::tokens;
use crate::transcode::{self, LibavEncoders, ProbeOutcome};
use crate::webhooks::{self, Webhooks};

/// Name of the file in the data folder that edges join with.
const JOIN_TOKEN_FILE: &str = "join-token";
/// How long the disk may take for the last word of the state.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// Runs the origin until it is asked to stop. `recent` has the newest lines of its log.
///
/// # Errors
/// Whatever keeps it from starting: a taken port, a damaged state file, an unusable ladder.
pub async fn run(loaded: Loaded<Settings>, recent: Recent) -> anyhow::Result<()> {
    let Loaded { settings, announce, warnings } = loaded;
    for warning in warnings {
        tracing::warn!(warning, "configuration");
    }
    let (graceful, immediate) = shutdown::signals().context("signal handlers")?;
    let registry = metrics::Registry::new("farcast-origin", env!("CARGO_PKG_VERSION"))?;
    let health = Health::new();
    let ready = health.readiness("started");

    let state = State::load_or_create(&settings.data_dir)?;
    let identity = Arc::new(Identity::load_or_create(&settings.data_dir)?);
    let metrics_socket = listen::tcp(Purpose::new("metrics", "metrics_listen"), settings.metrics_listen)?;
    let store = open_store(&settings, &registry)?;
    let waiting = async {
        match settings.store.cluster() {
            // The lock of the data folder lets one origin in.
            None => Ok((store, None)),
            Some(_) => {
                let own = Holder::here(&settings.data_dir, &identity.fingerprint());
                let listener = TcpListener::from_std(metrics_socket.try_clone()?)?;
                let (store, tenure) = wait_for_channel(&store, own, listener, &registry, &health).await;
                anyhow::Ok((store, Some(tenure)))
            }
        }
    };
    let Some(waited) = graceful.run_until_cancelled(waiting).await else { return Ok(()) };
    let (store, tenure) = waited?;
    // From here on it is renewed, however long encoders take to be probed.
    let (held, holding) = (CancellationToken::new(), TaskTracker::new());
    if let Some(tenure) = tenure.clone() {
        holding.spawn(tenure.keep(graceful.clone(), held.clone()));
    }
    let set = runtime::load(&store).await.context("the settings in the store")?;

    let rtmp = bind("RTMP", "rtmp_listen", rtmp_address(&settings, &set))?;
    let rtmps = match (settings.rtmps_listen, &settings.tls_cert, &settings.tls_key) {
        (Some(address), Some(cert), Some(key)) => {
            Some((bind("RTMPS", "rtmps_listen", address)?, TlsAcceptor::from(tls::load(cert, key, &[])?)))
        }
        _ => None,
    };
    let http = bind("HTTP", "http_listen", http_address(&settings, &set))?;
    let quic = listen::udp(Purpose::new("QUIC", "quic_listen"), settings.quic_listen)?;
    let metrics_listener = TcpListener::from_std(metrics_socket)?;
    let (rtmp_address, http_address, quic_address) =
        (rtmp.local_addr()?, http.local_addr()?, quic.local_addr()?);
    let mut bound = Announcement::new()
        .with("rtmp", rtmp_address)
        .with("http", http_address)
        .with("quic", quic_address)
        .with("metrics", metrics_listener.local_addr()?);
    if let Some((rtmps, _)) = &rtmps {
        bound = bound.with("rtmps", rtmps.local_addr()?);
    }

    let stream = StreamName::live();
    let (credentials, made_key) =
        Credentials::load_or_create(store.clone(), settings.stream_key.as_ref()).await?;
    if let Some(key) = &made_key {
        show_once(key.expose());
    }
    let credentials = Arc::new(credentials);
    let gate = Arc::new(Gate::new(Arc::clone(&credentials) as Arc<dyn ingest::Keys>));
    let saver = Arc::new(Saver::start(state)?);
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

    let probed = probe().await?;
    let choices = Choices::new(&settings, probed.clone())?;
    let webhooks_reach = if settings.webhook_private_addresses { Reach::Anywhere } else { Reach::Public };
    let facts = Facts {
        http: http_address,
        rtmp: rtmp_address,
        supported_codecs: transcode::supported_codecs(&probed),
        default_level: settings.latency_level.get(),
        default_variants: choices.default_variants().to_vec(),
        default_codec: settings.video_codec.as_str().to_owned(),
        webhooks_reach,
        allow_short_keys: settings.allow_short_keys,
    };
    tell_ladder(&store, &set, choices.default_variants()).await?;
    let (choose, chosen) = watch::channel(choices.of(&set));
    // Followed from the store on; until then what was just read holds.
    let (set, runtime) = watch::channel(Some(Snapshot { runtime: Arc::new(set), tip: Bytes::new() }));
    let (air, on_air) = watch::channel(Air::default());
    let (disconnect, disconnects) = mpsc::channel(1);
    let (publish_status, status) = watch::channel(None);

    let hub = Hub::new(HubConfig::default(), push::Metrics::new(registry.inner())?);
    let ingest_metrics = ingest::Metrics::new(registry.inner())?;
    let owner = Owner::new(broadcast::Config {
        stream,
        settings: chosen,
        air,
        disconnects,
        reconnect_grace: settings.reconnect_grace,
        hub: hub.clone(),
        saver: Arc::clone(&saver),
        metrics: broadcast::Metrics::new(registry.inner())?,
        ingest_metrics: ingest_metrics.clone(),
        plan_metrics: plan::Metrics::new(registry.inner())?,
        transcode_metrics: transcode::Metrics::new(registry.inner())?,
        package_metrics: package::Metrics::new(registry.inner())?,
    });
    let (statistics, sampler) =
        Statistics::load(&store, registry.inner(), status.clone(), settings.data_dir.clone()).await?;
    tokens::reserve_names(&store).await?;
    let edges = hub.connected().clone();
    let emoji = Arc::new(emoji::Folder::new(settings.data_dir.join(emoji::FOLDER), store.clone()));
    let admin = Admin::new(admin::Parts {
        store: store.clone(),
        credentials,
        runtime: runtime.clone(),
        status: status.clone(),
        air: on_air.clone(),
        disconnects: disconnect,
        edges: edges.clone(),
        recent,
        statistics,
        emoji: Arc::clone(&emoji),
        facts,
    });
    let integrations = Integrations::new(integrations::Parts {
        store: store.clone(),
        runtime: runtime.clone(),
        edges,
        status: status.clone(),
        air: on_air.clone(),
    });
    let api = Arc::new(Api::new(admin, integrations));
    let chat_metrics = chat::Metrics::new(registry.inner())?;
    let announcer = Announcer::new(store.clone(), status, runtime.clone(), chat_metrics.clone());
    let webhooks = Webhooks::new(
        store.clone(),
        webhooks::Http::new(HttpClient::new(webhooks_reach)?),
        runtime.clone(),
        webhooks::Metrics::new(registry.inner())?,
    );
    let caretaker = Caretaker::new(store.clone(), runtime.clone(), webhooks.keep(), chat_metrics);
    let (listed_runtime, listed_air) = (runtime.clone(), on_air.clone());
    let keeper = Keeper::new(store.clone(), on_air, publish_status).await?;

    // Ingest stops first, then the owner packages what it has, then edges are told, then the listeners end.
    let (owner_stops, push_stops, last) =
        (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    let (publishers, arrivals) = mpsc::channel(1);
    let (ingesting, owning, pushing, watching) =
        (TaskTracker::new(), TaskTracker::new(), TaskTracker::new(), TaskTracker::new());
    watching.spawn(listener::run(metrics_listener, Some(registry), health.clone(), last.clone()));
    watching.spawn(api::server::run(http, Arc::clone(&api), health.clone(), last.clone()));
    let followed = store.clone();
    watching
        .spawn(last.clone().run_until_cancelled_owned(async move { runtime::follow(&followed, &set).await }));
    watching.spawn(last.clone().run_until_cancelled_owned(async move { choices.run(runtime, choose).await }));
    watching.spawn(last.clone().run_until_cancelled_owned(announcer.run()));
    watching.spawn(last.clone().run_until_cancelled_owned(caretaker.run()));
    let directory = Directory::new(HttpClient::new(Reach::Anywhere)?, store.clone(), &settings.directory)?;
    let (listing, conditions) = watch::channel(Conditions::default());
    let listed = directory::follow(listed_runtime, listed_air, listing);
    watching.spawn(last.clone().run_until_cancelled_owned(listed));
    watching.spawn(directory.run(conditions, last.clone()));
    watching.spawn(webhooks.run(last.clone()));
    // It ends after the owner, whose last word it writes.
    pushing.spawn(keeper.run(push_stops.clone()));
    pushing.spawn(sampler.run(push_stops.clone()));
    pushing.spawn(push_stops.clone().run_until_cancelled_owned(emoji.run()));
    let push_server = push::Server::new(
        push::ServerConfig::default(),
        identity,
        hub,
        store.clone(),
        Some(api as Arc<dyn push::Api>),
    );
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
    for tracker in [&ingesting, &owning, &pushing, &watching, &holding] {
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
        held.cancel();
        holding.wait().await;
        let given_back = match tenure {
            Some(tenure) => tenure.end().await,
            None => Ok(()),
        };
        // The last handle of the store goes with it, which closes its file.
        let close = move || {
            drop(store);
            saver.flush(LAST_WRITE)
        };
        (given_back, tokio::task::spawn_blocking(close).await)
    };
    tokio::select! {
        (given_back, written) = drained => match written {
            Ok(true) => {
                given_back?;
                tracing::info!("origin has stopped");
            }
            _ => bail!("the state could not be written in time; segment numbers may jump at the next start"),
        },
        () = immediate.cancelled() => tracing::warn!("origin stops without draining"),
    }
    Ok(())
}

fn open_store(settings: &Settings, registry: &metrics::Registry) -> anyhow::Result<Store> {
    let seen = shared_store::Metrics::new(registry.inner())?;
    let engine: Arc<dyn Engine> = match settings.store.cluster() {
        Some(cluster) => Foundation::open(&Network::boot()?, &cluster.file, cluster.root().as_bytes())?
            .counting(seen.clone()),
        None => Arc::new(Embedded::open(&settings.data_dir, store::Metrics::new(registry.inner())?)?),
    };
    Ok(Store::new(engine).observed(seen))
}

/// Waits until this is the channel's origin; operators see meanwhile that it lives and what it waits for.
async fn wait_for_channel(
    store: &Store,
    own: Holder,
    operators: TcpListener,
    registry: &metrics::Registry,
    health: &Health,
) -> (Store, Tenure) {
    let mine = health.readiness("the origin of its channel yet: the log says what it waits for");
    let shown = CancellationToken::new();
    let listening = listener::run(operators, Some(registry.clone()), health.clone(), shown.clone());
    let waiting = async {
        let taken = standby::stand_by(store, own).await;
        shown.cancel();
        taken
    };
    let ((), taken) = tokio::join!(listening, waiting);
    mine.set(true);
    taken
}

/// What operators set through the API holds over what the process was started with, and says so.
fn rtmp_address(settings: &Settings, set: &Runtime) -> SocketAddr {
    let mut address = settings.rtmp_listen;
    if let Some(port) = set.rtmp_server_port {
        address.set_port(port);
    }
    told(settings.rtmp_listen, address, "rtmp_listen")
}

fn http_address(settings: &Settings, set: &Runtime) -> SocketAddr {
    let mut address = settings.http_listen;
    if let Some(port) = set.web_server_port {
        address.set_port(port);
    }
    if let Some(ip) = set.web_server_ip {
        address.set_ip(ip);
    }
    told(settings.http_listen, address, "http_listen")
}

fn told(configured: SocketAddr, used: SocketAddr, setting: &'static str) -> SocketAddr {
    if configured != used {
        tracing::info!(setting, %configured, %used, "the admin API has set another address");
    }
    used
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

/// Edges show the ladder before there is a broadcast.
async fn tell_ladder(store: &Store, set: &Runtime, own: &[VariantSpec]) -> anyhow::Result<()> {
    if set.ladder.as_deref() != Some(own) {
        store.commit(runtime::change(Batch::new(), Field("ladder"), &own)?).await?;
    }
    Ok(())
}

/// Finds out which encoders work here.
async fn probe() -> anyhow::Result<Vec<ProbeOutcome>> {
    farcast_av::route_log_to_tracing();
    Ok(tokio::task::spawn_blocking(|| transcode::probe(&LibavEncoders::default())).await?)
}
