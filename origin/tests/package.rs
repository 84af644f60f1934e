//! Planner and packager together, from source frames to a feed: what every feed must satisfy, for
//! many kinds of sources, and what ffmpeg makes of the bytes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use farcast_feed::feed::{FeedEvent, PartMeta};
use farcast_feed::name::{Epoch, Msn, VariantId};
use farcast_feed::time::{MediaTime, WallTime};
use farcast_origin::media::{Frame, Mark, MediaEvent, Track};
use farcast_origin::package::{self, LatencyLevel, Packager};
use farcast_origin::plan::{self, Planner};
use proptest::prelude::*;

#[path = "package/judge.rs"]
mod judge;
#[path = "package/source.rs"]
mod source;

use judge::{Allow, SegmentSeen, file, judge};
use source::{Source, audio_config, read_flv, read_fragments, video_config};

fn planner(level: LatencyLevel, passthrough_video: bool) -> Planner {
    Planner::new(plan::Config {
        segment_target: level.segment_target(),
        part_target: level.part_target(),
        passthrough_video,
        first_msn: Msn(0),
        first_discontinuity_sequence: 0,
        observe: Duration::ZERO,
        anchor: WallTime(1_700_000_000_000_000),
        not_before: WallTime(0),
    })
}

fn config(level: LatencyLevel, target_duration_s: u32) -> package::Config {
    package::Config {
        epoch: Epoch(1),
        variant: VariantId(0),
        part_target: level.part_target(),
        segment_target: level.segment_target(),
        target_duration_s,
    }
}

fn marks(events: &[MediaEvent]) -> Vec<Mark> {
    let mark = |event: &MediaEvent| if let MediaEvent::Frame(frame) = event { frame.mark } else { None };
    events.iter().filter_map(mark).collect()
}

fn plan(planner: &mut Planner, events: impl IntoIterator<Item = MediaEvent>) -> Vec<MediaEvent> {
    let mut out = Vec::new();
    for event in events {
        planner.push(event, &mut out);
    }
    out
}

/// Packages planned events, each at the time its frame arrived.
fn pack(config: package::Config, planned: &[MediaEvent]) -> Vec<FeedEvent> {
    let mut packager = Packager::new(config);
    let (mut out, mut now) = (Vec::new(), WallTime(0));
    for event in planned {
        if let MediaEvent::Frame(frame) = event {
            now = now.max(frame.arrived_at);
            if let Some(mark) = frame.mark {
                packager.mark(mark, now, &mut out);
            }
        }
        packager.push(event.clone(), now, &mut out);
    }
    packager.finish(now, &mut out);
    out
}

/// The whole way of a source, and the checks that hold for all.
fn feed(source: &Source, level: LatencyLevel, passthrough: bool, allow: Allow) -> Vec<SegmentSeen> {
    let mut planner = planner(level, passthrough);
    planner.expect(Some(source.video), Some(source.audio_hz > 0));
    let planned = plan(&mut planner, source.configs().into_iter().chain(source.frames()));
    let td = planner.target_duration_s().expect("the target duration is known");
    let config = config(level, td);
    let events = pack(config, &planned);
    let seen = judge(&events, &config, allow);
    assert_eq!(seen.len(), marks(&planned).len(), "every mark begins a segment");
    for kind in [Track::Video, Track::Audio] {
        let id = if kind == Track::Video { 1 } else { 2 };
        let is_kind = |event: &&MediaEvent| matches!(event, MediaEvent::Frame(frame) if frame.track == kind);
        let packed: usize = seen.iter().filter_map(|segment| segment.samples.get(&id)).sum();
        assert_eq!(packed, planned.iter().filter(is_kind).count(), "every {kind:?} frame is in one part");
    }
    seen
}

fn secs(seen: &[SegmentSeen]) -> Vec<f64> {
    seen.iter().map(|segment| (segment.extinf.as_secs_f64() * 1000.0).round() / 1000.0).collect()
}

#[test]
fn rtmp_at_thirty_frames_gives_even_parts_at_every_level() {
    for level in (0..=4).map(|n| LatencyLevel::try_from(n).unwrap()) {
        let seen = feed(&Source::default(), level, false, Allow::default());
        let (_, whole) = seen.split_last().unwrap();
        for segment in whole {
            assert!((segment.extinf.as_secs_f64() - level.segment_target().as_secs_f64()).abs() < 0.04);
            let last = segment.parts.last().unwrap();
            assert!(*last * 2 > level.part_target(), "{level:?}: a crumb in {:?}", segment.parts);
        }
    }
}

#[test]
fn ordinary_frame_rates_keep_the_bounds() {
    for (fps_milli, ntsc) in
        [(24_000, false), (24_000, true), (25_000, false), (30_000, true), (50_000, false), (60_000, true)]
    {
        for millis in [true, false] {
            for level in [LatencyLevel::Lowest, LatencyLevel::Medium, LatencyLevel::Highest] {
                let gop = usize::try_from(fps_milli / 500).unwrap();
                let source = Source { fps_milli, ntsc, millis, gop, ..Source::default() };
                feed(&source, level, true, Allow::default());
                feed(&Source { reordered: true, ..source }, level, true, Allow::default());
            }
        }
    }
}

#[test]
fn gops_of_eight_and_a_third_seconds_are_segments() {
    let source = Source { gop: 250, seconds: 40, ..Source::default() };
    let seen = feed(&source, LatencyLevel::Medium, true, Allow::default());
    assert_eq!(secs(&seen)[..4], [8.333, 8.334, 8.333, 8.333]);
}

#[test]
fn audio_alone_is_cut_by_itself() {
    for audio_hz in [44_100, 48_000] {
        let source = Source { video: false, audio_hz, ..Source::default() };
        let seen = feed(&source, LatencyLevel::Medium, true, Allow::default());
        assert_eq!(seen.len(), 8);
        assert!(seen.iter().all(|segment| !segment.samples.contains_key(&1)));
    }
}

#[test]
fn video_alone_needs_no_audio() {
    let source = Source { audio_hz: 0, ..Source::default() };
    let seen = feed(&source, LatencyLevel::Low, false, Allow::default());
    assert_eq!(secs(&seen)[..3], [2.0, 2.0, 2.0]);
}

#[test]
fn cd_audio_beside_ntsc_video_steps_exactly() {
    let source = Source { audio_hz: 44_100, ntsc: true, reordered: true, ..Source::default() };
    feed(&source, LatencyLevel::Medium, true, Allow::default());
}

#[test]
fn every_frame_waits_for_at_most_the_next() {
    for (ntsc, gop, passthrough) in
        [(false, 60, false), (true, 60, true), (false, 250, true), (true, 250, true)]
    {
        let mut planner = planner(LatencyLevel::Medium, passthrough);
        let source = Source { millis: false, ntsc, gop, ..Source::default() };
        let planned = plan(&mut planner, source.configs().into_iter().chain(source.frames()));
        let events = pack(config(LatencyLevel::Medium, planner.target_duration_s().unwrap()), &planned);
        let waits: Vec<Duration> = parts(&events).map(|meta| meta.closed_at.since(meta.arrived_at)).collect();
        let (_, live) = waits.split_last().unwrap();
        assert!(live.iter().all(|wait| *wait <= Duration::from_micros(33_368)), "{waits:?}");
    }
}

fn parts(events: &[FeedEvent]) -> impl Iterator<Item = &PartMeta> {
    events.iter().filter_map(|event| if let FeedEvent::Part { meta, .. } = event { Some(meta) } else { None })
}

#[test]
fn the_last_part_of_a_segment_says_so() {
    let mut planner = planner(LatencyLevel::Medium, false);
    let source = Source::default();
    let planned = plan(&mut planner, source.configs().into_iter().chain(source.frames()));
    let events = pack(config(LatencyLevel::Medium, 4), &planned);
    let said: Vec<_> = parts(&events).filter_map(|meta| meta.closes).collect();
    let closed = events.iter().filter_map(|event| match event {
        FeedEvent::SegmentClosed { end, .. } => Some(*end),
        _ => None,
    });
    assert_eq!(said, closed.collect::<Vec<_>>());
    assert!(said.len() > 5);
}

#[test]
fn a_picture_that_stands_still_for_seconds_leaves_audio_parts() {
    let source = Source::default();
    let still = |event: &MediaEvent| match event {
        MediaEvent::Frame(frame) => {
            frame.track == Track::Audio || !(9_000_000..10_900_000).contains(&frame.dts.micros())
        }
        _ => true,
    };
    let mut planner = planner(LatencyLevel::Medium, false);
    let frames = source.frames().into_iter().filter(still);
    let planned = plan(&mut planner, source.configs().into_iter().chain(frames));
    let config = config(LatencyLevel::Medium, 4);
    let seen = judge(&pack(config, &planned), &config, Allow { short_parts: true, ..Allow::default() });
    assert!(secs(&seen)[..7].iter().all(|length| (length - 4.0).abs() < 0.1), "{:?}", secs(&seen));
}

#[test]
fn an_encoder_that_returns_goes_on_after_a_discontinuity() {
    let mut planner = planner(LatencyLevel::Medium, true);
    let first = Source { seconds: 9, ..Source::default() };
    let mut planned = plan(&mut planner, first.configs().into_iter().chain(first.frames()));
    planner.discontinuity();
    let second = Source { seconds: 9, from_us: 20_000_000, audio_hz: 44_100, ..Source::default() };
    let changed = [video_config(640), audio_config(44_100)];
    planned.extend(plan(&mut planner, changed.into_iter().chain(second.frames())));
    let config = config(LatencyLevel::Medium, 4);
    let events = pack(config, &planned);
    let seen = judge(&events, &config, Allow::default());
    let breaks: Vec<_> = seen
        .iter()
        .filter(|segment| segment.start.discontinuity)
        .map(|segment| (segment.start.msn, segment.start.init, segment.start.discontinuity_sequence))
        .collect();
    assert_eq!(breaks, [(Msn(3), 1, 1)]);
    let dates: Vec<u64> = seen.iter().map(|s| s.start.program_date_time.0 - 1_700_000_000_000_000).collect();
    assert_eq!(dates, [0, 4_000_000, 8_000_000, 20_000_000, 24_000_000, 28_000_000]);
}

/// Two variants of one source, the first one's encoder being replaced by another whose pictures need another section
/// each time the time is in `replaced`. Says the feeds, and how often a renewal was asked for.
fn with_replaced_encoders(passthrough: bool, replaced: &[i64], grant: bool) -> ([Vec<FeedEvent>; 2], usize) {
    let mut planner = planner(LatencyLevel::Medium, passthrough);
    let source = Source { seconds: 40, ..Source::default() };
    let mut packagers = [0, 1].map(|_| Packager::new(config(LatencyLevel::Medium, 4)));
    let mut feeds = [Vec::new(), Vec::new()];
    let mut planned = plan(&mut planner, source.configs());
    let (mut asked, mut width) = (0, 320);
    for event in source.frames() {
        planner.push(event, &mut planned);
        for event in planned.drain(..) {
            let now = if let MediaEvent::Frame(frame) = &event { frame.arrived_at } else { WallTime(0) };
            if let MediaEvent::Frame(Frame { mark: Some(mark), .. }) = &event {
                packagers.iter_mut().zip(&mut feeds).for_each(|(p, feed)| p.mark(*mark, now, feed));
            }
            if let MediaEvent::Frame(frame) = &event
                && replaced.contains(&frame.dts.micros())
                && frame.track == Track::Video
            {
                width += 320;
                packagers[0].push(video_config(width), now, &mut feeds[0]);
            }
            packagers.iter_mut().zip(&mut feeds).for_each(|(p, feed)| p.push(event.clone(), now, feed));
        }
        if packagers.iter_mut().any(Packager::take_renewal) {
            asked += 1;
            if grant {
                planner.renew();
            }
        }
    }
    let now = WallTime(40_000_000);
    packagers.iter_mut().zip(&mut feeds).for_each(|(p, feed)| p.finish(now, feed));
    (feeds, asked)
}

#[test]
fn an_encoder_that_is_replaced_brings_its_section_with_a_discontinuity_in_every_variant() {
    // Without a ladder nobody makes key frames at the marks.
    let allow = Allow { short_parts: true, dependent_segments: true, ..Allow::default() };
    for passthrough in [false, true] {
        // In the middle of a segment, at its end, twice within one.
        for replaced in [&[9_100_000_i64][..], &[11_967_000, 30_000_000], &[9_100_000, 9_500_000]] {
            let replaced: Vec<i64> =
                replaced.iter().map(|us| us / 33_333 * 33_333 + us / 33_333 / 3).collect();
            let replaced: Vec<i64> = replaced.iter().map(|us| (us + 500) / 1000 * 1000).collect();
            let (feeds, asked) = with_replaced_encoders(passthrough, &replaced, true);
            assert!(asked >= 1, "{passthrough} {replaced:?}");
            let seen = feeds.map(|feed| judge(&feed, &config(LatencyLevel::Medium, 4), allow));
            let breaks = |seen: &[SegmentSeen]| -> Vec<_> {
                seen.iter()
                    .map(|s| (s.start.msn, s.start.discontinuity, s.start.discontinuity_sequence))
                    .collect()
            };
            assert_eq!(breaks(&seen[0]), breaks(&seen[1]), "in step: {passthrough} {replaced:?}");
            let last = seen[0].last().unwrap().start;
            assert!(last.discontinuity_sequence >= 1);
            assert_eq!(u64::from(last.init), last.discontinuity_sequence, "each brought one section");
            assert_eq!(seen[1].last().unwrap().start.init, 0, "the other variant keeps its section");
        }
    }
}

#[test]
fn without_a_discontinuity_segments_that_need_another_section_are_lost_rather_than_wrong() {
    let (feeds, asked) = with_replaced_encoders(false, &[9_100_000], false);
    assert!(asked >= 5, "it goes on asking: {asked}");
    let seen = judge(
        &feeds[0],
        &config(LatencyLevel::Medium, 4),
        Allow { lost: true, short_parts: true, dependent_segments: true, ..Allow::default() },
    );
    assert_eq!(seen.len(), 3);
    let lost = feeds[0].iter().filter(|event| matches!(event, FeedEvent::SegmentLost { .. })).count();
    assert_eq!(lost, 7);
}

#[test]
fn video_that_vanishes_leaves_an_audio_section_and_returns_with_its_own() {
    let source = Source { seconds: 40, ..Source::default() };
    let gone = |event: &MediaEvent| match event {
        MediaEvent::Frame(frame) => {
            frame.track == Track::Audio || !(10_000_000..24_000_000).contains(&frame.dts.micros())
        }
        _ => true,
    };
    let mut planner = planner(LatencyLevel::Medium, false);
    let frames = source.frames().into_iter().filter(gone);
    let planned = plan(&mut planner, source.configs().into_iter().chain(frames));
    let config = config(LatencyLevel::Medium, 4);
    let seen = judge(&pack(config, &planned), &config, Allow { short_parts: true, ..Allow::default() });
    let inits: Vec<u32> = seen.iter().map(|segment| segment.start.init).collect();
    assert_eq!(inits.iter().max(), Some(&2));
    assert!(seen.iter().any(|s| s.start.init == 1 && !s.samples.contains_key(&1)));
}

#[test]
fn an_encoder_that_makes_nothing_loses_segments_by_name() {
    let mut planner = planner(LatencyLevel::Low, false);
    let source = Source { seconds: 60, ..Source::default() };
    let planned = plan(&mut planner, source.configs().into_iter().chain(source.frames()));
    let config = config(LatencyLevel::Low, 2);
    let mut packager = Packager::new(config);
    let mut out = Vec::new();
    for event in &planned {
        let MediaEvent::Frame(frame) = event else {
            packager.push(event.clone(), WallTime(0), &mut out);
            continue;
        };
        if let Some(mark) = frame.mark {
            packager.mark(mark, frame.arrived_at, &mut out);
        }
        // Nothing from 10 s to 40 s, in either track.
        if !(10_000_000..40_000_000).contains(&frame.dts.micros()) {
            packager.push(event.clone(), frame.arrived_at, &mut out);
        }
        if frame.dts.micros() == 39_000_000 {
            let lost = out.iter().filter(|e| matches!(e, FeedEvent::SegmentLost { .. })).count();
            assert!(lost >= 6, "others need to know while it lasts: {lost}");
        }
    }
    packager.finish(WallTime(60_000_000), &mut out);
    let allow = Allow { lost: true, audio_gaps: true, ..Allow::default() };
    let video_gap: Vec<_> = out
        .iter()
        .filter_map(|event| match event {
            FeedEvent::SegmentLost { start, duration, .. } => Some((start.msn.0, *duration)),
            _ => None,
        })
        .collect();
    assert_eq!(video_gap.first().map(|lost| lost.0), Some(5));
    assert_eq!(video_gap.last().map(|lost| lost.0), Some(19));
    assert!(video_gap.iter().all(|(_, length)| *length == Duration::from_secs(2)));
    let numbers = out
        .iter()
        .filter(|event| matches!(event, FeedEvent::SegmentOpened { .. } | FeedEvent::SegmentLost { .. }));
    assert_eq!(numbers.count(), 30);
    // The video track skips what was lost, so only the feed up to there is without holes.
    let until = out.iter().position(|e| matches!(e, FeedEvent::SegmentLost { .. })).unwrap();
    judge(&out[..until], &config, allow);
}

#[test]
fn lost_segments_are_guessed_if_nobody_told_the_marks() {
    let mut planner = planner(LatencyLevel::Low, false);
    let source = Source { seconds: 20, ..Source::default() };
    let planned = plan(&mut planner, source.configs().into_iter().chain(source.frames()));
    let mut packager = Packager::new(config(LatencyLevel::Low, 2));
    let mut out = Vec::new();
    for event in planned {
        let at = if let MediaEvent::Frame(frame) = &event { frame.dts.micros() } else { 0 };
        if !(6_000_000..12_000_000).contains(&at) {
            packager.push(event, WallTime(0), &mut out);
        }
    }
    let lost: Vec<_> = out
        .iter()
        .filter_map(|event| match event {
            FeedEvent::SegmentLost { start, duration, .. } => Some((start.msn.0, duration.as_millis())),
            _ => None,
        })
        .collect();
    assert_eq!(lost, [(3, 2000), (4, 2000), (5, 2000)]);
}

#[test]
fn audio_ahead_of_a_slow_video_encoder_waits_for_its_part() {
    let mut planner = planner(LatencyLevel::Medium, false);
    let source = Source::default();
    let planned = plan(&mut planner, source.configs().into_iter().chain(source.frames()));
    let expected = pack(config(LatencyLevel::Medium, 4), &planned);
    // Video comes 700 ms behind audio.
    let mut delayed: Vec<(i64, MediaEvent)> = planned
        .into_iter()
        .map(|event| match &event {
            MediaEvent::Frame(Frame { track: Track::Video, dts, .. }) => (dts.micros() + 700_000, event),
            MediaEvent::Frame(frame) => (frame.dts.micros(), event),
            _ => (i64::MIN, event),
        })
        .collect();
    delayed.sort_by_key(|(at, _)| *at);
    let delayed: Vec<MediaEvent> = delayed.into_iter().map(|(_, event)| event).collect();
    let config = config(LatencyLevel::Medium, 4);
    let late = judge(&pack(config, &delayed), &config, Allow::default());
    let timely = judge(&expected, &config, Allow::default());
    let counts = |seen: &[SegmentSeen], id| seen.iter().map(|s| s.samples[&id]).collect::<Vec<_>>();
    assert_eq!(counts(&late, 1), counts(&timely, 1));
    // A frame at the very border may be on either side, for it may come before or after the border.
    for (late, timely) in counts(&late, 2).into_iter().zip(counts(&timely, 2)) {
        assert!(late.abs_diff(timely) <= 1, "{late} and {timely}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any GOP structure and any timing of frames: bounds, order, sums and continuity hold.
    #[test]
    fn any_source_gives_a_lawful_feed(
        gop in 1usize..300,
        fps_milli in 12_000i64..61_000,
        reordered: bool,
        passthrough: bool,
        level in 0u8..5,
    ) {
        let source = Source { gop, fps_milli, reordered, ..Source::default() };
        let allow = Allow { short_parts: true, dependent_segments: true, ..Allow::default() };
        let _ = feed(&source, LatencyLevel::try_from(level).unwrap(), passthrough, allow);
    }

    /// Variable frame rate: frames 5 to 200 ms apart.
    #[test]
    fn any_pace_gives_a_lawful_feed(gaps in proptest::collection::vec(5i64..200, 200..400)) {
        let source = Source::default();
        let mut at = 0;
        let mut events = source.configs();
        let mut audio = source.frames().into_iter().filter(|event| {
            matches!(event, MediaEvent::Frame(frame) if frame.track == Track::Audio)
        }).peekable();
        for (n, gap) in gaps.into_iter().enumerate() {
            let mut frame = Source { seconds: 1, ..source }.frames().remove(0);
            if let MediaEvent::Frame(frame) = &mut frame {
                frame.dts.0 = at * 1000;
                frame.pts.0 = at * 1000;
                frame.key = n % 40 == 0;
            }
            while let Some(MediaEvent::Frame(next)) = audio.peek() {
                if next.dts.micros() > at * 1000 { break; }
                events.extend(audio.next());
            }
            events.push(frame);
            at += gap;
        }
        let mut planner = planner(LatencyLevel::Medium, true);
        let planned = plan(&mut planner, events);
        if let Some(td) = planner.target_duration_s() {
            let config = config(LatencyLevel::Medium, td);
            let allow = Allow { short_parts: true, dependent_segments: true, ..Allow::default() };
            judge(&pack(config, &planned), &config, allow);
        }
    }

    /// Output does not depend on how input is batched, nor on the clock but for the stamps.
    #[test]
    fn batching_changes_nothing(chunks in proptest::collection::vec(1usize..200, 1..30), late in 0u64..1000) {
        let source = Source { seconds: 12, ..Source::default() };
        let mut whole = planner(LatencyLevel::Medium, true);
        let planned = plan(&mut whole, source.configs().into_iter().chain(source.frames()));
        let expected = pack(config(LatencyLevel::Medium, 4), &planned);
        let mut split = planner(LatencyLevel::Medium, true);
        let mut packager = Packager::new(config(LatencyLevel::Medium, 4));
        let mut events: Vec<MediaEvent> = source.configs().into_iter().chain(source.frames()).collect();
        let mut out = Vec::new();
        let now = WallTime(late);
        for size in chunks.into_iter().chain([usize::MAX]) {
            let rest = events.split_off(size.min(events.len()));
            let mut planned = Vec::new();
            for event in std::mem::replace(&mut events, rest) {
                split.push(event, &mut planned);
            }
            for mark in marks(&planned) {
                packager.mark(mark, now, &mut out);
            }
            for event in planned {
                packager.push(event, now, &mut out);
            }
        }
        packager.finish(now, &mut out);
        let timeless = |events: &[FeedEvent]| -> Vec<FeedEvent> {
            events.iter().cloned().map(|mut event| {
                if let FeedEvent::Part { meta, .. } = &mut event {
                    meta.closed_at = WallTime(0);
                }
                event
            }).collect()
        };
        prop_assert!(timeless(&out) == timeless(&expected));
    }
}

fn any_event() -> impl Strategy<Value = MediaEvent> {
    let time = || -(1i64 << 40)..(1i64 << 40);
    let frame = (any::<bool>(), time(), time(), any::<bool>(), 0usize..50, proptest::option::of(0u64..40));
    let frame = frame.prop_map(|(video, dts, pts, key, size, mark)| {
        let start = MediaTime(pts);
        let mark = mark.map(|msn| Mark {
            msn: Msn(msn),
            start,
            program_date_time: WallTime(0),
            discontinuity: msn % 3 == 0,
            discontinuity_sequence: msn,
        });
        let (track, data) = (if video { Track::Video } else { Track::Audio }, vec![0; size].into());
        MediaEvent::Frame(Frame {
            track,
            dts: MediaTime(dts),
            pts: start,
            key,
            data,
            arrived_at: WallTime(1),
            mark,
        })
    });
    prop_oneof![
        20 => frame,
        1 => (0u32..3).prop_map(|n| video_config(n * 320)),
        1 => any::<bool>().prop_map(|cd| audio_config(if cd { 44_100 } else { 48_000 })),
        1 => Just(MediaEvent::NoVideo),
        1 => Just(MediaEvent::NoAudio),
    ]
}

proptest! {
    /// Nothing that an encoder or a publisher can say makes either panic, and what the packager says
    /// stays well-formed.
    #[test]
    fn senseless_events_do_no_harm(events in proptest::collection::vec(any_event(), 0..300), skip: bool) {
        let mut out = Vec::new();
        let mut planner = planner(LatencyLevel::Low, true);
        let mut packager = Packager::new(config(LatencyLevel::Low, 2));
        for (n, event) in events.into_iter().enumerate() {
            let now = WallTime(n as u64 * 100_000);
            if let MediaEvent::Frame(Frame { mark: Some(mark), .. }) = &event && skip {
                packager.mark(*mark, now, &mut out);
            }
            let planned = plan(&mut planner, [event.clone()]);
            for event in planned.into_iter().chain([event]) {
                packager.push(event, now, &mut out);
            }
        }
        packager.finish(WallTime(0), &mut out);
        let mut open = 0;
        for event in &out {
            match event {
                FeedEvent::SegmentOpened { .. } => open += 1,
                FeedEvent::SegmentClosed { end, .. } => {
                    open -= 1;
                    prop_assert!(end.duration.as_secs_f64().round() <= 2.0 && end.parts > 0);
                }
                FeedEvent::Part { meta, .. } => {
                    prop_assert!(open == 1 && meta.duration <= Duration::from_millis(500));
                }
                FeedEvent::SegmentLost { .. } => open = 0,
                _ => {}
            }
        }
    }
}

/// Runs a program and gives its standard output; what it complains about fails the test.
fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("ffmpeg and ffprobe are installed");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.trim().is_empty(), "{program} {args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Hashes of all decoded pictures.
fn pictures(path: &Path) -> Vec<String> {
    let text = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            path.to_str().unwrap(),
            "-map",
            "0:v",
            "-fps_mode",
            "passthrough",
            "-f",
            "framemd5",
            "-",
        ],
    );
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

#[test]
fn ffmpeg_decodes_every_picture_of_the_source_from_the_feed() {
    let folder = tempfile::tempdir().unwrap();
    let (source, made) = (folder.path().join("source.flv"), folder.path().join("feed.mp4"));
    for encoder in [
        ["-g", "60", "-bf", "2", "-r", "30000/1001"],
        ["-g", "250", "-bf", "3", "-r", "25"],
        ["-g", "50", "-bf", "0", "-r", "50"],
    ] {
        let mut args = vec!["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=50:d=12", "-f"];
        args.extend(["lavfi", "-i", "sine=440:r=44100:d=12", "-c:v", "libx264", "-preset", "ultrafast"]);
        args.extend(encoder);
        args.extend(["-c:a", "aac", "-ac", "1", source.to_str().unwrap()]);
        run("ffmpeg", &args);
        let frames = read_flv(&std::fs::read(&source).unwrap(), 44_100);
        let mut planner = planner(LatencyLevel::Medium, true);
        let planned = plan(&mut planner, frames);
        let config = config(LatencyLevel::Medium, planner.target_duration_s().unwrap());
        let events = pack(config, &planned);
        judge(&events, &config, Allow { audio_gaps: true, ..Allow::default() });
        std::fs::write(&made, file(&events)).unwrap();
        let (expected, got) = (pictures(&source), pictures(&made));
        assert!(expected.len() > 200);
        assert_eq!(got, expected, "{encoder:?}");
        let streams = run(
            "ffprobe",
            &[
                "-v",
                "error",
                "-count_packets",
                "-show_entries",
                "stream=codec_name,nb_read_packets,time_base,sample_rate",
                "-of",
                "csv=p=0",
                made.to_str().unwrap(),
            ],
        );
        let audio = planned.iter().filter(|e| matches!(e, MediaEvent::Frame(f) if f.track == Track::Audio));
        let lines: Vec<&str> = streams.lines().collect();
        assert_eq!(lines[0], format!("h264,1/90000,{}", expected.len()));
        assert_eq!(lines[1], format!("aac,44100,1/44100,{}", audio.count()));
    }
}

#[test]
fn ffmpeg_decodes_hevc_and_av1_too() {
    let folder = tempfile::tempdir().unwrap();
    let (source, made) = (folder.path().join("source.mp4"), folder.path().join("feed.mp4"));
    for (encoder, codecs) in [
        (["libx265", "-tag:v", "hvc1", "-x265-params", "log-level=none:bframes=2"], "hvc1.1.6.L60.90"),
        (["libaom-av1", "-cpu-used", "8", "-lag-in-frames", "0"], "av01.0.00M.08"),
    ] {
        let mut args =
            vec!["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4", "-g", "50"];
        args.extend(["-pix_fmt", "yuv420p", "-c:v"]);
        args.extend(encoder);
        args.extend(["-movflags", "delay_moov+default_base_moof+frag_keyframe", source.to_str().unwrap()]);
        run("ffmpeg", &args);
        let mut planner = planner(LatencyLevel::Low, true);
        planner.expect(Some(true), Some(false));
        let planned = plan(&mut planner, read_fragments(&std::fs::read(&source).unwrap()));
        let config = config(LatencyLevel::Low, planner.target_duration_s().unwrap());
        let events = pack(config, &planned);
        assert_eq!(judge(&events, &config, Allow::default()).len(), 2);
        let Some(FeedEvent::Init { format, .. }) = events.first() else { panic!("no init section") };
        assert_eq!(format.codecs, codecs);
        std::fs::write(&made, file(&events)).unwrap();
        assert_eq!(pictures(&made), pictures(&source), "{codecs}");
    }
}

#[test]
fn both_count_what_they_do() {
    let registry = prometheus::Registry::new();
    let mut planner = planner(LatencyLevel::Low, false).with_metrics(plan::Metrics::new(&registry).unwrap());
    let metrics = package::Metrics::new(&registry).unwrap();
    let mut packager = Packager::new(config(LatencyLevel::Low, 2)).with_metrics(metrics);
    let source = Source { seconds: 9, ..Source::default() };
    let mut out = Vec::new();
    for event in plan(&mut planner, source.configs().into_iter().chain(source.frames())) {
        packager.push(event, WallTime(0), &mut out);
    }
    let value = |name: &str| {
        let family = registry.gather().into_iter().find(|family| family.name() == name).unwrap();
        family.get_metric()[0].get_counter().get_value()
    };
    assert_eq!(value("farcast_plan_segments_total"), 5.0);
    assert_eq!(value("farcast_package_segments_total"), 4.0);
    assert_eq!(value("farcast_package_parts_total"), parts(&out).count() as f64);
}
