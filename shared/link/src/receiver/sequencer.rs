//! Restores the feed's order. The control stream gives the order; the segments' streams bring the
//! parts, and may be ahead of it, behind it, and out of order among themselves.
//!
//! A plain struct, one per connection. Each variant is a lane: events wait in it only for parts that
//! precede them, so a slow variant never holds up another. `Started` and `Ended` concern all lanes and
//! wait for all; later events wait with them.
//!
//! Invariants: per variant, the output has the order that [`farcast_feed::feed`] documents; a live
//! part is given once; the held events are bounded, and going beyond is an error of the peer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use farcast_feed::feed::{
    FeedEvent, MAX_VARIANTS, PartMeta, Presentation, SegmentState, Snapshot, VariantSnapshot,
};
use farcast_feed::name::{Epoch, Msn, VariantId};

use super::LinkEvent;
use crate::{Have, Position, StreamHeader, ToEdge};

/// Most events that wait: far more than the origin's queue bound lets be behind.
const MAX_HELD_EVENTS: usize = 4096;

/// Most parts that wait, and their bytes.
const MAX_HELD_PARTS: usize = 4096;
/// Twice what a connection may have in flight unread.
const MAX_HELD_BYTES: usize = 192 * 1024 * 1024;

/// Most segments of a variant in a snapshot: ten minutes of the shortest.
const MAX_SNAPSHOT_SEGMENTS: usize = 1024;

/// Most initialisation sections of a variant in a snapshot.
const MAX_SNAPSHOT_INITS: usize = 1024;

/// Violations of the protocol by the origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SequenceError {
    /// More waits than a correct origin can make wait.
    #[error("too much waits for an earlier part")]
    Overflow,
    /// A variant that the presentation does not have, or too many of them.
    #[error("a variant is out of bounds")]
    Variant,
    /// A message of a snapshot outside of one, or too many of them.
    #[error("a snapshot message is out of place")]
    Snapshot,
    /// A segment closes that is not open.
    #[error("segment {msn} closes but segment {open:?} is open")]
    Segment {
        /// The segment that closes.
        msn: u64,
        /// The one that is open.
        open: Option<u64>,
    },
}

type Held = (PartMeta, Bytes);

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<FeedEvent>,
    parts: BTreeMap<Position, Held>,
    open: Option<Msn>,
    /// Position up to which all events were released.
    next: Position,
}

impl Lane {
    fn from_snapshot(snapshot: &VariantSnapshot) -> Self {
        let Some(last) = snapshot.segments.last() else { return Self::default() };
        let msn = last.start.msn;
        if last.state == SegmentState::Open {
            let part = last.parts.last().map_or(0, |meta| meta.index.saturating_add(1));
            Self { open: Some(msn), next: Position { msn, part }, ..Self::default() }
        } else {
            Self { next: Position { msn: msn.next(), part: 0 }, ..Self::default() }
        }
    }

    /// Releases the events that are in order.
    fn drain(
        &mut self,
        epoch: Epoch,
        variant: VariantId,
        out: &mut Vec<LinkEvent>,
    ) -> Result<(), SequenceError> {
        loop {
            while self.open == Some(self.next.msn)
                && let Some((meta, bytes)) = self.parts.remove(&self.next)
            {
                let msn = self.next.msn;
                self.next.part = self.next.part.saturating_add(1);
                out.push(LinkEvent::Feed(FeedEvent::Part { epoch, variant, msn, meta, bytes }));
            }
            let Some(event) = self.waiting.pop_front() else { return Ok(()) };
            match &event {
                FeedEvent::SegmentOpened { start, .. } => {
                    self.open = Some(start.msn);
                    self.next = Position { msn: start.msn, part: 0 };
                }
                FeedEvent::SegmentClosed { end, .. } => {
                    if self.open != Some(end.msn) {
                        let open = self.open.map(|msn| msn.0);
                        return Err(SequenceError::Segment { msn: end.msn.0, open });
                    }
                    if self.next.part < end.parts {
                        self.waiting.push_front(event);
                        return Ok(());
                    }
                    self.close(end.msn);
                }
                FeedEvent::SegmentLost { start, .. } => self.close(start.msn),
                _ => {}
            }
            out.push(LinkEvent::Feed(event));
        }
    }

    fn close(&mut self, msn: Msn) {
        self.open = None;
        self.next = Position { msn: msn.next(), part: 0 };
        self.parts = self.parts.split_off(&self.next);
    }

    /// Puts a loss in the place of the closing that waits for the lost parts; behind everything if
    /// the segment has not closed; nowhere if all of it has come.
    fn lose(&mut self, msn: Msn, loss: FeedEvent) {
        let closing = self
            .waiting
            .iter_mut()
            .find(|waiting| matches!(waiting, FeedEvent::SegmentClosed { end, .. } if end.msn == msn));
        match closing {
            Some(closing) => *closing = loss,
            None if msn >= self.next.msn => self.waiting.push_back(loss),
            None => {}
        }
    }
}

/// Restores the order of one connection's feed.
#[derive(Debug, Default)]
pub struct Sequencer {
    /// The epoch of an earlier connection, until this one has its own.
    before: Option<Epoch>,
    epoch: Option<Epoch>,
    lanes: Vec<Lane>,
    snapshot: Option<Snapshot>,
    /// Begins with a `Started` or `Ended` that waits for the lanes.
    barrier: VecDeque<ToEdge>,
    /// Parts of an epoch that has not begun here.
    early: Vec<(StreamHeader, Held)>,
    early_bytes: usize,
}

impl Sequencer {
    /// For a new connection of an edge that was in the epoch of `have` before.
    #[must_use]
    pub fn new(have: Option<&Have>) -> Self {
        Self { before: have.map(|have| have.epoch), ..Self::default() }
    }

    /// The edge's position, for its next subscription.
    #[must_use]
    pub fn have(&self) -> Option<Have> {
        let variants = self.lanes.iter().map(|lane| lane.next).collect();
        self.epoch.map(|epoch| Have { epoch, variants })
    }

    /// Number of events that wait for an earlier part.
    #[must_use]
    pub fn held_events(&self) -> usize {
        self.barrier.len() + self.lanes.iter().map(|lane| lane.waiting.len()).sum::<usize>()
    }

    /// Takes a message of the control stream.
    ///
    /// # Errors
    /// Any [`SequenceError`]; the connection is of no use then.
    pub fn control(&mut self, message: ToEdge, out: &mut Vec<LinkEvent>) -> Result<(), SequenceError> {
        let lost = matches!(&message, ToEdge::Lost { epoch, .. } if Some(*epoch) == self.epoch);
        if !lost && !self.barrier.is_empty() {
            self.barrier.push_back(message);
        } else {
            self.take(message, out)?;
        }
        self.pass_barrier(out)?;
        if self.held_events() > MAX_HELD_EVENTS { Err(SequenceError::Overflow) } else { Ok(()) }
    }

    fn pass_barrier(&mut self, out: &mut Vec<LinkEvent>) -> Result<(), SequenceError> {
        while !self.barrier.is_empty() && self.lanes.iter().all(|lane| lane.waiting.is_empty()) {
            match self.barrier.pop_front() {
                Some(ToEdge::Started(presentation)) => {
                    out.push(LinkEvent::Feed(FeedEvent::Started(Arc::clone(&presentation))));
                    let lanes = presentation.variants.iter().map(|_| Lane::default()).collect();
                    self.begin(&presentation, lanes, out)?;
                }
                Some(ToEdge::Ended { epoch }) => out.push(LinkEvent::Feed(FeedEvent::Ended { epoch })),
                Some(other) => self.take(other, out)?,
                None => {}
            }
        }
        Ok(())
    }

    fn begin(
        &mut self,
        presentation: &Presentation,
        lanes: Vec<Lane>,
        out: &mut Vec<LinkEvent>,
    ) -> Result<(), SequenceError> {
        if lanes.len() > MAX_VARIANTS {
            return Err(SequenceError::Variant);
        }
        self.epoch = Some(presentation.epoch);
        self.lanes = lanes;
        self.early_bytes = 0;
        for (stream, (meta, bytes)) in std::mem::take(&mut self.early) {
            self.part(stream, meta, bytes, out)?;
        }
        Ok(())
    }

    fn take(&mut self, message: ToEdge, out: &mut Vec<LinkEvent>) -> Result<(), SequenceError> {
        match message {
            ToEdge::Idle => Ok(()),
            ToEdge::SnapshotBegin { presentation, ended } => {
                if presentation.variants.len() > MAX_VARIANTS {
                    return Err(SequenceError::Variant);
                }
                let variants = presentation.variants.iter().map(|_| VariantSnapshot::default()).collect();
                self.snapshot = Some(Snapshot { presentation, variants, ended });
                Ok(())
            }
            ToEdge::SnapshotInit { variant, number, format, bytes } => {
                let inits = &mut self.snapshot_variant(variant)?.inits;
                if inits.len() >= MAX_SNAPSHOT_INITS {
                    return Err(SequenceError::Snapshot);
                }
                inits.push((number, format, bytes));
                Ok(())
            }
            ToEdge::SnapshotSegments { variant, segments } => {
                let known = &mut self.snapshot_variant(variant)?.segments;
                if known.len() + segments.len() > MAX_SNAPSHOT_SEGMENTS {
                    return Err(SequenceError::Snapshot);
                }
                known.extend(segments);
                Ok(())
            }
            ToEdge::SnapshotEnd => {
                let snapshot = self.snapshot.take().ok_or(SequenceError::Snapshot)?;
                let presentation = Arc::clone(&snapshot.presentation);
                let lanes = snapshot.variants.iter().map(Lane::from_snapshot).collect();
                out.push(LinkEvent::Snapshot(snapshot));
                self.begin(&presentation, lanes, out)
            }
            ToEdge::Started(_) => {
                self.barrier.push_back(message);
                Ok(())
            }
            ToEdge::Ended { epoch } => {
                if self.epoch == Some(epoch) {
                    self.barrier.push_back(message);
                } else if self.epoch.is_none() && self.before == Some(epoch) {
                    out.push(LinkEvent::Feed(FeedEvent::Ended { epoch }));
                }
                Ok(())
            }
            ToEdge::Init { epoch, variant, number, format, bytes } => {
                self.wait(epoch, variant, FeedEvent::Init { epoch, variant, number, format, bytes }, out)
            }
            ToEdge::Opened { epoch, variant, start } => {
                self.wait(epoch, variant, FeedEvent::SegmentOpened { epoch, variant, start }, out)
            }
            ToEdge::Closed { epoch, variant, end } => {
                self.wait(epoch, variant, FeedEvent::SegmentClosed { epoch, variant, end }, out)
            }
            ToEdge::Lost { epoch, variant, start, duration } => {
                if self.epoch != Some(epoch) {
                    return Ok(());
                }
                let lane = lane(&mut self.lanes, variant)?;
                lane.lose(start.msn, FeedEvent::SegmentLost { epoch, variant, start, duration });
                lane.drain(epoch, variant, out)
            }
        }
    }

    fn snapshot_variant(&mut self, variant: VariantId) -> Result<&mut VariantSnapshot, SequenceError> {
        let snapshot = self.snapshot.as_mut().ok_or(SequenceError::Snapshot)?;
        snapshot.variants.get_mut(usize::from(variant.0)).ok_or(SequenceError::Variant)
    }

    /// Puts an event into its lane; one of another epoch belongs to nothing and is ignored.
    fn wait(
        &mut self,
        epoch: Epoch,
        variant: VariantId,
        event: FeedEvent,
        out: &mut Vec<LinkEvent>,
    ) -> Result<(), SequenceError> {
        if self.epoch != Some(epoch) {
            return Ok(());
        }
        let lane = lane(&mut self.lanes, variant)?;
        lane.waiting.push_back(event);
        lane.drain(epoch, variant, out)
    }

    /// Takes a complete part from a segment's stream.
    ///
    /// # Errors
    /// Any [`SequenceError`]; the connection is of no use then.
    pub fn part(
        &mut self,
        stream: StreamHeader,
        meta: PartMeta,
        bytes: Bytes,
        out: &mut Vec<LinkEvent>,
    ) -> Result<(), SequenceError> {
        let StreamHeader { epoch, variant, msn, backlog } = stream;
        if self.epoch.is_some_and(|current| current > epoch) {
            return Ok(());
        }
        if self.epoch != Some(epoch) {
            self.early_bytes += bytes.len();
            self.early.push((stream, (meta, bytes)));
            let full = self.early.len() > MAX_HELD_PARTS || self.early_bytes > MAX_HELD_BYTES;
            return if full { Err(SequenceError::Overflow) } else { Ok(()) };
        }
        if backlog {
            out.push(LinkEvent::Feed(FeedEvent::Part { epoch, variant, msn, meta, bytes }));
            return Ok(());
        }
        let lane = lane(&mut self.lanes, variant)?;
        let position = Position { msn, part: meta.index };
        if position < lane.next {
            return Ok(());
        }
        lane.parts.insert(position, (meta, bytes));
        let held: usize = lane.parts.values().map(|(_, bytes)| bytes.len()).sum();
        if lane.parts.len() > MAX_HELD_PARTS || held > MAX_HELD_BYTES {
            return Err(SequenceError::Overflow);
        }
        lane.drain(epoch, variant, out)?;
        self.pass_barrier(out)
    }
}

fn lane(lanes: &mut [Lane], variant: VariantId) -> Result<&mut Lane, SequenceError> {
    lanes.get_mut(usize::from(variant.0)).ok_or(SequenceError::Variant)
}

#[cfg(test)]
#[path = "sequencer_tests.rs"]
mod tests;
