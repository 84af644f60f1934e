//! The queue to one edge: the next data for it, and the losses when it falls behind.
//!
//! A plain struct; [`super::session`] drives it. Order: control before media; the lowest variant
//! first, within it the older segment first; what a newcomer missed (the backlog) last, the newest
//! segments first.
//!
//! Invariants:
//! - A part counts as queued until the edge has *confirmed* it, so what QUIC holds in flight is
//!   bounded as well, and the bound is one of time: nothing live is older than the bound after
//!   [`Queue::expire`].
//! - Age is time in which the link lived: a link that falls silent and comes back catches up, while one
//!   that is too narrow loses what it cannot carry. Silence is forgiven up to [`IDLE_TIMEOUT`], beyond
//!   which the connection is dead anyhow, so the bound of time holds with that added.
//! - Losses are whole segments, and a lower variant's only after the higher ones gave way; the edge
//!   gets a `Lost` in the segment's place, as soon as its duration is known.
//! - Nothing here waits, and the feed's `Bytes` are shared.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_feed::feed::{FeedEvent, Presentation, SegmentStart};
use farcast_feed::name::{Epoch, Msn, VariantId};
use farcast_feed::time::WallTime;

use super::record::Record;
use crate::{IDLE_TIMEOUT, StreamHeader, ToEdge, encode};

/// Most control messages that may wait: minutes of a large ladder. An edge that lets so many wait
/// does not read at all.
const MAX_CONTROL: usize = 8192;

/// From this fraction of the bound on, a late variant presses the higher ones to give way: the other
/// half is for the link to recover before anything of it is lost.
const PRESSING: u32 = 2;

/// A higher variant's segment gives way when it is itself older than this fraction of the bound: one
/// that is younger is not what fills the link.
const STANDING_IN_THE_WAY: u32 = 4;

/// Priority of the control stream.
pub const CONTROL_PRIORITY: i32 = i32::MAX;

/// Answers of the store: small, and somebody waits for them.
pub const STORE_PRIORITY: i32 = CONTROL_PRIORITY - 1;

/// Priority of the lowest variant's first segment; see [`Queue::priority`].
const LIVE_PRIORITY: i32 = 1 << 30;

/// Priority of the answer to a fetch: a viewer waits for it, but a live part has more viewers. The backlog's are
/// below.
pub const FETCH_PRIORITY: i32 = 0;

/// Number of priorities of a variant: one for each of its segments, then they repeat (after 36 hours of segments of
/// two seconds, when for a moment the newer of two goes first).
const SEGMENT_PRIORITIES: i32 = 1 << 16;

/// The reason why an edge did not get something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Loss {
    /// A live segment was older than the bound, or gave way to one that was.
    Late,
    /// A backlog segment was older than the bound.
    Backlog,
}

/// The next action.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Write on the control stream, then say [`Queue::wrote_control`].
    Control(Bytes),
    /// Write on the segment's stream, then say [`Queue::wrote`]. Either piece may be empty.
    Write {
        /// The stream; open it at the first write with this as its header.
        stream: StreamHeader,
        /// Its priority.
        priority: i32,
        /// The bytes to write.
        pieces: [Bytes; 2],
    },
    /// All is written: finish the stream.
    Finish(StreamHeader),
    /// The segment was dropped: reset the stream, if it was opened.
    Reset(StreamHeader),
    /// Idle until something is pushed or confirmed.
    Idle,
}

/// A part that was written in full: what the latency metric wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// Its index within its segment.
    pub index: u32,
    /// Time at which the packager closed it; `None` for backlog.
    pub closed_at: Option<WallTime>,
}

#[derive(Debug)]
struct Part {
    index: u32,
    pieces: [Bytes; 2],
    queued_at: Instant,
    /// [`Queue::silence`] at that time.
    silence_before: Duration,
    closed_at: WallTime,
}

#[derive(Debug, Default)]
struct Segment {
    /// Not confirmed yet, in order; the first `written` are in QUIC's hands.
    parts: VecDeque<Part>,
    written: usize,
    /// Bytes of `parts[written]` that are in QUIC's hands.
    offset: usize,
    start: Option<SegmentStart>,
    closed: Option<Duration>,
    finished: bool,
    opened: bool,
}

impl Segment {
    /// The wait of the oldest part while the link lived; `silence` is that of the queue.
    fn age(&self, now: Instant, silence: Duration) -> Duration {
        self.parts.front().map_or(Duration::ZERO, |part| {
            let forgiven = silence.saturating_sub(part.silence_before).min(IDLE_TIMEOUT);
            now.saturating_duration_since(part.queued_at).saturating_sub(forgiven)
        })
    }
}

/// Order of service: backlog flag, then for live (rank, epoch, msn), for backlog (newest, rank).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Turn {
    backlog: bool,
    first: u64,
    epoch: Epoch,
    second: u64,
    variant: VariantId,
}

/// The queue to one edge.
#[derive(Debug)]
pub struct Queue {
    bound: Duration,
    /// Position of each variant in the order lowest bit rate first.
    ranks: Vec<u32>,
    control: VecDeque<Bytes>,
    control_offset: usize,
    overflow: bool,
    segments: BTreeMap<Turn, (StreamHeader, Segment)>,
    /// Dropped while still open: their `Lost` waits for the duration.
    doomed: BTreeMap<(Epoch, VariantId, Msn), SegmentStart>,
    resets: VecDeque<StreamHeader>,
    losses: Vec<Loss>,
    /// Total silence of the link while something waited.
    silence: Duration,
}

impl Queue {
    /// An empty queue whose live media is never older than `bound`.
    #[must_use]
    pub fn new(bound: Duration) -> Self {
        Self {
            bound,
            ranks: Vec::new(),
            control: VecDeque::new(),
            control_offset: 0,
            overflow: false,
            segments: BTreeMap::new(),
            doomed: BTreeMap::new(),
            resets: VecDeque::new(),
            losses: Vec::new(),
            silence: Duration::ZERO,
        }
    }

    /// Takes the ladder and bound of a presentation, at its start or with a snapshot.
    pub fn present(&mut self, presentation: &Presentation, bound: Duration) {
        self.bound = bound;
        let mut order: Vec<_> = presentation.variants.iter().map(|v| (v.nominal_bps, v.id.0)).collect();
        order.sort_unstable();
        self.ranks = vec![0; order.len()];
        for (rank, (_, id)) in (0_u32..).zip(order) {
            if let Some(slot) = self.ranks.get_mut(usize::from(id)) {
                *slot = rank;
            }
        }
    }

    fn rank(&self, variant: VariantId) -> u32 {
        self.ranks.get(usize::from(variant.0)).copied().unwrap_or(u32::from(variant.0))
    }

    /// The stream's priority for QUIC, in the order of [`Turn`]: streams of one priority would be sent by turns, and
    /// the older segment would be finished no sooner than the newer.
    fn priority(&self, stream: &StreamHeader) -> i32 {
        let segment = i32::try_from(stream.msn.0 % u64::from(SEGMENT_PRIORITIES.unsigned_abs())).unwrap_or(0);
        if stream.backlog {
            return FETCH_PRIORITY - SEGMENT_PRIORITIES + segment;
        }
        let rank = i32::try_from(self.rank(stream.variant)).unwrap_or(i32::MAX);
        LIVE_PRIORITY.saturating_sub(rank.saturating_mul(SEGMENT_PRIORITIES)).saturating_sub(segment).max(1)
    }

    fn turn(&self, stream: &StreamHeader) -> Turn {
        let rank = u64::from(self.rank(stream.variant));
        let (first, second) =
            if stream.backlog { (u64::MAX - stream.msn.0, rank) } else { (rank, stream.msn.0) };
        Turn { backlog: stream.backlog, first, epoch: stream.epoch, second, variant: stream.variant }
    }

    /// Queues a control message.
    pub fn push_control(&mut self, message: Bytes) {
        if self.control.len() < MAX_CONTROL {
            self.control.push_back(message);
        } else {
            self.overflow = true;
        }
    }

    /// True when the edge does not even read the control stream and must go.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflow
    }

    /// Queues a part that a snapshot announced.
    pub fn push_backlog(&mut self, stream: StreamHeader, index: u32, pieces: [Bytes; 2], now: Instant) {
        let stream = StreamHeader { backlog: true, ..stream };
        let turn = self.turn(&stream);
        let (_, segment) = self.segments.entry(turn).or_insert_with(|| (stream, Segment::default()));
        let (silence_before, closed_at) = (self.silence, WallTime::default());
        segment.parts.push_back(Part { index, pieces, queued_at: now, silence_before, closed_at });
        segment.closed = Some(Duration::ZERO);
    }

    /// Notes that a segment of a snapshot is open, so that it can be dropped by its start.
    pub fn resume(&mut self, epoch: Epoch, variant: VariantId, start: SegmentStart) {
        let stream = StreamHeader { epoch, variant, msn: start.msn, backlog: false };
        let segment = Segment { start: Some(start), ..Segment::default() };
        self.segments.insert(self.turn(&stream), (stream, segment));
    }

    /// Queues a feed event in its encoded form.
    pub fn push(&mut self, event: &FeedEvent, record: Record, now: Instant) {
        match (event, record) {
            (FeedEvent::Part { epoch, variant, msn, meta, .. }, Record::Part(pieces)) => {
                if self.doomed.contains_key(&(*epoch, *variant, *msn)) {
                    return;
                }
                let stream = StreamHeader { epoch: *epoch, variant: *variant, msn: *msn, backlog: false };
                let turn = self.turn(&stream);
                let (_, segment) = self.segments.entry(turn).or_insert_with(|| (stream, Segment::default()));
                let (index, closed_at, silence_before) = (meta.index, meta.closed_at, self.silence);
                segment.parts.push_back(Part { index, pieces, queued_at: now, silence_before, closed_at });
            }
            (FeedEvent::SegmentOpened { epoch, variant, start }, Record::Control(message)) => {
                self.resume(*epoch, *variant, *start);
                self.push_control(message);
            }
            (FeedEvent::SegmentClosed { epoch, variant, end }, Record::Control(message)) => {
                if let Some(start) = self.doomed.remove(&(*epoch, *variant, end.msn)) {
                    self.push_lost(*epoch, *variant, start, end.duration);
                    return;
                }
                self.push_control(message);
                let stream = StreamHeader { epoch: *epoch, variant: *variant, msn: end.msn, backlog: false };
                let turn = self.turn(&stream);
                if let Some((_, segment)) = self.segments.get_mut(&turn) {
                    segment.closed = Some(end.duration);
                    self.settle(turn);
                }
            }
            (FeedEvent::SegmentLost { epoch, variant, start, .. }, Record::Control(message)) => {
                self.doomed.remove(&(*epoch, *variant, start.msn));
                let stream =
                    StreamHeader { epoch: *epoch, variant: *variant, msn: start.msn, backlog: false };
                if self.segments.remove(&self.turn(&stream)).is_some_and(|(_, segment)| segment.opened) {
                    self.resets.push_back(stream);
                }
                self.push_control(message);
            }
            (FeedEvent::Started(_) | FeedEvent::Ended { .. }, Record::Control(message)) => {
                self.push_control(message);
                self.abandon_open();
            }
            (_, Record::Control(message)) => self.push_control(message),
            (_, Record::Part(_)) => {}
        }
    }

    /// A segment that an epoch left open stays open for ever: it is sent, but its loss can no longer be announced.
    fn abandon_open(&mut self) {
        self.doomed.clear();
        let open = self.segments.iter_mut().filter(|(_, (_, segment))| segment.closed.is_none());
        let turns: Vec<Turn> = open
            .map(|(turn, (_, segment))| {
                segment.closed = Some(Duration::ZERO);
                segment.start = None;
                *turn
            })
            .collect();
        for turn in turns {
            self.settle(turn);
        }
    }

    fn push_lost(&mut self, epoch: Epoch, variant: VariantId, start: SegmentStart, duration: Duration) {
        // A message of fixed-size fields always fits its frame.
        if let Ok(message) = encode(&ToEdge::Lost { epoch, variant, start, duration }) {
            self.push_control(message);
        }
    }

    /// The next action. The same until one of the other methods changes something.
    #[must_use]
    pub fn next_action(&mut self) -> Action {
        if let Some(stream) = self.resets.pop_front() {
            return Action::Reset(stream);
        }
        if let Some(message) = self.control.front() {
            return Action::Control(message.slice(self.control_offset..));
        }
        for (stream, segment) in self.segments.values_mut() {
            let Some(part) = segment.parts.get(segment.written) else {
                if segment.closed.is_some() && segment.opened && !segment.finished {
                    segment.finished = true;
                    return Action::Finish(*stream);
                }
                continue;
            };
            let [head, body] = &part.pieces;
            let in_head = segment.offset.min(head.len());
            let pieces = [head.slice(in_head..), body.slice(segment.offset - in_head..)];
            segment.opened = true;
            let stream = *stream;
            return Action::Write { stream, priority: self.priority(&stream), pieces };
        }
        Action::Idle
    }

    /// The pump wrote so much of the control message that [`Self::next_action`] gave.
    pub fn wrote_control(&mut self, bytes: usize) {
        self.control_offset += bytes;
        if self.control.front().is_some_and(|message| self.control_offset >= message.len()) {
            self.control.pop_front();
            self.control_offset = 0;
        }
    }

    /// The pump wrote so much of the part that [`Self::next_action`] gave for `stream`.
    pub fn wrote(&mut self, stream: &StreamHeader, bytes: usize) -> Option<Pushed> {
        let turn = self.turn(stream);
        let (_, segment) = self.segments.get_mut(&turn)?;
        let part = segment.parts.get(segment.written)?;
        segment.offset += bytes;
        if segment.offset < part.pieces.iter().map(Bytes::len).sum() {
            return None;
        }
        segment.offset = 0;
        segment.written += 1;
        let closed_at = (!stream.backlog).then_some(part.closed_at);
        Some(Pushed { index: part.index, closed_at })
    }

    /// The pump finished the stream that [`Self::next_action`] named.
    pub fn finished(&mut self, stream: &StreamHeader) {
        let turn = self.turn(stream);
        self.settle(turn);
    }

    /// The edge has all parts of `stream` below `parts`. A claim beyond the parts that were written
    /// counts only as far as those. Returns the age of each part that was confirmed by this.
    pub fn confirm(&mut self, stream: &StreamHeader, parts: u32, now: Instant) -> Vec<Duration> {
        let turn = self.turn(stream);
        let mut ages = Vec::new();
        if let Some((_, segment)) = self.segments.get_mut(&turn) {
            while segment.written > 0 && segment.parts.front().is_some_and(|part| part.index < parts) {
                if let Some(part) = segment.parts.pop_front() {
                    ages.push(now.saturating_duration_since(part.queued_at));
                }
                segment.written -= 1;
            }
        }
        self.settle(turn);
        ages
    }

    /// Forgets a segment of which nothing is left to do.
    fn settle(&mut self, turn: Turn) {
        let done = self.segments.get(&turn).is_some_and(|(_, segment)| {
            segment.closed.is_some() && segment.parts.is_empty() && (segment.finished || !segment.opened)
        });
        if done {
            self.segments.remove(&turn);
        }
    }

    /// Age of the oldest part that is not confirmed.
    #[must_use]
    pub fn lag(&self, now: Instant) -> Duration {
        self.segments.values().map(|(_, segment)| segment.age(now, self.silence)).max().unwrap_or_default()
    }

    /// Nothing at all came from the edge for so long: that is an outage, not a narrow link.
    pub fn silent(&mut self, length: Duration) {
        self.silence = self.silence.saturating_add(length);
    }

    /// Drops whole segments: those older than the bound, and those of higher variants that stand in the
    /// way of a lower one that is itself half as late; the highest variant first, its oldest segment first.
    pub fn expire(&mut self, now: Instant) {
        let mut victims: Vec<Turn> = Vec::new();
        // Live segments come lowest variant first, so `pressed` is about variants below the current.
        let (mut rank, mut pressed, mut presses) = (0, false, false);
        for (turn, (_, segment)) in &self.segments {
            if !turn.backlog && turn.first != rank {
                (rank, pressed) = (turn.first, pressed || presses);
            }
            let age = segment.age(now, self.silence);
            if age > self.bound || pressed && !turn.backlog && age > self.bound / STANDING_IN_THE_WAY {
                victims.push(*turn);
            }
            presses = presses || !turn.backlog && age > self.bound / PRESSING;
        }
        victims.sort_by_key(|turn| (std::cmp::Reverse(turn.first), turn.epoch, turn.second));
        for turn in victims {
            self.drop_segment(turn);
        }
    }

    fn drop_segment(&mut self, turn: Turn) {
        let Some((stream, segment)) = self.segments.remove(&turn) else { return };
        if segment.opened {
            self.resets.push_back(stream);
        }
        if stream.backlog {
            self.losses.push(Loss::Backlog);
            return;
        }
        self.losses.push(Loss::Late);
        let Some(start) = segment.start else { return };
        match segment.closed {
            Some(duration) => self.push_lost(stream.epoch, stream.variant, start, duration),
            None => {
                self.doomed.insert((stream.epoch, stream.variant, stream.msn), start);
            }
        }
    }

    /// The losses since the last call.
    pub fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
