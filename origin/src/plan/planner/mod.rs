//! The planner: passes source events on, with marks.

use std::sync::Arc;
use std::time::Duration;

use farcast_feed::name::Msn;
use farcast_feed::time::{MediaTime, WallTime};
use tracing::{info, warn};

use super::clock::Clock;
use super::config::Config;
use super::gop::{Gops, is_regular, target_duration_s};
use super::metrics::{DropReason, Metrics};
use super::parts;
use super::speed::{Pace, Report};
use super::startup::{Startup, Verdict};
use crate::media::{AudioConfig, Frame, Mark, MediaEvent, Track, VideoConfig};

/// Time for which audio may go on without a video frame before the broadcast goes on as audio only.
/// Longer than any interleaving; short enough that a segment does not outgrow its target by much.
const VIDEO_SILENCE: Duration = Duration::from_secs(3);

/// A frame this little before the grid is on it: RTMP stamps milliseconds.
const SNAP: Duration = Duration::from_millis(5);

/// Decides where segments begin. See the module for its place.
///
/// Frames come by decode time within a track, on a timeline that never goes back. Once the start is
/// decided, nothing is held between [`Planner::push`] and its output: before that, at most ten
/// seconds and 64 MiB.
#[derive(Debug)]
pub struct Planner {
    config: Config,
    metrics: Option<Metrics>,
    /// Some until it is known how to start.
    startup: Option<Startup>,
    target_duration_s: Option<u32>,
    part_target: Duration,
    gops: Gops,
    /// True if key frames came where segments are to begin, as far as it was observed.
    keyed: bool,
    clock: Clock,
    lead: Track,
    /// As passed on.
    video: Option<Arc<VideoConfig>>,
    /// To be passed on with the next key frame.
    arriving: Option<Arc<VideoConfig>>,
    /// As passed on.
    audio: Option<Arc<AudioConfig>>,
    pending: Option<Pending>,
    /// A variant needs a discontinuity, at the next frame at which a segment may begin.
    renewal: bool,
    next_msn: Msn,
    discontinuity_sequence: u64,
    segment: Option<Segment>,
    /// Frames presented before this are not of this presentation, or lie before a discontinuity.
    floor: MediaTime,
    last_key: Option<MediaTime>,
    last_video: Option<MediaTime>,
    video_interval: Duration,
    forced_cuts: u64,
}

/// A mark to be set as soon as a frame allows.
#[derive(Clone, Copy, Debug)]
struct Pending {
    discontinuity: bool,
    /// Video cannot be decoded before a key frame.
    key_only: bool,
}

/// The segment that is open.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Decode time of its first frame.
    dts: MediaTime,
    /// The place of the next cut on the grid.
    next_cut: MediaTime,
}

impl Planner {
    /// A planner that waits for its first frames.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let target_s = config.target_s();
        Self {
            metrics: None,
            startup: Some(Startup::new(config.passthrough_video, config.observe)),
            target_duration_s: (!config.passthrough_video).then_some(target_s),
            part_target: config.part_target,
            gops: Gops::new(config.segment_target, config.part_target, target_s),
            keyed: !config.passthrough_video,
            clock: Clock::new(config.anchor, config.not_before),
            lead: Track::Video,
            video: None,
            arriving: None,
            audio: None,
            pending: Some(Pending { discontinuity: false, key_only: true }),
            renewal: false,
            next_msn: config.first_msn,
            discontinuity_sequence: config.first_discontinuity_sequence,
            segment: None,
            floor: MediaTime(i64::MIN),
            last_key: None,
            last_video: None,
            video_interval: Duration::ZERO,
            forced_cuts: 0,
            config,
        }
    }

    /// The same, counting.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// The tracks that the publisher's metadata promises; `None` where it says nothing. Shortens the
    /// wait for a track that will not come and lengthens that for one that will. Without effect after
    /// the start.
    pub fn expect(&mut self, video: Option<bool>, audio: Option<bool>) {
        if let Some(startup) = &mut self.startup {
            startup.expect(video, audio);
        }
    }

    /// EXT-X-TARGETDURATION, once it is fixed: at once unless video is passed through, then when the
    /// first marked frame comes out at the latest.
    #[must_use]
    pub fn target_duration_s(&self) -> Option<u32> {
        self.target_duration_s
    }

    /// PART-TARGET, known when [`Self::target_duration_s`] is: what the configuration wants, unless frames of a source
    /// that is passed through are so far apart that parts of them could not be about so long.
    #[must_use]
    pub fn part_target(&self) -> Duration {
        self.part_target
    }

    /// No variant passes the source's video through from here on, whatever the configuration says: viewers could not
    /// play it. Segments need no key frames of the source any more.
    pub fn encode_all(&mut self) {
        if !self.config.passthrough_video {
            return;
        }
        self.config.passthrough_video = false;
        if let Some(startup) = &mut self.startup {
            startup.encode_all();
        }
    }

    /// True if every segment of every variant can be expected to begin with a key frame: video is encoded here,
    /// or the source's key frames were seen to come at regular times that segments can follow.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.keyed
    }

    /// Media time of the moment `now`, by the dates that segments have: where a publisher that returns goes on.
    #[must_use]
    pub fn media_at(&self, now: WallTime) -> MediaTime {
        self.clock.media_at(now)
    }

    /// Number of the next segment to begin; to be persisted ahead of use.
    #[must_use]
    pub fn next_msn(&self) -> Msn {
        self.next_msn
    }

    /// Discontinuities so far, those before the first segment included; to be persisted likewise.
    #[must_use]
    pub fn discontinuity_sequence(&self) -> u64 {
        self.discontinuity_sequence
    }

    /// Segments that had to begin without a key frame.
    #[must_use]
    pub fn forced_cuts(&self) -> u64 {
        self.forced_cuts
    }

    /// The timeline broke: the next segment begins at the next key frame (audio only: at the next
    /// frame) with a discontinuity, and earlier frames are dropped.
    pub fn discontinuity(&mut self) {
        if let Some(startup) = &mut self.startup {
            startup.restart();
        }
        self.pending = Some(Pending { discontinuity: true, key_only: true });
        self.clock.broke();
        self.last_key = None;
        self.last_video = None;
    }

    /// A variant needs another initialisation section, though the source has not changed: its encoder was
    /// replaced. The next segment begins with a discontinuity, in all variants; where all are encoded it begins at
    /// the next frame, else at the source's next key frame.
    pub fn renew(&mut self) {
        self.renewal = self.segment.is_some();
    }

    /// Takes a source event and appends what goes on to the ladder.
    pub fn push(&mut self, event: MediaEvent, out: &mut Vec<MediaEvent>) {
        if let MediaEvent::Frame(frame) = &event {
            let leads = frame.track == self.lead;
            let report = self.clock.arrived(frame.track, frame.pts, frame.arrived_at, leads);
            self.count(|m| m.media(self.clock.speed()));
            report.into_iter().for_each(tell);
        }
        let Some(startup) = &mut self.startup else { return self.plan(event, out) };
        let verdict = startup.push(event);
        let target = self.config.segment_target;
        self.keyed = match verdict {
            Verdict::Video { gop } if self.config.passthrough_video => gop.is_some_and(is_regular),
            _ => true,
        };
        self.target_duration_s = match verdict {
            Verdict::Wait => return,
            Verdict::Video { gop } if self.config.passthrough_video => Some(target_duration_s(target, gop)),
            Verdict::Video { .. } | Verdict::Audio => Some(self.config.target_s()),
        };
        let td = self.target_duration_s.unwrap_or_else(|| self.config.target_s());
        if self.config.passthrough_video && verdict != Verdict::Audio {
            let interval = self.startup.as_ref().and_then(|startup| parts::interval(startup.held()));
            self.part_target = parts::part_target(self.config.part_target, interval);
        }
        self.gops = Gops::new(target, self.part_target, td);
        self.lead = if verdict == Verdict::Audio { Track::Audio } else { Track::Video };
        info!(target_duration_s = td, lead = ?self.lead, "broadcast timeline begins");
        for event in self.startup.take().map(Startup::release).unwrap_or_default() {
            self.plan(event, out);
        }
    }

    fn plan(&mut self, event: MediaEvent, out: &mut Vec<MediaEvent>) {
        match event {
            MediaEvent::Video(config) => self.video_config(config),
            MediaEvent::Audio(config) => self.audio_config(config, out),
            MediaEvent::NoVideo => {
                self.arriving = None;
                self.lose_video(out);
            }
            MediaEvent::NoAudio => {
                if self.audio.take().is_some() {
                    self.break_at_next_frame();
                    out.push(MediaEvent::NoAudio);
                }
            }
            MediaEvent::Frame(frame) => match frame.track {
                Track::Video => self.video_frame(frame, out),
                Track::Audio => self.audio_frame(frame, out),
            },
        }
    }

    fn video_config(&mut self, config: Arc<VideoConfig>) {
        if self.video.as_ref() == Some(&config) {
            self.arriving = None;
            return;
        }
        if self.video.is_some() {
            // Frames of the new configuration cannot follow in the old segment.
            let discontinuity = self.pending.is_none_or(|p| p.discontinuity);
            self.pending = Some(Pending { discontinuity, key_only: true });
            self.last_key = None;
        }
        self.arriving = Some(config);
    }

    fn audio_config(&mut self, config: Arc<AudioConfig>, out: &mut Vec<MediaEvent>) {
        if self.audio.as_ref() == Some(&config) {
            return;
        }
        if self.segment.is_some() {
            self.break_at_next_frame();
        }
        self.audio = Some(Arc::clone(&config));
        out.push(MediaEvent::Audio(config));
    }

    /// The tracks change, but the video that comes can still be decoded.
    fn break_at_next_frame(&mut self) {
        let key_only = self.pending.is_some_and(|p| p.key_only);
        let discontinuity = self.segment.is_some() || self.pending.is_some_and(|p| p.discontinuity);
        self.pending = Some(Pending { discontinuity, key_only });
    }

    fn lose_video(&mut self, out: &mut Vec<MediaEvent>) {
        if self.video.take().is_some() {
            self.break_at_next_frame();
            out.push(MediaEvent::NoVideo);
        }
        self.lead = Track::Audio;
        self.last_key = None;
    }

    fn video_frame(&mut self, mut frame: Frame, out: &mut Vec<MediaEvent>) {
        if let Some(last) = self.last_video.replace(frame.dts) {
            self.video_interval = frame.dts.since(last);
        }
        if self.video.is_none() && self.arriving.is_none() {
            return self.drop(DropReason::NoConfig);
        }
        // Video that appears waits for its key frame while audio goes on.
        let waits = self.lead == Track::Audio || self.pending.is_some_and(|p| p.key_only);
        if waits && !frame.key {
            return self.drop(DropReason::NoKeyFrame);
        }
        // Segments start ever later, also when video comes back behind the audio.
        let behind = self.lead == Track::Audio && self.segment.is_some_and(|s| frame.pts <= s.dts);
        if frame.pts < self.floor || behind {
            return self.drop(DropReason::BeforeStart);
        }
        if frame.key
            && let Some(last) = self.last_key.replace(frame.dts)
        {
            self.gops.observe(frame.dts.since(last));
        }
        if let Some(config) = self.arriving.take() {
            if self.segment.is_some() {
                self.break_at_next_frame();
            }
            self.video = Some(Arc::clone(&config));
            out.push(MediaEvent::Video(config));
        }
        self.lead = Track::Video;
        if self.cut_at_video(&frame) {
            frame.mark = Some(self.begin(&frame));
        }
        self.clock.passed(frame.pts.after(self.video_interval.min(VIDEO_SILENCE)));
        out.push(MediaEvent::Frame(frame));
    }

    fn cut_at_video(&mut self, frame: &Frame) -> bool {
        let Some(segment) = self.segment else { return frame.key };
        let elapsed = frame.dts.since(segment.dts);
        if self.config.passthrough_video {
            let wanted = self.pending.is_some() || self.renewal || self.gops.cut_at_key(elapsed);
            let at_key = frame.key && wanted;
            if at_key {
                return true;
            }
            let forced = self.gops.must_cut(elapsed, self.video_interval);
            if forced && !frame.key {
                self.forced_cuts += 1;
                self.count(|m| m.forced_cuts.inc());
                // At 1, 2, 4, 8 … so that a source that never behaves does not fill the log.
                if self.forced_cuts.is_power_of_two() {
                    warn!(
                        forced_cuts = self.forced_cuts,
                        target_duration_s = self.target_duration_s,
                        "key frames of the source are too far apart, a segment begins without one: set its \
                         encoder's key frame interval to 2 s, or keyframes = \"insert\" in the variant that \
                         passes it through"
                    );
                }
            }
            return forced;
        }
        self.pending.is_some() || self.renewal || frame.pts.after(SNAP) >= segment.next_cut
    }

    fn audio_frame(&mut self, mut frame: Frame, out: &mut Vec<MediaEvent>) {
        if self.audio.is_none() {
            return self.drop(DropReason::NoConfig);
        }
        if self.lead == Track::Video {
            let heard = *self.last_video.get_or_insert(frame.pts);
            if self.segment.is_some() && frame.pts.since(heard) > VIDEO_SILENCE {
                warn!(silence = ?VIDEO_SILENCE, "video stopped; the broadcast goes on with audio");
                self.arriving = self.arriving.take().or_else(|| self.video.clone());
                self.lose_video(out);
            }
        }
        if self.lead == Track::Audio {
            let grid = self.segment.is_none_or(|s| frame.pts.after(SNAP) >= s.next_cut);
            if self.pending.is_some() || self.renewal || grid {
                frame.mark = Some(self.begin(&frame));
            }
        } else if self.pending.is_some() || self.segment.is_none() || frame.pts < self.floor {
            return self.drop(DropReason::BeforeStart);
        }
        self.clock.passed(frame.pts);
        out.push(MediaEvent::Frame(frame));
    }

    /// Begins a segment at `frame`.
    fn begin(&mut self, frame: &Frame) -> Mark {
        let pending = self.pending.take();
        // A discontinuity of the planner's own is no use where players cannot begin.
        let may_break = frame.key || !self.config.passthrough_video;
        let renewed = may_break && std::mem::take(&mut self.renewal);
        let discontinuity = renewed || pending.is_some_and(|p| p.discontinuity);
        let begun = self.clock.begin(frame.pts, frame.track, discontinuity, may_break);
        if begun.breaks {
            info!(
                "dates have drifted too far from arrival, a segment begins with a discontinuity to set them right"
            );
        }
        let discontinuity = discontinuity || begun.breaks;
        let target = self.config.segment_target;
        let next_cut = match self.segment {
            // The grid is kept, so that frames a little off it do not add up.
            Some(segment) if pending.is_none() && frame.pts.after(SNAP) >= segment.next_cut => {
                let next = segment.next_cut.after(target);
                if next > frame.pts.after(target / 2) { next } else { frame.pts.after(target) }
            }
            _ => frame.pts.after(target),
        };
        if pending.is_some() {
            self.floor = frame.pts;
        }
        if discontinuity {
            self.discontinuity_sequence = self.discontinuity_sequence.saturating_add(1);
            self.count(|m| m.discontinuities.inc());
        }
        self.count(|m| m.segments.inc());
        let msn = self.next_msn;
        self.next_msn = msn.next();
        self.segment = Some(Segment { dts: frame.dts, next_cut });
        Mark {
            msn,
            start: frame.pts,
            program_date_time: begun.date,
            discontinuity,
            discontinuity_sequence: self.discontinuity_sequence,
        }
    }

    fn drop(&self, reason: DropReason) {
        self.count(|m| m.dropped(reason));
    }

    fn count(&self, what: impl FnOnce(&Metrics)) {
        if let Some(metrics) = &self.metrics {
            what(metrics);
        }
    }
}

/// Logs the publisher's speed for the operator.
fn tell(report: Report) {
    let Report { pace, ratio } = report;
    match pace {
        Pace::Slow => warn!(
            "the encoder sends {ratio:.2} s of media a second, so viewers wait for it again and again: lower its \
             resolution, frame rate or preset, close what else keeps its computer busy, or see whether its uplink \
             carries its bit rate"
        ),
        Pace::Fast => warn!(
            "the encoder sends {ratio:.2} s of media a second, so viewers fall behind: what is sent from a file must \
             be sent at its own speed (ffmpeg: -re)"
        ),
        Pace::Steady => warn!("the encoder keeps up again: it sends {ratio:.2} s of media a second"),
    }
}

#[cfg(test)]
mod tests;
