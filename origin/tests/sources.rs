//! What becomes of sources that are not what most are: of their shape, colour, scan, sampling and sound. From media that
//! the real ffmpeg made, through ladder and packager, to files that ffprobe and ffmpeg judge.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod clip;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use farcast_feed::feed::{FeedEvent, Format, VideoRange};
use farcast_feed::name::{Epoch, VariantId};
use farcast_feed::time::{MediaTime, WallTime};
use farcast_origin::media::{AudioConfig, Chroma, Colour, Frame, MediaEvent, Track, VideoConfig};
use farcast_origin::package::{Config, LatencyLevel, Packager};
use farcast_origin::transcode::{EncoderKind, Ladder, LadderConfig, Metrics, Pace, VariantSpec};

const SEGMENT: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(60);
const AVC: &[&str] = &["-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "0", "-threads", "1"];

/// Events of what ffmpeg makes of an input of its filters.
fn source(input: &str, codec: &[&str]) -> Vec<MediaEvent> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("clip.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-f", "lavfi", "-i", input]).args(codec).arg(&path);
    assert!(ffmpeg.status().unwrap().success(), "{input} {codec:?}");
    clip::events(&path, SEGMENT).unwrap()
}

/// The same with what a parser of the codec's headers would say.
fn described(events: Vec<MediaEvent>, describe: impl Fn(&mut VideoConfig)) -> Vec<MediaEvent> {
    let describe = |event| match event {
        MediaEvent::Video(config) => {
            let mut config = Arc::unwrap_or_clone(config);
            describe(&mut config);
            MediaEvent::Video(Arc::new(config))
        }
        other => other,
    };
    events.into_iter().map(describe).collect()
}

fn passed() -> VariantSpec {
    VariantSpec { video_passthrough: true, audio_passthrough: true, ..VariantSpec::default() }
}

fn rung(height: u32) -> VariantSpec {
    VariantSpec {
        scaled_height: height,
        video_bitrate: 2000,
        framerate: 60,
        cpu_usage_level: 0,
        audio_passthrough: true,
        ..VariantSpec::default()
    }
}

/// What comes out of a ladder, per variant.
fn ladder(specs: Vec<VariantSpec>, events: &[MediaEvent]) -> Vec<Vec<MediaEvent>> {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let count = specs.len();
    let config = LadderConfig { pace: Pace::Lossless, ..LadderConfig::new(specs, EncoderKind::X264) };
    let (mut ladder, mut out) = Ladder::start(config, &metrics).unwrap();
    let reader = std::thread::spawn(move || {
        let mut variants = vec![Vec::new(); count];
        while let Some((VariantId(index), event)) = out.blocking_recv() {
            variants[usize::from(index)].push(event);
        }
        variants
    });
    events.iter().for_each(|event| ladder.push(event.clone()).unwrap());
    ladder.finish(DEADLINE).unwrap();
    reader.join().unwrap()
}

/// A variant as viewers get it.
struct Watched {
    format: Format,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Watched {
    fn of(events: &[MediaEvent]) -> Self {
        let level = LatencyLevel::Lowest;
        let mut packager = Packager::new(Config {
            epoch: Epoch(1),
            variant: VariantId(0),
            part_target: level.part_target(),
            segment_target: level.segment_target(),
            target_duration_s: 4,
        });
        let mut feed = Vec::new();
        for event in events {
            if let MediaEvent::Frame(Frame { mark: Some(mark), .. }) = event {
                packager.mark(*mark, WallTime(0), &mut feed);
            }
            packager.push(event.clone(), WallTime(0), &mut feed);
        }
        packager.finish(WallTime(0), &mut feed);
        let (mut all, mut formats) = (Vec::new(), Vec::new());
        for event in feed {
            match event {
                FeedEvent::Init { bytes, format, .. } => {
                    formats.push(format);
                    all.extend_from_slice(&bytes);
                }
                FeedEvent::Part { bytes, .. } => all.extend_from_slice(&bytes),
                _ => {}
            }
        }
        assert_eq!(formats.len(), 1, "one description for all of it");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("watched.mp4");
        std::fs::write(&file, all).unwrap();
        Self { format: formats.remove(0), file, _folder: folder }
    }

    /// What ffprobe says of the first stream of a kind, `v` or `a`.
    fn probe(&self, kind: &str) -> HashMap<String, String> {
        let mut ffprobe = Command::new("ffprobe");
        ffprobe.args(["-v", "error", "-select_streams", kind, "-show_streams", "-of", "flat=s=_"]);
        let output = ffprobe.arg(&self.file).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let pairs = text.lines().filter_map(|line| line.strip_prefix("streams_stream_0_")?.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned())).collect()
    }

    fn says(&self, kind: &str, keys: &[&str]) -> Vec<String> {
        let probed = self.probe(kind);
        keys.iter().map(|key| probed.get(*key).cloned().unwrap_or_default()).collect()
    }

    /// Bytes that ffmpeg decodes the file to.
    fn decoded(&self, arguments: &[&str]) -> Vec<u8> {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-i"]).arg(&self.file).args(arguments).arg("-");
        let output = ffmpeg.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        output.stdout
    }

    /// Luma of all pictures, as it is coded.
    fn luma(&self) -> Vec<u8> {
        self.decoded(&["-vf", "extractplanes=y", "-f", "rawvideo", "-pix_fmt", "gray"])
    }

    /// Loudness of the sound of all channels as they are: the root of the mean of squares.
    fn loudness(&self) -> f64 {
        let samples = self.decoded(&["-vn", "-f", "f32le"]);
        let squares =
            samples.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])).powi(2));
        (squares.sum::<f64>() / (samples.len() as f64 / 4.0)).sqrt()
    }
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

fn sounds(events: &[MediaEvent]) -> Vec<Arc<AudioConfig>> {
    let config = |event: &MediaEvent| match event {
        MediaEvent::Audio(config) => Some(config.clone()),
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

#[test]
fn an_anamorphic_picture_has_its_shape_passed_through_and_square_pixels_re_encoded() {
    let shapes = [
        ((720, 576), (64, 45), (1024, 576)),
        ((720, 480), (8, 9), (640, 480)),
        ((480, 360), (4, 3), (640, 360)),
    ];
    for ((width, height), (num, den), shown) in shapes {
        let input = format!("testsrc2=s={width}x{height}:r=25:d=1,setsar={num}/{den}");
        let events = described(source(&input, AVC), |config| config.sample_aspect = (num, den));
        let variants = ladder(vec![passed(), rung(0), rung(240)], &events);
        let [copied, same, small] = &variants[..] else { panic!("three variants") };
        let keys = ["width", "height", "sample_aspect_ratio"];
        let copied = Watched::of(copied);
        assert_eq!(copied.says("v", &keys), [width.to_string(), height.to_string(), format!("{num}:{den}")]);
        assert_eq!(copied.format.resolution, Some(shown));
        let same = Watched::of(same);
        assert_eq!(same.says("v", &keys), [shown.0.to_string(), shown.1.to_string(), "1:1".to_owned()]);
        assert_eq!(same.format.resolution, Some(shown));
        let (small_width, small_height) = Watched::of(small).format.resolution.unwrap();
        let off = f64::from(small_width) / f64::from(small_height) - f64::from(shown.0) / f64::from(shown.1);
        assert!(off.abs() < 0.02, "{small_width}x{small_height}");
    }
}

/// The share of pixels that differ from the rows above and below, which are alike: the teeth of a comb.
fn combs(luma: &[u8], width: usize, height: usize) -> f64 {
    let (mut teeth, mut all) = (0, 0);
    for picture in luma.chunks_exact(width * height) {
        for row in 1..height - 1 {
            let at = |row: usize, column: usize| i32::from(picture[row * width + column]);
            for column in 0..width {
                let (above, here, below) = (at(row - 1, column), at(row, column), at(row + 1, column));
                all += 1;
                teeth += u32::from(
                    (above - here).abs() > 60 && (below - here).abs() > 60 && (above - below).abs() < 30,
                );
            }
        }
    }
    f64::from(teeth) / f64::from(all.max(1))
}

const STRIPES: &str = "nullsrc=s=320x240:r=50:d=2,format=yuv420p,\
    geq=lum='16+219*gt(mod(X+4*N,80),40)':cb=128:cr=128";

#[test]
fn interlaced_pictures_are_passed_through_as_they_are_and_re_encoded_without_combs() {
    for (first, parameter) in [("tff", "tff=1"), ("bff", "bff=1")] {
        let input = format!("{STRIPES},interlace=scan={first}:lowpass=0");
        let codec = [AVC, &["-flags", "+ilme+ildct", "-x264-params", parameter, "-crf", "10"][..]].concat();
        let events = described(source(&input, &codec), |config| config.interlaced = true);
        let variants = ladder(vec![passed(), rung(0), rung(120)], &events);
        let [copied, same, small] = &variants[..] else { panic!("three variants") };
        assert_eq!(*copied, events);
        assert_eq!(frames(same, Track::Video).len(), frames(&events, Track::Video).len());
        assert_eq!(frames(small, Track::Video).len(), frames(&events, Track::Video).len());
        assert_eq!(marks(same), marks(&events));
        let (before, after) = (Watched::of(copied).luma(), Watched::of(same).luma());
        let (before, after) = (combs(&before, 320, 240), combs(&after, 320, 240));
        assert!(before > 0.03, "{first}: the source has combs: {before}");
        assert!(after < 0.002, "{first}: {after} of {before} left");
    }
}

#[test]
fn progressive_pictures_that_are_coded_as_if_interlaced_stay_as_they_are() {
    let codec = [AVC, &["-x264-params", "fake-interlaced=1"][..]].concat();
    let events = described(source("testsrc2=s=320x240:r=30:d=1", &codec), |config| config.interlaced = true);
    let plain = described(events.clone(), |config| config.interlaced = false);
    let (with, without) = (ladder(vec![rung(0)], &events).remove(0), ladder(vec![rung(0)], &plain).remove(0));
    assert_eq!(with, without);
}

#[test]
fn high_dynamic_range_is_said_where_it_is_passed_through_and_mapped_where_it_is_re_encoded() {
    // 10-bit codes of reference white and of a grey card, and what a display of BT.709 should show.
    for (transfer, code, range, name, white) in [
        ("smpte2084", 16, VideoRange::Pq, "smpte2084", 573),
        ("arib-std-b67", 18, VideoRange::Hlg, "arib-std-b67", 721),
    ] {
        let input = format!(
            "nullsrc=s=320x240:r=30:d=1,format=yuv420p10le,geq=lum='if(lt(X,160),{white},397)':cb=512:cr=512,\
             setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
        );
        let hevc = format!(
            "log-level=error:keyint=30:bframes=0:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
        );
        let codec = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", &hevc, "-tag:v", "hvc1"];
        let events = described(source(&input, &codec), |config| {
            config.bit_depth = 10;
            config.colour = Colour { primaries: 9, transfer: code, matrix: 9, full_range: false };
        });
        let variants = ladder(vec![passed(), rung(0), rung(120)], &events);
        let keys =
            ["codec_name", "pix_fmt", "color_range", "color_space", "color_transfer", "color_primaries"];
        let copied = Watched::of(&variants[0]);
        assert_eq!(copied.says("v", &keys), ["hevc", "yuv420p10le", "tv", "bt2020nc", name, "bt2020"]);
        assert_eq!(copied.format.video_range, Some(range));
        for (events, width) in [(&variants[1], 320), (&variants[2], 160)] {
            let mapped = Watched::of(events);
            assert_eq!(mapped.says("v", &keys), ["h264", "yuv420p", "tv", "bt709", "bt709", "bt709"]);
            assert_eq!(mapped.format.video_range, Some(VideoRange::Sdr));
            let luma = mapped.luma();
            let row = &luma[luma.len() - width..];
            let (white, card) = (row[width / 4], row[width * 3 / 4]);
            assert!((205..=222).contains(&white) && (93..=124).contains(&card), "{name}: {white} {card}");
        }
    }
}

#[test]
fn what_viewers_cannot_play_is_re_encoded_at_its_size_in_variants_that_pass_video_through() {
    let high = |profile: &'static str, format: &'static str| {
        [AVC, &["-profile:v", profile, "-pix_fmt", format][..]].concat()
    };
    for (codec, chroma, depth) in [
        (high("high10", "yuv420p10le"), Chroma::Yuv420, 10),
        (high("high422", "yuv422p"), Chroma::Yuv422, 8),
        (high("high422", "yuv422p10le"), Chroma::Yuv422, 10),
        (high("high444", "yuv444p"), Chroma::Yuv444, 8),
        (high("high", "gray"), Chroma::Monochrome, 8),
    ] {
        let events = described(source("testsrc2=s=320x240:r=30:d=2", &codec), |config| {
            (config.chroma, config.bit_depth) = (chroma, depth);
        });
        let variants = ladder(vec![passed(), rung(120)], &events);
        let copied = &variants[0];
        assert_eq!(frames(copied, Track::Video).len(), 60, "{codec:?}");
        assert_eq!(marks(copied), marks(&events));
        assert_eq!(marks(copied), marks(&variants[1]));
        let watched = Watched::of(copied);
        let keys = ["codec_name", "profile", "pix_fmt", "width", "height"];
        // The lowest level of CPU makes the simplest profile that shows the picture; all of them are played.
        let said = watched.says("v", &keys);
        assert_eq!([&said[0], &said[2], &said[3], &said[4]], ["h264", "yuv420p", "320", "240"]);
        assert!(watched.format.codecs.starts_with("avc1.64"), "{}", watched.format.codecs);
        assert_eq!(watched.luma().len(), 60 * 320 * 240);
    }
}

#[test]
fn rgb_keeps_its_colours_and_says_in_what_they_are_coded() {
    let codec = ["-c:v", "libx264rgb", "-preset", "ultrafast", "-g", "30", "-bf", "0"];
    let events = described(source("color=red:s=320x240:r=30:d=1", &codec), |config| {
        config.chroma = Chroma::Yuv444;
        config.colour = Colour { matrix: 0, full_range: true, ..Colour::UNSPECIFIED };
    });
    let watched = Watched::of(&ladder(vec![passed()], &events)[0]);
    assert_eq!(watched.says("v", &["pix_fmt", "color_space", "color_range"]), ["yuv420p", "bt709", "tv"]);
    let luma = watched.luma();
    // 16 + 219 × 0.2126; by BT.601 it would be 82.
    assert!((61..=64).contains(&luma[luma.len() / 2]), "{}", luma[luma.len() / 2]);
}

#[test]
fn full_range_becomes_limited_and_colours_stay_true_to_their_tags() {
    for (tags, said) in [("bt709", "bt709"), ("smpte170m", "smpte170m"), ("bt2020nc", "bt2020nc")] {
        let input = "color=white:s=320x240:r=30:d=1,scale=out_range=pc,format=yuv420p,setparams=range=pc";
        let codec = [AVC, &["-color_range", "pc", "-colorspace", tags][..]].concat();
        let events = described(source(input, &codec), |config| config.colour.full_range = true);
        let watched = Watched::of(&ladder(vec![rung(120)], &events)[0]);
        assert_eq!(watched.says("v", &["color_range", "color_space"]), ["tv", said]);
        let luma = watched.luma();
        assert!((234..=236).contains(&luma[luma.len() / 2]), "{}", luma[luma.len() / 2]);
    }
}

#[test]
fn a_source_that_stops_being_playable_is_re_encoded_from_there_on() {
    let good = source("testsrc2=s=320x240:r=30:d=1", AVC);
    let bad = [AVC, &["-profile:v", "high422", "-pix_fmt", "yuv422p"][..]].concat();
    let bad = described(source("testsrc2=s=320x240:r=30:d=1", &bad), |config| config.chroma = Chroma::Yuv422);
    let mut events = good.clone();
    for (n, part) in [bad, good.clone()].into_iter().enumerate() {
        let shift = SEGMENT * (u32::try_from(n).unwrap() + 1);
        events.extend(part.into_iter().map(|event| match event {
            MediaEvent::Frame(mut frame) => {
                (frame.pts, frame.dts) = (frame.pts.after(shift), frame.dts.after(shift));
                if let Some(mark) = &mut frame.mark {
                    mark.msn.0 += n as u64 + 1;
                    mark.discontinuity = true;
                }
                MediaEvent::Frame(frame)
            }
            other => other,
        }));
    }
    let out = ladder(vec![passed()], &events).remove(0);
    assert_eq!(out[..good.len()], good, "what was playable was passed through");
    assert_eq!(frames(&out, Track::Video).len(), 90);
    assert!(sorted_by_dts(&out));
    assert_eq!(marks(&out), marks(&events));
    assert_ne!(out[out.len() - good.len()..], events[events.len() - good.len()..], "nothing goes back");
}

fn sounding(layout: &str, video: bool) -> Vec<MediaEvent> {
    let tone = format!("sine=r=48000:d=2,aformat=channel_layouts={layout}");
    let input = if video { format!("{tone}[out0];testsrc2=s=320x240:r=30:d=2[out1]") } else { tone };
    let codec = ["-c:a", "aac", "-b:a", "192k"];
    if video { source(&input, &[AVC, &codec].concat()) } else { source(&input, &codec) }
}

#[test]
fn sound_that_ends_playback_in_browsers_is_re_encoded_to_stereo_once_for_all_variants() {
    for layout in ["2.1", "4.1", "5.1(side)", "6.1", "7.1", "7.1(wide)"] {
        let events = sounding(layout, true);
        let low = VariantSpec { audio_passthrough: false, audio_bitrate: 64, ..rung(120) };
        let variants = ladder(vec![passed(), passed(), rung(120), low], &events);
        for out in &variants {
            let configs = sounds(out);
            assert_eq!(configs.len(), 1, "{layout}");
            assert_eq!((configs[0].channels, configs[0].record[0] >> 3), (2, 2), "{layout}");
            let (before, after) = (frames(&events, Track::Audio).len(), frames(out, Track::Audio).len());
            assert!(before.abs_diff(after) <= 1, "{layout}: {before} {after}");
            assert!(sorted_by_dts(out));
            assert_eq!(marks(out), marks(&events));
        }
        assert_eq!(frames(&variants[0], Track::Video), frames(&events, Track::Video));
        assert_eq!(frames(&variants[0], Track::Audio), frames(&variants[2], Track::Audio));
        let watched = Watched::of(&variants[0]);
        assert_eq!(watched.says("a", &["codec_name", "channels", "channel_layout"]), ["aac", "2", "stereo"]);
        assert!(watched.loudness() > 0.01, "{layout}: {}", watched.loudness());
    }
}

#[test]
fn sound_that_everybody_plays_is_passed_through() {
    for layout in ["mono", "stereo", "3.0", "5.0", "5.1"] {
        let events = sounding(layout, true);
        assert_eq!(ladder(vec![passed()], &events)[0], events, "{layout}");
    }
}

#[test]
fn what_is_said_in_the_middle_is_heard_in_stereo() {
    const TONE: &str = "0.125*sin(2*PI*440*t)";
    for (layout, rest) in [("3.0", ""), ("5.1", "|0|0|0")] {
        let input = format!("aevalsrc=0|0|{TONE}{rest}:c={layout}:s=48000:d=2");
        let events = source(&input, &["-c:a", "aac", "-b:a", "192k"]);
        let spec = VariantSpec { audio_passthrough: false, audio_bitrate: 128, ..rung(120) };
        let watched = Watched::of(&ladder(vec![spec], &events)[0]);
        assert_eq!(watched.says("a", &["channels"]), ["2"]);
        assert!(watched.loudness() > 0.01, "{layout}: {}", watched.loudness());
    }
}
