//! A segment of a window, as playlists list it.

use std::time::Duration;

use crate::feed::{PartMeta, SegmentStart};
use crate::name::{Epoch, Msn, ObjectKind, ObjectName, VariantId};
use crate::time::WallTime;

/// A part as it is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// DURATION, never above PART-TARGET.
    pub duration: Duration,
    /// INDEPENDENT=YES.
    pub independent: bool,
    /// GAP=YES: it is missing.
    pub gap: bool,
    /// When the packager closed it.
    pub closed_at: WallTime,
}

impl Part {
    pub(super) fn new(meta: &PartMeta, part_target: Duration) -> Self {
        // CoreMedia refuses a whole playlist for one part above PART-TARGET (-12642).
        let duration = meta.duration.min(part_target);
        Self { duration, independent: meta.independent, gap: false, closed_at: meta.closed_at }
    }

    pub(super) fn missing(duration: Duration) -> Self {
        Self { duration, independent: false, gap: true, closed_at: WallTime::default() }
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

/// A segment and the parts that are listed of it.
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
    /// Parts that are listed: all, or none when it lies too far back.
    pub parts: Vec<Part>,
}

impl Segment {
    pub(super) fn new(epoch: Epoch, start: SegmentStart, state: State) -> Self {
        Self { epoch, start, state, part_count: 0, parts: Vec::new() }
    }

    /// Its media sequence number.
    #[must_use]
    pub fn msn(&self) -> Msn {
        self.start.msn
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
        matches!(self.state, State::Closed(_)) || self.parts.iter().any(|part| !part.gap)
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
            self.push(Part::missing(duration));
        }
    }
}
