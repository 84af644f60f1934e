//! Starting the tasks: each belongs to the stage in which it stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_edge_directory::{Router, follow as follow_edges};
use farcast_service::listener;
use farcast_service::tasks::{Stage, Tasks};
use farcast_settings::{follow, follow_status, status_key};
use farcast_telemetry::health::{Health, Probe};
use farcast_telemetry::metrics::Registry;

use super::Task;
use super::hand_over::{HandOver, Handing};
use super::parts::{Kept, Parts};
use super::ports::Ports;
use crate::announce::{self, Orders};
use crate::api::Api;
use crate::channel::Channel;
use crate::live::Live;
use crate::overload;
use crate::serve::Drain;
use crate::viewers;

/// Interval at which readiness follows the live window.
const HEALTH_TICK: Duration = Duration::from_millis(200);

/// Interval at which the multivariant playlist follows the directory.
const STEERING_TICK: Duration = Duration::from_secs(1);

/// The order of stopping: the servers drain first; the link and the window outlive them, so that requests that are being
/// drained can end well.
pub(super) struct Stages {
    serving: Stage,
    leaving: Stage,
    feeding: Stage,
    pub(super) last: Stage,
}

impl Stages {
    pub(super) fn of(tasks: &mut Tasks<Task>) -> Self {
        Self { serving: tasks.stage(), leaving: tasks.stage(), feeding: tasks.stage(), last: tasks.stage() }
    }
}

impl Parts {
    /// Starts all tasks but that of signals. Readiness comes last.
    pub(super) fn start(
        self,
        ports: Ports,
        tasks: &mut Tasks<Task>,
        stages: &Stages,
        (registry, health): (Registry, Health),
        handing: Handing,
    ) {
        let Stages { serving, leaving, feeding, last } = stages;
        let tenure = self.tenure;
        let (served, chat) = (self.served, Arc::clone(&self.chat));
        let drain = self.server.drain();
        let ready = be_ready(&health, Arc::clone(&self.live), Arc::clone(&self.api), Arc::clone(&drain));
        let (live, api) = (Arc::clone(&self.live), Arc::clone(&self.api));
        let is_ready = Box::new(move || {
            // Drained or not: a successor is as its predecessor.
            live.is_ready() && api.is_ready() && (live.is_playable() || !api.is_on_air())
        });
        let hand_over = HandOver { tenure: tenure.clone(), is_ready, served, chat, handing };
        // It goes first: what a successor would get is closed when this process stops accepting.
        tasks.spawn(serving, Task::HandOver, |stop| hand_over.run(stop));
        let (server, plain) = (self.server.clone(), self.server);
        let turn = tenure.clone();
        tasks.spawn(serving, Task::Http, |stop| async move {
            if turn.wait(&stop).await {
                plain.run(ports.http, None, stop).await;
            }
        });
        if let Some((listener, acceptor)) = ports.https {
            let turn = tenure.clone();
            tasks.spawn(serving, Task::Https, |stop| async move {
                if turn.wait(&stop).await {
                    server.run(listener, Some(acceptor), stop).await;
                }
            });
        }
        let (store, active, metrics) = (self.store.clone(), self.viewers, self.viewer_metrics);
        // It says farewell while there is still a link.
        tasks.spawn(serving, Task::Viewers, |stop| viewers::run(store, active, metrics, stop));
        if let Some(dns) = self.dns {
            let turn = tenure.clone();
            tasks.spawn(serving, Task::Dns, |stop| async move {
                turn.within(stop, |until| dns.run(until)).await;
            });
        }
        // Others lead nobody here while it drains, and there still is a link when it is gone.
        let announced = self.announced;
        tasks.spawn(leaving, Task::Announcement, |stop| announce::run(announced, stop));
        let (store, settings, view) = (self.store.clone(), self.settings, self.view);
        let metrics = self.seen_edges;
        tasks.spawn_until_stopped(feeding, Task::Directory, async move {
            follow_edges(&store, settings, &view, &metrics).await
        });
        if let Some(pressure) = self.pressure {
            tasks.spawn_until_stopped(feeding, Task::Pressure, overload::run(pressure));
        }
        let steering = steer(Arc::clone(&self.live), self.router, drain, self.orders);
        tasks.spawn_until_stopped(feeding, Task::Steering, steering);
        let (client, sinks) = (self.client, self.sinks);
        tasks.spawn(feeding, Task::Link, |stop| client.run(sinks, stop));
        for Channel { live, events, .. } in self.channels {
            let beat = health.beat("live_window");
            tasks.spawn(feeding, Task::LiveWindow, |stop| async move { live.run(events, beat, stop).await });
        }
        let (store, set) = (self.store.clone(), self.runtime);
        tasks.spawn_until_stopped(feeding, Task::Settings, async move { follow(&store, &set).await });
        let (store, status) = (self.store.clone(), self.status);
        tasks.spawn_until_stopped(feeding, Task::Status, async move { follow_status(&store, &status).await });
        let (store, announce) = (self.store.clone(), self.announce_certificate);
        tasks.spawn_until_stopped(feeding, Task::Certificates, async move {
            farcast_certificates::follow(&store, &announce).await;
        });
        match self.certificate {
            Some(Kept::Files(files)) => tasks.spawn(feeding, Task::Certificate, |stop| files.run(stop)),
            Some(Kept::Shared(keeper)) => tasks.spawn_until_stopped(feeding, Task::Certificate, keeper.run()),
            None => {}
        }
        let store = self.store;
        let pulse = async move { store.pulse(status_key().key()).await };
        tasks.spawn_until_stopped(feeding, Task::StorePulse, pulse);
        tasks.spawn_until_stopped(feeding, Task::Readiness, ready);
        if self.geo.has_file() {
            let (geo, panics) = (self.geo, self.geo_panics);
            tasks.spawn(feeding, Task::Geo, |stop| geo.run(panics, stop));
        }
        let chat = self.chat;
        tasks.spawn(feeding, Task::Chat, |stop| chat.run(stop));
        if let Some(writer) = self.access_writer {
            // The last requests are those that were drained.
            tasks.spawn(last, Task::AccessLog, |stop| writer.run(stop));
        }
        if let Some(traces) = self.traces {
            tasks.spawn(last, Task::Traces, |stop| traces.run(stop));
        }
        let (operators, counters) = (ports.metrics, self.operators);
        // A program that stops is still seen, and hears a second signal.
        tasks.spawn(last, Task::Metrics, |stop| async move {
            let run = |until| listener::run(operators, counters, registry, health, until);
            tenure.within(stop, run).await;
        });
    }
}

/// Tells players of content steering while there is another edge, and connections to go while this one is drained. Runs until
/// dropped.
async fn steer(live: Arc<Live>, router: Arc<Router>, drain: Arc<Drain>, orders: Orders) {
    let mut tick = tokio::time::interval(STEERING_TICK);
    loop {
        tick.tick().await;
        live.set_pathway(router.pathway().map(String::from));
        drain.follow(orders.are_to_drain(), Instant::now());
    }
}

/// Keeps readiness as it is. Runs until dropped.
fn be_ready(
    health: &Health,
    live: Arc<Live>,
    api: Arc<Api>,
    drain: Arc<Drain>,
) -> impl Future<Output = ()> + use<> {
    let taking = health.readiness_of(&[Probe::All, Probe::Media], "taking viewers: drained by its operators");
    let linked = health.readiness_of(&[Probe::All, Probe::Media], "linked to the origin");
    let informed = health.readiness_of(&[Probe::All, Probe::Chat], "informed of the settings yet");
    let stored = health.readiness_of(&[Probe::Chat], "in touch with the store");
    async move {
        let mut tick = tokio::time::interval(HEALTH_TICK);
        loop {
            tick.tick().await;
            linked.set(live.is_ready());
            taking.set(!drain.is_on());
            informed.set(api.is_ready());
            stored.set(!api.store_is_away());
        }
    }
}
