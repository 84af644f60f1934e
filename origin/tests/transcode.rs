//! The ladder against media that the real ffmpeg made.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod clip;
mod device;
#[cfg(target_os = "linux")]
mod pictures;
#[cfg(target_os = "linux")]
mod worker;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farcast_av::{Codec, EncodedPacket, Error, VideoDecoder, VideoDecoderConfig, VideoFrame};
use farcast_feed::name::{Msn, VariantId};
use farcast_feed::time::{MediaTime, WallTime};
use farcast_origin::media::{Frame, MediaEvent, Track, VideoConfig};
use farcast_origin::plan::{self, Planner};
use farcast_origin::transcode::{
    DropReason, EncoderKind, EncoderSettings, KeyFrames, Ladder, LadderConfig, LadderError, LibavEncoders,
    Metrics, OpenEncoder, Pace, VariantSpec, VideoEncode, default_ladder,
};

const SEGMENT: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_secs(60);
const VIDEO: &[&str] = &["-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "2", "-threads", "1"];
const AUDIO: &[&str] = &["-c:a", "aac", "-b:a", "128k"];

/// Events of a clip: `video` is a size, `audio` whether there is a tone.
fn clip(video: Option<&str>, audio: bool, seconds: u32) -> Vec<MediaEvent> {
    encoded(video, audio, seconds, VIDEO, "flv")
}

fn encoded(video: Option<&str>, audio: bool, seconds: u32, codec: &[&str], format: &str) -> Vec<MediaEvent> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("clip").with_extension(format);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y"]);
    if let Some(size) = video {
        ffmpeg.args(["-f", "lavfi", "-i", &format!("testsrc2=s={size}:r=30:d={seconds}")]);
    }
    if audio {
        ffmpeg.args(["-f", "lavfi", "-i", &format!("sine=r=48000:d={seconds}")]);
    }
    if video.is_some() {
        ffmpeg.args(["-pix_fmt", "yuv420p"]).args(codec);
    }
    if audio {
        ffmpeg.args(AUDIO);
    }
    assert!(ffmpeg.arg(&path).status().unwrap().success());
    clip::events(&path, SEGMENT).unwrap()
}

fn rung(height: u32) -> VariantSpec {
    VariantSpec {
        scaled_height: height,
        video_bitrate: 400,
        framerate: 30,
        cpu_usage_level: 0,
        audio_passthrough: true,
        ..VariantSpec::default()
    }
}

struct Outcome {
    variants: Vec<Vec<MediaEvent>>,
    metrics: Metrics,
    result: Result<(), LadderError>,
}

fn run(config: LadderConfig, events: &[MediaEvent]) -> Outcome {
    run_at(config, events, None)
}

/// The same, of a source that was measured to have this bit rate.
fn run_at(config: LadderConfig, events: &[MediaEvent], source_bps: Option<u64>) -> Outcome {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let count = config.specs.len();
    let (mut ladder, mut out) =
        Ladder::start(LadderConfig { pace: Pace::Lossless, ..config }, &metrics).unwrap();
    let reader = std::thread::spawn(move || {
        let mut variants = vec![Vec::new(); count];
        while let Some((VariantId(index), event)) = out.blocking_recv() {
            variants[usize::from(index)].push(event);
        }
        variants
    });
    ladder.set_source_rate(source_bps);
    let pushed = events.iter().try_for_each(|event| ladder.push(event.clone()));
    let finished = ladder.finish(DEADLINE);
    Outcome { variants: reader.join().unwrap(), metrics, result: pushed.and(finished) }
}

fn software(specs: Vec<VariantSpec>) -> LadderConfig {
    LadderConfig::new(specs, EncoderKind::X264)
}

fn frames(events: &[MediaEvent], track: Track) -> Vec<&Frame> {
    let frames = events.iter().filter_map(|event| match event {
        MediaEvent::Frame(frame) => Some(frame),
        _ => None,
    });
    frames.filter(|frame| frame.track == track).collect()
}

fn marks(events: &[MediaEvent]) -> Vec<(u64, MediaTime)> {
    let mark = |event: &MediaEvent| match event {
        MediaEvent::Frame(frame) => frame.mark.map(|mark| {
            assert!(frame.key, "a mark is on a key frame");
            (mark.msn.0, frame.pts)
        }),
        _ => None,
    };
    events.iter().filter_map(mark).collect()
}

fn keys(events: &[MediaEvent]) -> Vec<MediaTime> {
    frames(events, Track::Video).iter().filter(|frame| frame.key).map(|frame| frame.pts).collect()
}

fn configs(events: &[MediaEvent]) -> Vec<Arc<VideoConfig>> {
    let config = |event: &MediaEvent| match event {
        MediaEvent::Video(config) => Some(config.clone()),
        _ => None,
    };
    events.iter().filter_map(config).collect()
}

fn sorted_by_dts(events: &[MediaEvent]) -> bool {
    let time = |event: &MediaEvent| match event {
        MediaEvent::Frame(frame) => Some(frame.dts),
        _ => None,
    };
    events.iter().filter_map(time).is_sorted()
}

/// Pictures that a decoder makes of a variant.
fn decodable(events: &[MediaEvent]) -> usize {
    let config = configs(events).remove(0);
    let mut decoder = VideoDecoder::open(&VideoDecoderConfig {
        codec: Codec::H264,
        extradata: &config.record,
        width: config.width,
        height: config.height,
        device: None,
    })
    .unwrap();
    let mut count = 0;
    for frame in frames(events, Track::Video) {
        decoder.send(&frame.data, frame.pts.micros(), frame.dts.micros(), frame.key).unwrap();
        while let Some(picture) = decoder.receive().unwrap() {
            assert_eq!((picture.width(), picture.height()), (config.width, config.height));
            count += 1;
        }
    }
    decoder.finish().unwrap();
    while decoder.receive().unwrap().is_some() {
        count += 1;
    }
    count
}

#[test]
fn the_default_ladder_forwards_the_source_and_makes_every_frame_of_480p() {
    let source = clip(Some("1280x720"), true, 5);
    let outcome = run(software(default_ladder()), &source);
    outcome.result.unwrap();
    assert_eq!(outcome.variants[0], source);
    let low = &outcome.variants[1];
    assert_eq!(frames(low, Track::Video).len(), 150);
    assert_eq!(decodable(low), 150);
    assert_eq!(frames(low, Track::Audio), frames(&source, Track::Audio));
    assert_eq!(marks(low), marks(&source));
    assert_eq!(marks(low).len(), 3);
    assert!(sorted_by_dts(low));
    assert_eq!((configs(low)[0].width, configs(low)[0].height), (854, 480));
    assert_eq!(keys(low), marks(&source).iter().map(|(_, pts)| *pts).collect::<Vec<_>>());
    assert!(matches!(low[..2], [MediaEvent::Audio(_), MediaEvent::Video(_)]));
}

#[test]
fn key_frames_are_aligned_across_variants_whatever_their_frame_rates() {
    let source = clip(Some("320x240"), false, 5);
    let half = VariantSpec { framerate: 15, ..rung(120) };
    let outcome = run(software(vec![rung(240), half, rung(60)]), &source);
    outcome.result.unwrap();
    let [a, b, c] = &outcome.variants[..] else { panic!("three variants") };
    assert_eq!(keys(a), keys(b));
    assert_eq!(keys(a), keys(c));
    assert_eq!(marks(a), marks(b));
    let count = frames(b, Track::Video).len();
    assert!((73..=78).contains(&count), "{count}");
}

#[test]
fn audio_only_is_re_encoded_with_its_marks_and_times() {
    let source = clip(None, true, 5);
    let spec = VariantSpec { audio_bitrate: 64, ..VariantSpec::default() };
    let outcome = run(software(vec![spec]), &source);
    outcome.result.unwrap();
    let (before, after) = (frames(&source, Track::Audio), frames(&outcome.variants[0], Track::Audio));
    assert!(before.len().abs_diff(after.len()) <= 1, "{} {}", before.len(), after.len());
    for (a, b) in before.iter().zip(&after) {
        assert!(a.pts.micros().abs_diff(b.pts.micros()) < 2_000, "{:?} {:?}", a.pts, b.pts);
    }
    let numbers = |events| marks(events).iter().map(|(msn, _)| *msn).collect::<Vec<_>>();
    assert_eq!(numbers(&outcome.variants[0]), numbers(&source));
    assert!(matches!(outcome.variants[0][0], MediaEvent::Audio(_)));
}

#[test]
fn passthrough_and_transcoding_mix_within_a_variant() {
    let source = clip(Some("320x240"), true, 3);
    let spec = VariantSpec { video_passthrough: true, audio_bitrate: 64, ..VariantSpec::default() };
    let both = VariantSpec { audio_passthrough: false, audio_bitrate: 64, ..rung(120) };
    let outcome = run(software(vec![spec, both]), &source);
    outcome.result.unwrap();
    let [copied, both] = &outcome.variants[..] else { panic!("two variants") };
    assert_eq!(frames(copied, Track::Video), frames(&source, Track::Video));
    assert_eq!(frames(copied, Track::Audio), frames(both, Track::Audio));
    assert!(sorted_by_dts(copied) && sorted_by_dts(both));
    assert_eq!(marks(copied), marks(&source));
    assert_eq!(marks(both), marks(&source));
}

#[test]
fn hevc_is_decoded_when_a_transcoded_variant_exists() {
    let x265 = &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=30"];
    let source = encoded(Some("320x240"), false, 2, x265, "mp4");
    let outcome = run(software(vec![rung(120)]), &source);
    outcome.result.unwrap();
    assert_eq!(decodable(&outcome.variants[0]), 60);
}

#[test]
fn after_garbage_it_goes_on_at_the_next_key_frame_and_no_mark_comes_twice() {
    let mut source = clip(Some("320x240"), false, 6);
    let mut seen = 0;
    for event in &mut source {
        if let MediaEvent::Frame(frame) = event {
            seen += 1;
            if (40..55).contains(&seen) || seen == 121 {
                frame.data = vec![0xff; 40].into();
            }
        }
    }
    let outcome = run(software(vec![rung(120)]), &source);
    outcome.result.unwrap();
    assert!(outcome.metrics.decode_error_count() >= 2);
    let out = &outcome.variants[0];
    let numbers: Vec<u64> = marks(out).iter().map(|(msn, _)| *msn).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert!(frames(out, Track::Video).iter().is_sorted_by_key(|frame| frame.pts));
    assert_eq!(decodable(out), frames(out, Track::Video).len());
}

#[test]
fn a_source_of_nothing_but_garbage_ends_with_an_error() {
    let mut source = clip(Some("320x240"), false, 12);
    for event in &mut source {
        if let MediaEvent::Frame(frame) = event {
            frame.data = vec![0xff; 40].into();
        }
    }
    let outcome = run(software(vec![rung(120)]), &source);
    assert!(matches!(outcome.result, Err(LadderError::SourceDamaged { .. })), "{:?}", outcome.result);
}

#[test]
fn a_source_that_comes_back_in_another_size_gets_a_new_configuration_only_where_it_must() {
    let (first, second) = (clip(Some("320x240"), false, 2), clip(Some("640x480"), false, 2));
    let shift = |event: &MediaEvent| match event.clone() {
        MediaEvent::Frame(mut frame) => {
            frame.pts = frame.pts.after(SEGMENT);
            frame.dts = frame.dts.after(SEGMENT);
            if let Some(mark) = &mut frame.mark {
                mark.msn.0 += 1;
                mark.discontinuity = true;
            }
            MediaEvent::Frame(frame)
        }
        other => other,
    };
    let source: Vec<_> = first.iter().cloned().chain(second.iter().map(shift)).collect();
    let outcome = run(software(vec![rung(120), rung(0)]), &source);
    outcome.result.unwrap();
    let sizes = |events| configs(events).iter().map(|config| config.width).collect::<Vec<_>>();
    assert_eq!(sizes(&outcome.variants[0]), [160]);
    assert_eq!(sizes(&outcome.variants[1]), [320, 640]);
    for events in &outcome.variants {
        assert_eq!(frames(events, Track::Video).len(), 120);
        assert_eq!(marks(events).iter().map(|(msn, _)| *msn).collect::<Vec<_>>(), [1, 2]);
    }
}

#[test]
fn video_that_ends_leaves_audio_with_its_marks() {
    let mut source = clip(Some("320x240"), true, 2);
    let end = MediaEvent::NoVideo;
    let tail = clip(None, true, 2).into_iter().filter_map(|event| match event {
        MediaEvent::Frame(mut frame) => {
            frame.pts = frame.pts.after(SEGMENT);
            frame.dts = frame.dts.after(SEGMENT);
            if let Some(mark) = &mut frame.mark {
                mark.msn.0 += 1;
            }
            Some(MediaEvent::Frame(frame))
        }
        _ => None,
    });
    source.push(end.clone());
    source.extend(tail);
    let outcome = run(software(vec![rung(120)]), &source);
    outcome.result.unwrap();
    let out = &outcome.variants[0];
    assert_eq!(frames(out, Track::Video).len(), 60);
    assert_eq!(frames(out, Track::Audio), frames(&source, Track::Audio));
    assert_eq!(marks(out), marks(&source));
    let at = out.iter().position(|event| *event == end).unwrap();
    assert!(frames(&out[at..], Track::Video).is_empty());
}

/// libx264 under another name, which breaks: at once, or after a number of frames.
struct Fragile {
    breaks_after: Option<u32>,
}

struct FragileEncoder(Box<dyn VideoEncode>, u32);

impl OpenEncoder for Fragile {
    fn open(
        &self,
        kind: EncoderKind,
        settings: &EncoderSettings,
        frame: &VideoFrame,
    ) -> Result<Box<dyn VideoEncode>, Error> {
        let encoder = LibavEncoders::default().open(EncoderKind::X264, settings, frame)?;
        match (kind, self.breaks_after) {
            (EncoderKind::X264, _) => Ok(encoder),
            (_, None) => Err(Error::Invalid("device: it is gone")),
            (_, Some(left)) => Ok(Box::new(FragileEncoder(encoder, left))),
        }
    }
}

impl VideoEncode for FragileEncoder {
    fn headers(&self) -> Vec<u8> {
        self.0.headers()
    }

    fn send(&mut self, frame: &VideoFrame, pts: i64, force_key: bool) -> Result<(), Error> {
        self.1 = self.1.checked_sub(1).ok_or(Error::Invalid("device: it is gone"))?;
        self.0.send(frame, pts, force_key)
    }

    /// Holds the last three frames back, as hardware does, so that they are inside when it breaks.
    fn receive(&mut self) -> Result<Option<EncodedPacket>, Error> {
        if self.1 < 3 { Ok(None) } else { self.0.receive() }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.0.finish()
    }
}

#[test]
fn an_encoder_that_breaks_is_replaced_without_losing_a_frame_or_a_mark() {
    let source = clip(Some("320x240"), false, 4);
    for breaks_after in [None, Some(20), Some(61)] {
        let opener = Arc::new(Fragile { breaks_after });
        let config =
            LadderConfig { encoder: EncoderKind::Qsv, opener, ..software(vec![rung(120), rung(240)]) };
        let outcome = run(config, &source);
        outcome.result.unwrap();
        assert_eq!(outcome.metrics.fallback_count(), 2);
        for events in &outcome.variants {
            let times: Vec<_> = frames(events, Track::Video).iter().map(|frame| frame.pts).collect();
            assert_eq!(times.len(), 120, "{breaks_after:?}");
            assert!(times.is_sorted_by(|a, b| a < b));
            assert_eq!(marks(events), marks(&source));
        }
    }
}

/// An encoder that does nothing until it is let go, and fails the test if it waits for ever.
struct Stuck {
    free: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    seen: Arc<Mutex<Vec<bool>>>,
}

struct StuckEncoder {
    inner: Box<dyn VideoEncode>,
    free: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    seen: Arc<Mutex<Vec<bool>>>,
}

impl OpenEncoder for Stuck {
    fn open(
        &self,
        kind: EncoderKind,
        settings: &EncoderSettings,
        frame: &VideoFrame,
    ) -> Result<Box<dyn VideoEncode>, Error> {
        let inner = LibavEncoders::default().open(kind, settings, frame)?;
        let (free, sent, seen) = (self.free.clone(), self.sent.clone(), self.seen.clone());
        Ok(Box::new(StuckEncoder { inner, free, sent, seen }))
    }
}

impl VideoEncode for StuckEncoder {
    fn headers(&self) -> Vec<u8> {
        self.inner.headers()
    }

    fn send(&mut self, frame: &VideoFrame, pts: i64, force_key: bool) -> Result<(), Error> {
        while !self.free.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.seen.lock().unwrap().push(force_key);
        self.inner.send(frame, pts, force_key)
    }

    fn receive(&mut self) -> Result<Option<EncodedPacket>, Error> {
        self.inner.receive()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.inner.finish()
    }
}

#[test]
fn a_slow_encoder_loses_frames_but_neither_marks_nor_the_time_of_ingest() {
    let source = clip(Some("320x240"), false, 5);
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let free = Arc::new(AtomicBool::new(false));
    let (sent, seen) = (Arc::default(), Arc::default());
    let opener = Arc::new(Stuck { free: free.clone(), sent, seen });
    let source_and_low = vec![default_ladder().remove(0), rung(120)];
    let config = LadderConfig { opener, ..software(source_and_low) };
    let (mut ladder, mut out) = Ladder::start(config, &metrics).unwrap();
    // The whole source is pushed while the encoder stands still: this returns only if nothing waits.
    source.iter().for_each(|event| ladder.push(event.clone()).unwrap());
    free.store(true, Ordering::Release);
    ladder.finish(DEADLINE).unwrap();
    let (mut passed, mut low) = (Vec::new(), Vec::new());
    while let Some((variant, event)) = out.blocking_recv() {
        if variant == VariantId(0) { passed.push(event) } else { low.push(event) }
    }
    assert_eq!(passed, source);
    let lost = metrics.dropped_frames(DropReason::EncoderBehind)
        + metrics.dropped_frames(DropReason::DecoderBehind)
        + metrics.dropped_frames(DropReason::NoKeyFrame);
    assert!(lost > 0);
    assert_eq!(frames(&low, Track::Video).len() as u64 + lost, 150);
    assert!(marks(&low).iter().is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(decodable(&low), frames(&low, Track::Video).len());
}

#[test]
fn frames_that_a_slow_encoder_loses_leave_no_gap_that_would_make_a_part_short() {
    for (level_ms, longest_us) in [(334, 52_000), (500, 75_000), (1000, 150_000)] {
        let source = clip(Some("320x240"), false, 3);
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let free = Arc::new(AtomicBool::new(false));
        let (sent, seen) = (Arc::default(), Arc::default());
        let opener = Arc::new(Stuck { free: free.clone(), sent, seen });
        let part_target = Some(Duration::from_millis(level_ms));
        let config = LadderConfig { opener, part_target, ..software(vec![rung(120)]) };
        let (mut ladder, mut out) = Ladder::start(config, &metrics).unwrap();
        source.iter().for_each(|event| ladder.push(event.clone()).unwrap());
        let deadline = std::time::Instant::now() + DEADLINE;
        while metrics.dropped_frames(DropReason::EncoderBehind) < 20 {
            assert!(std::time::Instant::now() < deadline, "nothing was dropped");
            std::thread::yield_now();
        }
        free.store(true, Ordering::Release);
        ladder.finish(DEADLINE).unwrap();
        let mut events = Vec::new();
        while let Some((_, event)) = out.blocking_recv() {
            events.push(event);
        }
        let video = frames(&events, Track::Video);
        for pair in video.windows(2) {
            let lasts = pair[1].pts.since(pair[0].pts).as_micros();
            assert!(lasts <= longest_us, "{level_ms}: a frame lasts {lasts} us at {:?}", pair[0].pts);
        }
        assert_eq!(decodable(&events), video.len());
        let lost = metrics.dropped_frames(DropReason::EncoderBehind);
        // What is lost at the very end leaves no gap.
        assert_eq!(video.len() as u64, 90 - lost + metrics.repeated_frames());
        assert!(marks(&events).iter().is_sorted_by(|a, b| a.0 < b.0));
    }
}

/// Notes what encoders are opened for.
#[derive(Default)]
struct Noting(Mutex<Vec<EncoderSettings>>);

impl OpenEncoder for Noting {
    fn open(
        &self,
        kind: EncoderKind,
        settings: &EncoderSettings,
        frame: &VideoFrame,
    ) -> Result<Box<dyn VideoEncode>, Error> {
        self.0.lock().unwrap().push(*settings);
        LibavEncoders::default().open(kind, settings, frame)
    }
}

/// The same events with segments where a planner begins them if no variant passes video through.
fn planned(events: &[MediaEvent]) -> Vec<MediaEvent> {
    let mut planner = Planner::new(plan::Config {
        segment_target: SEGMENT,
        part_target: Duration::from_millis(500),
        passthrough_video: false,
        first_msn: Msn(1),
        first_discontinuity_sequence: 0,
        observe: Duration::ZERO,
        anchor: WallTime(0),
        not_before: WallTime(0),
    });
    planner.expect(Some(true), Some(false));
    let mut out = Vec::new();
    for event in events {
        let mut event = event.clone();
        if let MediaEvent::Frame(frame) = &mut event {
            frame.mark = None;
        }
        planner.push(event, &mut out);
    }
    out
}

#[test]
fn a_source_with_too_few_key_frames_is_re_encoded_like_itself_with_one_where_each_segment_begins() {
    let x264 = &["-c:v", "libx264", "-preset", "ultrafast", "-g", "600", "-bf", "2", "-threads", "1"];
    let x265 = &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=600"];
    let inserted = VariantSpec {
        video_passthrough: true,
        audio_passthrough: true,
        keyframes: KeyFrames::Insert,
        scaled_height: 120,
        cpu_usage_level: 0,
        ..VariantSpec::default()
    };
    let chosen = VariantSpec { video_bitrate: 300, framerate: 15, ..inserted.clone() };
    let cases = [
        (inserted.clone(), encoded(Some("320x240"), false, 6, x264, "flv"), (320, 240), 400_000, 180),
        (inserted, encoded(Some("640x360"), false, 6, x265, "mp4"), (640, 360), 400_000, 180),
        (chosen, encoded(Some("320x240"), false, 6, x264, "flv"), (320, 240), 300_000, 90),
    ];
    for (spec, source, size, bit_rate_bps, pictures) in cases {
        let key_frames = frames(&source, Track::Video).iter().filter(|frame| frame.key).count();
        assert_eq!(key_frames, 1, "the source has one");
        let source = planned(&source);
        let opener = Arc::new(Noting::default());
        let config = LadderConfig { opener: opener.clone(), ..software(vec![spec]) };
        let outcome = run_at(config, &source, Some(350_000));
        outcome.result.unwrap();
        let events = &outcome.variants[0];
        assert_eq!(marks(events).len(), 3);
        assert_eq!(marks(events), marks_of_any(&source));
        assert_eq!(keys(events), marks(events).iter().map(|(_, pts)| *pts).collect::<Vec<_>>());
        let opened = opener.0.lock().unwrap();
        let found: Vec<_> = opened.iter().map(|s| ((s.width, s.height), s.bit_rate_bps)).collect();
        assert_eq!(found, [(size, bit_rate_bps)]);
        assert!(decodable(events).abs_diff(pictures) <= 3, "{}", decodable(events));
    }
}

/// Marks, on key frames or not.
fn marks_of_any(events: &[MediaEvent]) -> Vec<(u64, MediaTime)> {
    let mark = |frame: &&Frame| frame.mark.map(|mark| (mark.msn.0, frame.pts));
    frames(events, Track::Video).iter().filter_map(mark).collect()
}

#[test]
fn nothing_in_nothing_out() {
    let outcome = run(software(default_ladder()), &[]);
    outcome.result.unwrap();
    assert!(outcome.variants.iter().all(Vec::is_empty));
}
