//! The packager of a variant.

use std::sync::Arc;
use std::time::Duration;

use farcast_feed::cmaf::VIDEO_TIMESCALE;
use farcast_feed::feed::FeedEvent;
use farcast_feed::name::StreamName;
use farcast_feed::time::WallTime;
use farcast_trace::Tracer;
use tracing::warn;

use super::audio::{AudioLane, Placed};
use super::config::{Config, span, ticks};
use super::metrics::{DropReason, Metrics};
use super::pacer::Pacer;
use super::pending::PendingMarks;
use super::rate::Rates;
use super::segment::{Segment, segment_start};
use super::tracks::Tracks;
use super::video::VideoLane;
use crate::media::{Frame, Mark, MediaEvent, Track};

mod closing;

/// Turns the ladder's output for one variant into its feed. The module lists its promises.
///
/// The planner's marks come twice: on the frames, and, ahead of them, through [`Packager::mark`], so
/// that a variant whose encoder makes nothing still announces the segments that it has lost.
#[derive(Debug)]
pub struct Packager {
    config: Config,
    metrics: Option<Metrics>,
    traces: Option<(StreamName, Tracer)>,
    /// The tracks as last announced; they hold from the next segment on.
    coming: Tracks,
    /// The newest initialisation section: its number and tracks.
    init: Option<(u32, Tracks)>,
    segment: Option<Segment>,
    /// Video of the newest section.
    video: Option<VideoLane>,
    /// Audio of the newest section.
    audio: Option<AudioLane>,
    /// Audio that has changed and belongs to the next section.
    audio_next: Option<AudioLane>,
    marks: PendingMarks,
    rates: Rates,
    /// Length of the last complete segment.
    last_length: Option<Duration>,
    sequence: u32,
    /// Frames have been longer than foreseen, so that a part had to end early.
    uneven: bool,
    /// Discontinuities before the newest section, its own included.
    init_sequence: u64,
    /// The tracks have changed where there was no discontinuity.
    wants_renewal: bool,
}

impl Packager {
    /// A packager that waits for its first mark.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            metrics: None,
            traces: None,
            coming: Tracks::default(),
            init: None,
            segment: None,
            video: None,
            audio: None,
            audio_next: None,
            marks: PendingMarks::new(config.target_duration_s),
            rates: Rates::default(),
            last_length: None,
            sequence: 0,
            uneven: false,
            init_sequence: 0,
            wants_renewal: false,
            config,
        }
    }

    /// The same, counting.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// The same, giving spans of the parts of this stream that are traced.
    #[must_use]
    pub fn with_traces(mut self, stream: StreamName, tracer: Tracer) -> Self {
        self.traces = Some((stream, tracer));
        self
    }

    /// The planner has set `mark` on a source frame. Call it for every mark, in order, with every
    /// variant; a segment that does not begin within three target durations (at least 12 s) is
    /// [`FeedEvent::SegmentLost`].
    pub fn mark(&mut self, mark: Mark, now: WallTime, out: &mut Vec<FeedEvent>) {
        self.marks.push(mark, now);
        self.give_up_late(now, out);
    }

    /// Takes an event of the variant and appends what the feed says.
    pub fn push(&mut self, event: MediaEvent, now: WallTime, out: &mut Vec<FeedEvent>) {
        self.give_up_late(now, out);
        match event {
            MediaEvent::Video(config) => {
                // Later frames cannot be in the open segment: they wait for a discontinuity, if none is on its way.
                let open = self.init.as_ref().and_then(|(_, tracks)| tracks.video.as_ref());
                let changed = open.is_some_and(|open| *open != config);
                self.wants_renewal |= changed && !self.marks.bring_discontinuity(self.init_sequence);
                self.coming.video = Some(config);
            }
            MediaEvent::NoVideo => self.coming.video = None,
            MediaEvent::Audio(config) => {
                if self.coming.audio.as_ref() != Some(&config) {
                    self.audio_next = Some(AudioLane::new(Arc::clone(&config)));
                    self.coming.audio = Some(config);
                }
            }
            MediaEvent::NoAudio => {
                self.coming.audio = None;
                self.audio_next = None;
            }
            MediaEvent::Frame(frame) => match (frame.mark, frame.track, self.coming.video.is_some()) {
                (Some(mark), Track::Video, true) | (Some(mark), Track::Audio, false) => {
                    self.cut(&mark, frame, now, out);
                }
                (_, Track::Video, _) => self.video_frame(frame, now, out),
                (_, Track::Audio, _) => self.audio_frame(frame, now, out),
            },
        }
    }

    /// True if this variant needs a discontinuity, since it can go on only with another initialisation section: its
    /// encoder was replaced, which the planner does not know. Until there is one its segments are lost. Says so
    /// once.
    pub fn take_renewal(&mut self) -> bool {
        std::mem::take(&mut self.wants_renewal)
    }

    /// Closes the open part and segment. The broadcast may go on after it, or end: that is the owner's to say.
    pub fn finish(&mut self, now: WallTime, out: &mut Vec<FeedEvent>) {
        self.close_segment(None, now, out);
    }

    /// Closes the open segment and announces as lost every segment that can no longer begin in time.
    fn give_up_late(&mut self, now: WallTime, out: &mut Vec<FeedEvent>) {
        while let Some((mark, length)) = self.marks.take_late(now) {
            if self.segment.is_some() {
                warn!(variant = %self.config.variant, "the encoder has stopped; segments are lost");
                self.close_segment(None, now, out);
            }
            self.lose(&mark, length, out);
        }
    }

    fn lose(&self, mark: &Mark, length: Duration, out: &mut Vec<FeedEvent>) {
        let Config { epoch, variant, .. } = self.config;
        // Without media there is nothing that depends on other segments.
        let start = segment_start(mark, self.init.as_ref().map_or(0, |(number, _)| *number), true);
        out.push(FeedEvent::SegmentLost { epoch, variant, start, duration: length });
        self.count(|m| m.lost.inc());
    }

    /// A segment begins at `frame`.
    fn cut(&mut self, mark: &Mark, frame: Frame, now: WallTime, out: &mut Vec<FeedEvent>) {
        if self.marks.is_past(mark.msn) {
            return self.dropped(DropReason::NoSegment, 1);
        }
        self.close_segment(Some((mark, &frame)), now, out);
        for (lost, length) in self.marks.reach(*mark) {
            self.lose(&lost, length, out);
        }
        let fresh = self.init.is_none() || mark.discontinuity;
        if self.must_wait_for_discontinuity(mark) {
            self.wants_renewal = true;
            self.dropped(DropReason::NoSegment, 1);
            return self.lose(mark, self.config.segment_target, out);
        }
        let Some(number) = self.renew_init(mark, out) else {
            self.dropped(DropReason::Unwritable, 1);
            return self.lose(mark, self.config.segment_target, out);
        };
        if let (true, Some(audio)) = (fresh, &mut self.audio) {
            let early = audio.forget_before(ticks(mark.start, audio.scale()));
            self.dropped(DropReason::NoSegment, early);
        }
        let Some((scale, begin)) = self.lead_of(&frame) else {
            self.dropped(DropReason::Unwritable, 1);
            return self.lose(mark, self.config.segment_target, out);
        };
        let expected = span(self.last_length.unwrap_or(self.config.segment_target), scale);
        let jitter = self.video.as_mut().map_or(0, VideoLane::take_jitter);
        let margin = if self.uneven { jitter } else { 0 };
        let start = segment_start(mark, number, frame.key);
        self.segment = Some(Segment {
            start,
            pacer: Pacer::new(span(self.config.part_target, scale), begin, expected, margin),
            begin,
            part_begin: begin,
            shift: ticks(frame.pts, scale).saturating_sub(ticks(frame.dts, scale)),
            parts: 0,
            declared: Duration::ZERO,
            bytes: 0,
        });
        let Config { epoch, variant, .. } = self.config;
        out.push(FeedEvent::SegmentOpened { epoch, variant, start });
        match frame.track {
            Track::Video => self.video_frame(frame, now, out),
            Track::Audio => self.audio_frame(frame, now, out),
        }
    }

    /// True if the tracks need another section, which only a discontinuity may bring (RFC 8216bis §4.4.4.5: a reader
    /// resets its decoders there), and none was announced since the last section.
    fn must_wait_for_discontinuity(&self, mark: &Mark) -> bool {
        let changed = self.init.as_ref().is_some_and(|(_, tracks)| *tracks != self.coming);
        changed && mark.discontinuity_sequence <= self.init_sequence
    }

    /// Number of the init section that the tracks need; a new one is written if they have changed.
    fn renew_init(&mut self, mark: &Mark, out: &mut Vec<FeedEvent>) -> Option<u32> {
        if let Some((number, tracks)) = &self.init
            && *tracks == self.coming
        {
            self.init_sequence = mark.discontinuity_sequence;
            // Audio that went and came back as it was.
            self.audio = self.audio_next.take().or_else(|| self.audio.take());
            return Some(*number);
        }
        let (format, bytes) = match self.coming.init_section() {
            Ok(section) => section,
            Err(error) => {
                warn!(variant = %self.config.variant, %error, "cannot describe the tracks of a variant");
                return None;
            }
        };
        self.init_sequence = mark.discontinuity_sequence;
        let number = self.init.as_ref().map_or(0, |(number, _)| number + 1);
        let old = self.init.replace((number, self.coming.clone())).map(|(_, tracks)| tracks);
        let old = old.unwrap_or_default();
        if old.video != self.coming.video {
            self.video = self.coming.video.as_deref().map(VideoLane::new);
        }
        if old.audio != self.coming.audio {
            let fresh = || self.coming.audio.clone().map(AudioLane::new);
            self.audio = self.audio_next.take().or_else(fresh);
        }
        let Config { epoch, variant, .. } = self.config;
        out.push(FeedEvent::Init { epoch, variant, number, format, bytes });
        Some(number)
    }

    /// Ticks per second of the leading track, and where `frame` lies on it.
    fn lead_of(&self, frame: &Frame) -> Option<(u32, i64)> {
        let lead = match (&self.video, &self.audio) {
            (Some(video), _) => (VIDEO_TIMESCALE, video.place(frame)),
            (None, Some(audio)) => (audio.scale(), audio.place(frame)?),
            (None, None) => return None,
        };
        (lead.1 >= 0).then_some(lead)
    }

    fn video_frame(&mut self, frame: Frame, now: WallTime, out: &mut Vec<FeedEvent>) {
        let current = self.init.as_ref().and_then(|(_, tracks)| tracks.video.as_ref());
        let (true, Some(segment), Some(video)) =
            (current == self.coming.video.as_ref(), &self.segment, &mut self.video)
        else {
            return self.dropped(DropReason::NoSegment, 1);
        };
        let dts = video.place(&frame);
        if video.held().is_some() {
            // Known only now, the held frame may not fit in the part after all.
            let begin = segment.part_begin;
            let over = dts - begin > segment.pacer.target();
            if let Some(held) = video.held().filter(|held| over && *held > begin) {
                self.uneven = true;
                self.close_part(held, false, now, out);
            }
            self.complete_video(dts);
            self.close_part_if_due(dts, now, out);
        }
        if let Some(video) = &mut self.video {
            video.hold(frame, dts, now);
        }
    }

    fn complete_video(&mut self, end: i64) {
        if let Some(video) = &mut self.video {
            video.complete(end);
        }
    }

    fn close_part_if_due(&mut self, end: i64, now: WallTime, out: &mut Vec<FeedEvent>) {
        let next = match (&self.video, &self.audio) {
            (Some(video), _) => video.shortest(),
            (None, Some(audio)) => audio.step(),
            (None, None) => return,
        };
        let due = |segment: &Segment| segment.pacer.ends(segment.parts, segment.part_begin, end, next);
        if self.segment.as_ref().is_some_and(due) {
            self.close_part(end, false, now, out);
        }
    }

    fn audio_frame(&mut self, frame: Frame, now: WallTime, out: &mut Vec<FeedEvent>) {
        if let Some(next) = &mut self.audio_next {
            let placed = next.push(frame, now);
            return self.note(placed);
        }
        if self.coming.audio.is_none() {
            return self.dropped(DropReason::NoSegment, 1);
        }
        let Some(audio) = &mut self.audio else { return self.dropped(DropReason::NoSegment, 1) };
        if self.video.is_some() {
            let placed = audio.push(frame, now);
            return self.note(placed);
        }
        // Audio leads: it is its own clock.
        let Some(segment) = &self.segment else { return self.dropped(DropReason::NoSegment, 1) };
        let Some(dts) = audio.place(&frame) else { return self.note(Placed::Overlap) };
        let end = dts + audio.step();
        if end - segment.part_begin > segment.pacer.target() && !audio.is_empty() {
            self.close_part(dts, false, now, out);
        }
        let Some(audio) = &mut self.audio else { return };
        let placed = audio.push(frame, now);
        self.note(placed);
        self.close_part_if_due(end, now, out);
    }

    fn note(&self, placed: Placed) {
        match placed {
            Placed::Queued => {}
            Placed::Resynced => self.count(|m| m.resyncs.inc()),
            Placed::Overlap => self.dropped(DropReason::AudioOverlap, 1),
            Placed::Overflow => self.dropped(DropReason::AudioQueue, 1),
        }
    }

    fn dropped(&self, reason: DropReason, frames: usize) {
        self.count(|m| m.dropped(reason, frames));
    }

    fn count(&self, what: impl FnOnce(&Metrics)) {
        if let Some(metrics) = &self.metrics {
            what(metrics);
        }
    }
}
