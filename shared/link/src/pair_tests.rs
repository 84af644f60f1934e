//! Both ends of the link without a network, in virtual time: a hub's queue to one edge, a path of some width and delay, and
//! the edge's sequencer and window. Whatever the feed is and however narrow the path: what the edge lists is what the origin
//! said, less whole segments that came too late; and a path that is wide enough loses nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_feed::feed::{FeedEvent, Format, PartMeta, Presentation, SegmentEnd, SegmentStart, Variant};
use farcast_feed::hls::Form;
use farcast_feed::name::{Epoch, Msn, ObjectKind, ObjectName, StreamName, VariantId};
use farcast_feed::time::WallTime;
use farcast_feed::window::{Keep, State, StreamWindow};
use proptest::prelude::*;

use crate::receiver::LinkEvent;
use crate::receiver::sequencer::Sequencer;
use crate::sender::queue::{Action, Queue};
use crate::sender::record::Record;
use crate::{Frames, MediaDecoder, MediaItem, SegmentHeader, StreamHeader, ToEdge, encode};

const PART: Duration = Duration::from_millis(500);
const PARTS: u32 = 4;
const TARGET_S: u32 = 2;
const STEP: Duration = Duration::from_millis(20);
const EPOCH: Epoch = Epoch(1);
/// Lag at which the edge loses segments.
const BOUND: Duration = Duration::from_secs(4);

/// A path: so many bytes in each step, each of which takes so many steps.
#[derive(Clone, Copy, Debug)]
struct Path {
    bytes_per_step: usize,
    steps: usize,
}

/// Bytes on their way: of the control stream, or of a segment's; a stream that was reset.
enum Sent {
    Control(Bytes),
    Media(StreamHeader, Bytes),
    Reset(StreamHeader),
}

struct Pair {
    path: Path,
    now: Instant,
    queue: Queue,
    opened: BTreeMap<StreamHeader, ()>,
    way: VecDeque<Vec<Sent>>,
    control: Frames,
    media: BTreeMap<StreamHeader, MediaDecoder>,
    sequencer: Sequencer,
    window: Option<StreamWindow>,
    lost: u64,
}

impl Pair {
    fn new(path: Path) -> Self {
        Self {
            path,
            now: Instant::now(),
            queue: Queue::new(BOUND),
            opened: BTreeMap::new(),
            way: (0..path.steps).map(|_| Vec::new()).collect(),
            control: Frames::new(),
            media: BTreeMap::new(),
            sequencer: Sequencer::new(None),
            window: None,
            lost: 0,
        }
    }

    fn publish(&mut self, event: &FeedEvent) {
        self.queue.push(event, Record::new(event).unwrap(), self.now);
        if let FeedEvent::Started(presentation) = event {
            self.queue.present(presentation, BOUND);
        }
    }

    /// One step of time: what fits goes onto the path, what has been long enough on it arrives.
    fn step(&mut self) {
        self.now += STEP;
        self.queue.expire(self.now);
        let mut room = self.path.bytes_per_step;
        let mut sent = Vec::new();
        loop {
            match self.queue.next_action() {
                Action::Reset(stream) => sent.push(Sent::Reset(stream)),
                Action::Finish(stream) => self.queue.finished(&stream),
                Action::Control(message) if room > 0 => {
                    let bytes = message.slice(..message.len().min(room));
                    self.queue.wrote_control(bytes.len());
                    room -= bytes.len();
                    sent.push(Sent::Control(bytes));
                }
                Action::Write { stream, pieces, .. } if room > 0 => {
                    if self.opened.insert(stream, ()).is_none() {
                        let header = encode(&SegmentHeader { subscription: 0, stream }).unwrap();
                        sent.push(Sent::Media(stream, header));
                    }
                    let piece = pieces.into_iter().find(|piece| !piece.is_empty()).unwrap_or_default();
                    let bytes = piece.slice(..piece.len().min(room));
                    self.queue.wrote(&stream, bytes.len());
                    room -= bytes.len();
                    sent.push(Sent::Media(stream, bytes));
                }
                Action::Idle | Action::Control(_) | Action::Write { .. } => break,
            }
        }
        self.way.push_back(sent);
        for arrived in self.way.pop_front().unwrap_or_default() {
            self.arrive(arrived);
        }
    }

    fn arrive(&mut self, sent: Sent) {
        let mut out = Vec::new();
        match sent {
            Sent::Control(bytes) => {
                self.control.feed(&bytes);
                while let Some(message) = self.control.next_message::<ToEdge>().unwrap() {
                    self.sequencer.control(message, &mut out).unwrap();
                }
            }
            Sent::Reset(stream) => drop(self.media.remove(&stream)),
            Sent::Media(stream, bytes) => {
                let decoder = self.media.entry(stream).or_default();
                decoder.feed(&bytes);
                let mut parts = Vec::new();
                while let Some(item) = decoder.next_item().unwrap() {
                    if let MediaItem::Part(meta, bytes) = item {
                        parts.push((meta, bytes));
                    }
                }
                for (meta, bytes) in parts {
                    // The confirmation takes no time: lateness is measured by what has not been sent.
                    self.queue.confirm(&stream, meta.index + 1, self.now);
                    self.sequencer.part(stream, meta, bytes, &mut out).unwrap();
                }
            }
        }
        for event in out {
            let LinkEvent::Feed(event) = event else { panic!("{event:?}") };
            self.lost += u64::from(matches!(event, FeedEvent::SegmentLost { .. }));
            match (&mut self.window, &event) {
                (Some(window), event) => drop(window.apply(event)),
                (none, FeedEvent::Started(presentation)) => {
                    *none = Some(StreamWindow::new(Arc::clone(presentation), Keep::Listed));
                }
                (None, event) => panic!("{event:?} before the start"),
            }
        }
    }
}

fn bytes(variant: VariantId, msn: Msn, index: u32, len: usize) -> Bytes {
    Bytes::from(format!("{variant}/{msn}.{index};").repeat(len / 8 + 1))
}

fn presentation(variants: u16) -> Arc<Presentation> {
    let variant = |id: u16| Variant {
        id: VariantId(id),
        name: id.to_string(),
        nominal_bps: 1_000_000 * (u64::from(id) + 1),
    };
    Arc::new(Presentation {
        stream: StreamName::live(),
        epoch: EPOCH,
        continues: false,
        started_at: WallTime(1),
        part_target: PART,
        target_duration_s: TARGET_S,
        keyed: true,
        window: Duration::from_secs(60),
        variants: (0..variants).map(variant).collect(),
    })
}

/// Gives the feed of some segments through a pair, part by part in time, and what is left on the way. Gives the origin's
/// window too.
fn broadcast(path: Path, variants: u16, segments: u64, part_bytes: &[usize]) -> (Pair, StreamWindow) {
    let mut pair = Pair::new(path);
    let mut origin = StreamWindow::new(presentation(variants), Keep::Window { max_bytes: usize::MAX });
    let publish = |pair: &mut Pair, origin: &mut StreamWindow, event: FeedEvent| {
        origin.apply(&event);
        pair.publish(&event);
    };
    publish(&mut pair, &mut origin, FeedEvent::Started(presentation(variants)));
    let ids = || (0..variants).map(VariantId);
    for variant in ids() {
        let format = Format {
            codecs: "avc1.640028".to_owned(),
            resolution: None,
            frame_rate: None,
            video_range: None,
        };
        let bytes = Bytes::from_static(b"init");
        publish(&mut pair, &mut origin, FeedEvent::Init { epoch: EPOCH, variant, number: 0, format, bytes });
    }
    let mut sizes = part_bytes.iter().cycle();
    for msn in (0..segments).map(Msn) {
        let begins_at = WallTime(1 + msn.0 * u64::from(TARGET_S) * 1_000_000);
        let start = SegmentStart {
            msn,
            init: 0,
            program_date_time: begins_at,
            discontinuity: false,
            discontinuity_sequence: 0,
            independent: true,
        };
        for variant in ids() {
            publish(&mut pair, &mut origin, FeedEvent::SegmentOpened { epoch: EPOCH, variant, start });
        }
        for index in 0..PARTS {
            for variant in ids() {
                let meta = PartMeta {
                    index,
                    duration: PART,
                    independent: index == 0,
                    arrived_at: begins_at,
                    closed_at: begins_at,
                    closes: None,
                };
                let bytes = bytes(variant, msn, index, *sizes.next().unwrap_or(&100));
                publish(&mut pair, &mut origin, FeedEvent::Part { epoch: EPOCH, variant, msn, meta, bytes });
            }
            for _ in 0..PART.as_millis() / STEP.as_millis() {
                pair.step();
            }
        }
        for variant in ids() {
            let duration = PART * PARTS;
            let end = SegmentEnd { msn, duration, parts: PARTS, peak_bps: 1, average_bps: 1 };
            publish(&mut pair, &mut origin, FeedEvent::SegmentClosed { epoch: EPOCH, variant, end });
        }
    }
    publish(&mut pair, &mut origin, FeedEvent::Ended { epoch: EPOCH });
    // Whatever the path's width: what it cannot carry in time is dropped.
    for _ in 0..2000 {
        pair.step();
    }
    (pair, origin)
}

#[test]
fn a_path_that_is_too_narrow_loses_whole_segments_and_the_lowest_variant_last() {
    // Half of what the two variants make.
    let (pair, _) = broadcast(Path { bytes_per_step: 400, steps: 3 }, 2, 12, &[10_000]);
    let edge = pair.window.unwrap();
    let lost = |id: u16| {
        let listed = edge.get(VariantId(id)).unwrap().listed();
        listed.filter(|segment| matches!(segment.state, State::Lost(_))).count()
    };
    assert!(lost(1) > 3, "{}", lost(1));
    assert_eq!(lost(0), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn an_edge_lists_what_the_origin_said_less_segments_that_came_too_late(
        bytes_per_step in 20_usize..4000, steps in 1_usize..30, variants in 1_u16..4, segments in 1_u64..7,
        part_bytes in prop::collection::vec(10_usize..20_000, 1..12),
    ) {
        let (pair, origin) = broadcast(Path { bytes_per_step, steps }, variants, segments, &part_bytes);
        let edge = pair.window.unwrap();
        prop_assert!(edge.has_ended(), "the end comes through");
        for (ours, theirs) in edge.iter().zip(origin.iter()) {
            for want in theirs.listed() {
                // A segment may be missing at the end alone, where nothing after it says that it was there.
                let Some(got) = ours.segment(EPOCH, want.msn()) else { continue };
                prop_assert_eq!(got.start, want.start);
                match got.state {
                    State::Lost(duration) => prop_assert_eq!(duration, want.duration()),
                    state => prop_assert_eq!(state, want.state),
                }
                for (index, part) in (0..).zip(got.listed_parts()).filter(|(_, part)| !part.gap) {
                    let name = ObjectName {
                        epoch: EPOCH,
                        variant: want_variant(&origin, theirs),
                        kind: ObjectKind::Part(want.msn(), index),
                    };
                    prop_assert_eq!(origin.object(&name).map(|pieces| pieces.concat()), part.bytes.as_ref().map(|b| b.to_vec()));
                }
            }
        }
    }

    #[test]
    fn a_path_that_is_wide_enough_loses_nothing(
        steps in 1_usize..30, variants in 1_u16..4, segments in 1_u64..7,
        part_bytes in prop::collection::vec(10_usize..20_000, 1..12),
    ) {
        // All variants' parts and messages in half of a part's time.
        let bytes_per_step = usize::from(variants) * 25_000 / 12 + 200;
        let (pair, origin) = broadcast(Path { bytes_per_step, steps }, variants, segments, &part_bytes);
        let edge = pair.window.unwrap();
        prop_assert_eq!(pair.lost, 0);
        for id in (0..variants).map(VariantId) {
            prop_assert_eq!(edge.render_media(id, Form::Full), origin.render_media(id, Form::Full));
        }
    }
}

/// The id of one of a window's variants.
fn want_variant(window: &StreamWindow, one: &farcast_feed::window::VariantWindow) -> VariantId {
    (0..).map(VariantId).find(|id| window.get(*id).is_some_and(|other| std::ptr::eq(other, one))).unwrap()
}
