//! The whole origin: what there is, the parts that are made of it, the tasks that run them, and the end.
//!
//! The order of starting: the metrics port and the data folder come first; then the store, since it may say which ports; being
//! the channel's origin before anything of the store is used, since another origin may have it. All ports are taken before
//! anything else runs, so that a taken port is the only output. The order of stopping is [`Stages`]'s.

mod certificate;
mod channel;
mod ground;
mod operators;
mod parts;
mod ports;
mod start;
mod stop;
mod tenure;

use std::sync::Arc;

use anyhow::Context;
use farcast_config::Loaded;
use farcast_link::roster::JOIN_TOKEN_FILE;
use farcast_link::sender::Identity;
use farcast_service::supervisor::{self, Supervised};
use farcast_service::task_names;
use farcast_service::tasks::Tasks;
use farcast_telemetry::health::Health;
use farcast_telemetry::metrics;
use farcast_telemetry::recent::Recent;
use farcast_telemetry::shutdown::{Shutdown, Signals};

use self::certificate::Certificate;
use self::ground::{Found, Ground};
use self::operators::Operators;
use self::parts::Parts;
use self::ports::Ports;
use self::start::Stages;
use crate::settings::Settings;
use crate::state::State;

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
        /// Backups that are made by themselves.
        Backups = "backups",
        /// The API's listener.
        Http = "http",
        /// The same over TLS.
        Https = "https",
        /// Following what is announced about certificates.
        Certificates = "certificates",
        /// Obtaining a certificate for all edges, and renewing it.
        Acme = "acme",
        /// Reloading the files of the certificate.
        CertificateFiles = "certificate_files",
        /// Following the settings.
        Settings = "settings",
        /// Answering DNS.
        Dns = "dns",
        /// Following the records of all edges.
        Edges = "edges",
        /// Reloading the GeoIP file.
        Geo = "geo",
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
        /// Writing the access log.
        AccessLog = "access_log",
        /// Sending traces.
        Traces = "traces",
        /// Metrics and health.
        Metrics = "metrics",
        /// Telling systemd, and feeding its watchdog.
        Supervision = "supervision",
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
    registry.watch_disk(&settings.data_dir)?;
    let health = Health::new();
    let ready = health.readiness("started");
    let state = State::load_or_create(&settings.data_dir)?;
    let identity = Arc::new(Identity::load_or_create(&settings.data_dir)?);
    let operators = Operators::bind(settings.metrics_listen, &registry, &health)?;
    let mut tasks = Tasks::new(registry.inner(), health.clone())?;
    let stages = Stages::of(&mut tasks);
    tasks.spawn_until_stopped(&stages.last, Task::Signals, signals.run(shutdown.clone()));

    let (supervised, stopping) = (Supervised::here(health.clone()), shutdown.graceful.clone());
    tasks.spawn(&stages.last, Task::Supervision, |stop| supervised.run(stopping, stop));
    if settings.store.cluster().is_some() {
        // It may be a standby for as long as it runs.
        supervisor::ready();
    }

    let (store, store_writer) = tenure::open_store(&settings, &registry)?;
    let held = tenure::hold(store, &settings, &identity, &operators, &health);
    let Some(held) = shutdown.graceful.run_until_cancelled(held).await else { return Ok(()) };
    let (store, tenure) = held?;
    // From here on it is renewed, however long encoders take to be probed.
    if let Some(tenure) = tenure.clone() {
        tasks.spawn(&stages.last, Task::Tenure, |stop| tenure.keep(shutdown.graceful.clone(), stop));
    }
    let set = farcast_settings::load(&store).await.context("the settings in the store")?;
    let certificate = Certificate::open(&settings, registry.inner())?;
    let ports = Ports::bind(&settings, &set, &operators, &certificate.current)?;
    let bound = ports.announcement()?;

    let found = Found {
        settings: &settings,
        registry: &registry,
        health: &health,
        store: store.clone(),
        store_writer,
        set,
        state,
        identity: &identity,
        recent,
        ports,
        certificate,
    };
    let parts = Parts::of(Ground::lay(found).await?).await?;
    let saver = Arc::clone(&parts.saver);
    parts.start(&mut tasks, &stages, &settings, &health);

    ready.set(true);
    supervisor::ready();
    if let Some(path) = announce {
        bound.write(&path)?;
    }
    let join_token_file = settings.data_dir.join(JOIN_TOKEN_FILE);
    tracing::info!(addresses = %bound, join_token_file = %join_token_file.display(), "origin runs");
    let stopped = tasks.run(&shutdown).await;
    stop::finish(stopped, tenure, store, saver).await
}
