//! The window of a variant: the segments that its playlist lists now, and those that left it lately.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::keep::Keep;
use super::segment::{Part, Segment, State};
use super::{MAX_GAPS, MAX_PARTS, MAX_SEGMENTS, MIN_SEGMENTS, MIN_WINDOW_TARGETS, PARTS_LISTED_TARGETS};
use crate::feed::{
    Format, PartMeta, Presentation, SegmentEnd, SegmentSnapshot, SegmentStart, SegmentState, VariantSnapshot,
};
use crate::name::{Epoch, Msn, ObjectKind, ObjectName, VariantId};

/// An initialisation section.
#[derive(Clone, PartialEq, Debug)]
pub struct Init {
    /// The properties of its media.
    pub format: Format,
    /// `ftyp` + `moov`.
    pub bytes: Bytes,
}

/// The availability of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup {
    /// In the playlist now, or until lately: its bytes are here or with the origin.
    Present,
    /// The object that the playlist hints at: it will come, or the hint is abandoned.
    Pending,
    /// Not available, or not any more.
    Absent,
}

/// Segments of one variant, built from the feed. Every method that takes news returns whether it
/// changed anything; news that is already known, or that belongs to an earlier segment, changes nothing.
#[derive(Clone, Debug)]
pub struct VariantWindow {
    pub(crate) variant: VariantId,
    pub(crate) target: Duration,
    pub(crate) part_target: Duration,
    length: Duration,
    keep: Keep,
    /// Epoch of the segments to come.
    pub(crate) epoch: Epoch,
    /// Oldest first; only the last may be open.
    pub(crate) segments: VecDeque<Segment>,
    /// Removed from the playlist but still to be served (RFC 8216bis §6.2.2), oldest first.
    pub(super) retired: VecDeque<Segment>,
    pub(crate) inits: BTreeMap<(Epoch, u32), Init>,
    /// Peak and average bit rate in bits per second.
    pub(crate) measured_bps: Option<(u64, u64)>,
    pub(crate) ended: bool,
}

impl VariantWindow {
    /// An empty window of a presentation's variant.
    #[must_use]
    pub fn new(presentation: &Presentation, variant: VariantId, keep: Keep) -> Self {
        Self {
            variant,
            keep,
            target: Duration::from_secs(u64::from(presentation.target_duration_s.max(1))),
            part_target: presentation.part_target.max(Duration::from_millis(1)),
            length: presentation.window,
            epoch: presentation.epoch,
            segments: VecDeque::new(),
            retired: VecDeque::new(),
            inits: BTreeMap::new(),
            measured_bps: None,
            ended: false,
        }
    }

    /// Segments that are listed, oldest first.
    pub fn listed(&self) -> impl DoubleEndedIterator<Item = &Segment> + Clone {
        self.segments.iter().filter(|segment| segment.is_listed())
    }

    /// The last segment listed, open or not.
    #[must_use]
    pub fn last(&self) -> Option<&Segment> {
        self.listed().next_back()
    }

    /// True if there is something to play, and its format is known.
    #[must_use]
    pub fn is_playable(&self) -> bool {
        self.format().is_some() && self.listed().any(Segment::has_media)
    }

    /// True if every segment that is listed can be decoded without others.
    #[must_use]
    pub fn is_independent(&self) -> bool {
        self.listed().filter(|segment| segment.has_media()).all(|segment| segment.start.independent)
    }

    /// True if EXT-X-ENDLIST is written.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Peak and average bit rate as they were measured, in bits per second; none before a segment has ended.
    #[must_use]
    pub fn measured_bps(&self) -> Option<(u64, u64)> {
        self.measured_bps
    }

    /// The properties of the newest init section.
    #[must_use]
    pub fn format(&self) -> Option<&Format> {
        self.inits.last_key_value().map(|(_, init)| &init.format)
    }

    /// An initialisation section that is still known.
    #[must_use]
    pub fn init_section(&self, epoch: Epoch, number: u32) -> Option<&Init> {
        self.inits.get(&(epoch, number))
    }

    /// The part that will come next (EXT-X-PRELOAD-HINT), if that can be told: not after the end,
    /// and not between an epoch and the first segment of the one that continues it.
    #[must_use]
    pub fn hint(&self) -> Option<ObjectName> {
        let last = self.segments.back().filter(|_| !self.ended)?;
        if last.is_open() {
            return Some(last.object(self.variant, ObjectKind::Part(last.msn(), last.part_count)));
        }
        (last.epoch == self.epoch).then(|| last.object(self.variant, ObjectKind::Part(last.msn().next(), 0)))
    }

    /// All segments, listed or lately removed, oldest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.retired.iter().chain(&self.segments)
    }

    /// The oldest segment with bytes, the last one left out.
    pub(super) fn oldest_held(&mut self) -> Option<&mut Segment> {
        let last = self.segments.back().map(Segment::msn);
        let mut all = self.retired.iter_mut().chain(&mut self.segments);
        all.find(|segment| segment.held_bytes() > 0 && Some(segment.msn()) != last)
    }

    /// The segment of this number, listed or lately removed.
    #[must_use]
    pub fn segment(&self, epoch: Epoch, msn: Msn) -> Option<&Segment> {
        [&self.segments, &self.retired]
            .into_iter()
            .find_map(|list| list.binary_search_by_key(&msn, Segment::msn).ok().map(|at| &list[at]))
            .filter(|segment| segment.epoch == epoch)
    }

    /// The availability of an object of this variant. Objects stay available after they leave the
    /// playlist for as long as RFC 8216bis §6.2.2 wants, and longer.
    #[must_use]
    pub fn lookup(&self, name: &ObjectName) -> Lookup {
        let found = |present: bool| if present { Lookup::Present } else { Lookup::Absent };
        match name.kind {
            ObjectKind::Init(number) => found(self.inits.contains_key(&(name.epoch, number))),
            ObjectKind::Segment(msn) => found(
                self.segment(name.epoch, msn)
                    .is_some_and(|segment| matches!(segment.state, State::Closed(_))),
            ),
            ObjectKind::Part(..) if self.hint().as_ref() == Some(name) => Lookup::Pending,
            ObjectKind::Part(msn, index) => found(self.segment(name.epoch, msn).is_some_and(|segment| {
                let listed = usize::try_from(index).ok().and_then(|at| segment.listed_parts().get(at));
                match listed {
                    Some(part) => !part.gap,
                    None => index < segment.part_count && matches!(segment.state, State::Closed(_)),
                }
            })),
        }
    }

    /// A new initialisation section.
    pub(crate) fn add_init(&mut self, epoch: Epoch, number: u32, format: &Format, bytes: &Bytes) -> bool {
        let key = (epoch, number);
        // One that is older than the newest is news only if a segment that is listed lacks it.
        let is_new = self.inits.last_key_value().is_none_or(|(newest, _)| *newest < key);
        let is_lacking = || self.segments.iter().any(|s| (s.epoch, s.start.init) == key);
        if epoch != self.epoch || self.inits.contains_key(&key) || !(is_new || is_lacking()) {
            return false;
        }
        self.inits.insert(key, Init { format: format.clone(), bytes: bytes.clone() });
        true
    }

    /// A segment begins. One that is still open was cut short; numbers in between are gaps.
    pub(crate) fn open(&mut self, start: SegmentStart) -> bool {
        if !self.make_room(&start) {
            return false;
        }
        self.segments.push_back(Segment::new(self.epoch, start, State::Open));
        self.prune();
        true
    }

    /// A part of the open segment is complete.
    pub(super) fn add_part(&mut self, msn: Msn, meta: &PartMeta) -> bool {
        let part_target = self.part_target;
        let Some(segment) = self.open_segment(msn) else { return false };
        if meta.index < segment.part_count || meta.index >= MAX_PARTS {
            return false;
        }
        segment.pad_parts(meta.index, Duration::ZERO, part_target);
        segment.push(Part::new(meta, part_target));
        match &meta.closes {
            Some(end) => self.close(end),
            None => {
                self.prune();
                true
            }
        }
    }

    /// The bytes of a part that was announced, if they are to be kept.
    pub(super) fn fill(&mut self, epoch: Epoch, msn: Msn, index: u32, bytes: &Bytes) {
        let segments = self.segments.iter_mut().rev();
        if let Some(segment) =
            segments.take_while(|s| s.msn() >= msn).find(|s| (s.epoch, s.msn()) == (epoch, msn))
        {
            segment.fill(index, bytes);
        }
    }

    /// The open segment is complete.
    pub(crate) fn close(&mut self, end: &SegmentEnd) -> bool {
        let part_target = self.part_target;
        let Some(segment) = self.open_segment(end.msn) else { return false };
        if segment.parts().is_empty() {
            // A newcomer gets an old segment without its parts; they are not listed.
            segment.part_count = end.parts;
        } else {
            let rest = end.duration.saturating_sub(segment.listed_duration());
            segment.pad_parts(end.parts.min(MAX_PARTS), rest, part_target);
        }
        segment.state = State::Closed(end.duration);
        self.measured_bps = Some((end.peak_bps, end.average_bps));
        self.prune();
        true
    }

    /// A segment has no media here, or no more than the parts that came so far.
    pub(crate) fn lose(&mut self, start: SegmentStart, duration: Duration) -> bool {
        let part_target = self.part_target;
        if let Some(segment) = self.open_segment(start.msn) {
            let rest = duration.saturating_sub(segment.listed_duration());
            if !segment.parts().is_empty() && !rest.is_zero() {
                let missing = rest.as_micros().div_ceil(part_target.as_micros().max(1));
                let missing = u32::try_from(missing).unwrap_or(MAX_PARTS).min(MAX_PARTS);
                segment.pad_parts(segment.part_count.saturating_add(missing), rest, part_target);
            }
            segment.state = State::Lost(duration);
        } else {
            if !self.make_room(&start) {
                return false;
            }
            self.segments.push_back(Segment::new(self.epoch, start, State::Lost(duration)));
        }
        self.prune();
        true
    }

    /// The broadcast is over.
    pub(crate) fn end(&mut self) -> bool {
        if self.ended {
            return false;
        }
        self.finish_open();
        self.ended = true;
        true
    }

    /// Another epoch continues this one: an open segment gets no more parts.
    pub(crate) fn continue_as(&mut self, epoch: Epoch) {
        self.finish_open();
        self.epoch = epoch;
        self.prune();
    }

    /// Takes the state that a newcomer gets. Merging it a second time changes nothing.
    pub(crate) fn merge(&mut self, snapshot: &VariantSnapshot) -> bool {
        let mut changed = false;
        for (number, format, bytes) in &snapshot.inits {
            changed |= self.add_init(self.epoch, *number, format, bytes);
        }
        for SegmentSnapshot { start, parts, state } in &snapshot.segments {
            if let SegmentState::Lost(duration) = state {
                changed |= self.lose(*start, *duration);
                continue;
            }
            changed |= self.open(*start);
            for meta in parts {
                changed |= self.add_part(start.msn, meta);
            }
            if let SegmentState::Closed(end) = state {
                changed |= self.close(end);
                self.confirm_end(end);
            }
        }
        changed
    }

    /// The feed has said how the last segment ended.
    pub(super) fn confirm_end(&mut self, end: &SegmentEnd) {
        if let Some(last) = self.segments.back_mut().filter(|last| last.msn() == end.msn && !last.is_open()) {
            last.end.get_or_insert(*end);
        }
    }

    fn open_segment(&mut self, msn: Msn) -> Option<&mut Segment> {
        self.segments.back_mut().filter(|last| last.is_open() && last.msn() == msn)
    }

    /// Ends the open segment with the parts it has; without any it was never listed, and goes.
    fn finish_open(&mut self) {
        let Some(last) = self.segments.back_mut().filter(|last| last.is_open()) else { return };
        if last.parts().is_empty() {
            self.segments.pop_back();
        } else {
            last.state = State::Closed(last.listed_duration());
        }
    }

    /// Prepares the tail for a segment that starts; false if it is no news.
    fn make_room(&mut self, start: &SegmentStart) -> bool {
        if self.ended || self.segments.back().is_some_and(|last| start.msn <= last.msn()) {
            return false;
        }
        self.finish_open();
        if !self.fill_gaps(start) {
            // Numbers cannot be made to agree: as if all had left the window.
            self.retired.extend(self.segments.drain(..));
        }
        true
    }

    /// Lists the numbers between the last segment and `next` as gaps, so that numbering has no hole
    /// and discontinuities that happened in between are counted. False if that is impossible.
    fn fill_gaps(&mut self, next: &SegmentStart) -> bool {
        let Some(last) = self.segments.back() else { return true };
        let (epoch, last_start, mut at) =
            (last.epoch, last.start, last.start.program_date_time.after(last.duration()));
        let missing = next.msn.0.saturating_sub(last_start.msn.0).saturating_sub(1);
        let before = next.discontinuity_sequence.saturating_sub(u64::from(next.discontinuity));
        let Some(hidden) = before.checked_sub(last_start.discontinuity_sequence) else { return false };
        if hidden > missing || missing > MAX_GAPS {
            return false;
        }
        let count = u32::try_from(missing).unwrap_or(1).max(1);
        let each = match next.program_date_time.since(at) / count {
            Duration::ZERO => self.target,
            known => known.min(self.target),
        };
        for nth in 1..=missing {
            let start = SegmentStart {
                msn: Msn(last_start.msn.0.saturating_add(nth)),
                init: last_start.init,
                program_date_time: at,
                discontinuity: nth <= hidden,
                discontinuity_sequence: last_start.discontinuity_sequence.saturating_add(nth.min(hidden)),
                independent: true,
            };
            self.segments.push_back(Segment::new(epoch, start, State::Lost(each)));
            at = at.after(each);
        }
        true
    }

    /// Drops what the playlist need not list any more (§6.2.2), and what need not be served any more.
    fn prune(&mut self) {
        self.forget_parts();
        let keep = self.length.max(self.target * MIN_WINDOW_TARGETS);
        let complete = |segment: &&Segment| !segment.is_open();
        let mut count = self.segments.iter().filter(complete).count();
        let mut total: Duration = self.segments.iter().filter(complete).map(Segment::duration).sum();
        while let Some(head) = self.segments.front().filter(|head| !head.is_open()) {
            total = total.saturating_sub(head.duration());
            if self.segments.len() <= MAX_SEGMENTS && (count <= MIN_SEGMENTS || total < keep) {
                break;
            }
            count -= 1;
            self.retired.extend(self.segments.pop_front());
        }

        let retained = keep + self.target * PARTS_LISTED_TARGETS;
        let mut gone: Duration = self.retired.iter().skip(1).map(Segment::duration).sum();
        while self.retired.len() > MAX_SEGMENTS || (gone > retained && !self.retired.is_empty()) {
            self.retired.pop_front();
            gone = gone.saturating_sub(self.retired.front().map(Segment::duration).unwrap_or_default());
        }

        let newest = self.inits.last_key_value().map(|(key, _)| *key);
        let (segments, retired) = (&self.segments, &self.retired);
        self.inits.retain(|key, _| {
            // A newer section may be here already before the segment that names it.
            Some(*key) == newest
                || segments.back().is_some_and(|last| (last.epoch, last.start.init) <= *key)
                || segments.iter().chain(retired).any(|s| (s.epoch, s.start.init) == *key)
        });
    }

    /// Stops listing the parts of segments that lie far back, and forgets their bytes unless they are to be kept.
    fn forget_parts(&mut self) {
        let listed = self.target * PARTS_LISTED_TARGETS;
        let kept = self.keep.length(self.target, listed, self.length);
        let mut from_end = Duration::ZERO;
        for segment in self.segments.iter_mut().rev() {
            if from_end > listed {
                segment.stop_listing_parts();
            }
            if from_end > kept {
                segment.forget_parts();
            }
            from_end += segment.duration();
        }
        for segment in self.retired.iter_mut().rev() {
            if from_end >= kept {
                segment.forget_parts();
            }
            from_end += segment.duration();
        }
    }
}
