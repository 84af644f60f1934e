//! Assembly of the origin, in this order: the store before the ports, since it may say which, and the channel before
//! anything of the store, since another origin may have it; all ports are bound before anything runs, so that a taken port is the only output; encoders are probed before a publisher can come;
//! the hub exists before the owner that feeds it and the server that empties it; ingest comes last, since it starts
//! everything else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use farcast_api::budget::{self, Budget};
use farcast_config::Loaded;
use farcast_feed::name::StreamName;
use farcast_service::accept;
use farcast_service::listen::{self, Purpose};
use farcast_service::listener;
use farcast_service::task_names;
use farcast_service::tasks::{Contained, Ended, Part, Stopped, Tasks};
use farcast_service::tls;
use farcast_settings::{Field, Runtime, Snapshot, VariantSpec};
use farcast_store::{Batch, Engine, Store};
use farcast_store_fdb::{Foundation, Network};
use farcast_telemetry::announce::Announcement;
use farcast_telemetry::health::Health;
use farcast_telemetry::metrics;
use farcast_telemetry::recent::Recent;
use farcast_telemetry::shutdown::{Shutdown, Signals};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin, Facts};
use crate::api::{self, Api};
use crate::audience::Keeper;
use crate::backup::{self, Backups};
use crate::broadcast::{self, Air, Owner};
use crate::chat::{self, Announcer, Caretaker};
use crate::choices::{self, Choices};
use crate::credentials::{self, Credentials};
use crate::directory::{self, Conditions, Directory};
use crate::edge_access::{self, EdgeAccess};
use crate::emoji;
use crate::http_client::{HttpClient, Reach};
use crate::ingest::{self, Gate};
use crate::integrations::{self, Integrations};
use crate::package;
use crate::pictures::{self, Pictures};
use crate::plan;
use crate::push::identity::Identity;
use crate::push::{self, Hub, HubConfig};
use crate::roster::{self, Roster};
use crate::settings::Settings;
use crate::standby::{self, Holder, Tenure};
use crate::state::{Saver, State};
use crate::statistics::Statistics;
use crate::store::{self, Embedded};
use crate::tokens;
use crate::transcode::{self, LibavEncoders, ProbeOutcome};
use crate::webhooks::{self, Webhooks};

/// Longest time for the disk to write the last state.
const LAST_WRITE: Duration = Duration::from_secs(5);
/// Longest time for that and for the closing of the store together.
const LAST_CLOSE: Duration = Duration::from_secs(10);

task_names! {
    /// The tasks of a running origin.
    pub enum Task {
        /// Encoders in the clear.
        Rtmp = "rtmp",
        /// Encoders over TLS.
        Rtmps = "rtmps",
        /// The owner of the broadcast.
        Owner = "owner",
        /// Pictures of the broadcast.
        Pictures = "pictures",
        /// Edges.
        Push = "push",
        /// The status that everybody sees.
        Audience = "audience",
        /// The dashboard's data.
        Overview = "overview",
        /// Samples of viewers and hardware.
        Statistics = "statistics",
        /// The folder of emoji.
        Emoji = "emoji",
        /// The control socket, by which backups are made.
        Control = "control",
        /// The API's listener.
        Http = "http",
        /// The same over TLS.
        Https = "https",
        /// Following the settings.
        Settings = "settings",
        /// The settings of new broadcasts.
        Choices = "choices",
        /// Telling the chat of the broadcast.
        Announcer = "announcer",
        /// Forgetting what the chat need not keep.
        Caretaker = "caretaker",
        /// The decision whether the directory is told of the server.
        Listing = "listing",
        /// Telling the directory.
        Directory = "directory",
        /// Delivery to webhooks.
        Webhooks = "webhooks",
        /// The thread that writes the embedded store.
        StoreWriter = "store_writer",
        /// The thread that saves where broadcasts are.
        StateSaver = "state_saver",
        /// Staying the origin of the channel.
        Tenure = "tenure",
        /// Metrics and health.
        Metrics = "metrics",
        /// SIGTERM and its like.
        Signals = "signals",
    }
}

/// Runs the origin until it is asked to stop, or a task of it fails. `recent` has the newest lines of its log.
///
/// # Errors
/// Whatever keeps it from starting: a taken port, a damaged state file, an unusable ladder. While it runs:
/// [`Failed`](farcast_service::tasks::Failed).
pub async fn run(loaded: Loaded<Settings>, recent: Recent) -> anyhow::Result<()> {
    let Loaded { settings, announce, warnings } = loaded;
    for warning in warnings {
        tracing::warn!(warning, "configuration");
    }
    let (shutdown, signals) = (Shutdown::default(), Signals::take().context("signal handlers")?);
    let registry = metrics::Registry::new("farcast-origin", env!("CARGO_PKG_VERSION"))?;
    let health = Health::new();
    let ready = health.readiness("started");

    let state = State::load_or_create(&settings.data_dir)?;
    let identity = Arc::new(Identity::load_or_create(&settings.data_dir)?);
    let metrics_socket = listen::tcp(Purpose::new("metrics", "metrics_listen"), settings.metrics_listen)?;
    let metrics_counters = listener::Counters::new(accept::Listener::Metrics, &registry)?;
    // Ingest stops first, then the owner packages its last frames, then edges are told, then the rest, and the channel is
    // given back. The disk's threads are asked by dropping the parts that own them, when all tasks have ended.
    let mut tasks = Tasks::new(registry.inner(), health.clone())?;
    let [ingesting, owning, pushing, watching, last] = [(); 5].map(|()| tasks.stage());
    tasks.spawn_until_stopped(&last, Task::Signals, signals.run(shutdown.clone()));
    let (store, writer_ended) = open_store(&settings, &registry)?;
    let waiting = async {
        match settings.store.cluster() {
            // The lock of the data folder lets one origin in.
            None => Ok((store, None)),
            Some(_) => {
                let own = Holder::here(&settings.data_dir, &identity.fingerprint());
                let listener = TcpListener::from_std(metrics_socket.try_clone()?)?;
                let operators = (listener, metrics_counters.clone(), registry.clone());
                let (store, tenure) = wait_for_channel(&store, own, operators, &health).await;
                anyhow::Ok((store, Some(tenure)))
            }
        }
    };
    let Some(waited) = shutdown.graceful.run_until_cancelled(waiting).await else { return Ok(()) };
    let (store, tenure) = waited?;
    // From here on it is renewed, however long encoders take to be probed.
    if let Some(tenure) = tenure.clone() {
        tasks.spawn(&last, Task::Tenure, |stop| tenure.keep(shutdown.graceful.clone(), stop));
    }
    let set = farcast_settings::load(&store).await.context("the settings in the store")?;

    let rtmp = bind("RTMP", "rtmp_listen", rtmp_address(&settings, &set))?;
    let rtmps = match (settings.rtmps_listen, &settings.tls_cert, &settings.tls_key) {
        (Some(address), Some(cert), Some(key)) => {
            Some((bind("RTMPS", "rtmps_listen", address)?, TlsAcceptor::from(tls::load(cert, key, &[])?)))
        }
        _ => None,
    };
    let http = bind("HTTP", "http_listen", http_address(&settings, &set))?;
    let https = match (settings.https_listen, &settings.tls_cert, &settings.tls_key) {
        (Some(address), Some(cert), Some(key)) => {
            let acceptor = TlsAcceptor::from(tls::load(cert, key, tls::ALPN_HTTP_1)?);
            Some((bind("HTTPS", "https_listen", address)?, acceptor))
        }
        _ => None,
    };
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
    if let Some((https, _)) = &https {
        bound = bound.with("https", https.local_addr()?);
    }

    let stream = StreamName::live();
    let counted = credentials::Metrics::new(registry.inner())?;
    let (credentials, made_key) =
        Credentials::load_or_create(store.clone(), settings.stream_key.as_ref(), counted).await?;
    if let Some(key) = &made_key {
        show_once(key.expose());
    }
    if !credentials.password_is_apart() {
        // As long as it is so, the admin's warnings say it as well.
        tracing::info!("{}", admin::SET_PASSWORD_APART);
    }
    let credentials = Arc::new(credentials);
    let gate = Arc::new(Gate::new(Arc::clone(&credentials) as Arc<dyn ingest::Keys>));
    let saver = Arc::new(Saver::start(state)?);
    let advertise = settings
        .quic_advertise
        .as_ref()
        .map_or_else(|| format!("127.0.0.1:{}", quic_address.port()), ToString::to_string);
    let token = settings.data_dir.join(backup::JOIN_TOKEN_FILE);
    let roster = Roster::open(
        Arc::clone(&identity),
        roster::Config {
            dir: settings.data_dir.clone(),
            token_file: token.clone(),
            advertise,
            token_lifetime: Some(settings.join_token_lifetime).filter(|lifetime| !lifetime.is_zero()),
        },
    )?;
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
    // Followed from the store on; until then the settings just read hold.
    let (set, runtime) = watch::channel(Some(Snapshot { runtime: Arc::new(set), tip: Bytes::new() }));
    let (air, on_air) = watch::channel(Air::default());
    let (disconnect, disconnects) = mpsc::channel(1);
    let (publish_status, status) = watch::channel(None);

    let hub = Hub::new(HubConfig::default(), push::Metrics::new(registry.inner())?);
    let counted = admin::Counted {
        ingest: ingest::Metrics::new(registry.inner())?,
        plan: plan::Metrics::new(registry.inner())?,
        transcode: transcode::Metrics::new(registry.inner())?,
    };
    let ingest_metrics = counted.ingest.clone();
    let (pictures, picture_maker) = if settings.thumbnails {
        let how = choices::how_pictures_are_made(&settings);
        let (pictures, maker) = Pictures::new(how, pictures::Metrics::new(registry.inner())?);
        (pictures, Some(maker))
    } else {
        (Pictures::none(), None)
    };
    let owner = Owner::new(broadcast::Config {
        stream,
        settings: chosen,
        air,
        disconnects,
        reconnect_grace: settings.reconnect_grace,
        hub: hub.clone(),
        saver: Arc::clone(&saver),
        open_ladder: choices::open_ladder(&settings),
        panics: Contained::new(Part::Broadcast, registry.inner())?,
        metrics: broadcast::Metrics::new(registry.inner())?,
        ingest_metrics: counted.ingest.clone(),
        plan_metrics: counted.plan.clone(),
        transcode_metrics: counted.transcode.clone(),
        package_metrics: package::Metrics::new(registry.inner())?,
        pictures: pictures.clone(),
    });
    let (statistics, sampler) =
        Statistics::load(&store, registry.inner(), status.clone(), settings.data_dir.clone()).await?;
    tokens::reserve_names(&store).await?;
    let edges = hub.connected().clone();
    let emoji = Arc::new(emoji::Folder::new(settings.data_dir.join(emoji::FOLDER), store.clone()));
    let bodies = Budget::new(settings.request_body_memory, budget::Metrics::new(registry.inner())?);
    let webhook_caller = webhooks::Http::new(HttpClient::new(webhooks_reach)?);
    let deliveries = webhooks::Deliveries::default();
    let backups = Backups::new(store.clone(), &settings.data_dir);
    let admin = Admin::new(admin::Managed {
        store: store.clone(),
        credentials,
        sessions: Arc::new(admin::Sessions::load(store.clone()).await?),
        runtime: runtime.clone(),
        status: status.clone(),
        air: on_air.clone(),
        disconnects: disconnect,
        edges: edges.clone(),
        roster: Arc::clone(&roster),
        recent,
        bodies: Arc::clone(&bodies),
        statistics,
        emoji: Arc::clone(&emoji),
        counted,
        trials: webhooks::Trials::new(store.clone(), webhook_caller.clone(), deliveries.clone()),
        backups: backups.clone(),
        facts,
    });
    let public = api::Public::new(store.clone(), runtime.clone(), status.clone());
    let integrations = Integrations::new(integrations::Services {
        store: store.clone(),
        runtime: runtime.clone(),
        edges,
        bodies,
        status: status.clone(),
        air: on_air.clone(),
    });
    let api = Arc::new(Api::new(admin, integrations, public, pictures));
    let chat_metrics = chat::Metrics::new(registry.inner())?;
    let announcer = Announcer::new(store.clone(), status, runtime.clone(), chat_metrics.clone());
    let webhooks = Webhooks::new(
        store.clone(),
        webhook_caller,
        runtime.clone(),
        deliveries,
        webhooks::Metrics::new(registry.inner())?,
    );
    let caretaker = Caretaker::new(store.clone(), runtime.clone(), webhooks.keep(), chat_metrics);
    let access =
        EdgeAccess::new(store.clone(), runtime.clone(), edge_access::Metrics::new(registry.inner())?);
    let (listed_runtime, listed_air) = (runtime.clone(), on_air.clone());
    let keeper = Keeper::new(store.clone(), on_air, publish_status).await?;

    let directory = Directory::new(HttpClient::new(Reach::Anywhere)?, store.clone(), &settings.directory)?;
    let (listing, conditions) = watch::channel(Conditions::default());
    let pages = Arc::new(api::pages::Pages::new(settings.web_dir.as_deref()));
    let api_counters = listener::Counters::new(accept::Listener::Api, &registry)?;
    let (publishers, arrivals) = mpsc::channel(1);
    let picture = ingest::flv::Limits { max_pixels: settings.max_pixels };
    let doors = ingest::server::Config { picture, ..ingest::server::Config::default() };
    let server = ingest::Server::new(doors, gate, ingest_metrics, publishers);
    let push_server = push::Server::new(
        push::ServerConfig::default(),
        roster,
        hub,
        Arc::new(access),
        Some(Arc::clone(&api) as Arc<dyn push::Api>),
    );

    if let Some((listener, acceptor)) = rtmps {
        let server = server.clone();
        tasks.spawn(&ingesting, Task::Rtmps, |stop| server.run(listener, Some(acceptor), stop));
    }
    tasks.spawn(&ingesting, Task::Rtmp, |stop| server.run(rtmp, None, stop));
    tasks.spawn(&owning, Task::Owner, |stop| owner.run(arrivals, stop));
    if let Some(maker) = picture_maker {
        tasks.spawn(&owning, Task::Pictures, |stop| maker.run(stop));
    }
    // It ends after the owner, whose last word it writes.
    tasks.spawn(&pushing, Task::Audience, |stop| keeper.run(stop));
    tasks.spawn(&pushing, Task::Statistics, |stop| sampler.run(stop));
    tasks.spawn_until_stopped(&pushing, Task::Emoji, emoji.run());
    #[cfg(unix)]
    tasks.spawn(&watching, Task::Control, {
        let data_dir = settings.data_dir.clone();
        |stop| backup::serve(data_dir, backups, stop)
    });
    tasks.spawn(&pushing, Task::Push, |stop| push_server.run(endpoint, stop));
    if let Some((listener, acceptor)) = https {
        let (counters, api, health) = (api_counters.clone(), Arc::clone(&api), health.clone());
        let pages = Arc::clone(&pages);
        tasks.spawn(&watching, Task::Https, |stop| {
            api::server::run(listener, counters, Some(acceptor), api, pages, health, stop)
        });
    }
    let overview = api.overview();
    tasks.spawn(&watching, Task::Overview, |stop| overview.run(stop));
    let answering = health.clone();
    tasks.spawn(&watching, Task::Http, |stop| {
        api::server::run(http, api_counters, None, api, pages, answering, stop)
    });
    let followed = store.clone();
    tasks.spawn_until_stopped(&watching, Task::Settings, async move {
        farcast_settings::follow(&followed, &set).await;
    });
    tasks.spawn_until_stopped(&watching, Task::Choices, async move { choices.run(runtime, choose).await });
    tasks.spawn_until_stopped(&watching, Task::Announcer, announcer.run());
    tasks.spawn_until_stopped(&watching, Task::Caretaker, caretaker.run());
    let listed = directory::follow(listed_runtime, listed_air, listing);
    tasks.spawn_until_stopped(&watching, Task::Listing, listed);
    tasks.spawn(&watching, Task::Directory, |stop| directory.run(conditions, stop));
    tasks.spawn(&watching, Task::Webhooks, |stop| webhooks.run(stop));
    if let Some(ended) = writer_ended {
        tasks.watch(&last, Task::StoreWriter, ended);
    }
    tasks.watch(&last, Task::StateSaver, saver.ended());
    // A program that stops is still seen, and hears a second signal.
    let seen = health.clone();
    tasks.spawn(&last, Task::Metrics, |stop| {
        listener::run(metrics_listener, metrics_counters, registry, seen, stop)
    });

    ready.set(true);
    if let Some(path) = announce {
        bound.write(&path)?;
    }
    tracing::info!(addresses = %bound, join_token_file = %token.display(), "origin runs");

    let stopped = tasks.run(&shutdown).await;
    if stopped == Ok(Stopped::AtOnce) {
        tracing::warn!("origin stops without draining");
        return Ok(());
    }
    let given_back = match tenure {
        Some(tenure) => tenure.end().await,
        None => Ok(()),
    };
    // The last handle of the store goes with it, which closes its file. After a failure too: the next start goes on here.
    let close = move || {
        drop(store);
        saver.flush(LAST_WRITE)
    };
    let closed = tokio::time::timeout(LAST_CLOSE, tokio::task::spawn_blocking(close)).await;
    let written = matches!(closed, Ok(Ok(true)));
    if !written {
        tracing::error!("the state could not be written in time; segment numbers may jump at the next start");
    }
    stopped?;
    given_back?;
    anyhow::ensure!(written, "the state could not be written in time");
    tracing::info!("origin has stopped");
    Ok(())
}

/// The store, and what says when its writer has ended, where that is a thread of ours.
fn open_store(settings: &Settings, registry: &metrics::Registry) -> anyhow::Result<(Store, Option<Ended>)> {
    let seen = farcast_store::Metrics::new(registry.inner())?;
    let (engine, ended): (Arc<dyn Engine>, _) = match settings.store.cluster() {
        Some(cluster) => {
            let engine = Foundation::open(&Network::boot()?, &cluster.file, cluster.root().as_bytes())?;
            (engine.counting(seen.clone()), None)
        }
        None => {
            let engine = Embedded::open(&settings.data_dir, store::Metrics::new(registry.inner())?)?;
            let ended = engine.ended();
            (Arc::new(engine), Some(ended))
        }
    };
    Ok((Store::new(engine).observed(seen), ended))
}

/// Waits until this is the channel's origin; operators see meanwhile that it lives and waits.
async fn wait_for_channel(
    store: &Store,
    own: Holder,
    (operators, counters, registry): (TcpListener, listener::Counters, metrics::Registry),
    health: &Health,
) -> (Store, Tenure) {
    let mine = health.readiness("the origin of its channel yet: the log says what it waits for");
    let shown = CancellationToken::new();
    let listening = listener::run(operators, counters, registry, health.clone(), shown.clone());
    let waiting = async {
        let taken = standby::stand_by(store, own).await;
        shown.cancel();
        taken
    };
    let ((), taken) = tokio::join!(listening, waiting);
    mine.set(true);
    taken
}

/// A port that operators set through the API wins over the process's own settings; the log says so.
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

/// Not through the log: it is kept, and passed on.
#[expect(clippy::print_stdout, reason = "the key is shown once to whoever starts the origin")]
fn show_once(key: &str) {
    println!("stream key, shown this once: {key}");
    println!(
        "it is the admin password (user admin) as well, until you set another: do so before you give the key away"
    );
}

/// Edges show the ladder before there is a broadcast.
async fn tell_ladder(store: &Store, set: &Runtime, own: &[VariantSpec]) -> anyhow::Result<()> {
    if set.ladder.as_deref() != Some(own) {
        store.commit(farcast_settings::change(Batch::new(), Field("ladder"), &own)?).await?;
    }
    Ok(())
}

/// Finds out which encoders work here.
async fn probe() -> anyhow::Result<Vec<ProbeOutcome>> {
    farcast_av::route_log_to_tracing();
    Ok(tokio::task::spawn_blocking(|| transcode::probe(&LibavEncoders::default())).await?)
}
