//! Tests of the planner.

use bytes::Bytes;
use farcast_feed::time::WallTime;
use proptest::prelude::*;

use super::*;
use crate::media::{AudioCodec, VideoCodec};

fn video_config(width: u32) -> Arc<VideoConfig> {
    let record = Bytes::from_static(b"record");
    let config = VideoConfig::plain(VideoCodec::Avc, record, (width, 180));
    Arc::new(VideoConfig { frame_rate_milli: Some(30_000), ..config })
}

fn audio_config(channels: u16) -> Arc<AudioConfig> {
    let record = Bytes::from_static(&[0x11, 0x90]);
    Arc::new(AudioConfig {
        codec: AudioCodec::Aac,
        record,
        sample_rate_hz: 48_000,
        channels,
        frame_samples: 1024,
    })
}

fn frame(track: Track, ms: i64, key: bool) -> MediaEvent {
    let at = MediaTime::from_millis(ms);
    let data = Bytes::from_static(b"data");
    let arrived_at = WallTime(1_000_000_000 + u64::try_from(ms).unwrap() * 1000);
    MediaEvent::Frame(Frame { track, dts: at, pts: at, key, data, arrived_at, mark: None })
}

fn config(passthrough_video: bool) -> Config {
    Config {
        segment_target: Duration::from_secs(4),
        part_target: Duration::from_millis(500),
        passthrough_video,
        first_msn: Msn(100),
        first_discontinuity_sequence: 7,
        observe: Duration::ZERO,
        anchor: WallTime(1_000_000_000),
        not_before: WallTime(0),
    }
}

/// Video at 25 frames per second with key frames where `key` says, and audio at 50.
fn source(from_ms: i64, to_ms: i64, key: impl Fn(i64) -> bool) -> Vec<MediaEvent> {
    let mut events = Vec::new();
    for ms in (from_ms..to_ms).step_by(20) {
        if (ms - from_ms) % 40 == 0 {
            events.push(frame(Track::Video, ms, key(ms)));
        }
        events.push(frame(Track::Audio, ms, true));
    }
    events
}

fn every(gop_ms: i64) -> impl Fn(i64) -> bool {
    move |ms| ms % gop_ms == 0
}

fn run(planner: &mut Planner, events: impl IntoIterator<Item = MediaEvent>) -> Vec<MediaEvent> {
    let mut out = Vec::new();
    for event in events {
        planner.push(event, &mut out);
    }
    out
}

fn configs() -> Vec<MediaEvent> {
    vec![MediaEvent::Video(video_config(320)), MediaEvent::Audio(audio_config(2))]
}

/// Marks as (start in ms, key frame, track, discontinuity).
fn marks(events: &[MediaEvent]) -> Vec<(i64, bool, Track, bool)> {
    let mark = |event: &MediaEvent| match event {
        MediaEvent::Frame(frame) => {
            frame.mark.map(|mark| (mark.start.0 / 1000, frame.key, frame.track, mark.discontinuity))
        }
        _ => None,
    };
    events.iter().filter_map(mark).collect()
}

fn starts(events: &[MediaEvent]) -> Vec<i64> {
    marks(events).into_iter().map(|mark| mark.0).collect()
}

#[test]
fn an_encoded_ladder_is_cut_on_the_grid_wherever_key_frames_are() {
    let mut planner = Planner::new(config(false));
    assert_eq!(planner.target_duration_s(), Some(4));
    let out = run(&mut planner, configs().into_iter().chain(source(0, 13_000, every(7000))));
    assert_eq!(starts(&out), [0, 4000, 8000, 12_000]);
    assert_eq!(planner.next_msn(), Msn(104));
}

#[test]
fn marks_carry_number_date_and_sequence() {
    let mut planner = Planner::new(config(false));
    let out = run(&mut planner, configs().into_iter().chain(source(40, 5000, |ms| ms == 40)));
    let Some(MediaEvent::Frame(Frame { mark: Some(mark), .. })) =
        out.iter().find(|e| matches!(e, MediaEvent::Frame(f) if f.mark.is_some()))
    else {
        panic!("no mark")
    };
    assert_eq!((mark.msn, mark.program_date_time), (Msn(100), WallTime(1_000_040_000)));
    assert_eq!((mark.discontinuity, mark.discontinuity_sequence), (false, 7));
}

#[test]
fn passed_through_video_is_cut_at_key_frames_after_whole_gops() {
    for (gop, expected_td, expected) in [
        (2000, 4, vec![0, 4000, 8000, 12_000, 16_000]),
        (1000, 4, vec![0, 4000, 8000, 12_000, 16_000]),
        (3000, 4, vec![0, 3000, 6000, 9000, 12_000, 15_000, 18_000]),
        (8320, 10, vec![0, 8320, 16_640]),
    ] {
        let mut planner = Planner::new(config(true));
        assert_eq!(planner.target_duration_s(), None);
        let out = run(&mut planner, configs().into_iter().chain(source(0, 19_000, every(gop))));
        assert_eq!(planner.target_duration_s(), Some(expected_td), "gop {gop}");
        assert_eq!(starts(&out), expected, "gop {gop}");
        assert!(marks(&out).iter().all(|mark| mark.1));
    }
}

#[test]
fn key_frames_that_stay_away_are_not_waited_for_beyond_the_target() {
    let mut planner = Planner::new(config(true));
    let key = |ms: i64| ms == 0 || ms == 2000 || ms == 4000;
    let out = run(&mut planner, configs().into_iter().chain(source(0, 20_000, key)));
    assert_eq!(planner.target_duration_s(), Some(4));
    let starts = starts(&out);
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] <= 4499), "{starts:?}");
    assert!(planner.forced_cuts() >= 3);
    assert!(marks(&out).iter().any(|mark| !mark.1));
}

#[test]
fn nothing_comes_out_before_the_gop_is_known_and_then_everything() {
    let mut planner = Planner::new(config(true));
    let mut out = run(&mut planner, configs().into_iter().chain(source(0, 2000, every(2000))));
    assert!(out.is_empty());
    planner.push(frame(Track::Video, 2000, true), &mut out);
    assert_eq!(out.len(), 2 + 50 + 100 + 1);
}

#[test]
fn the_wait_for_a_second_key_frame_is_bounded() {
    let mut planner = Planner::new(config(true));
    let out = run(&mut planner, configs().into_iter().chain(source(0, 11_000, |ms| ms == 0)));
    assert_eq!(planner.target_duration_s(), Some(10));
    assert!(!out.is_empty());
}

#[test]
fn the_start_is_a_key_frame_and_no_earlier_audio() {
    let mut planner = Planner::new(config(false));
    let key = |ms: i64| ms == 400;
    let out = run(&mut planner, configs().into_iter().chain(source(0, 1000, key)));
    let frames: Vec<_> = out
        .iter()
        .filter_map(|event| if let MediaEvent::Frame(frame) = event { Some(frame) } else { None })
        .collect();
    assert!(frames[0].key && frames[0].mark.is_some());
    assert!(frames.iter().all(|frame| frame.pts >= MediaTime::from_millis(400)));
}

#[test]
fn audio_without_video_is_marked_itself() {
    let mut planner = Planner::new(config(true));
    let audio = (0..10_000).step_by(20).map(|ms| frame(Track::Audio, ms, true));
    let mut out = run(&mut planner, [MediaEvent::Audio(audio_config(2))]);
    out.extend(run(&mut planner, audio));
    assert_eq!(planner.target_duration_s(), Some(4));
    assert_eq!(starts(&out), [0, 4000, 8000]);
}

#[test]
fn a_promise_of_no_video_or_no_audio_saves_the_wait() {
    let mut planner = Planner::new(config(false));
    planner.expect(Some(false), Some(true));
    let mut out = run(&mut planner, [MediaEvent::Audio(audio_config(2))]);
    planner.push(frame(Track::Audio, 0, true), &mut out);
    assert_eq!(starts(&out), [0]);
    let mut planner = Planner::new(config(false));
    planner.expect(Some(true), Some(false));
    let mut out = run(&mut planner, [MediaEvent::Video(video_config(320))]);
    planner.push(frame(Track::Video, 0, true), &mut out);
    assert_eq!(starts(&out), [0]);
}

#[test]
fn a_discontinuity_waits_for_the_key_frame_and_drops_what_comes_before() {
    let mut planner = Planner::new(config(false));
    run(&mut planner, configs().into_iter().chain(source(0, 5000, every(2000))));
    planner.discontinuity();
    let out = run(&mut planner, source(20_000, 22_000, |ms| ms == 20_400));
    assert_eq!(marks(&out), [(20_400, true, Track::Video, true)]);
    let first = out.first();
    assert!(matches!(first, Some(MediaEvent::Frame(frame)) if frame.mark.is_some()));
    assert_eq!(planner.discontinuity_sequence(), 8);
}

#[test]
fn a_continued_presentation_begins_with_a_discontinuity() {
    let mut planner = Planner::new(config(false));
    planner.discontinuity();
    let out = run(&mut planner, configs().into_iter().chain(source(0, 1000, every(2000))));
    assert_eq!(marks(&out), [(0, true, Track::Video, true)]);
}

#[test]
fn a_new_video_configuration_is_passed_on_with_its_key_frame_and_an_equal_one_never() {
    let mut planner = Planner::new(config(true));
    run(&mut planner, configs().into_iter().chain(source(0, 5000, every(2000))));
    let mut out = run(&mut planner, [MediaEvent::Video(video_config(320))]);
    assert!(out.is_empty());
    planner.push(MediaEvent::Video(video_config(640)), &mut out);
    assert!(out.is_empty());
    let out = run(&mut planner, source(5000, 6000, |ms| ms == 5200));
    assert!(matches!(&out[0], MediaEvent::Video(config) if config.width == 640));
    assert_eq!(marks(&out), [(5200, true, Track::Video, true)]);
}

#[test]
fn new_audio_begins_with_a_discontinuity_at_the_next_possible_frame() {
    let mut planner = Planner::new(config(false));
    run(&mut planner, configs().into_iter().chain(source(0, 5000, every(2000))));
    let mut out = run(&mut planner, [MediaEvent::Audio(audio_config(1))]);
    out.extend(run(&mut planner, source(5000, 6000, |_| false)));
    assert_eq!(marks(&out), [(5000, false, Track::Video, true)]);
}

#[test]
fn video_may_vanish_and_return() {
    let mut planner = Planner::new(config(true));
    run(&mut planner, configs().into_iter().chain(source(0, 5000, every(1000))));
    let audio = (5000..12_000).step_by(20).map(|ms| frame(Track::Audio, ms, true));
    let out = run(&mut planner, audio);
    assert!(out.iter().any(|event| matches!(event, MediaEvent::NoVideo)));
    assert_eq!(marks(&out)[0], (7980, true, Track::Audio, true));
    let out = run(&mut planner, source(12_000, 13_000, |ms| ms == 12_400));
    assert!(out.iter().any(|event| matches!(event, MediaEvent::Video(_))));
    assert!(marks(&out).contains(&(12_400, true, Track::Video, true)));
}

#[test]
fn a_publisher_that_comes_back_without_a_track_is_followed() {
    let mut planner = Planner::new(config(false));
    run(&mut planner, configs().into_iter().chain(source(0, 5000, every(2000))));
    let mut out = run(&mut planner, [MediaEvent::NoAudio]);
    out.extend(run(&mut planner, [frame(Track::Video, 5000, false), frame(Track::Audio, 5000, true)]));
    assert_eq!(marks(&out), [(5000, false, Track::Video, true)]);
    assert_eq!(out.len(), 2);
    let mut out = run(&mut planner, [MediaEvent::Audio(audio_config(2)), MediaEvent::NoVideo]);
    out.extend(run(&mut planner, [frame(Track::Audio, 5040, true)]));
    assert_eq!(marks(&out), [(5040, true, Track::Audio, true)]);
}

proptest! {
    /// However far apart key frames are, no segment of passed-through video outgrows the target, numbers
    /// have no holes, and starts go forward.
    #[test]
    fn segments_never_outgrow_the_target(gaps in proptest::collection::vec(1i64..400, 1..40)) {
        let mut planner = Planner::new(config(true));
        let mut keys = vec![0];
        for gap in gaps {
            keys.push(keys[keys.len() - 1] + gap * 40);
        }
        let last = keys[keys.len() - 1] + 1000;
        let events = source(0, last, |ms| keys.contains(&ms));
        let out = run(&mut planner, configs().into_iter().chain(events));
        if let Some(td) = planner.target_duration_s() {
            let starts = starts(&out);
            for pair in starts.windows(2) {
                prop_assert!(pair[1] > pair[0] && pair[1] - pair[0] < i64::from(td) * 1000 + 500);
            }
            let msns = u64::try_from(starts.len()).unwrap();
            prop_assert_eq!(planner.next_msn(), Msn(100 + msns));
        }
    }
}

#[test]
fn a_renewal_is_a_discontinuity_at_the_next_frame_or_where_video_is_passed_through_at_the_next_key_frame() {
    for (passthrough, expected, next) in [(false, 5000, 9000), (true, 6000, 10_000)] {
        let mut planner = Planner::new(config(passthrough));
        run(&mut planner, configs().into_iter().chain(source(0, 5000, every(2000))));
        planner.renew();
        let out = run(&mut planner, source(5000, 13_000, every(2000)));
        let marks = marks(&out);
        assert_eq!(marks[0].0, expected);
        assert!(marks[0].3, "with a discontinuity");
        assert_eq!((marks[1].0, marks[1].3), (next, false), "once");
        let audio =
            out.iter().filter(|event| matches!(event, MediaEvent::Frame(f) if f.track == Track::Audio));
        assert_eq!(audio.count(), 400, "no sound is lost");
    }
}

#[test]
fn key_frames_can_be_expected_of_encoders_here_and_of_regular_sources() {
    for (passthrough, gop_ms, expected) in [
        (false, 20_000, true),
        (true, 2000, true),
        (true, 10_000, true),
        (true, 8320, false),
        (true, 20_000, false),
    ] {
        let mut planner = Planner::new(config(passthrough));
        run(&mut planner, configs().into_iter().chain(source(0, 12_000, every(gop_ms))));
        assert_eq!(planner.is_keyed(), expected, "{passthrough} {gop_ms}");
    }
    let mut planner = Planner::new(config(true));
    planner.expect(Some(false), Some(true));
    run(&mut planner, [MediaEvent::Audio(audio_config(2)), frame(Track::Audio, 0, true)]);
    assert!(planner.is_keyed(), "there is no video");
}

#[test]
fn a_source_that_is_encoded_in_every_variant_needs_no_key_frames() {
    let mut planner = Planner::new(config(true));
    let mut out = run(&mut planner, configs());
    planner.encode_all();
    out.extend(run(&mut planner, source(0, 12_000, every(20_000))));
    assert!(planner.is_keyed());
    assert_eq!(planner.target_duration_s(), Some(4));
    assert_eq!(marks(&out).iter().map(|mark| mark.0).collect::<Vec<_>>(), [0, 4000, 8000]);
    assert_eq!(planner.forced_cuts(), 0);
}

#[test]
fn pictures_long_before_the_first_sound_are_left_out() {
    for (sound_ms, begin_ms, passthrough) in
        [(0, 0, true), (900, 0, true), (1500, 2000, true), (5000, 4000, true), (5500, 6000, false)]
    {
        let mut planner = Planner::new(config(passthrough));
        planner.expect(Some(true), Some(true));
        let [video, audio] = [configs()[0].clone(), configs()[1].clone()];
        let mut out = run(&mut planner, [video]);
        for event in source(0, 10_000, every(2000)) {
            let MediaEvent::Frame(frame) = &event else { continue };
            match frame.track {
                Track::Audio if frame.pts < MediaTime::from_millis(sound_ms) => continue,
                Track::Audio if frame.pts == MediaTime::from_millis(sound_ms) => {
                    out.extend(run(&mut planner, [audio.clone()]));
                }
                _ => {}
            }
            out.extend(run(&mut planner, [event]));
        }
        assert_eq!(marks(&out)[0].0, begin_ms, "{sound_ms}");
        assert!(
            matches!(out[..2], [MediaEvent::Audio(_), MediaEvent::Video(_)]),
            "{sound_ms}: {:?}",
            &out[..2]
        );
        assert!(marks(&out).iter().all(|mark| !mark.3), "{sound_ms}: no discontinuity");
    }
}

#[test]
fn parts_are_of_whole_frames_where_few_frames_come() {
    let slow = |passthrough, interval_ms: usize| {
        let mut planner = Planner::new(config(passthrough));
        planner.expect(Some(true), Some(false));
        let video = (0..12_000).step_by(interval_ms).map(|ms| frame(Track::Video, ms, ms % 2000 == 0));
        run(&mut planner, configs().into_iter().take(1).chain(video));
        planner.part_target().as_millis()
    };
    assert_eq!(slow(true, 200), 400);
    assert_eq!(slow(true, 125), 500);
    assert_eq!(slow(true, 1000), 1000);
    assert_eq!(slow(false, 200), 500, "encoders here repeat frames");
}

#[test]
fn a_source_that_is_to_be_measured_is_held_for_so_long() {
    let mut planner = Planner::new(Config { observe: Duration::from_secs(2), ..config(false) });
    let mut out = run(&mut planner, configs().into_iter().chain(source(0, 2000, every(500))));
    assert!(out.is_empty());
    planner.push(frame(Track::Video, 2000, false), &mut out);
    assert_eq!(out.len(), 2 + 50 + 100 + 1);
}

#[test]
fn what_is_found_out_of_the_tracks_while_the_start_is_held_interrupts_nothing() {
    let open = VideoConfig { open_gop: true, ..VideoConfig::clone(&video_config(320)) };
    let mut events = vec![MediaEvent::Video(video_config(320))];
    for event in source(0, 9000, every(2000)) {
        let at = if let MediaEvent::Frame(frame) = &event { frame.pts } else { MediaTime(0) };
        if at == MediaTime::from_millis(500)
            && matches!(&event, MediaEvent::Frame(f) if f.track == Track::Audio)
        {
            events.push(MediaEvent::Audio(audio_config(2)));
        }
        if at == MediaTime::from_millis(2000)
            && matches!(&event, MediaEvent::Frame(f) if f.key && f.track == Track::Video)
        {
            events.push(MediaEvent::Video(Arc::new(open.clone())));
        }
        events.push(event);
    }
    let mut planner = Planner::new(config(true));
    let out = run(&mut planner, events);
    assert!(marks(&out).iter().all(|mark| !mark.3), "{:?}", marks(&out));
    let configs: Vec<_> = out.iter().filter(|event| !matches!(event, MediaEvent::Frame(_))).collect();
    assert_eq!(configs.len(), 2);
    assert!(configs.contains(&&MediaEvent::Video(Arc::new(open))));
}
