//! Tests of the queue's policy.

use farcast_feed::feed::{PartMeta, SegmentEnd, Variant};
use farcast_feed::name::StreamName;
use proptest::prelude::*;

use super::*;
use crate::{Frames, PartHeader};

const BOUND: Duration = Duration::from_secs(4);

fn presentation() -> Presentation {
    // The configured order is not the order of the bit rates: variant 1 is the lowest.
    let bit_rates = [3_000_000, 500_000, 1_000_000];
    let variants = (0..).zip(bit_rates).map(|(id, nominal_bps)| Variant {
        id: VariantId(id),
        name: format!("v{id}"),
        nominal_bps,
    });
    Presentation {
        stream: StreamName::live(),
        epoch: Epoch(1),
        continues: false,
        started_at: WallTime(0),
        part_target: Duration::from_millis(500),
        target_duration_s: 2,
        keyed: true,
        window: Duration::from_secs(12),
        variants: variants.collect(),
    }
}

fn queue() -> Queue {
    let mut queue = Queue::new(BOUND);
    queue.present(&presentation(), BOUND);
    queue
}

fn push(queue: &mut Queue, event: &FeedEvent, now: Instant) {
    queue.push(event, Record::new(event).unwrap(), now);
}

fn start(msn: u64) -> SegmentStart {
    SegmentStart {
        msn: Msn(msn),
        init: 0,
        program_date_time: WallTime(msn),
        discontinuity: false,
        discontinuity_sequence: 0,
        independent: true,
    }
}

fn opened(variant: u16, msn: u64) -> FeedEvent {
    FeedEvent::SegmentOpened { epoch: Epoch(1), variant: VariantId(variant), start: start(msn) }
}

fn part(variant: u16, msn: u64, index: u32) -> FeedEvent {
    let meta = PartMeta {
        index,
        duration: Duration::from_millis(500),
        independent: index == 0,
        arrived_at: WallTime(0),
        closed_at: WallTime(0),
        closes: None,
    };
    let bytes = Bytes::from(vec![7; 100]);
    FeedEvent::Part { epoch: Epoch(1), variant: VariantId(variant), msn: Msn(msn), meta, bytes }
}

fn closed(variant: u16, msn: u64, parts: u32) -> FeedEvent {
    let end =
        SegmentEnd { msn: Msn(msn), duration: Duration::from_secs(2), parts, peak_bps: 1, average_bps: 1 };
    FeedEvent::SegmentClosed { epoch: Epoch(1), variant: VariantId(variant), end }
}

fn stream(variant: u16, msn: u64) -> StreamHeader {
    StreamHeader { epoch: Epoch(1), variant: VariantId(variant), msn: Msn(msn), backlog: false }
}

/// Takes all control messages off the queue.
fn control(queue: &mut Queue) -> Vec<ToEdge> {
    let mut messages = Vec::new();
    loop {
        match queue.next_action() {
            Action::Control(bytes) => {
                let mut frames = Frames::new();
                frames.feed(&bytes);
                messages.push(frames.next_message().unwrap().unwrap());
                queue.wrote_control(bytes.len());
            }
            Action::Reset(_) => {}
            _ => return messages,
        }
    }
}

/// Writes whatever is next in full; returns its stream.
fn write_one(queue: &mut Queue) -> StreamHeader {
    loop {
        match queue.next_action() {
            Action::Write { stream, pieces, .. } => {
                queue.wrote(&stream, pieces.iter().map(Bytes::len).sum()).expect("a whole part was written");
                return stream;
            }
            Action::Finish(stream) => queue.finished(&stream),
            other => panic!("nothing to write but {other:?}"),
        }
    }
}

#[test]
fn the_lowest_bit_rate_goes_first_and_within_it_the_older_segment() {
    let (mut queue, now) = (queue(), Instant::now());
    for (variant, msn) in [(0, 1), (2, 1), (2, 2), (1, 2), (1, 1)] {
        push(&mut queue, &part(variant, msn, 0), now);
    }
    let order: Vec<_> = (0..5).map(|_| write_one(&mut queue)).map(|s| (s.variant.0, s.msn.0)).collect();
    assert_eq!(order, [(1, 1), (1, 2), (2, 1), (2, 2), (0, 1)]);
}

#[test]
fn live_parts_are_never_behind_the_backlog_whose_newest_segment_goes_first() {
    let (mut queue, now) = (queue(), Instant::now());
    let pieces = || [Bytes::from_static(b"h"), Bytes::from_static(b"b")];
    for (variant, msn) in [(0, 8), (0, 9), (1, 8), (1, 9)] {
        queue.push_backlog(stream(variant, msn), 0, pieces(), now);
    }
    push(&mut queue, &part(0, 10, 0), now);
    let order: Vec<_> = (0..3).map(|_| write_one(&mut queue)).map(|s| (s.variant.0, s.msn.0)).collect();
    assert_eq!(order, [(0, 10), (1, 9), (0, 9)]);
}

#[test]
fn quic_sends_in_the_order_of_the_queue() {
    let queue = queue();
    let backlog = |variant, msn| StreamHeader { backlog: true, ..stream(variant, msn) };
    let order = [
        stream(1, 1),
        stream(1, 2),
        stream(2, 1),
        stream(2, 50_000),
        stream(0, 1),
        stream(0, 2),
        backlog(1, 9),
        backlog(0, 8),
    ];
    let turns = order.map(|stream| queue.turn(&stream));
    assert!(turns.is_sorted(), "{turns:?}");
    let priorities = order.map(|stream| queue.priority(&stream));
    assert!(priorities.is_sorted_by(|a, b| a > b), "{priorities:?}");
    assert!(
        priorities[0] < STORE_PRIORITY && priorities[5] > FETCH_PRIORITY && priorities[6] < FETCH_PRIORITY
    );
}

#[test]
fn control_goes_before_media() {
    let (mut queue, now) = (queue(), Instant::now());
    push(&mut queue, &part(1, 1, 0), now);
    push(&mut queue, &opened(1, 2), now);
    assert!(matches!(queue.next_action(), Action::Control(_)));
}

#[test]
fn a_part_that_is_written_but_not_confirmed_still_counts() {
    let (mut queue, now) = (queue(), Instant::now());
    push(&mut queue, &opened(1, 1), now);
    push(&mut queue, &part(1, 1, 0), now);
    push(&mut queue, &closed(1, 1, 1), now);
    control(&mut queue);
    write_one(&mut queue);
    assert_eq!(queue.next_action(), Action::Finish(stream(1, 1)));
    queue.finished(&stream(1, 1));
    assert_eq!(queue.lag(now + BOUND), BOUND);
    let ages = queue.confirm(&stream(1, 1), 1, now + BOUND);
    assert_eq!(ages, [BOUND]);
    assert_eq!(queue.lag(now + BOUND), Duration::ZERO);
    assert!(queue.segments.is_empty());
}

#[test]
fn a_confirmation_of_what_was_never_written_is_not_believed() {
    let (mut queue, now) = (queue(), Instant::now());
    push(&mut queue, &part(1, 1, 0), now);
    assert!(queue.confirm(&stream(1, 1), u32::MAX, now).is_empty());
    assert_eq!(write_one(&mut queue), stream(1, 1));
}

#[test]
fn an_edge_that_is_late_loses_the_oldest_segment_of_the_highest_variant_first() {
    let (mut queue, began) = (queue(), Instant::now());
    for variant in 0..3 {
        for msn in 1..=2 {
            push(&mut queue, &opened(variant, msn), began);
            push(&mut queue, &part(variant, msn, 0), began + Duration::from_secs(msn));
            push(&mut queue, &closed(variant, msn, 1), began);
        }
    }
    control(&mut queue);
    // The lower two are confirmed: only the highest is late.
    for _ in 0..4 {
        let stream = write_one(&mut queue);
        queue.confirm(&stream, 1, began);
    }
    queue.expire(began + Duration::from_millis(5500));
    assert_eq!(queue.take_losses(), [Loss::Late]);
    let told = control(&mut queue);
    let lost: Vec<_> = told
        .iter()
        .map(|message| match message {
            ToEdge::Lost { variant, start, duration, .. } => (variant.0, start.msn.0, duration.as_secs()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lost, [(0, 1, 2)]);
}

#[test]
fn a_higher_variant_gives_way_before_a_lower_one_is_lost() {
    let (mut queue, now) = (queue(), Instant::now());
    push(&mut queue, &part(1, 1, 0), now);
    push(&mut queue, &part(0, 1, 0), now + Duration::from_secs(1));
    queue.expire(now + BOUND + Duration::from_millis(1));
    assert_eq!(queue.take_losses(), [Loss::Late, Loss::Late]);
    let (mut queue, now) = (self::queue(), Instant::now());
    push(&mut queue, &part(0, 1, 0), now);
    push(&mut queue, &part(1, 1, 0), now + Duration::from_secs(1));
    queue.expire(now + BOUND + Duration::from_millis(1));
    assert_eq!(queue.take_losses(), [Loss::Late]);
    assert_eq!(write_one(&mut queue), stream(1, 1));
}

#[test]
fn a_silence_costs_nothing_unless_it_lasts_longer_than_a_connection_can() {
    let (mut queue, now) = (queue(), Instant::now());
    push(&mut queue, &part(0, 1, 0), now);
    let silence = IDLE_TIMEOUT - Duration::from_millis(100);
    queue.silent(silence);
    queue.expire(now + silence + BOUND);
    assert_eq!(queue.take_losses(), []);
    // A part that came after it is as old as it looks.
    push(&mut queue, &part(1, 1, 0), now + silence);
    assert_eq!(queue.lag(now + silence + BOUND), BOUND);
    queue.silent(IDLE_TIMEOUT);
    queue.expire(now + IDLE_TIMEOUT + BOUND + Duration::from_millis(1));
    assert_eq!(queue.take_losses(), [Loss::Late]);
    assert_eq!(write_one(&mut queue), stream(1, 1));
}

#[test]
fn the_loss_of_an_open_segment_is_told_when_its_duration_is_known() {
    let (mut queue, now) = (queue(), Instant::now());
    push(&mut queue, &opened(0, 1), now);
    push(&mut queue, &part(0, 1, 0), now);
    control(&mut queue);
    write_one(&mut queue);
    queue.expire(now + BOUND * 2);
    assert_eq!(queue.next_action(), Action::Reset(stream(0, 1)));
    assert!(control(&mut queue).is_empty());
    push(&mut queue, &part(0, 1, 1), now + BOUND * 2);
    push(&mut queue, &closed(0, 1, 2), now + BOUND * 2);
    let told = control(&mut queue);
    assert!(matches!(told[..], [ToEdge::Lost { start, .. }] if start.msn == Msn(1)), "{told:?}");
    assert_eq!(queue.next_action(), Action::Idle);
}

#[test]
fn a_started_epoch_leaves_nothing_of_the_last_one_behind() {
    let (mut queue, now) = (queue(), Instant::now());
    push(&mut queue, &opened(0, 1), now);
    push(&mut queue, &part(0, 1, 0), now);
    push(&mut queue, &FeedEvent::Ended { epoch: Epoch(1) }, now);
    control(&mut queue);
    write_one(&mut queue);
    assert_eq!(queue.next_action(), Action::Finish(stream(0, 1)));
    queue.finished(&stream(0, 1));
    queue.confirm(&stream(0, 1), 1, now);
    assert!(queue.segments.is_empty());
}

proptest! {
    #[test]
    fn nothing_is_older_than_the_bound_and_every_part_is_written_once_in_order(
        steps in prop::collection::vec((0_u16..3, 0_u8..4, 1_u64..1500, 1_usize..300), 1..200),
    ) {
        let (mut queue, mut now) = (queue(), Instant::now());
        let mut state = [(0_u64, 0_u32, false); 3];
        let mut written = std::collections::BTreeMap::<StreamHeader, Vec<u8>>::new();
        for (variant, what, ms, bytes) in steps {
            now += Duration::from_millis(ms);
            let (msn, parts, open) = &mut state[usize::from(variant)];
            match what {
                0 if *open => {
                    push(&mut queue, &part(variant, *msn, *parts), now);
                    *parts += 1;
                }
                1 if *open && *parts > 0 => {
                    push(&mut queue, &closed(variant, *msn, *parts), now);
                    *open = false;
                }
                _ if !*open => {
                    (*msn, *parts, *open) = (*msn + 1, 0, true);
                    push(&mut queue, &opened(variant, *msn), now);
                }
                _ => {}
            }
            queue.expire(now);
            prop_assert!(queue.lag(now) <= BOUND);
            control(&mut queue);
            if let Action::Write { stream, pieces, .. } = queue.next_action() {
                let all: Vec<u8> = pieces.concat();
                let some = &all[..bytes.min(all.len())];
                written.entry(stream).or_default().extend_from_slice(some);
                queue.wrote(&stream, some.len());
            }
        }
        for bytes in written.values() {
            let mut frames = Frames::new();
            frames.feed(bytes);
            if let Some(header) = frames.next_message::<PartHeader>().unwrap() {
                prop_assert_eq!(header.meta.index, 0);
            }
        }
    }
}

#[test]
fn an_edge_that_reads_no_control_messages_is_noticed() {
    let mut queue = queue();
    for _ in 0..=MAX_CONTROL {
        queue.push_control(Bytes::from_static(b"x"));
    }
    assert!(queue.overflowed());
}
