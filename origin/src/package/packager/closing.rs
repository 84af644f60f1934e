//! Closing of segments and parts.

use std::time::Duration;

use bytes::Bytes;
use farcast_feed::cmaf::{self, AUDIO_TRACK_ID, Run, VIDEO_TIMESCALE, VIDEO_TRACK_ID};
use farcast_feed::feed::{FeedEvent, PartMeta};
use farcast_feed::name::{Msn, ObjectKind, ObjectName};
use farcast_feed::time::WallTime;
use farcast_trace::Step;
use tracing::warn;

use super::super::config::{Config, duration, rescale, ticks};
use super::super::metrics::DropReason;
use super::super::video::Timed;
use super::Packager;
use crate::media::{Frame, Mark, Track};

/// Most parts made at once of a stretch without video. The rest is left out.
const MAX_PIECES: i64 = 64;

impl Packager {
    /// Closes the open segment, before the frame that begins the next if there is one.
    pub(super) fn close_segment(
        &mut self,
        next: Option<(&Mark, &Frame)>,
        now: WallTime,
        out: &mut Vec<FeedEvent>,
    ) {
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
        if let Some(FeedEvent::Part { variant: of, msn, meta, .. }) = out.last_mut()
            && (*of, *msn) == (variant, end.msn)
        {
            meta.closes = Some(end);
        }
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
    pub(super) fn close_part(&mut self, end: i64, all_audio: bool, now: WallTime, out: &mut Vec<FeedEvent>) {
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
        let opening = self.traces.as_ref().and_then(|_| {
            let first = video.iter().chain(&audio).min_by_key(|timed| timed.arrived_at)?;
            Some((first.arrived_at, first.made_at))
        });
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = match write(self.sequence, video, audio) {
            Ok(bytes) => bytes,
            Err(error) => {
                warn!(%variant, %error, "cannot write a part");
                return self.dropped(DropReason::Unwritable, frames);
            }
        };
        let meta = PartMeta {
            index: segment.parts,
            duration: declared,
            independent,
            arrived_at,
            closed_at: now,
            closes: None,
        };
        segment.parts += 1;
        segment.declared += declared;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        segment.bytes = segment.bytes.saturating_add(size);
        let msn = segment.start.msn;
        if let Some(opening) = opening {
            self.trace(msn, &meta, opening);
        }
        out.push(FeedEvent::Part { epoch, variant, msn, meta, bytes });
        self.count(|m| {
            m.parts.inc();
            m.bytes.inc_by(size);
        });
    }
}

impl Packager {
    /// Gives the spans of a part, if it is traced. Its first frame arrived, and came out of the ladder, at these times.
    fn trace(&self, msn: Msn, meta: &PartMeta, (arrived_at, made_at): (WallTime, WallTime)) {
        let Config { epoch, variant, .. } = self.config;
        let name = ObjectName { epoch, variant, kind: ObjectKind::Part(msn, meta.index) };
        let Some((stream, tracer)) = &self.traces else { return };
        let Some(traced) = tracer.part(stream, &name, meta.closed_at) else { return };
        traced.step(Step::Part, arrived_at, meta.closed_at);
        traced.step(Step::Ingest, arrived_at, meta.arrived_at);
        traced.step(Step::Ladder, arrived_at, made_at);
        traced.step(Step::Package, made_at, meta.closed_at);
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
