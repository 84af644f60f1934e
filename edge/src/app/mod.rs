//! The whole edge: what there is, the parts that are made of it, the tasks that run them. All ports are taken before anything
//! runs, so that a taken port is the only output. The order of stopping is [`Stages`]'s.

mod hand_over;
mod joining;
mod parts;
mod ports;
mod start;

use std::sync::Arc;

use anyhow::Context;
use farcast_config::Loaded;
use farcast_geo::Geo;
use farcast_service::hand_over::{Given, Launch};
use farcast_service::supervisor::Supervised;
use farcast_service::task_names;
use farcast_service::tasks::{Stopped, Tasks};
use farcast_telemetry::health::Health;
use farcast_telemetry::metrics;
use farcast_telemetry::shutdown::{Shutdown, Signals};

use self::hand_over::{Handing, Hangups};
use self::joining::join_token;
pub(crate) use self::joining::join_token_of;
use self::parts::{Certificate, Parts};
use self::ports::Ports;
use self::start::Stages;
use crate::settings::Settings;

task_names! {
    /// The tasks of a running edge.
    pub enum Task {
        /// Viewers in the clear.
        Http = "http",
        /// Viewers over TLS.
        Https = "https",
        /// Publishing the viewers of this edge.
        Viewers = "viewers",
        /// Announcing this edge to others.
        Announcement = "announcement",
        /// Following the records of all edges.
        Directory = "directory",
        /// Answering DNS.
        Dns = "dns",
        /// Following what the origin announces about certificates.
        Certificates = "certificates",
        /// Keeping the certificate of the TLS listener.
        Certificate = "certificate",
        /// Telling players of content steering, while there are other edges.
        Steering = "steering",
        /// Measuring how near limits are.
        Pressure = "pressure",
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
        /// Writing the access log.
        AccessLog = "access_log",
        /// Sending traces.
        Traces = "traces",
        /// Metrics and health.
        Metrics = "metrics",
        /// Telling systemd, and feeding its watchdog.
        Supervision = "supervision",
        /// Taking over from a predecessor, and SIGHUP: handing over to a successor.
        HandOver = "hand_over",
        /// SIGTERM and its like.
        Signals = "signals",
    }
}

/// Runs the edge until it is asked to stop, or a task of it fails. `given` are the listening sockets that it was started with.
///
/// # Errors
/// Whatever keeps it from starting: a taken port, a missing join token, an unreadable certificate. While it runs:
/// [`Failed`](farcast_service::tasks::Failed).
pub async fn run(loaded: Loaded<Settings>, mut given: Given) -> anyhow::Result<()> {
    let Loaded { settings, announce, warnings } = loaded;
    for warning in warnings {
        tracing::warn!(warning, "configuration");
    }
    let (shutdown, signals) = (Shutdown::default(), Signals::take().context("signal handlers")?);
    let hangups = Hangups::take().context("signal handlers")?;
    let registry = metrics::Registry::new("farcast-edge", env!("CARGO_PKG_VERSION"))?;
    registry.watch_disk(&settings.data_dir)?;
    let health = Health::new();

    let token = join_token(&settings)?;
    let geo = Arc::new(match &settings.geoip_database {
        Some(path) => Geo::open(path).context("geoip_database")?,
        None => Geo::none(),
    });
    let certificate = Certificate::new(registry.inner())?;
    let mut ports = Ports::bind(&settings, Arc::clone(&certificate.current), &mut given)?;
    let bound = ports.announcement()?;
    let (heritage, predecessor) = given.finish()?;
    let launch = Launch::own().context("the path of this program")?;
    let parts = Parts::assemble(&settings, &registry, &health, geo, token, &mut ports, certificate)?;

    let mut tasks = Tasks::new(registry.inner(), health.clone())?;
    let stages = Stages::of(&mut tasks);
    let supervised = Supervised::here(health.clone());
    let stopping = shutdown.graceful.clone();
    tasks.spawn(&stages.last, Task::Supervision, |stop| supervised.run(stopping, stop));
    tracing::info!(addresses = %bound, name = settings.name(), "edge runs");
    let handing =
        Handing { hangups, launch, heritage, predecessor, shutdown: shutdown.clone(), bound, announce };
    parts.start(ports, &mut tasks, &stages, (registry, health), handing);
    tasks.spawn_until_stopped(&stages.last, Task::Signals, signals.run(shutdown.clone()));

    match tasks.run(&shutdown).await? {
        Stopped::InOrder => tracing::info!("edge has stopped"),
        Stopped::AtOnce => tracing::warn!("edge stops without draining"),
    }
    Ok(())
}
