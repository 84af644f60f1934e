//! The part of the feed that the origin keeps: enough to bring a newcomer up to date and to answer fetches.
//!
//! Sans-IO: fed with every event, asked for a [`Snapshot`], for objects, and for the backlog of a
//! newcomer. Invariants: it never lists an object that it does not hold in full; it is bounded in
//! time (the presentation's window and a margin) and in bytes, whatever the feed does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::feed::{
    FeedEvent, Format, PartMeta, Presentation, SegmentSnapshot, SegmentStart, SegmentState, Snapshot,
    VariantSnapshot,
};
use farcast_feed::name::{Epoch, Msn, ObjectKind, ObjectName, VariantId};

use crate::Have;

/// Finished segments kept beyond the window, in target durations: a player may still ask for a
/// segment one target duration after it left the playlist (RFC 8216bis §6.2.2), and edges lag.
const MARGIN_TARGETS: u32 = 3;

/// Finished segments per variant that are pushed to a newcomer: what a player without parts starts
/// from (three target durations before the end, RFC 8216bis §6.3.3) and one more.
const BACKLOG_SEGMENTS: usize = 4;

/// Epochs kept: the current one, and the one that viewers come from.
const MAX_EPOCHS: usize = 2;

#[derive(Debug)]
struct Segment {
    start: SegmentStart,
    parts: Vec<(PartMeta, Bytes)>,
    state: SegmentState,
}

impl Segment {
    fn duration(&self) -> Duration {
        match self.state {
            SegmentState::Open => Duration::ZERO,
            SegmentState::Closed(end) => end.duration,
            SegmentState::Lost(duration) => duration,
        }
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

#[derive(Debug, Default)]
struct Lane {
    inits: Vec<(u32, Format, Bytes)>,
    segments: VecDeque<Segment>,
}

impl Lane {
    fn find(&self, msn: Msn) -> Option<&Segment> {
        self.segments.iter().rev().find(|segment| segment.start.msn == msn)
    }

    fn find_open(&mut self, msn: Msn) -> Option<&mut Segment> {
        self.segments.back_mut().filter(|s| s.start.msn == msn && s.state == SegmentState::Open)
    }

    /// Index of the first segment such that those after it are at least `keep` long.
    fn first_within(&self, keep: Duration) -> usize {
        let mut after = Duration::ZERO;
        for (index, segment) in self.segments.iter().enumerate().rev() {
            if after >= keep {
                return index + 1;
            }
            after += segment.duration();
        }
        0
    }

    fn forget_inits(&mut self) {
        let newest = self.inits.iter().map(|(number, ..)| *number).max();
        let segments = &self.segments;
        self.inits.retain(|(number, ..)| {
            Some(*number) == newest || segments.iter().any(|segment| segment.start.init == *number)
        });
    }
}

#[derive(Debug)]
struct Timeline {
    presentation: Arc<Presentation>,
    lanes: Vec<Lane>,
    ended: bool,
}

impl Timeline {
    fn lane(&mut self, variant: VariantId) -> Option<&mut Lane> {
        self.lanes.get_mut(usize::from(variant.0))
    }
}

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

/// The window.
#[derive(Debug)]
pub struct Window {
    max_bytes: usize,
    bytes: usize,
    /// Oldest first; the last is current.
    timelines: VecDeque<Timeline>,
}

impl Window {
    /// An empty window that holds at most `max_bytes` of parts.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, bytes: 0, timelines: VecDeque::new() }
    }

    /// The current presentation.
    #[must_use]
    pub fn presentation(&self) -> Option<&Arc<Presentation>> {
        self.timelines.back().map(|timeline| &timeline.presentation)
    }

    /// Bytes of all parts that it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn timeline(&mut self, epoch: Epoch) -> Option<&mut Timeline> {
        self.timelines.iter_mut().rev().find(|timeline| timeline.presentation.epoch == epoch)
    }

    /// Takes the feed's next event; gives false for one that belongs to nothing that is known.
    pub fn apply(&mut self, event: &FeedEvent) -> bool {
        if let FeedEvent::Started(presentation) = event {
            self.start(presentation);
            return true;
        }
        let Some(timeline) = self.timeline(event.epoch()) else { return false };
        let keep = timeline.presentation.window
            + Duration::from_secs(u64::from(timeline.presentation.target_duration_s)) * MARGIN_TARGETS;
        let mut gained = 0;
        let mut lost = 0;
        match event {
            FeedEvent::Started(_) => {}
            FeedEvent::Ended { .. } => timeline.ended = true,
            FeedEvent::Init { variant, number, format, bytes, .. } => {
                let Some(lane) = timeline.lane(*variant) else { return false };
                lane.inits.retain(|(known, ..)| known != number);
                lane.inits.push((*number, format.clone(), bytes.clone()));
                lane.forget_inits();
            }
            FeedEvent::SegmentOpened { variant, start, .. } => {
                let Some(lane) = timeline.lane(*variant) else { return false };
                lane.segments.push_back(Segment {
                    start: *start,
                    parts: Vec::new(),
                    state: SegmentState::Open,
                });
            }
            FeedEvent::Part { variant, msn, meta, bytes, .. } => {
                let Some(lane) = timeline.lane(*variant) else { return false };
                let Some(segment) = lane.find_open(*msn) else { return false };
                segment.parts.push((*meta, bytes.clone()));
                gained = bytes.len();
            }
            FeedEvent::SegmentClosed { variant, end, .. } => {
                let Some(lane) = timeline.lane(*variant) else { return false };
                let Some(segment) = lane.find_open(end.msn) else { return false };
                segment.state = SegmentState::Closed(*end);
                lost = Self::trim(lane, keep);
            }
            FeedEvent::SegmentLost { variant, start, duration, .. } => {
                let Some(lane) = timeline.lane(*variant) else { return false };
                if let Some(segment) = lane.find_open(start.msn) {
                    lost = segment.bytes();
                    segment.parts.clear();
                    segment.state = SegmentState::Lost(*duration);
                } else {
                    let state = SegmentState::Lost(*duration);
                    lane.segments.push_back(Segment { start: *start, parts: Vec::new(), state });
                }
                lost += Self::trim(lane, keep);
            }
        }
        self.bytes = (self.bytes + gained).saturating_sub(lost);
        self.fit();
        true
    }

    fn start(&mut self, presentation: &Arc<Presentation>) {
        self.timelines.retain(|timeline| timeline.presentation.epoch != presentation.epoch);
        while self.timelines.len() >= MAX_EPOCHS || (!presentation.continues && !self.timelines.is_empty()) {
            self.timelines.pop_front();
        }
        let lanes = presentation.variants.iter().map(|_| Lane::default()).collect();
        let timeline = Timeline { presentation: Arc::clone(presentation), lanes, ended: false };
        self.timelines.push_back(timeline);
        let lanes = self.timelines.iter().flat_map(|timeline| &timeline.lanes);
        self.bytes = lanes.flat_map(|lane| &lane.segments).map(Segment::bytes).sum();
    }

    /// Forgets segments that are older than `keep`; gives their bytes.
    fn trim(lane: &mut Lane, keep: Duration) -> usize {
        let first = lane.first_within(keep);
        let gone = lane.segments.drain(..first).map(|segment| segment.bytes()).sum();
        lane.forget_inits();
        gone
    }

    /// Forgets the oldest segments, of all variants alike, until the bytes fit.
    fn fit(&mut self) {
        while self.bytes > self.max_bytes {
            let oldest = self
                .timelines
                .iter_mut()
                .flat_map(|timeline| &mut timeline.lanes)
                .filter(|lane| lane.segments.len() > 1)
                .min_by_key(|lane| lane.segments.front().map(|segment| segment.start.program_date_time));
            let Some(lane) = oldest else { return };
            if let Some(segment) = lane.segments.pop_front() {
                self.bytes = self.bytes.saturating_sub(segment.bytes());
            }
            lane.forget_inits();
        }
    }

    /// The snapshot of the current presentation for a newcomer.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        let timeline = self.timelines.back()?;
        let variants = timeline.lanes.iter().map(|lane| {
            let first = lane.first_within(timeline.presentation.window);
            let segments = lane.segments.range(first..).map(|segment| SegmentSnapshot {
                start: segment.start,
                parts: segment.parts.iter().map(|(meta, _)| *meta).collect(),
                state: segment.state,
            });
            VariantSnapshot { inits: lane.inits.clone(), segments: segments.collect() }
        });
        let presentation = Arc::clone(&timeline.presentation);
        Some(Snapshot { presentation, variants: variants.collect(), ended: timeline.ended })
    }

    /// The newest parts that an edge does not have, per variant oldest first.
    #[must_use]
    pub fn backlog(&self, have: Option<&Have>) -> Vec<BacklogPart> {
        let Some(timeline) = self.timelines.back() else { return Vec::new() };
        let have = have.filter(|have| have.epoch == timeline.presentation.epoch);
        let mut parts = Vec::new();
        for (index, lane) in timeline.lanes.iter().enumerate() {
            let from = have.and_then(|have| have.variants.get(index)).copied().unwrap_or_default();
            let Ok(variant) = u16::try_from(index).map(VariantId) else { break };
            let first = lane.segments.len().saturating_sub(BACKLOG_SEGMENTS + 1);
            for segment in lane.segments.range(first..) {
                let msn = segment.start.msn;
                let missing =
                    segment.parts.iter().filter(|(meta, _)| (msn, meta.index) >= (from.msn, from.part));
                parts.extend(missing.map(|(meta, bytes)| BacklogPart {
                    variant,
                    msn,
                    meta: *meta,
                    bytes: bytes.clone(),
                }));
            }
        }
        parts
    }

    /// An object as the pieces of which it is made; `None` when it is not here, or not complete.
    #[must_use]
    pub fn object(&self, name: &ObjectName) -> Option<Vec<Bytes>> {
        let timeline = self.timelines.iter().find(|timeline| timeline.presentation.epoch == name.epoch)?;
        let lane = timeline.lanes.get(usize::from(name.variant.0))?;
        match name.kind {
            ObjectKind::Init(wanted) => {
                let (.., bytes) = lane.inits.iter().find(|(number, ..)| *number == wanted)?;
                Some(vec![bytes.clone()])
            }
            ObjectKind::Part(msn, index) => {
                let (_, bytes) = lane.find(msn)?.parts.iter().find(|(meta, _)| meta.index == index)?;
                Some(vec![bytes.clone()])
            }
            ObjectKind::Segment(msn) => {
                let segment = lane.find(msn)?;
                let SegmentState::Closed(_) = segment.state else { return None };
                Some(segment.parts.iter().map(|(_, bytes)| bytes.clone()).collect())
            }
        }
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
