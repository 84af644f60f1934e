//! The packager of a variant.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_shared::cmaf::{self, AUDIO_TRACK_ID, Run, VIDEO_TIMESCALE, VIDEO_TRACK_ID};
use farcast_shared::feed::{FeedEvent, PartMeta};
use farcast_shared::time::WallTime;
use tracing::warn;

use super::audio::{AudioLane, Placed};
use super::config::{Config, duration, rescale, span, ticks};
use super::metrics::{DropReason, Metrics};
use super::pacer::Pacer;
use super::pending::PendingMarks;
use super::rate::Rates;
use super::segment::{Segment, segment_start};
use super::tracks::Tracks;
use super::video::{Timed, VideoLane};
use crate::media::{Frame, Mark, MediaEvent, Track};

/// Most parts made at once of a stretch without video. What lies beyond is left out.
const MAX_PIECES: i64 = 64;

/// Turns what the ladder made of one variant into its feed. See the module for what it promises.
///
/// The planner's marks are told twice: on the frames, and, ahead of them, through [`Packager::mark`],
/// so that a variant whose encoder makes nothing still says which segments it has lost.
#[derive(Debug)]
pub struct Packager {
    config: Config,
    metrics: Option<Metrics>,
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
}

impl Packager {
    /// A packager that waits for its first mark.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            metrics: None,
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
            config,
        }
    }

    /// The same, counting.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
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
            MediaEvent::Video(config) => self.coming.video = Some(config),
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

    /// Closes the open part and segment. The broadcast may go on after it, or end: that is the owner's to say.
    pub fn finish(&mut self, now: WallTime, out: &mut Vec<FeedEvent>) {
        self.close_segment(None, now, out);
    }

    /// Closes what is open and says lost of every segment that can no longer begin in time.
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
        let start = segment_start(mark, self.init.as_ref().map_or(0, |(number, _)| *number));
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
        let Some(number) = self.renew_init(out) else {
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
        let start = segment_start(mark, number);
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

    /// Number of the section that the tracks need, written anew if they have changed.
    fn renew_init(&mut self, out: &mut Vec<FeedEvent>) -> Option<u32> {
        if let Some((number, tracks)) = &self.init
            && *tracks == self.coming
        {
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
            video.hold(frame, dts);
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
            let placed = next.push(frame);
            return self.note(placed);
        }
        if self.coming.audio.is_none() {
            return self.dropped(DropReason::NoSegment, 1);
        }
        let Some(audio) = &mut self.audio else { return self.dropped(DropReason::NoSegment, 1) };
        if self.video.is_some() {
            let placed = audio.push(frame);
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
        let placed = audio.push(frame);
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

    /// Closes the open segment, before the frame that begins the next if there is one.
    fn close_segment(&mut self, next: Option<(&Mark, &Frame)>, now: WallTime, out: &mut Vec<FeedEvent>) {
        let Some(segment) = &self.segment else { return };
        let (begin, part_begin, shift) = (segment.begin, segment.part_begin, segment.shift);
        let target = segment.pacer.target();
        let end = match (&self.video, &self.audio) {
            (Some(video), _) => {
                let held = video.held().unwrap_or(part_begin);
                let nominal = held.saturating_add(video.interval());
                let end = match next {
                    // On the same timeline the next frame says how long the held one is.
                    Some((mark, frame)) if frame.track == Track::Video => {
                        let dts = video.place(frame);
                        if mark.discontinuity && dts - held > target { nominal } else { dts }
                    }
                    // Video has stopped: audio fills the segment up to the next.
                    Some((mark, _)) => nominal.max(ticks(mark.start, VIDEO_TIMESCALE).saturating_sub(shift)),
                    None => nominal,
                };
                let stopped = next.is_some_and(|(_, frame)| frame.track == Track::Audio);
                let over = if stopped { nominal } else { end } - part_begin > target;
                if over && held > part_begin {
                    self.close_part(held, false, now, out);
                }
                self.complete_video(if stopped { nominal } else { end });
                end
            }
            (None, Some(audio)) => audio.end().unwrap_or(part_begin),
            (None, None) => part_begin,
        };
        // Nothing can follow on a track that changes or ends here, so it is emptied.
        let last_audio =
            next.is_none() || self.init.as_ref().is_some_and(|(_, t)| t.audio != self.coming.audio);
        self.close_part(end, last_audio, now, out);
        let Some(segment) = self.segment.take() else { return };
        let Config { epoch, variant, target_duration_s, .. } = self.config;
        let scale = self.scale();
        if segment.parts == 0 {
            let length = duration(end - begin, scale).min(Duration::from_secs(target_duration_s.into()));
            out.push(FeedEvent::SegmentLost { epoch, variant, start: segment.start, duration: length });
            return self.count(|m| m.lost.inc());
        }
        self.last_length = Some(segment.declared);
        let target_duration = Duration::from_secs(target_duration_s.into());
        self.rates.push(segment.bytes, segment.declared, target_duration);
        let end = segment.end(self.rates.peak_bps(), self.rates.average_bps());
        out.push(FeedEvent::SegmentClosed { epoch, variant, end });
        self.count(|m| m.segments.inc());
    }

    /// Ticks per second of the leading track.
    fn scale(&self) -> u32 {
        match (&self.video, &self.audio) {
            (None, Some(audio)) => audio.scale(),
            _ => VIDEO_TIMESCALE,
        }
    }

    /// Closes the open part at `end`; as several if it spans more than PART-TARGET, which happens when
    /// video pauses and audio goes on. `all_audio`: takes even audio that lies later.
    fn close_part(&mut self, end: i64, all_audio: bool, now: WallTime, out: &mut Vec<FeedEvent>) {
        let Some(segment) = &mut self.segment else { return };
        let (begin, shift, target) = (segment.part_begin, segment.shift, segment.pacer.target());
        let length = end.saturating_sub(begin);
        segment.part_begin = begin.max(end);
        let pieces = length.saturating_add(target - 1).div_euclid(target).clamp(1, MAX_PIECES);
        for piece in 1..=pieces {
            let last = piece == pieces;
            let share = |n: i64| i64::try_from(i128::from(length) * i128::from(n) / i128::from(pieces));
            let piece_end = share(piece).unwrap_or(length).saturating_add(begin);
            let piece_length = piece_end - share(piece - 1).unwrap_or(0).saturating_add(begin);
            let video_end = if last { i64::MAX } else { piece_end };
            let video = self.video.as_mut().map(|lane| lane.take_before(video_end)).unwrap_or_default();
            let leads = self.video.is_none();
            let audio = match &mut self.audio {
                Some(lane) if last && all_audio => lane.take_before(i64::MAX),
                Some(lane) if leads => lane.take_before(piece_end),
                Some(lane) => {
                    lane.take_before(rescale(piece_end.saturating_add(shift), VIDEO_TIMESCALE, lane.scale()))
                }
                None => Vec::new(),
            };
            self.emit(video, audio, piece_length, now, out);
        }
    }

    /// Writes a part.
    fn emit(
        &mut self,
        video: Vec<Timed>,
        audio: Vec<Timed>,
        length: i64,
        now: WallTime,
        out: &mut Vec<FeedEvent>,
    ) {
        let frames = video.len() + audio.len();
        let scale = self.scale();
        let Some(segment) = &mut self.segment else { return };
        if frames == 0 {
            return if length > 0 {
                self.count(|m| m.holes.inc())
            };
        }
        let Config { epoch, variant, part_target, target_duration_s, .. } = self.config;
        let Some(declared) = segment.allow(duration(length, scale), part_target, target_duration_s) else {
            return self.dropped(DropReason::Overfull, frames);
        };
        let independent = self.video.is_none() || video.iter().any(|timed| timed.sample.sync);
        let arrived_at = video.iter().chain(&audio).map(|timed| timed.arrived_at).max().unwrap_or(now);
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = match write(self.sequence, video, audio) {
            Ok(bytes) => bytes,
            Err(error) => {
                warn!(%variant, %error, "cannot write a part");
                return self.dropped(DropReason::Unwritable, frames);
            }
        };
        let meta =
            PartMeta { index: segment.parts, duration: declared, independent, arrived_at, closed_at: now };
        segment.parts += 1;
        segment.declared += declared;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        segment.bytes = segment.bytes.saturating_add(size);
        let msn = segment.start.msn;
        out.push(FeedEvent::Part { epoch, variant, msn, meta, bytes });
        self.count(|m| {
            m.parts.inc();
            m.bytes.inc_by(size);
        });
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

/// Writes the samples of a part, video first.
fn write(sequence: u32, video: Vec<Timed>, audio: Vec<Timed>) -> Result<Bytes, cmaf::Error> {
    // A track's decode times are negative only if a source precedes its own beginning by ten seconds.
    let base = |run: &[Timed]| u64::try_from(run.first().map_or(0, |timed| timed.dts)).unwrap_or(0);
    let (video_base, audio_base) = (base(&video), base(&audio));
    let video: Vec<_> = video.into_iter().map(|timed| timed.sample).collect();
    let audio: Vec<_> = audio.into_iter().map(|timed| timed.sample).collect();
    cmaf::chunk(
        sequence,
        &[
            Run { track_id: VIDEO_TRACK_ID, base_decode_time: video_base, samples: &video },
            Run { track_id: AUDIO_TRACK_ID, base_decode_time: audio_base, samples: &audio },
        ],
    )
}
