//! A segment of a window.

use std::time::Duration;

use bytes::Bytes;

use crate::feed::{PartMeta, SegmentEnd, SegmentStart};
use crate::name::{Epoch, Msn, ObjectKind, ObjectName, VariantId};
use crate::time::WallTime;

/// A part of a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// DURATION, never above PART-TARGET.
    pub duration: Duration,
    /// GAP=YES: it was never announced.
    pub gap: bool,
    /// The packager's description of the part; of a gap, no more than its index.
    pub meta: PartMeta,
    /// Its bytes, where they are here.
    pub bytes: Option<Bytes>,
}

impl Part {
    pub(super) fn new(meta: &PartMeta, part_target: Duration) -> Self {
        // CoreMedia refuses a whole playlist for one part above PART-TARGET (-12642).
        let duration = meta.duration.min(part_target);
        Self { duration, gap: false, meta: *meta, bytes: None }
    }

    fn missing(index: u32, duration: Duration) -> Self {
        let (arrived_at, closed_at) = (WallTime::default(), WallTime::default());
        let meta = PartMeta { index, duration, independent: false, arrived_at, closed_at, closes: None };
        Self { duration, gap: true, meta, bytes: None }
    }
}

/// The state of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// More parts will come.
    Open,
    /// Complete, of this duration (EXTINF).
    Closed(Duration),
    /// Without media, or with only the first parts of it, of this duration: EXT-X-GAP.
    Lost(Duration),
}

/// A segment and its parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Epoch that its objects belong to.
    pub epoch: Epoch,
    /// Its start.
    pub start: SegmentStart,
    /// The state of the segment.
    pub state: State,
    /// Number of its parts so far, listed or not.
    pub part_count: u32,
    /// The end of the segment as the feed gave it. A segment may be complete before (its last part says so), or without
    /// (it was cut short).
    pub(super) end: Option<SegmentEnd>,
    /// Empty, or all.
    parts: Vec<Part>,
    /// True once it lies too far back for its parts to be listed.
    is_old: bool,
}

impl Segment {
    pub(super) fn new(epoch: Epoch, start: SegmentStart, state: State) -> Self {
        Self { epoch, start, state, part_count: 0, end: None, parts: Vec::new(), is_old: false }
    }

    /// Its media sequence number.
    #[must_use]
    pub fn msn(&self) -> Msn {
        self.start.msn
    }

    /// Parts that are listed: all, or none when it lies too far back.
    #[must_use]
    pub fn listed_parts(&self) -> &[Part] {
        if self.is_old { &[] } else { &self.parts }
    }

    /// True if more parts will come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// True if a playlist shows it: a segment that has begun but has no part is not shown.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        !self.is_open() || !self.parts.is_empty()
    }

    /// True if it has media to play.
    #[must_use]
    pub fn has_media(&self) -> bool {
        matches!(self.state, State::Closed(_)) || self.listed_parts().iter().any(|part| !part.gap)
    }

    /// EXTINF, or the length so far of an open segment.
    #[must_use]
    pub fn duration(&self) -> Duration {
        match self.state {
            State::Open => self.listed_duration(),
            State::Closed(duration) | State::Lost(duration) => duration,
        }
    }

    /// Discontinuities before this segment, its own not included.
    #[must_use]
    pub fn discontinuities_before(&self) -> u64 {
        self.start.discontinuity_sequence.saturating_sub(u64::from(self.start.discontinuity))
    }

    /// Name of one of its objects.
    #[must_use]
    pub fn object(&self, variant: VariantId, kind: ObjectKind) -> ObjectName {
        ObjectName { epoch: self.epoch, variant, kind }
    }

    /// Its parts that are here, listed or not.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// A part whose bytes are here.
    #[must_use]
    pub fn held_part(&self, index: u32) -> Option<(&Part, &Bytes)> {
        let part = self.parts.get(usize::try_from(index).ok()?)?;
        Some((part, part.bytes.as_ref()?))
    }

    /// Bytes of its parts that are here.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.parts.iter().filter_map(|part| part.bytes.as_ref()).map(Bytes::len).sum()
    }

    /// True if every byte of it is here that there is so far.
    pub(super) fn is_held(&self) -> bool {
        match self.state {
            State::Lost(_) => true,
            State::Open | State::Closed(_) => {
                self.parts.len() == usize::try_from(self.part_count).unwrap_or(usize::MAX)
                    && self.parts.iter().all(|part| part.bytes.is_some())
            }
        }
    }

    pub(super) fn listed_duration(&self) -> Duration {
        self.parts.iter().map(|part| part.duration).sum()
    }

    pub(super) fn push(&mut self, part: Part) {
        self.parts.push(part);
        self.part_count = self.part_count.saturating_add(1);
    }

    /// Makes up for parts that were never announced, so that (segment, part) numbering stays that
    /// of other edges: `count` in all, `rest` long together where that fits.
    pub(super) fn pad_parts(&mut self, count: u32, mut rest: Duration, part_target: Duration) {
        while self.part_count < count {
            let duration = if rest.is_zero() { part_target } else { rest.min(part_target) };
            rest = rest.saturating_sub(duration);
            self.push(Part::missing(self.part_count, duration));
        }
    }

    /// Takes the bytes of a part that was announced. Those of one that is not known here are of no use.
    pub(super) fn fill(&mut self, index: u32, bytes: &Bytes) {
        let part = usize::try_from(index).ok().and_then(|at| self.parts.get_mut(at));
        if let Some(part) = part.filter(|part| !part.gap) {
            part.bytes = Some(bytes.clone());
        }
    }

    /// Its parts are not listed any more; the bytes that are here stay.
    pub(super) fn stop_listing_parts(&mut self) {
        self.is_old = true;
    }

    /// Its parts are not listed any more, and their bytes go.
    pub(super) fn forget_parts(&mut self) {
        self.is_old = true;
        self.parts = Vec::new();
    }
}
