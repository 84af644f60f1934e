//! The outputs of a window: the snapshot and the backlog of a newcomer, and objects.

use std::sync::Arc;

use bytes::Bytes;

use super::segment::{Segment, State};
use super::stream::StreamWindow;
use super::variant::VariantWindow;
use crate::feed::{PartMeta, SegmentEnd, SegmentSnapshot, SegmentState, Snapshot, VariantSnapshot};
use crate::name::{Msn, ObjectKind, ObjectName, VariantId};

/// Finished segments per variant that are pushed to a newcomer: what a player without parts starts
/// from (three target durations before the end, RFC 8216bis §6.3.3) and one more.
const BACKLOG_SEGMENTS: usize = 4;

/// A part that a newcomer should get pushed.
#[derive(Clone, PartialEq, Debug)]
pub struct BacklogPart {
    /// Its variant.
    pub variant: VariantId,
    /// Its segment.
    pub msn: Msn,
    /// Its metadata.
    pub meta: PartMeta,
    /// Its bytes.
    pub bytes: Bytes,
}

impl StreamWindow {
    /// The snapshot of the current epoch for a newcomer. It lists no complete segment whose bytes are not all here, nor
    /// one before such a segment; of one that is open, the parts whose bytes are here.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let variants = self.windows.iter().map(VariantWindow::snapshot).collect();
        Snapshot { presentation: Arc::clone(self.presentation()), variants, ended: self.has_ended() }
    }

    /// The newest parts that a newcomer does not have, per variant oldest first. `next` is the segment and the part in it
    /// that the newcomer needs next of a variant: (0, 0) when it has nothing of this epoch.
    #[must_use]
    pub fn backlog(&self, next: impl Fn(VariantId) -> (Msn, u32)) -> Vec<BacklogPart> {
        self.windows.iter().flat_map(|window| window.backlog(next(window.variant))).collect()
    }

    /// An object as the pieces of which it is made; `None` when it is not here, or not complete.
    #[must_use]
    pub fn object(&self, name: &ObjectName) -> Option<Vec<Bytes>> {
        self.get(name.variant)?.object(name)
    }
}

impl VariantWindow {
    /// Segments of the current epoch that are listed, and all of which is here: from the last one that lacks something.
    fn given(&self) -> impl DoubleEndedIterator<Item = &Segment> + Clone {
        let is_given =
            |segment: &&Segment| segment.epoch == self.epoch && (segment.is_open() || segment.is_held());
        let count = self.segments.iter().rev().take_while(is_given).count();
        self.segments.range(self.segments.len() - count..)
    }

    fn snapshot(&self) -> VariantSnapshot {
        let last = self.segments.back().map(Segment::msn);
        let segments =
            self.given().map(|segment| self.segment_snapshot(segment, Some(segment.msn()) == last));
        let inits = self.inits.iter().filter(|((epoch, number), _)| {
            *epoch == self.epoch
                && (self.given().any(|segment| segment.start.init == *number)
                    || self.inits.last_key_value().is_some_and(|(newest, _)| *newest == (*epoch, *number)))
        });
        let inits = inits.map(|((_, number), init)| (*number, init.format.clone(), init.bytes.clone()));
        VariantSnapshot { inits: inits.collect(), segments: segments.collect() }
    }

    /// A segment as a newcomer is told of it.
    fn segment_snapshot(&self, segment: &Segment, is_last: bool) -> SegmentSnapshot {
        let held = segment.listed_parts().iter().filter(|part| part.bytes.is_some());
        let parts = || held.clone().map(|part| part.meta).collect();
        let (parts, state) = match (segment.state, segment.end) {
            (State::Lost(duration), _) => (Vec::new(), SegmentState::Lost(duration)),
            (_, Some(end)) => (parts(), SegmentState::Closed(end)),
            // Its last part said how it ends, and the feed will; the newcomer hears both.
            (_, None) if is_last => (parts(), SegmentState::Open),
            // Cut short: the feed never says so, and a newcomer would wait for more of it.
            (state, None) => {
                let (peak_bps, average_bps) = self.measured_bps.unwrap_or_default();
                let (msn, parts_in_all) = (segment.msn(), segment.part_count);
                let duration =
                    if let State::Closed(duration) = state { duration } else { segment.duration() };
                let end = SegmentEnd { msn, duration, parts: parts_in_all, peak_bps, average_bps };
                (parts(), SegmentState::Closed(end))
            }
        };
        SegmentSnapshot { start: segment.start, parts, state }
    }

    fn backlog(&self, next: (Msn, u32)) -> Vec<BacklogPart> {
        let recent = self.given().rev().take(BACKLOG_SEGMENTS + 1).collect::<Vec<_>>();
        let mut backlog = Vec::new();
        for segment in recent.into_iter().rev() {
            let msn = segment.msn();
            for part in segment.parts().iter().filter(|part| (msn, part.meta.index) >= next) {
                let Some(bytes) = part.bytes.clone() else { continue };
                backlog.push(BacklogPart { variant: self.variant, msn, meta: part.meta, bytes });
            }
        }
        backlog
    }

    fn object(&self, name: &ObjectName) -> Option<Vec<Bytes>> {
        match name.kind {
            ObjectKind::Init(number) => Some(vec![self.init_section(name.epoch, number)?.bytes.clone()]),
            ObjectKind::Part(msn, index) => {
                let (_, bytes) = self.segment(name.epoch, msn)?.held_part(index)?;
                Some(vec![bytes.clone()])
            }
            ObjectKind::Segment(msn) => {
                let segment = self.segment(name.epoch, msn)?;
                let is_whole = matches!(segment.state, State::Closed(_)) && segment.is_held();
                let bytes = || segment.parts().iter().filter_map(|part| part.bytes.clone()).collect();
                is_whole.then(bytes)
            }
        }
    }
}
