//! The table of blocking reloads (RFC 8216bis §6.2.5.2), row by row.

use super::feed::{Fate, Packager, presentation};
use crate::feed::FeedEvent;
use crate::hls::{Answer, Directives, Refusal};
use crate::name::{Msn, VariantId};
use crate::window::{Keep, StreamWindow};

const NOW: Answer = Answer::Ready { first: false };
const FIRST: Answer = Answer::Ready { first: true };

fn answer(windows: &StreamWindow, query: &str) -> Answer {
    windows.get(VariantId(0)).unwrap().answer(&Directives::parse(query).unwrap())
}

fn playing(open_parts: u32) -> StreamWindow {
    let mut packager = Packager::new();
    (0..20).for_each(|_| packager.segment(4, 500, false, Fate::Whole, true));
    if open_parts > 0 {
        packager.segment(open_parts, 500, false, Fate::Whole, false);
    }
    let mut windows = StreamWindow::new(presentation(1, false), Keep::Listed);
    packager.events.iter().for_each(|event| {
        windows.apply(event);
    });
    windows
}

#[test]
fn without_directives_the_newest_is_given_once_there_is_something_to_play() {
    assert_eq!(answer(&StreamWindow::new(presentation(1, false), Keep::Listed), ""), Answer::Wait);
    assert_eq!(answer(&playing(1), ""), NOW);
}

/// Segments 100 to 119 are complete, 120 has two parts.
#[test]
fn what_is_there_is_given_and_what_is_not_is_waited_for() {
    let windows = playing(2);
    let rows = [
        ("_HLS_msn=119", NOW),
        ("_HLS_msn=120", Answer::Wait),
        ("_HLS_msn=120&_HLS_part=0", NOW),
        ("_HLS_msn=120&_HLS_part=1", FIRST),
        ("_HLS_msn=120&_HLS_part=2", Answer::Wait),
        ("_HLS_msn=121&_HLS_part=0", Answer::Wait),
        // hls.js without low latency asks for the last part of the next segment.
        ("_HLS_msn=121&_HLS_part=3", Answer::Wait),
        // Older than the window.
        ("_HLS_msn=3", NOW),
        ("_HLS_msn=3&_HLS_part=9", NOW),
    ];
    for (query, want) in rows {
        assert_eq!(answer(&windows, query), want, "{query}");
    }
}

#[test]
fn a_part_beyond_a_finished_segment_is_the_first_of_the_next() {
    let between = playing(0);
    assert_eq!(answer(&between, "_HLS_msn=119&_HLS_part=3"), FIRST);
    assert_eq!(answer(&between, "_HLS_msn=119"), FIRST);
    for beyond in [4, 5, 4_000_000] {
        let query = format!("_HLS_msn=119&_HLS_part={beyond}");
        assert_eq!(answer(&between, &query), Answer::Wait, "{query}");
        assert_eq!(answer(&playing(1), &query), FIRST, "{query}");
        assert_eq!(answer(&playing(2), &query), NOW, "{query}");
    }
}

#[test]
fn what_lies_too_far_ahead_is_refused() {
    let windows = playing(2);
    assert_eq!(answer(&windows, "_HLS_msn=122"), Answer::Wait);
    assert_eq!(answer(&windows, "_HLS_msn=123"), Answer::Refuse(Refusal::SegmentTooFarAhead));
    assert_eq!(
        answer(&windows, "_HLS_msn=18446744073709551615"),
        Answer::Refuse(Refusal::SegmentTooFarAhead)
    );
    // The Advance Part Limit of half-second parts is six: part 1 is the last.
    assert_eq!(answer(&windows, "_HLS_msn=120&_HLS_part=7"), Answer::Wait);
    assert_eq!(answer(&windows, "_HLS_msn=120&_HLS_part=8"), Answer::Refuse(Refusal::PartTooFarAhead));
    assert_eq!(answer(&windows, "_HLS_msn=121&_HLS_part=500"), Answer::Refuse(Refusal::PartTooFarAhead));
    // Between segments the one that is being made counts as begun.
    assert_eq!(answer(&playing(0), "_HLS_msn=122"), Answer::Wait);
    assert_eq!(answer(&playing(0), "_HLS_msn=123"), Answer::Refuse(Refusal::SegmentTooFarAhead));
}

#[test]
fn directives_are_ignored_after_the_end() {
    let mut windows = playing(2);
    windows.apply(&FeedEvent::Ended { epoch: windows.epoch() });
    for query in ["_HLS_msn=120&_HLS_part=3", "_HLS_msn=500", "_HLS_msn=1"] {
        assert_eq!(answer(&windows, query), NOW, "{query}");
    }
    assert!(windows.get(VariantId(0)).unwrap().segment(windows.epoch(), Msn(120)).is_some());
}
