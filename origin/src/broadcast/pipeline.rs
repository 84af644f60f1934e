//! One epoch from publisher to hub: repair, plan, ladder, packagers, in one place and one task.
//!
//! Everything here is synchronous but [`Pipeline::finish`]; the threads are the ladder's. The planner
//! holds a source back until TARGETDURATION is known; the frames that it then releases at once enter
//! the ladder at [`CATCH_UP`] times real time, so that decoder and encoders need not drop them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_feed::feed::{FeedEvent, Presentation};
use farcast_feed::name::{Epoch, Msn, StreamName, VariantId};
use farcast_feed::time::{MediaTime, WallTime};
use farcast_link::sender::Hub;
use tokio::sync::mpsc;

use crate::ingest::repair::Repair;
use crate::ingest::{self, Timeline};
use crate::media::{Mark, MediaEvent, Track};
use crate::package::{self, LatencyLevel, Packager};
use crate::pictures::{Pictures, Tap};
use crate::plan::{self, Planner};
use crate::transcode::{self, Ladder, LadderConfig, LadderError, VariantSpec};

/// The speed at which held-back media is let in, as a multiple of real time: a machine that can encode
/// at all has headroom of this order, and two seconds held back are caught up in a second.
const CATCH_UP: u32 = 3;
/// Most events that may wait for the ladder: the planner releases at most 8192 at once, and twice that
/// is never reached by a source that is let in faster than real time.
const MAX_BACKLOG: usize = 16_384;
/// Most bytes that may wait for the ladder: ten seconds at 100 Mbit/s.
const MAX_BACKLOG_BYTES: usize = 128 * 1024 * 1024;
/// Time for encoders to deliver the frames inside them when a broadcast ends.
const DRAIN: Duration = Duration::from_secs(5);

/// The parts that every pipeline needs.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) stream: StreamName,
    pub(super) level: LatencyLevel,
    pub(super) ladder: LadderConfig,
    pub(super) hub: Hub,
    pub(super) ingest: ingest::Metrics,
    pub(super) plan: plan::Metrics,
    pub(super) transcode: transcode::Metrics,
    pub(super) package: package::Metrics,
    pub(super) pictures: Pictures,
}

/// The beginning of an epoch.
#[derive(Clone, Debug)]
pub(super) struct Beginning {
    pub(super) epoch: Epoch,
    pub(super) first_msn: Msn,
    pub(super) discontinuity_sequence: u64,
    /// The epoch that this one may continue, and its targets. It is ended if those turn out different.
    pub(super) continues: Option<(Epoch, Targets)>,
    pub(super) now: WallTime,
}

/// The constants for players: EXT-X-TARGETDURATION and PART-TARGET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Targets {
    pub(super) duration_s: u32,
    pub(super) part: Duration,
}

/// The facts about the processed media that the owner must know.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Progress {
    /// Segments that begin, in order.
    pub(super) marks: Vec<Mark>,
    /// Set once, when the targets became known: before that nothing was announced.
    pub(super) announce: Option<Targets>,
}

/// See the module.
pub(super) struct Pipeline {
    setup: Arc<Setup>,
    beginning: Beginning,
    timeline: Timeline,
    planner: Planner,
    ladder: Ladder,
    tap: Tap,
    output: mpsc::Receiver<(VariantId, MediaEvent)>,
    packagers: Vec<Packager>,
    backlog: VecDeque<MediaEvent>,
    backlog_bytes: usize,
    /// Time at which the backlog began to be let in, and the media time of its first frame.
    pace: Option<(Instant, MediaTime)>,
    planned: Vec<MediaEvent>,
    feed: Vec<FeedEvent>,
}

impl Pipeline {
    /// Starts the ladder's threads.
    ///
    /// # Errors
    /// If they cannot be started.
    pub(super) fn start(setup: Arc<Setup>, beginning: Beginning) -> Result<Self, LadderError> {
        let passthrough_video = setup.ladder.specs.iter().any(|spec| !spec.transcodes_video());
        let (ladder, output) = Ladder::start(setup.ladder.clone(), &setup.transcode)?;
        let mut planner = Planner::new(plan::Config {
            segment_target: setup.level.segment_target(),
            part_target: setup.level.part_target(),
            passthrough_video,
            first_msn: beginning.first_msn,
            first_discontinuity_sequence: beginning.discontinuity_sequence,
            observe: setup.ladder.observe(),
            anchor: beginning.now,
            not_before: beginning.continues.map_or(WallTime(0), |_| beginning.now),
        })
        .with_metrics(setup.plan.clone());
        if beginning.continues.is_some() {
            planner.discontinuity();
        }
        Ok(Self {
            tap: setup.pictures.tap(beginning.continues.is_some()),
            setup,
            beginning,
            timeline: Timeline::new(),
            planner,
            ladder,
            output,
            packagers: Vec::new(),
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            pace: None,
            planned: Vec::new(),
            feed: Vec::new(),
        })
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.beginning.epoch
    }

    /// True if the presentation was published, so that the epoch needs an end.
    pub(super) fn is_announced(&self) -> bool {
        !self.packagers.is_empty()
    }

    /// Number of the next segment.
    pub(super) fn next_msn(&self) -> Msn {
        self.planner.next_msn()
    }

    /// The publisher's announcement of its tracks.
    pub(super) fn expect(&mut self, video: Option<bool>, audio: Option<bool>) {
        self.planner.expect(video, audio);
    }

    /// A publisher returned: its first frame falls where wall-clock time has got to, by the dates that viewers
    /// already have, after a discontinuity.
    pub(super) fn resume(&mut self, now: WallTime) {
        self.timeline.begin_session(self.planner.media_at(now));
        self.planner.discontinuity();
    }

    /// Takes an event of the publisher. The answer has everything that must be durable before [`Pipeline::advance`].
    pub(super) fn source(&mut self, event: MediaEvent, now: Instant) -> Progress {
        let outcome = self.timeline.push(event, now);
        self.setup.ingest.repaired(&outcome);
        say_what_fell_silent(&outcome);
        if outcome.discontinuity {
            self.planner.discontinuity();
        }
        for event in outcome.events {
            if matches!(&event, MediaEvent::Video(config) if transcode::is_always_encoded(config)) {
                self.planner.encode_all();
            }
            self.planner.push(event, &mut self.planned);
        }
        let announce = self.announce();
        if announce.is_some() {
            self.ladder.set_source_rate(video_bps(&self.planned));
        }
        let mut marks = Vec::new();
        for event in self.planned.drain(..) {
            if let MediaEvent::Frame(frame) = &event {
                marks.extend(frame.mark);
                self.backlog_bytes += frame.data.len();
            }
            self.backlog.push_back(event);
        }
        Progress { marks, announce }
    }

    /// Once the targets are known: makes the packagers and publishes the presentation.
    fn announce(&mut self) -> Option<Targets> {
        if self.is_announced() || self.planned.is_empty() {
            return None;
        }
        let setup = Arc::clone(&self.setup);
        // The planner releases nothing before it knows.
        let target_duration_s = self.planner.target_duration_s()?;
        let targets = Targets { duration_s: target_duration_s, part: self.planner.part_target() };
        let Beginning { epoch, continues, now, .. } = self.beginning;
        let specs = &setup.ladder.specs;
        let names = specs.iter().map(|spec| (spec.display_name(), spec.nominal_bps()));
        let continued = continues.is_some_and(|(_, before)| before == targets);
        if let Some((replaced, before)) = continues.filter(|_| !continued) {
            tracing::warn!(
                ?before,
                now = ?targets,
                "the encoder's key frames or frame rate are different, the interrupted broadcast is not continued"
            );
            setup.hub.publish(FeedEvent::Ended { epoch: replaced });
        }
        let mut presentation: Presentation = package::presentation(
            setup.stream.clone(),
            epoch,
            continued,
            now,
            targets.part,
            target_duration_s,
            names,
        );
        presentation.keyed = self.planner.is_keyed();
        self.packagers = presentation
            .variants
            .iter()
            .map(|variant| {
                let packager = Packager::new(package::Config {
                    epoch,
                    variant: variant.id,
                    part_target: presentation.part_target,
                    segment_target: setup.level.segment_target(),
                    target_duration_s,
                });
                let packager = packager.with_metrics(setup.package.clone());
                match setup.hub.tracer() {
                    Some(tracer) => packager.with_traces(setup.stream.clone(), tracer.clone()),
                    None => packager,
                }
            })
            .collect();
        tracing::info!(
            epoch = epoch.0,
            continues = continued,
            target_duration_s,
            part_target_ms = presentation.part_target.as_millis(),
            variants = presentation.variants.len(),
            "broadcast is announced"
        );
        setup.hub.publish(FeedEvent::Started(Arc::new(presentation)));
        Some(targets)
    }

    /// True while a backlog waits, so that [`Pipeline::advance`] has work before the next event.
    pub(super) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Lets media into the ladder: at once, or at [`CATCH_UP`] times real time while some is held back.
    ///
    /// # Errors
    /// If the ladder has failed; the broadcast cannot go on.
    pub(super) fn advance(&mut self, now: Instant, wall: WallTime) -> Result<(), LadderError> {
        if let Some(failure) = self.ladder.failure() {
            return Err(failure);
        }
        while let Some(event) = self.backlog.front() {
            if let MediaEvent::Frame(frame) = event
                && self.backlog.len() <= MAX_BACKLOG
                && self.backlog_bytes <= MAX_BACKLOG_BYTES
                && !self.is_due(frame.dts, now)
            {
                break;
            }
            let Some(event) = self.backlog.pop_front() else { break };
            if let MediaEvent::Frame(frame) = &event {
                self.backlog_bytes -= frame.data.len();
                if let Some(mark) = frame.mark {
                    for packager in &mut self.packagers {
                        packager.mark(mark, wall, &mut self.feed);
                    }
                }
            }
            self.tap.see(&event, now.into());
            self.ladder.push(event)?;
        }
        if self.backlog.is_empty() {
            self.pace = None;
        }
        self.publish();
        Ok(())
    }

    fn is_due(&mut self, dts: MediaTime, now: Instant) -> bool {
        let &mut (since, from) = self.pace.get_or_insert((now, dts));
        // Live media is never more than this ahead of its own clock.
        const SLACK: Duration = Duration::from_millis(200);
        dts.since(from) <= now.saturating_duration_since(since) * CATCH_UP + SLACK
    }

    /// Waits for the next event of a variant. Cancel safe.
    pub(super) async fn output(&mut self) -> Option<(VariantId, MediaEvent)> {
        self.output.recv().await
    }

    /// Packages an event of a variant and all that wait behind it, and publishes the result.
    pub(super) fn package(&mut self, first: (VariantId, MediaEvent), wall: WallTime) {
        let mut next = Some(first);
        while let Some((variant, event)) = next {
            if let Some(packager) = self.packagers.get_mut(usize::from(variant.0)) {
                packager.push(event, wall, &mut self.feed);
            }
            next = self.output.try_recv().ok();
        }
        if self.packagers.iter_mut().any(Packager::take_renewal) {
            self.planner.renew();
        }
        self.publish();
    }

    fn publish(&mut self) {
        for event in self.feed.drain(..) {
            self.setup.hub.publish(event);
        }
    }

    /// Drains ladder and packagers. The epoch is not ended: that is the owner's word.
    pub(super) async fn finish(mut self) {
        while let Some(event) = self.backlog.pop_front() {
            if self.ladder.push(event).is_err() {
                break;
            }
        }
        let Self { ladder, mut output, mut packagers, mut feed, setup, .. } = self;
        let mut draining = tokio::task::spawn_blocking(move || ladder.finish(DRAIN));
        let mut package = |(variant, event): (VariantId, MediaEvent)| {
            if let Some(packager) = packagers.get_mut(usize::from(variant.0)) {
                packager.push(event, WallTime::now(), &mut feed);
            }
        };
        // A thread that hangs in a driver keeps the output open for ever, so the ladder's word counts.
        let drained = loop {
            tokio::select! {
                biased;
                Some(made) = output.recv() => package(made),
                drained = &mut draining => break drained,
            }
        };
        while let Ok(made) = output.try_recv() {
            package(made);
        }
        for packager in &mut packagers {
            packager.finish(WallTime::now(), &mut feed);
        }
        feed.into_iter().for_each(|event| setup.hub.publish(event));
        match drained {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the ladder did not end cleanly"),
            Err(error) => tracing::error!(%error, "draining the ladder failed"),
        }
    }
}

/// A track that vanishes while the other goes on is nothing that viewers should have to tell the operator.
fn say_what_fell_silent(outcome: &ingest::repair::Outcome) {
    if outcome.repairs.contains(&Repair::TrackLost) {
        for event in &outcome.events {
            match event {
                MediaEvent::NoAudio => {
                    tracing::warn!("the encoder sends no sound any more; the broadcast goes on without");
                }
                MediaEvent::NoVideo => {
                    tracing::warn!("the encoder sends no video any more; the broadcast goes on as sound");
                }
                _ => {}
            }
        }
    }
    if outcome.repairs.contains(&Repair::TrackBack) {
        tracing::info!("a track of the encoder that had fallen silent is back");
    }
}

/// Bit rate of the video among `events`; `None` if it is too short to say.
fn video_bps(events: &[MediaEvent]) -> Option<u64> {
    const LEAST: Duration = Duration::from_millis(900);
    let frames = || {
        events.iter().filter_map(|event| match event {
            MediaEvent::Frame(frame) if frame.track == Track::Video => Some(frame),
            _ => None,
        })
    };
    // The last frame's duration is not known, so its bytes do not count.
    let (first, last) = (frames().next()?, frames().next_back()?);
    let span = last.dts.since(first.dts);
    let bytes: usize = frames().filter(|frame| frame.dts < last.dts).map(|frame| frame.data.len()).sum();
    let bits_us = u128::try_from(bytes).unwrap_or(u128::MAX).saturating_mul(8_000_000);
    (span >= LEAST).then(|| u64::try_from(bits_us / span.as_micros()).unwrap_or(u64::MAX))
}

/// Equal for ladders that make the same variants.
pub(super) fn fingerprint(specs: &[VariantSpec]) -> String {
    use std::fmt::Write as _;

    use sha2::{Digest, Sha256};

    let digest = Sha256::digest(format!("{specs:?}"));
    digest.iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
