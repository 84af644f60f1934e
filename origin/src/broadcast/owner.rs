//! The owner: publishers in, one pipeline at a time, grace, continuation, end.

use std::sync::Arc;
use std::time::Duration;

use farcast_feed::feed::FeedEvent;
use farcast_feed::name::{Epoch, Msn, StreamName};
use farcast_feed::time::WallTime;
use farcast_link::sender::Hub;
use farcast_service::tasks::{Contained, relay};
use farcast_telemetry::throttle::Throttle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Metrics;
use super::air::{Air, Broadcaster, Output};
use super::pipeline::{Beginning, Pipeline, Progress, Setup, Targets, fingerprint};
use crate::ingest::StreamMetadata;
use crate::ingest::{self, EndReason, Publisher, PublisherEvent};
use crate::package::{self, LatencyLevel};
use crate::pictures::Pictures;
use crate::plan;
use crate::state::{Cursor, Saver};
use crate::transcode::{self, EncoderKind, LadderConfig, VariantSpec};

/// Interval at which held-back media is let in; see [`super::pipeline`].
const PACE_TICK: Duration = Duration::from_millis(20);
/// Longest time for the disk to make the first segment's number durable. A disk that takes longer is not
/// waited for: the broadcast goes on with a warning.
const FIRST_WRITE: Duration = Duration::from_secs(2);
/// Interval of warnings about a disk that lags behind the broadcast.
const COMPLAINT: Duration = Duration::from_secs(60);
/// A broadcast that was interrupted longer ago is over: no player still waits for it.
const CONTINUE_WITHIN: Duration = Duration::from_secs(600);

/// The parts and settings of an [`Owner`].
pub struct Config {
    /// The stream.
    pub stream: StreamName,
    /// The settings of new broadcasts.
    pub settings: watch::Receiver<Settings>,
    /// The channel for the state of the broadcast.
    pub air: watch::Sender<Air>,
    /// Wishes to end the broadcast.
    pub disconnects: mpsc::Receiver<Disconnect>,
    /// Time for which a broadcast waits for its publisher to come back.
    pub reconnect_grace: Duration,
    /// The receiver of the feed.
    pub hub: Hub,
    /// The file of sequence numbers.
    pub saver: Arc<Saver>,
    /// Makes a ladder's configuration, devices and all; may block.
    pub open_ladder: OpenLadder,
    /// Panics of broadcasts: they end the broadcast, not the owner.
    pub panics: Contained,
    /// Handles of the owner.
    pub metrics: Metrics,
    /// Handles of ingest, for timestamp repairs.
    pub ingest_metrics: ingest::Metrics,
    /// Handles of the planner.
    pub plan_metrics: plan::Metrics,
    /// Handles of the ladder.
    pub transcode_metrics: transcode::Metrics,
    /// Handles of the packagers.
    pub package_metrics: package::Metrics,
    /// The receiver of its pictures.
    pub pictures: Pictures,
}

/// The settings of new broadcasts.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// Parts and segments.
    pub level: LatencyLevel,
    /// The ladder.
    pub specs: Vec<VariantSpec>,
    /// The encoder that works here.
    pub encoder: EncoderKind,
}

/// Makes a ladder's configuration.
pub type OpenLadder = Arc<dyn Fn(Vec<VariantSpec>, EncoderKind) -> LadderConfig + Send + Sync>;

/// A wish to end the broadcast; answered with whether there was one.
pub type Disconnect = oneshot::Sender<bool>;

/// The reason why a broadcast ended; a label.
#[derive(Clone, Copy, Debug)]
enum Ended {
    Unpublished,
    GraceOver,
    Failed,
    Panicked,
    Replaced,
    Disconnected,
}

impl Ended {
    fn label(self) -> &'static str {
        match self {
            Self::Unpublished => "unpublished",
            Self::GraceOver => "grace_over",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::Replaced => "replaced",
            Self::Disconnected => "disconnected",
        }
    }
}

/// See the module. Constructing spawns nothing; [`Owner::run`] runs.
pub struct Owner {
    setup: Arc<Setup>,
    /// The settings of which `setup` was made, unless no broadcast has begun yet.
    made_of: Option<Settings>,
    settings: watch::Receiver<Settings>,
    air: watch::Sender<Air>,
    disconnects: mpsc::Receiver<Disconnect>,
    ladder_fingerprint: String,
    grace: Duration,
    saver: Arc<Saver>,
    open_ladder: OpenLadder,
    panics: Contained,
    metrics: Metrics,
    pipeline: Option<Pipeline>,
    publisher: Option<Publisher>,
    /// Deadline for a publisher to return; set while a broadcast has none.
    grace_until: Option<Instant>,
    /// The broadcast that was live when the origin stopped, until another is announced in its place or it is
    /// ended.
    interrupted: Option<Cursor>,
    complaints: Throttle,
}

impl Owner {
    /// An owner that does nothing yet. A broadcast that was live when the origin stopped gets a new grace period.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let interrupted = config.saver.cursor(&config.stream).filter(|cursor| cursor.live);
        // Said before anybody asks, so that a restart does not look like an end.
        config.air.send_modify(|air| air.online = interrupted.is_some());
        let settings = config.settings.borrow().clone();
        // Without devices: those are opened when a broadcast begins.
        let ladder = LadderConfig::without_device(settings.specs, settings.encoder);
        Self {
            made_of: None,
            settings: config.settings,
            air: config.air,
            disconnects: config.disconnects,
            ladder_fingerprint: fingerprint(&ladder.specs),
            grace: config.reconnect_grace,
            saver: config.saver,
            open_ladder: config.open_ladder,
            panics: config.panics,
            metrics: config.metrics,
            pipeline: None,
            publisher: None,
            grace_until: None,
            interrupted,
            complaints: Throttle::new(COMPLAINT),
            setup: Arc::new(Setup {
                stream: config.stream,
                level: settings.level,
                ladder,
                pictures: config.pictures,
                hub: config.hub,
                ingest: config.ingest_metrics,
                plan: config.plan_metrics,
                transcode: config.transcode_metrics,
                package: config.package_metrics,
            }),
        }
    }

    /// Runs until `shutdown`. A broadcast that is live then is packaged to its last frame but not ended:
    /// after a restart its encoder may return within the grace.
    pub async fn run(mut self, mut publishers: mpsc::Receiver<Publisher>, shutdown: CancellationToken) {
        if let Some(cursor) = &self.interrupted {
            let away = WallTime::now().since(cursor.last_media_wall_time);
            if away > CONTINUE_WITHIN {
                self.end(Ended::GraceOver).await;
            } else {
                tracing::info!(
                    epoch = cursor.epoch.0,
                    "a broadcast was live at the last stop, waiting for its publisher"
                );
                self.wait_for_publisher();
            }
        }
        let mut tick = interval(PACE_TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let behind = self.pipeline.as_ref().is_some_and(Pipeline::is_behind);
            let grace = self.grace_until;
            tokio::select! {
                () = shutdown.cancelled() => break,
                publisher = publishers.recv() => match publisher {
                    Some(publisher) => self.arrived(publisher).await,
                    None => break,
                },
                Some(answer) = self.disconnects.recv() => self.disconnect(answer).await,
                event = next_event(self.publisher.as_mut()) => self.on_publisher_event(event).await,
                Some(event) = made(self.pipeline.as_mut()) => {
                    self.with_pipeline(|pipeline| pipeline.package(event, WallTime::now())).await;
                }
                _ = tick.tick(), if behind => self.advance().await,
                () = until(grace), if grace.is_some() => self.end(Ended::GraceOver).await,
            }
        }
        if let Some(publisher) = self.publisher.take() {
            publisher.close.cancel();
        }
        if let Some(pipeline) = self.pipeline.take() {
            finish(pipeline, self.panics.clone()).await;
        }
    }

    /// Does something with the pipeline, if there is one. When that panics, the broadcast ends and the owner goes on: the
    /// rest of the pipeline is not used again.
    async fn with_pipeline<T>(&mut self, work: impl FnOnce(&mut Pipeline) -> T) -> Option<T> {
        let pipeline = self.pipeline.as_mut()?;
        let done = self.panics.call(|| work(pipeline));
        if done.is_none() {
            self.end(Ended::Panicked).await;
        }
        done
    }

    async fn arrived(&mut self, publisher: Publisher) {
        // The last events of the former publisher still count, its goodbye above all.
        while let Some(Ok(event)) = self.publisher.as_mut().map(|previous| previous.events.try_recv()) {
            self.on_publisher_event(Some(event)).await;
        }
        if let Some(previous) = self.publisher.take() {
            previous.close.cancel();
        }
        let info = &publisher.info;
        tracing::info!(remote = %info.remote, encoder = info.encoder, secure = info.secure, "publisher is live");
        self.grace_until = None;
        let broadcaster = Broadcaster {
            remote: info.remote,
            connected_at: info.connected_at,
            metadata: StreamMetadata::default(),
        };
        self.publisher = Some(publisher);
        self.metrics.state.set(1);
        self.air.send_modify(|air| {
            air.connected_at.get_or_insert(broadcaster.connected_at);
            air.broadcaster = Some(broadcaster);
        });
        if self.pipeline.is_some() {
            if self.with_pipeline(|pipeline| pipeline.resume(WallTime::now())).await.is_some() {
                self.metrics.resumed.inc();
            }
            return;
        }
        self.take_settings().await;
        let beginning = self.beginning().await;
        self.metrics.epoch.set(i64::try_from(beginning.epoch.0).unwrap_or(i64::MAX));
        match self.panics.call(|| Pipeline::start(Arc::clone(&self.setup), beginning)) {
            Some(Ok(pipeline)) => {
                self.pipeline = Some(pipeline);
                self.metrics.started.inc();
            }
            Some(Err(error)) => {
                tracing::error!(%error, "the broadcast cannot begin");
                self.end(Ended::Failed).await;
            }
            None => self.end(Ended::Panicked).await,
        }
    }

    /// A new broadcast is made with the current settings, and the log says so.
    async fn take_settings(&mut self) {
        let settings = self.settings.borrow_and_update().clone();
        if self.made_of.as_ref() != Some(&settings) {
            self.build(settings).await;
        }
        let output = Output { level: self.setup.level, specs: self.setup.ladder.specs.clone() };
        self.air.send_modify(|air| air.output = Some(output));
    }

    /// Makes what new broadcasts are made of. Where a device makes that panic it is left out, and tried again next time.
    async fn build(&mut self, settings: Settings) {
        let Settings { level, specs, encoder } = settings.clone();
        self.ladder_fingerprint = fingerprint(&specs);
        let (open, panics, asked) = (Arc::clone(&self.open_ladder), self.panics.clone(), specs.clone());
        // Opening a device asks a driver.
        let opened = tokio::task::spawn_blocking(move || panics.call(|| open(asked, encoder)));
        let opened = relay(opened.await).flatten();
        self.made_of = opened.is_some().then_some(settings);
        let mut ladder = opened.unwrap_or_else(|| {
            let encoder_name = encoder.name();
            tracing::error!(
                encoder = encoder_name,
                "the encoder's device cannot be opened, frames go through memory"
            );
            LadderConfig::without_device(specs, encoder)
        });
        ladder.part_target = Some(level.part_target());
        self.setup = Arc::new(Setup { level, ladder, ..Setup::clone(&self.setup) });
    }

    async fn disconnect(&mut self, answer: Disconnect) {
        let there = self.publisher.is_some() || self.pipeline.is_some() || self.interrupted.is_some();
        if there {
            tracing::info!("the broadcast is ended by an operator");
            self.end(Ended::Disconnected).await;
        }
        // The caller may have gone.
        let _ = answer.send(there);
    }

    /// The beginning of the new epoch: after every number that was ever used, and continuing the
    /// interrupted broadcast unless something changed that players must not see changing.
    async fn beginning(&mut self) -> Beginning {
        let cursor = self.saver.cursor(&self.setup.stream);
        let mut beginning = Beginning {
            epoch: cursor.as_ref().map_or(Epoch(1), |cursor| Epoch(cursor.epoch.0 + 1)),
            first_msn: cursor.as_ref().map_or(Msn(0), |cursor| cursor.next_msn),
            discontinuity_sequence: cursor.as_ref().map_or(0, |cursor| cursor.discontinuity_sequence),
            continues: None,
            now: WallTime::now(),
        };
        if let Some(interrupted) = &self.interrupted {
            let same = interrupted.latency_level == self.setup.level as u8
                && interrupted.ladder_fingerprint == self.ladder_fingerprint;
            if same {
                let part = match interrupted.part_target_ms {
                    0 => self.setup.level.part_target(),
                    ms => Duration::from_millis(ms.into()),
                };
                let targets = Targets { duration_s: interrupted.target_duration_s, part };
                beginning.continues = Some((interrupted.epoch, targets));
            } else {
                tracing::warn!("latency level or ladder changed, the interrupted broadcast is not continued");
                self.end_epoch(interrupted.epoch, Ended::Replaced);
                self.interrupted = None;
            }
        }
        beginning
    }

    async fn on_publisher_event(&mut self, event: Option<PublisherEvent>) {
        match event {
            Some(PublisherEvent::Media(event)) => {
                let now = std::time::Instant::now();
                let Some(progress) = self.with_pipeline(|pipeline| pipeline.source(event, now)).await else {
                    return;
                };
                self.save(progress).await;
                self.advance().await;
            }
            Some(PublisherEvent::Metadata(metadata)) => {
                let changed = self.air.send_if_modified(|air| {
                    let broadcaster = air.broadcaster.as_mut();
                    broadcaster.is_some_and(|broadcaster| {
                        let changed = broadcaster.metadata != *metadata;
                        broadcaster.metadata.clone_from(&metadata);
                        changed
                    })
                });
                if changed {
                    tracing::info!(
                        width = metadata.width,
                        height = metadata.height,
                        frame_rate = metadata.frame_rate,
                        video_codec = metadata.video_codec,
                        audio_codec = metadata.audio_codec,
                        encoder = metadata.encoder,
                        "publisher describes its stream"
                    );
                }
                // Tracks in the metadata will come; others may come all the same, so nothing is ruled out.
                let promised = |codec: &Option<String>| codec.is_some().then_some(true);
                let (video, audio) = (promised(&metadata.video_codec), promised(&metadata.audio_codec));
                self.with_pipeline(|pipeline| pipeline.expect(video, audio)).await;
            }
            Some(PublisherEvent::End(reason)) => self.on_publisher_gone(reason).await,
            None => self.on_publisher_gone(EndReason::Disconnected).await,
        }
    }

    async fn on_publisher_gone(&mut self, reason: EndReason) {
        self.publisher = None;
        self.air.send_modify(|air| air.broadcaster = None);
        match reason {
            EndReason::Unpublished => self.end(Ended::Unpublished).await,
            EndReason::Unsupported(what) => {
                tracing::error!(what, "the encoder's stream cannot be broadcast");
                self.end(Ended::Failed).await;
            }
            // Whatever happened to the connection, its encoder may come back.
            reason => {
                tracing::warn!(reason = reason.label(), grace_s = self.grace.as_secs(), "publisher is gone");
                self.wait_for_publisher();
            }
        }
    }

    fn wait_for_publisher(&mut self) {
        self.grace_until = Some(Instant::now() + self.grace);
        self.metrics.state.set(2);
    }

    async fn advance(&mut self) {
        let now = std::time::Instant::now();
        if let Some(Err(error)) = self.with_pipeline(|pipeline| pipeline.advance(now, WallTime::now())).await
        {
            tracing::error!(%error, "the broadcast ends: its ladder failed");
            self.end(Ended::Failed).await;
        }
    }

    /// Makes durable what must be before it is announced.
    async fn save(&mut self, progress: Progress) {
        let Some(epoch) = self.pipeline.as_ref().map(Pipeline::epoch) else { return };
        let Progress { marks, announce } = progress;
        if announce.is_some() {
            self.interrupted = None;
            self.air.send_modify(|air| air.online = true);
        }
        let stream = &self.setup.stream;
        let Some(last) = marks.last() else { return };
        let now = WallTime::now();
        let mut cursor = match (announce, self.saver.cursor(stream)) {
            (None, Some(cursor)) => cursor,
            (targets, _) => Cursor {
                epoch,
                next_msn: last.msn,
                discontinuity_sequence: last.discontinuity_sequence,
                target_duration_s: targets.map_or(0, |targets| targets.duration_s),
                part_target_ms: targets
                    .and_then(|targets| u32::try_from(targets.part.as_millis()).ok())
                    .unwrap_or_default(),
                latency_level: self.setup.level as u8,
                ladder_fingerprint: self.ladder_fingerprint.clone(),
                live: true,
                last_media_wall_time: now,
            },
        };
        let reserved = self.saver.is_reserved(stream, last.msn);
        cursor.discontinuity_sequence = last.discontinuity_sequence;
        cursor.begin_segment(last.msn, now);
        self.saver.save(stream, cursor);
        // Later segments were reserved by the save of the one before, and media does not wait for the disk.
        let reserved = if announce.is_some() {
            let saver = Arc::clone(&self.saver);
            matches!(tokio::task::spawn_blocking(move || saver.flush(FIRST_WRITE)).await, Ok(true))
        } else {
            reserved
        };
        if !reserved && let Some(suppressed) = self.complaints.admit(std::time::Instant::now()) {
            tracing::warn!(
                suppressed,
                "the segment number is not on the disk yet, a crash now could repeat it"
            );
        }
    }

    /// Ends what there is: a pipeline, or the broadcast that the last run of the origin left.
    async fn end(&mut self, why: Ended) {
        self.grace_until = None;
        self.metrics.state.set(0);
        self.air.send_modify(|air| {
            let ended_at = air.online.then(WallTime::now).or(air.ended_at);
            *air = Air { ended_at, ..Air::default() };
        });
        if let Some(publisher) = self.publisher.take() {
            publisher.close.cancel();
        }
        let mut next = None;
        if let Some(pipeline) = self.pipeline.take() {
            let (epoch, announced) = (pipeline.epoch(), pipeline.is_announced());
            if matches!(why, Ended::Panicked) {
                // Nothing of it is asked any more. The number that was reserved is free in any case.
                drop(pipeline);
            } else {
                next = announced.then_some(pipeline.next_msn());
                finish(pipeline, self.panics.clone()).await;
            }
            if announced {
                self.end_epoch(epoch, why);
            } else {
                tracing::info!(reason = why.label(), "the publisher left before there was anything to watch");
            }
        }
        if let Some(interrupted) = self.interrupted.take() {
            self.end_epoch(interrupted.epoch, why);
        }
        if let Some(mut cursor) = self.saver.cursor(&self.setup.stream).filter(|cursor| cursor.live) {
            let next = next.unwrap_or(cursor.next_msn);
            cursor.end_at(next);
            self.saver.save(&self.setup.stream, cursor);
        }
    }

    fn end_epoch(&self, epoch: Epoch, why: Ended) {
        self.setup.hub.publish(FeedEvent::Ended { epoch });
        self.metrics.ended.with_label_values(&[why.label()]).inc();
        tracing::info!(epoch = epoch.0, reason = why.label(), "broadcast has ended");
    }
}

/// Drains a pipeline, in a task of its own: it may panic too.
async fn finish(pipeline: Pipeline, panics: Contained) {
    relay(tokio::spawn(async move { panics.run(pipeline.finish()).await }).await);
}

/// The next event of the publisher, if there is one: else never.
async fn next_event(publisher: Option<&mut Publisher>) -> Option<PublisherEvent> {
    match publisher {
        Some(publisher) => publisher.events.recv().await,
        None => std::future::pending().await,
    }
}

async fn made(
    pipeline: Option<&mut Pipeline>,
) -> Option<(farcast_feed::name::VariantId, crate::media::MediaEvent)> {
    match pipeline {
        Some(pipeline) => pipeline.output().await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "owner_tests.rs"]
mod tests;
