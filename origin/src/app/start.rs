//! Starting the tasks: each belongs to the stage in which it stops.

use farcast_service::tasks::{Stage, Tasks};
use farcast_service::tls::TlsListener;
use farcast_telemetry::health::Health;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Task;
use super::channel::Channel;
use super::parts::{Following, Http, Listing, Parts};
use super::ports::Listeners;
use crate::api;
#[cfg(unix)]
use crate::backup;
use crate::directory::{self, Conditions};
use crate::ingest;
use crate::settings::Settings;

/// The order of stopping: ingest first, then the owner packages its last frames, then edges are told, then the rest, and the
/// channel is given back. The disk's threads are asked by dropping the parts that own them, when all tasks have ended.
pub(super) struct Stages {
    ingesting: Stage,
    owning: Stage,
    pushing: Stage,
    watching: Stage,
    pub(super) last: Stage,
}

impl Stages {
    pub(super) fn of(tasks: &mut Tasks<Task>) -> Self {
        let [ingesting, owning, pushing, watching, last] = [(); 5].map(|()| tasks.stage());
        Self { ingesting, owning, pushing, watching, last }
    }
}

impl Parts {
    /// Starts all tasks but those that run already.
    pub(super) fn start(
        self,
        tasks: &mut Tasks<Task>,
        stages: &Stages,
        settings: &Settings,
        health: &Health,
    ) {
        let Listeners { rtmp, rtmps, http, https, operators } = self.listeners;
        start_ingest((self.ingest, rtmp, rtmps), health, tasks, &stages.ingesting);
        for channel in self.channels {
            channel.start(tasks, &stages.owning);
        }
        let (keeper, sampler, emoji) = (self.keeper, self.sampler, self.emoji);
        // It ends after the owner, whose last word it writes.
        tasks.spawn(&stages.pushing, Task::Audience, |stop| keeper.run(stop));
        tasks.spawn(&stages.pushing, Task::Statistics, |stop| sampler.run(stop));
        tasks.spawn_until_stopped(&stages.pushing, Task::Emoji, emoji.run());
        #[cfg(unix)]
        tasks.spawn(&stages.watching, Task::Control, {
            let (data_dir, backups, transfers) = (settings.data_dir.clone(), self.backups, self.transfers);
            |stop| backup::serve(data_dir, backups, transfers, stop)
        });
        if let Some(scheduled) = self.scheduled {
            tasks.spawn(&stages.watching, Task::Backups, |stop| scheduled.run(stop));
        }
        let (push, endpoint) = (self.push, self.endpoint);
        tasks.spawn(&stages.pushing, Task::Push, |stop| push.run(endpoint, stop));
        self.http.start(http, https, tasks, stages);
        let (store, settings, view) =
            (self.following.store.clone(), self.following.runtime.clone(), self.view);
        let metrics = self.seen_edges;
        tasks.spawn_until_stopped(&stages.watching, Task::Edges, async move {
            farcast_edge_directory::follow_and_sweep(&store, settings, &view, &metrics).await;
        });
        if let Some(dns) = self.dns {
            tasks.spawn(&stages.watching, Task::Dns, |stop| dns.run(stop));
        }
        if self.geo.has_file() {
            let (geo, panics) = (self.geo, self.geo_panics);
            tasks.spawn(&stages.watching, Task::Geo, |stop| geo.run(panics, stop));
        }
        self.certificate.start(tasks, &stages.watching);
        self.following.start(tasks, &stages.watching);
        tasks.spawn_until_stopped(&stages.watching, Task::Announcer, self.announcer.run());
        tasks.spawn_until_stopped(&stages.watching, Task::Caretaker, self.caretaker.run());
        self.listing.start(tasks, &stages.watching);
        let webhooks = self.webhooks;
        tasks.spawn(&stages.watching, Task::Webhooks, |stop| webhooks.run(stop));
        if let Some(ended) = self.store_writer {
            tasks.watch(&stages.last, Task::StoreWriter, ended);
        }
        tasks.watch(&stages.last, Task::StateSaver, self.saver.ended());
        if let Some(traces) = self.traces {
            tasks.spawn(&stages.last, Task::Traces, |stop| traces.run(stop));
        }
        // A program that stops is still seen, and hears a second signal.
        let edge_metrics = self.edge_metrics;
        tasks.spawn(&stages.last, Task::Metrics, |stop| operators.run(edge_metrics, stop));
    }
}

fn start_ingest(
    (ingest, rtmp, rtmps): (ingest::rtmp::Server, TcpListener, Option<TlsListener>),
    health: &Health,
    tasks: &mut Tasks<Task>,
    stage: &Stage,
) {
    if let Some((listener, acceptor)) = rtmps {
        let (ingest, beat) = (ingest.clone(), health.beat("rtmps"));
        tasks.spawn(stage, Task::Rtmps, |stop| ingest.run(listener, Some(acceptor), beat, stop));
    }
    let beat = health.beat("rtmp");
    tasks.spawn(stage, Task::Rtmp, |stop| ingest.run(rtmp, None, beat, stop));
}

impl Channel {
    fn start(self, tasks: &mut Tasks<Task>, stage: &Stage) {
        let Self { arrivals, owner, picture_maker, .. } = self;
        tasks.spawn(stage, Task::Owner, |stop| owner.run(arrivals, stop));
        if let Some(maker) = picture_maker {
            tasks.spawn(stage, Task::Pictures, |stop| maker.run(stop));
        }
    }
}

impl Http {
    fn start(self, http: TcpListener, https: Option<TlsListener>, tasks: &mut Tasks<Task>, stages: &Stages) {
        let Self { parts, counters, access_writer } = self;
        let stage = &stages.watching;
        if let Some(writer) = access_writer {
            // The last requests are those that were drained.
            tasks.spawn(&stages.last, Task::AccessLog, |stop| writer.run(stop));
        }
        let overview = parts.api.overview();
        if let Some((listener, acceptor)) = https {
            let (parts, counters) = (parts.clone(), counters.clone());
            tasks.spawn(stage, Task::Https, |stop| {
                api::server::run(listener, counters, Some(acceptor), parts, stop)
            });
        }
        tasks.spawn(stage, Task::Overview, |stop| overview.run(stop));
        tasks.spawn(stage, Task::Http, |stop| api::server::run(http, counters, None, parts, stop));
    }
}

impl Following {
    fn start(self, tasks: &mut Tasks<Task>, stage: &Stage) {
        let Self { store, set, runtime, choices, chosen } = self;
        tasks.spawn_until_stopped(stage, Task::Settings, async move {
            farcast_settings::follow(&store, &set).await;
        });
        tasks.spawn_until_stopped(stage, Task::Choices, async move { choices.run(runtime, chosen).await });
    }
}

impl Listing {
    fn start(self, tasks: &mut Tasks<Task>, stage: &Stage) {
        let Self { directory, runtime, air } = self;
        let (decide, conditions) = watch::channel(Conditions::default());
        let deciding = directory::follow(runtime, air, decide);
        tasks.spawn_until_stopped(stage, Task::Listing, deciding);
        tasks.spawn(stage, Task::Directory, |stop| directory.run(conditions, stop));
    }
}
