//! Tests of the timeline.

use std::sync::Arc;

use bytes::Bytes;
use farcast_feed::time::WallTime;
use proptest::prelude::*;

use super::*;
use crate::media::{AudioCodec, AudioConfig};

fn frame(track: Track, dts_ms: i64, cts_ms: i64, tag: u32) -> MediaEvent {
    MediaEvent::Frame(Frame {
        track,
        dts: MediaTime::from_millis(dts_ms),
        pts: MediaTime::from_millis(dts_ms + cts_ms),
        key: true,
        data: Bytes::copy_from_slice(&tag.to_be_bytes()),
        arrived_at: WallTime(0),
        mark: None,
    })
}

struct Harness {
    timeline: Timeline,
    now: Instant,
    tag: u32,
    out: Vec<MediaEvent>,
    repairs: Vec<Repair>,
    discontinuities: usize,
}

impl Harness {
    fn new() -> Self {
        Self {
            timeline: Timeline::new(),
            now: Instant::now(),
            tag: 0,
            out: Vec::new(),
            repairs: Vec::new(),
            discontinuities: 0,
        }
    }

    fn event(&mut self, event: MediaEvent) {
        let outcome = self.timeline.push(event, self.now);
        self.out.extend(outcome.events);
        self.repairs.extend(outcome.repairs);
        self.discontinuities += usize::from(outcome.discontinuity);
    }

    fn push(&mut self, track: Track, dts_ms: i64) {
        self.tag += 1;
        self.event(frame(track, dts_ms, 0, self.tag));
        self.now += Duration::from_millis(10);
    }

    /// Audio every 20 ms and video every 40 ms for `count` × 40 ms from `from_ms`.
    fn play(&mut self, from_ms: i64, count: i64) {
        for i in 0..count {
            for (track, at) in [(Track::Video, 0), (Track::Audio, 0), (Track::Audio, 20)] {
                self.push(track, (from_ms + i * 40 + at).rem_euclid(1 << 32));
            }
        }
    }

    fn dts_ms(&self, track: Track) -> Vec<i64> {
        let frames = self.out.iter().filter_map(|event| match event {
            MediaEvent::Frame(frame) if frame.track == track => Some(frame.dts.micros() / 1000),
            _ => None,
        });
        frames.collect()
    }
}

fn steps(times: &[i64]) -> Vec<i64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_clean_source_is_only_shifted() {
    let mut h = Harness::new();
    h.timeline.begin_session(MediaTime::from_millis(500));
    h.play(123_456, 100);
    assert_eq!(h.dts_ms(Track::Video), (0..100).map(|i| 500 + i * 40).collect::<Vec<_>>());
    assert_eq!(h.dts_ms(Track::Audio), (0..200).map(|i| 500 + i * 20).collect::<Vec<_>>());
    assert!(h.repairs.is_empty() && h.discontinuities == 0);
}

#[test]
fn a_rollover_is_not_seen_whatever_the_source_wraps_at() {
    for period_ms in [1i64 << 24, 1 << 31, 1 << 32] {
        let mut h = Harness::new();
        for i in 0..100 {
            for (track, at) in [(Track::Video, 0), (Track::Audio, 0), (Track::Audio, 20)] {
                h.push(track, (period_ms - 1000 + i * 40 + at).rem_euclid(period_ms));
            }
        }
        assert_eq!(h.dts_ms(Track::Audio), (0..200).map(|i| i * 20).collect::<Vec<_>>());
        assert_eq!(h.repairs, [Repair::Rollover; 2], "one in each track");
        assert_eq!(h.discontinuities, 0);
    }
}

#[test]
fn a_jump_in_either_direction_is_joined_on_with_a_discontinuity() {
    for to_ms in [50_000_000, 0, 4_000_000_000, 1_000_000 - 5_500] {
        let mut h = Harness::new();
        h.play(1_000_000, 50);
        h.play(to_ms, 50);
        assert_eq!(h.discontinuities, 1, "{to_ms}");
        assert_eq!(h.dts_ms(Track::Video).len(), 100, "no video frame may be lost");
        assert!(steps(&h.dts_ms(Track::Video)).iter().all(|step| (1..=100).contains(step)));
        assert!(steps(&h.dts_ms(Track::Audio)).iter().all(|step| (1..=100).contains(step)));
    }
}

#[test]
fn a_single_frame_hours_off_is_dropped() {
    let mut h = Harness::new();
    h.play(0, 50);
    h.push(Track::Audio, 36_000_000);
    h.play(2000, 50);
    assert_eq!(h.repairs, [Repair::Outlier]);
    assert_eq!(steps(&h.dts_ms(Track::Audio)), vec![20; 199]);
}

#[test]
fn stale_audio_after_a_stall_is_dropped_and_nothing_goes_back() {
    let mut h = Harness::new();
    h.play(0, 500);
    for i in 0..30 {
        h.push(Track::Audio, 10_000 + i * 20);
        h.push(Track::Audio, 10_010 + i * 20);
        h.push(Track::Audio, 10_015 + i * 20);
        h.push(Track::Video, 20_000 + i * 40);
    }
    for i in 0..90 {
        h.push(Track::Audio, 10_000 + i * 20);
        h.now -= Duration::from_millis(10);
    }
    h.play(21_200, 50);
    assert_eq!(h.discontinuities, 0);
    assert_eq!(h.dts_ms(Track::Audio).len(), 1100);
    assert_eq!(steps(&h.dts_ms(Track::Video)), vec![40; 579]);
    assert_eq!(h.dts_ms(Track::Audio).last(), Some(&23_180));
}

#[test]
fn a_small_backward_step_drops_audio_and_nudges_video() {
    let mut h = Harness::new();
    h.play(0, 10);
    h.push(Track::Video, 340);
    h.push(Track::Audio, 340);
    assert_eq!(h.repairs, [Repair::BackwardStep, Repair::Stale]);
    assert_eq!(h.dts_ms(Track::Video).last(), Some(&361));
}

#[test]
fn a_duplicate_is_dropped() {
    let mut h = Harness::new();
    h.push(Track::Video, 0);
    h.push(Track::Video, 40);
    h.event(frame(Track::Video, 40, 0, 2));
    assert_eq!(h.repairs, [Repair::Duplicate]);
}

#[test]
fn tracks_with_different_clocks_are_aligned() {
    let mut h = Harness::new();
    for i in 0..100 {
        h.push(Track::Video, 3_000_000_000 + i * 40);
        h.push(Track::Audio, i * 40);
    }
    assert_eq!(h.repairs, [Repair::Skew]);
    assert_eq!(h.dts_ms(Track::Video), h.dts_ms(Track::Audio));
}

#[test]
fn a_track_whose_clock_changes_for_good_is_aligned_again() {
    let mut h = Harness::new();
    h.play(0, 100);
    for i in 0..300 {
        h.push(Track::Video, 4000 + i * 40);
        h.push(Track::Audio, 900_000 + i * 40);
    }
    assert_eq!(h.repairs.iter().filter(|repair| **repair == Repair::Skew).count(), 1);
    assert_eq!(h.dts_ms(Track::Audio).last(), h.dts_ms(Track::Video).last());
}

#[test]
fn negative_composition_times_move_decoding_and_not_presentation() {
    let mut h = Harness::new();
    for (i, cts) in [0, 80, -40, 0, 80, -40, 0].into_iter().enumerate() {
        let at = i64::try_from(i).unwrap() * 40;
        h.event(frame(Track::Video, at, cts, u32::try_from(i).unwrap()));
    }
    let frames: Vec<_> =
        h.out.iter().map(|e| if let MediaEvent::Frame(f) = e { f } else { panic!() }).collect();
    assert!(frames.windows(2).all(|pair| pair[0].dts < pair[1].dts));
    assert!(frames.iter().all(|frame| frame.pts >= frame.dts));
    let pts: Vec<_> = frames.iter().map(|frame| frame.pts.micros() / 1000).collect();
    assert_eq!(pts, [0, 120, 41, 120, 240, 160, 240], "one frame waits while the shift is found");
}

#[test]
fn a_silent_track_is_declared_gone_and_announced_again() {
    let audio = MediaEvent::Audio(Arc::new(AudioConfig {
        codec: AudioCodec::Aac,
        record: Bytes::from_static(&[0x11, 0x90]),
        sample_rate_hz: 48_000,
        channels: 2,
        frame_samples: 1024,
    }));
    let mut h = Harness::new();
    h.event(audio.clone());
    h.play(0, 10);
    for i in 10..200 {
        h.push(Track::Video, i * 40);
    }
    assert_eq!(h.repairs, [Repair::TrackLost]);
    h.push(Track::Audio, 8000);
    assert_eq!(h.repairs, [Repair::TrackLost, Repair::TrackBack]);
    assert!(h.out.contains(&MediaEvent::NoAudio));
    assert_eq!(h.out[h.out.len() - 2], audio);
    assert_eq!(h.dts_ms(Track::Audio).last(), Some(&8000));
}

#[test]
fn the_next_publisher_goes_on_where_it_is_told() {
    let mut h = Harness::new();
    h.play(70_000, 50);
    h.timeline.begin_session(MediaTime::from_millis(9000));
    h.play(0, 50);
    let video = h.dts_ms(Track::Video);
    assert_eq!((video[49], video[50], video[99]), (1960, 9000, 10_960));
    assert_eq!(h.discontinuities, 0);
}

#[test]
fn a_publisher_that_is_told_to_begin_in_the_past_never_goes_back() {
    let mut h = Harness::new();
    h.play(0, 50);
    h.timeline.begin_session(MediaTime(0));
    h.play(0, 100);
    assert!(steps(&h.dts_ms(Track::Video)).iter().all(|step| *step > 0));
    assert!(steps(&h.dts_ms(Track::Audio)).iter().all(|step| *step > 0));
    assert_eq!(h.dts_ms(Track::Video)[49..51], [1960, 2000]);
    assert!(h.repairs.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Play(u8),
    JumpTo(u32),
    Back(u16),
    Glitch(bool, u32),
    Silence(bool, u8),
    Composition(i32),
    Publisher(u16),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<u8>().prop_map(Step::Play),
        any::<u32>().prop_map(Step::JumpTo),
        any::<u16>().prop_map(Step::Back),
        any::<(bool, u32)>().prop_map(|(a, b)| Step::Glitch(a, b)),
        any::<(bool, u8)>().prop_map(|(a, b)| Step::Silence(a, b)),
        (-8_388_608..8_388_607i32).prop_map(Step::Composition),
        any::<u16>().prop_map(Step::Publisher),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_decode_times_grow_and_presentation_is_not_before(steps in proptest::collection::vec(any_step(), 1..30)) {
        let mut h = Harness::new();
        let mut clock = 0i64;
        let either = |video| if video { Track::Video } else { Track::Audio };
        let mut frames = 0i64;
        for step in steps {
            match step {
                Step::Play(count) => {
                    h.play(clock, i64::from(count));
                    clock += i64::from(count) * 40;
                    frames += i64::from(count) * 3;
                }
                Step::JumpTo(to) => clock = i64::from(to),
                Step::Back(by) => clock -= i64::from(by),
                Step::Glitch(video, at) => { h.push(either(video), i64::from(at)); frames += 1; }
                Step::Silence(video, count) => {
                    for _ in 0..count {
                        h.push(either(!video), clock.rem_euclid(1 << 32));
                        clock += 40;
                    }
                    frames += i64::from(count);
                }
                Step::Composition(cts) => {
                    h.tag += 1;
                    let tag = h.tag;
                    h.event(frame(Track::Video, clock.rem_euclid(1 << 32), i64::from(cts), tag));
                    clock += 40;
                    frames += 1;
                }
                Step::Publisher(gap) => {
                    let at = h.timeline.head().after(Duration::from_millis(u64::from(gap)));
                    h.timeline.begin_session(at);
                    frames += i64::from(gap) / 40;
                }
            }
        }
        for track in [Track::Video, Track::Audio] {
            prop_assert!(super::tests::steps(&h.dts_ms(track)).iter().all(|step| *step >= 0));
        }
        let mut last = [None, None];
        for event in &h.out {
            if let MediaEvent::Frame(frame) = event {
                prop_assert!(frame.pts >= frame.dts);
                let last = &mut last[index(frame.track)];
                prop_assert!(last.is_none_or(|last| last < frame.dts));
                *last = Some(frame.dts);
            }
        }
        // The timeline cannot run away: each frame moves it by at most the largest jump that is believed.
        prop_assert!(h.timeline.head().micros() <= (frames + 1) * 5_200_000 + 5_000_000);
    }
}
