//! Tests of a window's retention and outputs. What playlists list of it is tested in [`crate::hls`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::feed::{
    FeedEvent, Format, PartMeta, Presentation, SegmentEnd, SegmentStart, SegmentState, Variant,
    VariantSnapshot,
};
use crate::name::{Epoch, Msn, ObjectKind, ObjectName, StreamName, VariantId};
use crate::time::WallTime;

const V0: VariantId = VariantId(0);

fn presentation(epoch: u64, continues: bool) -> Arc<Presentation> {
    Arc::new(Presentation {
        stream: StreamName::live(),
        epoch: Epoch(epoch),
        continues,
        started_at: WallTime(0),
        part_target: Duration::from_millis(500),
        target_duration_s: 2,
        keyed: true,
        window: Duration::from_secs(12),
        variants: vec![Variant { id: VariantId(0), name: "Source".to_owned(), nominal_bps: 1 }],
    })
}

fn init(epoch: u64, number: u32) -> FeedEvent {
    let format =
        Format { codecs: "avc1.640028".to_owned(), resolution: None, frame_rate: None, video_range: None };
    let bytes = Bytes::from(format!("init {epoch} {number}"));
    FeedEvent::Init { epoch: Epoch(epoch), variant: VariantId(0), number, format, bytes }
}

fn segment(epoch: u64, msn: u64, init: u32, parts: u32) -> Vec<FeedEvent> {
    let (epoch, variant) = (Epoch(epoch), VariantId(0));
    let start = SegmentStart {
        msn: Msn(msn),
        init,
        program_date_time: WallTime(msn),
        discontinuity: false,
        discontinuity_sequence: 0,
        independent: true,
    };
    let mut events = vec![FeedEvent::SegmentOpened { epoch, variant, start }];
    events.extend((0..parts).map(|index| FeedEvent::Part {
        epoch,
        variant,
        msn: Msn(msn),
        meta: PartMeta {
            index,
            duration: Duration::from_millis(500),
            independent: index == 0,
            arrived_at: WallTime(0),
            closed_at: WallTime(0),
            closes: None,
        },
        bytes: Bytes::from(format!("[{msn}.{index}]")),
    }));
    let end =
        SegmentEnd { msn: Msn(msn), duration: Duration::from_secs(2), parts, peak_bps: 1, average_bps: 1 };
    events.push(FeedEvent::SegmentClosed { epoch, variant, end });
    events
}

fn filled(segments: u64, max_bytes: usize) -> StreamWindow {
    let mut window = StreamWindow::new(presentation(1, false), Keep::Window { max_bytes });
    window.apply(&init(1, 0));
    for msn in 0..segments {
        give(&mut window, &segment(1, msn, 0, 4));
    }
    window
}

/// Applies events, each of which is taken.
fn give(window: &mut StreamWindow, events: &[FeedEvent]) {
    for event in events {
        window.apply(event);
        assert!(window.holds(event), "{event:?}");
    }
}

fn name(epoch: u64, kind: ObjectKind) -> ObjectName {
    ObjectName { epoch: Epoch(epoch), variant: VariantId(0), kind }
}

#[test]
fn a_snapshot_lists_the_window_and_a_margin_more_can_be_fetched() {
    let window = filled(30, usize::MAX);
    let listed = &window.snapshot().variants[0].segments;
    assert_eq!(listed.len(), 6);
    assert_eq!(listed[0].start.msn, Msn(24));
    assert!(window.object(&name(1, ObjectKind::Segment(Msn(21)))).is_some());
    assert!(window.object(&name(1, ObjectKind::Segment(Msn(20)))).is_none());
}

#[test]
fn a_segment_is_its_parts_one_after_another_once_it_is_complete() {
    let mut window = filled(1, usize::MAX);
    let whole = window.object(&name(1, ObjectKind::Segment(Msn(0)))).unwrap().concat();
    assert_eq!(whole, b"[0.0][0.1][0.2][0.3]");
    let mut events = segment(1, 1, 0, 2);
    events.pop();
    give(&mut window, &events);
    assert!(window.object(&name(1, ObjectKind::Segment(Msn(1)))).is_none());
    assert!(window.object(&name(1, ObjectKind::Part(Msn(1), 1))).is_some());
    assert!(window.object(&name(1, ObjectKind::Part(Msn(1), 2))).is_none());
}

#[test]
fn an_initialisation_section_stays_as_long_as_a_segment_needs_it() {
    let mut window = filled(2, usize::MAX);
    window.apply(&init(1, 1));
    assert_eq!(window.snapshot().variants[0].inits.len(), 2);
    for msn in 2..20 {
        give(&mut window, &segment(1, msn, 1, 4));
    }
    assert!(window.object(&name(1, ObjectKind::Init(0))).is_none());
    assert!(window.object(&name(1, ObjectKind::Init(1))).is_some());
}

#[test]
fn the_backlog_is_what_the_newcomer_lacks() {
    let window = filled(10, usize::MAX);
    assert_eq!(window.backlog(|_| (Msn(0), 0)).len(), 5 * 4);
    let lacking = window.backlog(|_| (Msn(9), 3));
    assert_eq!(lacking.iter().map(|part| (part.msn.0, part.meta.index)).collect::<Vec<_>>(), [(9, 3)]);
}

#[test]
fn a_continued_epoch_keeps_the_last_ones_objects_and_a_new_one_does_not() {
    let mut window = filled(3, usize::MAX);
    give(&mut window, &[FeedEvent::Started(presentation(2, true))]);
    assert!(window.object(&name(1, ObjectKind::Segment(Msn(2)))).is_some());
    assert_eq!(
        window.snapshot().variants[0],
        VariantSnapshot::default(),
        "a newcomer gets only the new one's"
    );
    give(&mut window, &[FeedEvent::Started(presentation(3, false))]);
    assert!(window.object(&name(1, ObjectKind::Segment(Msn(2)))).is_none());
    assert_eq!(window.held_bytes(), 0);
}

#[test]
fn what_does_not_follow_from_what_was_said_is_not_held() {
    let mut window = filled(1, usize::MAX);
    let of_another_epoch = FeedEvent::Ended { epoch: Epoch(9) };
    let of_a_segment_that_did_not_begin = segment(1, 5, 0, 1).remove(1);
    let of_a_variant_that_is_not = FeedEvent::SegmentOpened {
        epoch: Epoch(1),
        variant: VariantId(1),
        start: window.snapshot().variants[0].segments[0].start,
    };
    let a_second_end = segment(1, 0, 0, 3).pop().unwrap();
    for event in [of_another_epoch, of_a_segment_that_did_not_begin, of_a_variant_that_is_not, a_second_end] {
        window.apply(&event);
        assert!(!window.holds(&event), "{event:?}");
    }
}

/// Between a part that ends its segment and the end itself a newcomer may come: it hears of the end too.
#[test]
fn a_segment_whose_end_the_feed_has_not_said_is_open_to_a_newcomer() {
    let mut window = filled(1, usize::MAX);
    let mut events = segment(1, 1, 0, 2);
    let end = events.pop().unwrap();
    let FeedEvent::SegmentClosed { end: said, .. } = &end else { panic!("{end:?}") };
    let Some(FeedEvent::Part { meta, .. }) = events.last_mut() else { panic!("no part") };
    meta.closes = Some(*said);
    give(&mut window, &events);
    let last = |window: &StreamWindow| window.snapshot().variants[0].segments.last().unwrap().state;
    assert!(!window.get(V0).unwrap().last().unwrap().is_open(), "playlists list it as complete");
    assert_eq!(last(&window), SegmentState::Open);
    give(&mut window, std::slice::from_ref(&end));
    assert_eq!(last(&window), SegmentState::Closed(*said));
}

/// A segment that another one cuts short has an end for newcomers: they would wait for the rest.
#[test]
fn a_segment_that_was_cut_short_is_closed_to_a_newcomer() {
    let mut window = filled(1, usize::MAX);
    let mut cut = segment(1, 1, 0, 3);
    cut.pop();
    give(&mut window, &cut);
    give(&mut window, &segment(1, 2, 0, 4)[..2]);
    let states: Vec<_> = window.snapshot().variants[0].segments.iter().map(|segment| segment.state).collect();
    let SegmentState::Closed(end) = states[1] else { panic!("{states:?}") };
    assert_eq!((end.parts, end.duration), (3, Duration::from_millis(1500)));
    assert_eq!(states[2], SegmentState::Open);
}

/// A relay that joins late has what it was pushed, and passes that on; what it lacks it does not promise.
#[test]
fn a_newcomer_gives_on_what_it_has_the_bytes_of() {
    let source = filled(10, usize::MAX);
    let snapshot = source.snapshot();
    let mut relay =
        StreamWindow::new(Arc::clone(&snapshot.presentation), Keep::Window { max_bytes: usize::MAX });
    relay.merge(&snapshot);
    assert!(relay.snapshot().variants[0].segments.is_empty(), "nothing is here yet");
    for part in source.backlog(|_| (Msn(0), 0)) {
        let BacklogPart { variant, msn, meta, bytes } = part;
        relay.apply(&FeedEvent::Part { epoch: Epoch(1), variant, msn, meta, bytes });
    }
    let given = relay.snapshot().variants.remove(0);
    let numbers: Vec<_> = given.segments.iter().map(|segment| segment.start.msn.0).collect();
    assert_eq!((given.inits.len(), numbers), (1, vec![6, 7, 8, 9]));
    give(&mut relay, &segment(1, 10, 0, 4));
    for msn in 6..=10 {
        let name = name(1, ObjectKind::Segment(Msn(msn)));
        assert_eq!(relay.object(&name).is_some(), msn == 10 || source.object(&name) == relay.object(&name));
    }
}

#[test]
fn an_edge_keeps_the_bytes_of_the_parts_that_playlists_list() {
    let mut window = StreamWindow::new(presentation(1, false), Keep::Listed);
    window.apply(&init(1, 0));
    for msn in 0..10 {
        give(&mut window, &segment(1, msn, 0, 4));
    }
    let variant = window.get(V0).unwrap();
    for segment in variant.all() {
        let listed: usize =
            segment.listed_parts().iter().map(|part| part.bytes.as_ref().unwrap().len()).sum();
        assert_eq!(segment.held_bytes(), listed);
    }
    assert_eq!(window.held_bytes(), 4 * 4 * "[9.0]".len());
}

proptest! {
    #[test]
    fn bytes_are_bounded_and_counted(segments in 0_u64..40, max_bytes in 30_usize..400) {
        let window = filled(segments, max_bytes);
        let held: usize = window.get(V0).unwrap().all().map(Segment::held_bytes).sum();
        prop_assert_eq!(window.held_bytes(), held);
        prop_assert!(held <= max_bytes);
        prop_assert!(window.get(V0).unwrap().all().filter(|segment| segment.held_bytes() > 0).count() <= 10);
        // What is promised is here.
        for segment in &window.snapshot().variants[0].segments {
            prop_assert!(window.object(&name(1, ObjectKind::Segment(segment.start.msn))).is_some());
        }
    }
}
