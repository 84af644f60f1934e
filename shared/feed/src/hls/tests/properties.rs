//! Invariants of every playlist that is ever emitted, over random histories of the feed.

use proptest::prelude::*;

use super::feed::{
    Fate, Packager, Step, begins_without_key_frame, presentation, snapshot, steps, without_key_frames,
};
use super::playlist::{Playlist, Segment, parse};
use crate::feed::FeedEvent;
use crate::hls::{Answer, Directives, Form};
use crate::name::{Msn, VariantId};
use crate::window::{Changed, Keep, StreamWindow};

const VARIANTS: [VariantId; 2] = [VariantId(0), VariantId(1)];
/// Slack for sums of decimal fractions.
const EPSILON: f64 = 1e-6;

fn history(steps: &[Step], end: bool) -> Vec<FeedEvent> {
    let mut packager = Packager::new();
    steps.iter().for_each(|step| packager.step(*step));
    if end {
        packager.end();
    }
    without_key_frames(&mut packager.events);
    packager.events
}

fn shown(windows: &StreamWindow, variant: VariantId, form: Form) -> Playlist {
    parse(&windows.render_media(variant, form).unwrap())
}

/// C1 of one playlist by itself.
fn check_alone(playlist: &Playlist, variant: VariantId) {
    assert_eq!(playlist.version, if playlist.skipped.is_some() { 9 } else { 6 });
    assert!(playlist.hold_back >= 3.0 * playlist.part_target - EPSILON);
    assert!(playlist.skip_until >= 6.0 * playlist.target - EPSILON);
    let mut after = 0.0;
    for (back, segment) in playlist.segments.iter().rev().enumerate() {
        let Playlist { part_target, target, .. } = playlist;
        assert!(segment.duration.is_some() || back == 0, "only the last segment may be open");
        assert!(segment.length().round() <= *target, "EXTINF of {}", segment.msn);
        assert!(!segment.date.is_empty());
        assert!(segment.map.is_some() || segment.gap);
        assert!(segment.parts.iter().all(|part| part.duration <= part_target + EPSILON));
        let near = after <= 3.0 * target + EPSILON;
        assert!(near || segment.parts.is_empty(), "parts of {} lie too far back", segment.msn);
        assert!(!segment.parts.is_empty() || !near || segment.gap, "parts of {} are missing", segment.msn);
        after += segment.length();
    }
    if playlist.skipped.is_none() {
        let has_media = |s: &&Segment| !s.gap || s.parts.iter().any(|part| !part.gap);
        let mut played = playlist.segments.iter().filter(has_media);
        assert_eq!(playlist.independent, !played.any(|s| begins_without_key_frame(s.msn)), "{playlist:?}");
    }
    if playlist.ended {
        assert!(playlist.hint.is_none() && playlist.segments.iter().all(|s| s.duration.is_some()));
    }
    if let (Some(hint), Some(last)) = (&playlist.hint, playlist.segments.last()) {
        let next = match last.duration {
            None => format!("/{}.{}.m4s", last.msn, last.parts.len()),
            Some(_) => format!("/{}.0.m4s", last.msn + 1),
        };
        // A segment that has begun without a part may lie behind numbers that were skipped.
        assert!(hint.ends_with(&next), "{variant}: {hint} is not {next}");
    }
}

/// C1.17: only legal edits lead from one playlist to the next.
fn check_succession(before: &Playlist, after: &Playlist) {
    assert_eq!(before.fixed, after.fixed);
    assert!(after.media_sequence >= before.media_sequence);
    let Some(offset) = before.segments.iter().position(|s| s.msn == after.media_sequence) else {
        return;
    };
    let removed = &before.segments[..offset];
    let left = u64::try_from(removed.iter().filter(|s| s.discontinuity).count()).unwrap();
    assert_eq!(after.discontinuity_sequence, before.discontinuity_sequence + left);
    for (old, new) in before.segments[offset..].iter().zip(&after.segments) {
        assert_eq!((old.msn, old.discontinuity, &old.date), (new.msn, new.discontinuity, &new.date));
        if old.duration.is_some() {
            assert_eq!((old.duration, &old.uri, old.gap), (new.duration, &new.uri, new.gap));
            assert!(new.parts == old.parts || new.parts.is_empty());
        } else if !new.parts.is_empty() {
            assert!(new.parts.starts_with(&old.parts), "parts are appended");
        }
        assert!(old.map == new.map || old.gap || new.gap);
    }
    let kept = before.segments.len() - offset;
    assert!(after.segments.len() >= kept, "nothing is removed from the tail");
    check_hint(before, after);
}

/// C1.7: what was hinted at is hinted at still, has come, or its segment ended without it.
fn check_hint(before: &Playlist, after: &Playlist) {
    let Some(hint) = &before.hint else { return };
    let file = hint.rsplit('/').next().unwrap();
    let (msn, part) = file.strip_suffix(".m4s").unwrap().split_once('.').unwrap();
    let (msn, part): (u64, usize) = (msn.parse().unwrap(), part.parse().unwrap());
    let came = after.segments.iter().flat_map(|s| &s.parts).any(|part| part.uri == *hint);
    let over = after.segments.iter().any(|s| {
        s.msn > msn || (s.msn == msn && s.duration.is_some() && (s.parts.len() <= part || s.parts.is_empty()))
    });
    let waits = after.hint.as_ref() == Some(hint);
    // A restart of the origin abandons what the old epoch hinted at.
    let restarted = after.hint.is_none() || after.ended;
    let epoch = |uri: &str| uri.split('/').next().map(str::to_owned);
    let other_epoch = after.hint.as_deref().and_then(epoch) != epoch(hint);
    assert!(came || over || waits || restarted || other_epoch, "{hint} came to nothing: {after:?}");
}

/// C2: a delta is the full playlist less what it skipped.
fn check_delta(full: &Playlist, delta: &Playlist) {
    let complete: Vec<f64> = full.segments.iter().filter_map(|s| s.duration).collect();
    let may_skip = (0..complete.len())
        .filter(|&at| complete[at + 1..].iter().sum::<f64>() > full.skip_until + EPSILON)
        .count();
    let may_skip = if full.ended { 0 } else { may_skip };
    assert_eq!(delta.skipped.unwrap_or(0), may_skip);
    assert_ne!(delta.skipped, Some(0));
    let rest = Playlist {
        version: delta.version,
        skipped: delta.skipped,
        segments: full.segments[may_skip..].to_vec(),
        ..full.clone()
    };
    // The section in force before a gap is not repeated for the gap.
    let mut delta = delta.clone();
    delta.segments.iter_mut().zip(&rest.segments).filter(|(s, _)| s.map.is_none()).for_each(|(s, r)| {
        assert!(s.gap);
        s.map.clone_from(&r.map);
    });
    assert_eq!(delta, rest);
}

/// C1.8: a report says what the other playlist shows.
fn check_reports(own: &Playlist, variant: VariantId, other: &Playlist) {
    let uri = format!("../{variant}/stream.m3u8");
    let report = own.reports.iter().find(|(to, ..)| *to == uri);
    match other.segments.last() {
        None => assert!(report.is_none()),
        Some(last) => {
            let (_, msn, part) = report.expect("a report");
            assert_eq!(*msn, last.msn);
            assert_eq!(part.map_or(0, |part| part + 1), u64::try_from(last.parts.len()).unwrap());
        }
    }
    assert_eq!(own.reports.len(), usize::from(report.is_some()));
}

/// C3: ready if and only if the playlist shows what was asked for or anything later.
fn check_answers(windows: &StreamWindow, variant: VariantId, playlist: &Playlist) {
    let window = windows.get(variant).unwrap();
    let Some(last) = playlist.segments.last().filter(|_| window.is_playable() && !playlist.ended) else {
        return;
    };
    let parts = u32::try_from(last.parts.len()).unwrap();
    let complete = playlist.segments.iter().rev().find(|s| s.duration.is_some()).map(|s| s.msn);
    for msn in last.msn.saturating_sub(2)..=last.msn + 4 {
        for part in [None, Some(0), Some(1), Some(parts), Some(parts + 1), Some(50)] {
            let shows = match part {
                None => complete.is_some_and(|complete| complete >= msn),
                Some(part) => msn < last.msn || (msn == last.msn && part < parts),
            };
            let directives = Directives { msn: Some(Msn(msn)), part, skip: false };
            match window.answer(&directives) {
                Answer::Ready { first } => {
                    assert!(shows, "{directives:?} is answered too early");
                    assert!(!first || msn == last.msn || (last.parts.len() <= 1 && msn + 1 == last.msn));
                }
                Answer::Wait => assert!(!shows, "{directives:?} is shown and waited for"),
                Answer::Refuse(_) => {
                    assert!(!shows && (msn > last.msn + 2 || part.is_some_and(|part| part >= parts + 6)));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_playlist_of_a_history_is_legal(steps in steps(), end: bool, batch in 1_usize..6) {
        let events = history(&steps, end);
        let mut windows = StreamWindow::new(presentation(1, false), Keep::Listed);
        let mut before: [Option<(u64, Playlist)>; 2] = [None, None];
        let mut group = 0;
        for batch in events.chunks(batch) {
            for event in batch {
                group += u64::from(matches!(event, FeedEvent::Started(p) if !p.continues && p.epoch.0 > 1));
                windows.apply(event);
            }
            let full = VARIANTS.map(|variant| shown(&windows, variant, Form::Full));
            for (at, variant) in VARIANTS.into_iter().enumerate() {
                check_alone(&full[at], variant);
                check_delta(&full[at], &shown(&windows, variant, Form::Delta));
                check_reports(&full[at], VARIANTS[1 - at], &full[1 - at]);
                check_answers(&windows, variant, &full[at]);
                if let Some((of, before)) = &before[at]
                    && *of == group
                {
                    check_succession(before, &full[at]);
                }
                before[at] = Some((group, full[at].clone()));
            }
        }
    }

    #[test]
    fn events_heard_twice_change_nothing(steps in steps(), end: bool) {
        let events = history(&steps, end);
        let mut windows = StreamWindow::new(presentation(1, false), Keep::Listed);
        for event in &events {
            windows.apply(event);
            let text = windows.render_media(VariantId(1), Form::Full);
            prop_assert_eq!(windows.apply(event), Changed::Nothing, "{:?}", event);
            prop_assert_eq!(windows.render_media(VariantId(1), Form::Full), text);
        }
        for event in &events {
            prop_assert_eq!(windows.apply(event), Changed::Nothing, "{:?}", event);
        }
    }

    #[test]
    fn a_snapshot_says_the_same_as_the_feed_before_it(
        segments in prop::collection::vec((1_u32..=4, any::<bool>()), 1..30), cut in any::<prop::sample::Index>(), end: bool,
    ) {
        let steps: Vec<Step> = segments
            .into_iter()
            .map(|(parts, lost)| {
                let fate = if lost { Fate::Lost } else { Fate::Whole };
                Step::Segment { parts, last_ms: 500, discontinuity: false, new_init: false, fate }
            })
            .collect();
        let events = history(&steps, end);
        let cut = cut.index(events.len()) + 1;
        let mut fed = StreamWindow::new(presentation(1, false), Keep::Listed);
        events[..cut].iter().for_each(|event| { fed.apply(event); });
        let told = snapshot(&events[..cut]).unwrap();
        let mut merged = StreamWindow::new(presentation(1, false), Keep::Listed);
        merged.merge(&told);
        prop_assert_eq!(merged.merge(&told), Changed::Nothing);
        prop_assert_eq!(fed.merge(&told), Changed::Nothing);
        events[cut..].iter().for_each(|event| { fed.apply(event); merged.apply(event); });
        for variant in VARIANTS {
            prop_assert_eq!(merged.render_media(variant, Form::Full), fed.render_media(variant, Form::Full));
        }
        prop_assert_eq!(merged.render_multivariant(None), fed.render_multivariant(None));
    }
}
