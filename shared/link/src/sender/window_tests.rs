//! Tests of the window.

use farcast_feed::feed::{SegmentEnd, Variant};
use farcast_feed::name::StreamName;
use farcast_feed::time::WallTime;
use proptest::prelude::*;

use super::*;
use crate::Position;

fn presentation(epoch: u64, continues: bool) -> FeedEvent {
    FeedEvent::Started(Arc::new(Presentation {
        stream: StreamName::live(),
        epoch: Epoch(epoch),
        continues,
        started_at: WallTime(0),
        part_target: Duration::from_millis(500),
        target_duration_s: 2,
        keyed: true,
        window: Duration::from_secs(12),
        variants: vec![Variant { id: VariantId(0), name: "Source".to_owned(), nominal_bps: 1 }],
    }))
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

fn filled(segments: u64, max_bytes: usize) -> Window {
    let mut window = Window::new(max_bytes);
    window.apply(&presentation(1, false));
    window.apply(&init(1, 0));
    for msn in 0..segments {
        for event in segment(1, msn, 0, 4) {
            assert!(window.apply(&event));
        }
    }
    window
}

fn name(epoch: u64, kind: ObjectKind) -> ObjectName {
    ObjectName { epoch: Epoch(epoch), variant: VariantId(0), kind }
}

#[test]
fn a_snapshot_lists_the_window_and_a_margin_more_can_be_fetched() {
    let window = filled(30, usize::MAX);
    let listed = &window.snapshot().unwrap().variants[0].segments;
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
    events.iter().for_each(|event| assert!(window.apply(event)));
    assert!(window.object(&name(1, ObjectKind::Segment(Msn(1)))).is_none());
    assert!(window.object(&name(1, ObjectKind::Part(Msn(1), 1))).is_some());
    assert!(window.object(&name(1, ObjectKind::Part(Msn(1), 2))).is_none());
}

#[test]
fn an_initialisation_section_stays_as_long_as_a_segment_needs_it() {
    let mut window = filled(2, usize::MAX);
    window.apply(&init(1, 1));
    assert_eq!(window.snapshot().unwrap().variants[0].inits.len(), 2);
    for msn in 2..20 {
        segment(1, msn, 1, 4).iter().for_each(|event| assert!(window.apply(event)));
    }
    assert!(window.object(&name(1, ObjectKind::Init(0))).is_none());
    assert!(window.object(&name(1, ObjectKind::Init(1))).is_some());
}

#[test]
fn the_backlog_is_what_the_edge_lacks() {
    let window = filled(10, usize::MAX);
    assert_eq!(window.backlog(None).len(), 5 * 4);
    let have = |epoch| Have { epoch: Epoch(epoch), variants: vec![Position { msn: Msn(9), part: 3 }] };
    let lacking = window.backlog(Some(&have(1)));
    assert_eq!(lacking.iter().map(|part| (part.msn.0, part.meta.index)).collect::<Vec<_>>(), [(9, 3)]);
    assert_eq!(window.backlog(Some(&have(7))).len(), 5 * 4);
}

#[test]
fn a_continued_epoch_keeps_the_last_ones_objects_and_a_new_one_does_not() {
    let mut window = filled(3, usize::MAX);
    window.apply(&presentation(2, true));
    assert!(window.object(&name(1, ObjectKind::Segment(Msn(2)))).is_some());
    window.apply(&presentation(3, false));
    assert!(window.object(&name(1, ObjectKind::Segment(Msn(2)))).is_none());
    assert_eq!(window.bytes(), 0);
}

#[test]
fn events_of_an_unknown_epoch_or_segment_are_not_known() {
    let mut window = filled(1, usize::MAX);
    assert!(!window.apply(&FeedEvent::Ended { epoch: Epoch(9) }));
    assert!(!window.apply(&segment(1, 5, 0, 1)[1]));
}

proptest! {
    #[test]
    fn bytes_are_bounded_and_counted(segments in 0_u64..40, max_bytes in 30_usize..400) {
        let window = filled(segments, max_bytes);
        let lane = &window.timelines[0].lanes[0];
        prop_assert_eq!(window.bytes(), lane.segments.iter().map(Segment::bytes).sum::<usize>());
        prop_assert!(window.bytes() <= max_bytes);
        prop_assert!(lane.segments.len() <= 10);
    }
}
