//! Tests of the sequencer.

#![expect(clippy::result_large_err, reason = "either kind of record is a list entry here, not an error")]

use std::time::Duration;

use farcast_feed::feed::{SegmentEnd, SegmentStart, Variant};
use farcast_feed::name::StreamName;
use farcast_feed::time::WallTime;
use proptest::prelude::*;

use super::*;

const EPOCH: Epoch = Epoch(3);

fn presentation(epoch: Epoch) -> Arc<Presentation> {
    let variant = |id| Variant { id: VariantId(id), name: format!("v{id}"), nominal_bps: 1 };
    Arc::new(Presentation {
        stream: StreamName::live(),
        epoch,
        continues: false,
        started_at: WallTime(0),
        part_target: Duration::from_millis(500),
        target_duration_s: 2,
        keyed: true,
        window: Duration::from_secs(12),
        variants: vec![variant(0), variant(1)],
    })
}

fn start(msn: u64) -> SegmentStart {
    SegmentStart {
        msn: Msn(msn),
        init: 0,
        program_date_time: WallTime(0),
        discontinuity: false,
        discontinuity_sequence: 0,
        independent: true,
    }
}

fn opened(variant: u16, msn: u64) -> ToEdge {
    ToEdge::Opened { epoch: EPOCH, variant: VariantId(variant), start: start(msn) }
}

fn closed(variant: u16, msn: u64, parts: u32) -> ToEdge {
    let end =
        SegmentEnd { msn: Msn(msn), duration: Duration::from_secs(2), parts, peak_bps: 1, average_bps: 1 };
    ToEdge::Closed { epoch: EPOCH, variant: VariantId(variant), end }
}

fn lost(variant: u16, msn: u64) -> ToEdge {
    let duration = Duration::from_secs(2);
    ToEdge::Lost { epoch: EPOCH, variant: VariantId(variant), start: start(msn), duration }
}

type Part = (StreamHeader, PartMeta, Bytes);

fn part(variant: u16, msn: u64, index: u32, backlog: bool) -> Part {
    let meta = PartMeta {
        index,
        duration: Duration::from_millis(500),
        independent: true,
        arrived_at: WallTime(0),
        closed_at: WallTime(0),
        closes: None,
    };
    let stream = StreamHeader { epoch: EPOCH, variant: VariantId(variant), msn: Msn(msn), backlog };
    (stream, meta, Bytes::from(vec![1]))
}

/// The released events, as short words: `o5` opened, `5.0` part, `c5` closed, `l5` lost.
fn words(events: &[LinkEvent], variant: u16) -> Vec<String> {
    let of = |v: &VariantId| v.0 == variant;
    events
        .iter()
        .filter_map(|event| match event {
            LinkEvent::Feed(FeedEvent::SegmentOpened { variant, start, .. }) if of(variant) => {
                Some(format!("o{}", start.msn))
            }
            LinkEvent::Feed(FeedEvent::Part { variant, msn, meta, .. }) if of(variant) => {
                Some(format!("{msn}.{}", meta.index))
            }
            LinkEvent::Feed(FeedEvent::SegmentClosed { variant, end, .. }) if of(variant) => {
                Some(format!("c{}", end.msn))
            }
            LinkEvent::Feed(FeedEvent::SegmentLost { variant, start, .. }) if of(variant) => {
                Some(format!("l{}", start.msn))
            }
            LinkEvent::Feed(FeedEvent::Started(presentation)) => Some(format!("start{}", presentation.epoch)),
            LinkEvent::Feed(FeedEvent::Ended { .. }) => Some("end".to_owned()),
            LinkEvent::Snapshot(_) => Some("snapshot".to_owned()),
            _ => None,
        })
        .collect()
}

#[derive(Default)]
struct Rig {
    sequencer: Sequencer,
    out: Vec<LinkEvent>,
}

impl Rig {
    fn started() -> Self {
        let mut rig = Self::default();
        rig.say(ToEdge::Started(presentation(EPOCH)));
        rig
    }

    fn say(&mut self, message: ToEdge) {
        self.sequencer.control(message, &mut self.out).unwrap();
    }

    fn bring(&mut self, (stream, meta, bytes): Part) {
        self.sequencer.part(stream, meta, bytes, &mut self.out).unwrap();
    }

    fn words(&self, variant: u16) -> Vec<String> {
        words(&self.out, variant)
    }
}

#[test]
fn a_segment_that_overtakes_another_waits_for_it_and_holds_up_no_other_variant() {
    let mut rig = Rig::started();
    for message in [opened(0, 5), opened(1, 5), closed(0, 5, 1), opened(0, 6)] {
        rig.say(message);
    }
    rig.bring(part(0, 6, 0, false));
    rig.bring(part(1, 5, 0, false));
    assert_eq!(rig.words(0), ["start3", "o5"]);
    assert_eq!(rig.words(1), ["start3", "o5", "5.0"]);
    rig.bring(part(0, 5, 0, false));
    assert_eq!(rig.words(0), ["start3", "o5", "5.0", "c5", "o6", "6.0"]);
    assert_eq!(rig.sequencer.have().unwrap().variants[0], Position { msn: Msn(6), part: 1 });
}

#[test]
fn parts_ahead_of_the_control_stream_wait_for_it() {
    let mut rig = Rig::default();
    rig.bring(part(0, 5, 0, false));
    rig.say(ToEdge::Started(presentation(EPOCH)));
    rig.bring(part(0, 5, 1, false));
    assert_eq!(rig.words(0), ["start3"]);
    rig.say(opened(0, 5));
    assert_eq!(rig.words(0), ["start3", "o5", "5.0", "5.1"]);
}

#[test]
fn a_loss_takes_the_place_of_the_closing_that_waits_for_it() {
    let mut rig = Rig::started();
    for message in [opened(0, 5), closed(0, 5, 2), opened(0, 6)] {
        rig.say(message);
    }
    rig.bring(part(0, 5, 0, false));
    rig.bring(part(0, 6, 0, false));
    rig.say(lost(0, 5));
    assert_eq!(rig.words(0), ["start3", "o5", "5.0", "l5", "o6", "6.0"]);
    // All of segment 6 comes before word of its loss: it is not lost.
    rig.say(closed(0, 6, 1));
    rig.say(lost(0, 6));
    assert_eq!(rig.words(0).last().unwrap(), "c6");
}

#[test]
fn an_open_segment_may_be_lost() {
    let mut rig = Rig::started();
    rig.say(opened(0, 5));
    rig.say(lost(0, 5));
    rig.say(opened(0, 6));
    rig.bring(part(0, 5, 0, false));
    assert_eq!(rig.words(0), ["start3", "o5", "l5", "o6"]);
}

#[test]
fn an_end_waits_for_all_variants_and_a_loss_passes_it() {
    let mut rig = Rig::started();
    for message in [opened(0, 5), closed(0, 5, 1), opened(1, 5), closed(1, 5, 1)] {
        rig.say(message);
    }
    rig.say(ToEdge::Ended { epoch: EPOCH });
    rig.bring(part(0, 5, 0, false));
    assert_eq!(rig.words(0).last().unwrap(), "c5");
    rig.say(lost(1, 5));
    assert_eq!(rig.words(1), ["start3", "o5", "l5", "end"]);
}

#[test]
fn after_a_snapshot_the_feed_goes_on_where_it_stops_and_the_backlog_is_passed_on() {
    let mut rig = Rig::default();
    rig.bring(part(0, 5, 0, true));
    rig.say(ToEdge::SnapshotBegin { presentation: presentation(EPOCH), ended: false });
    let (_, meta, _) = part(0, 5, 0, true);
    let segments = vec![farcast_feed::feed::SegmentSnapshot {
        start: start(5),
        parts: vec![meta],
        state: SegmentState::Open,
    }];
    rig.say(ToEdge::SnapshotSegments { variant: VariantId(0), segments });
    rig.say(ToEdge::SnapshotEnd);
    rig.bring(part(0, 5, 1, false));
    rig.bring(part(0, 4, 0, true));
    assert_eq!(rig.words(0), ["snapshot", "5.0", "5.1", "4.0"]);
}

#[test]
fn the_end_of_the_epoch_of_an_earlier_link_is_told() {
    let have = Have { epoch: EPOCH, variants: Vec::new() };
    let mut rig = Rig { sequencer: Sequencer::new(Some(&have)), out: Vec::new() };
    rig.say(ToEdge::Idle);
    rig.say(ToEdge::Ended { epoch: Epoch(77) });
    assert!(rig.out.is_empty());
    rig.say(ToEdge::Ended { epoch: EPOCH });
    assert_eq!(rig.words(0), ["end"]);
}

#[test]
fn what_a_correct_origin_never_says_is_an_error() {
    let mut rig = Rig::started();
    let mut refused = |message| rig.sequencer.control(message, &mut rig.out).unwrap_err();
    assert_eq!(refused(opened(2, 5)), SequenceError::Variant);
    assert_eq!(refused(closed(0, 5, 1)), SequenceError::Segment { msn: 5, open: None });
    assert_eq!(refused(ToEdge::SnapshotEnd), SequenceError::Snapshot);
}

#[test]
fn what_waits_is_bounded() {
    let mut rig = Rig::started();
    rig.say(opened(0, 1));
    rig.say(closed(0, 1, 1));
    let error = (0..=MAX_HELD_EVENTS).find_map(|_| rig.sequencer.control(opened(0, 2), &mut rig.out).err());
    assert_eq!(error, Some(SequenceError::Overflow));
}

proptest! {
    #[test]
    fn however_the_streams_interleave_the_order_is_the_same(
        keys in prop::collection::vec(any::<u32>(), 40),
        parts in 1_u32..4,
    ) {
        // Six streams (three segments of two variants) and the control stream, each in its own order.
        let mut streams: Vec<Vec<Result<ToEdge, Part>>> = vec![vec![Ok(ToEdge::Started(presentation(EPOCH)))]];
        for msn in 5..8 {
            for variant in 0..2 {
                streams[0].push(Ok(opened(variant, msn)));
                streams[0].push(Ok(closed(variant, msn, parts)));
                streams.push((0..parts).map(|index| Err(part(variant, msn, index, false))).collect());
            }
        }
        streams[0].push(Ok(ToEdge::Ended { epoch: EPOCH }));
        streams.iter_mut().for_each(|stream| stream.reverse());
        let mut rig = Rig::default();
        let mut keys = keys.iter().cycle();
        while !streams.is_empty() {
            let chosen = usize::try_from(*keys.next().unwrap()).unwrap() % streams.len();
            // Walk on, so that a short list of keys still reaches every stream.
            match streams[chosen].pop() {
                Some(Ok(message)) => rig.say(message),
                Some(Err(part)) => rig.bring(part),
                None => {
                    streams.remove(chosen);
                }
            }
        }
        for variant in 0..2 {
            let mut want = vec!["start3".to_owned()];
            for msn in 5..8 {
                want.push(format!("o{msn}"));
                want.extend((0..parts).map(|index| format!("{msn}.{index}")));
                want.push(format!("c{msn}"));
            }
            want.push("end".to_owned());
            prop_assert_eq!(rig.words(variant), want);
        }
    }
}
