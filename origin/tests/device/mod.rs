//! The ladder with frames on an NVIDIA GPU. Where there is none, each test says so and passes.

use std::fmt::Write as _;
use std::path::Path;

use farcast_av::{Device, DeviceKind, Geometry, PixelLayout, Scaler};
use farcast_origin::media::VideoCodec;

use super::*;

const X265: &[&str] =
    &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=30"];
/// Least likeness of two encodings of the same picture, scaled by different hands, in decibels.
const ALIKE_DB: f64 = 27.0;

fn gpu() -> Option<Arc<Device>> {
    match Device::open(DeviceKind::Cuda, None) {
        Ok(device) => Some(Arc::new(device)),
        Err(reason) => {
            eprintln!("NOT RUN, no GPU here: {reason}");
            None
        }
    }
}

/// libx264 in the place of NVENC, which many GPUs lack: takes NV12 on the device, as NVENC does, and breaks after a
/// number of frames.
struct Imitation {
    breaks_after: u32,
    on_device: Arc<AtomicBool>,
}

impl Imitation {
    fn new(breaks_after: u32) -> Arc<Self> {
        Arc::new(Self { breaks_after, on_device: Arc::default() })
    }
}

struct ImitationEncoder(Box<dyn VideoEncode>, Scaler);

impl OpenEncoder for Imitation {
    fn open(
        &self,
        kind: EncoderKind,
        settings: &EncoderSettings,
        frame: &VideoFrame,
    ) -> Result<Box<dyn VideoEncode>, Error> {
        if kind == EncoderKind::X264 || !frame.on_device() {
            return LibavEncoders::default().open(EncoderKind::X264, settings, frame);
        }
        assert_eq!(frame.frames_context().and_then(|pool| pool.layout()), Some(PixelLayout::Nv12));
        self.on_device.store(true, Ordering::Relaxed);
        let EncoderSettings { width, height, .. } = *settings;
        let mut scaler = Scaler::new(Geometry { width, height, layout: PixelLayout::Yuv420p });
        let own = scaler.run(&frame.download()?)?;
        let encoder = LibavEncoders::default().open(EncoderKind::X264, settings, &own)?;
        let encoder = Box::new(ImitationEncoder(encoder, scaler));
        Ok(Box::new(FragileEncoder(encoder, self.breaks_after)))
    }
}

impl VideoEncode for ImitationEncoder {
    fn headers(&self) -> Vec<u8> {
        self.0.headers()
    }

    fn send(&mut self, frame: &VideoFrame, pts: i64, force_key: bool) -> Result<(), Error> {
        self.0.send(&self.1.run(&frame.download()?)?, pts, force_key)
    }

    fn receive(&mut self) -> Result<Option<EncodedPacket>, Error> {
        self.0.receive()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.0.finish()
    }
}

fn on_gpu(device: &Arc<Device>, specs: Vec<VariantSpec>, opener: Arc<dyn OpenEncoder>) -> LadderConfig {
    LadderConfig {
        encoder: EncoderKind::Nvenc,
        opener,
        device: Some(device.clone()),
        ..LadderConfig::without_device(specs, EncoderKind::Nvenc)
    }
}

/// Writes a variant's video as a byte stream.
fn write(path: &Path, events: &[MediaEvent]) {
    let record = &configs(events)[0].record;
    let mut out = Vec::new();
    // An avcC: 5 bytes, the number of SPS, each with its length, the number of PPS, likewise.
    let mut at = 5;
    for _ in 0..2 {
        let count = record[at] & 0x1f;
        at += 1;
        for _ in 0..count {
            let length = usize::from(u16::from_be_bytes([record[at], record[at + 1]]));
            out.extend([0, 0, 0, 1]);
            out.extend(&record[at + 2..at + 2 + length]);
            at += 2 + length;
        }
    }
    for frame in frames(events, Track::Video) {
        let mut data = &frame.data[..];
        while let Some((length, rest)) = data.split_first_chunk::<4>() {
            let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
            out.extend([0, 0, 0, 1]);
            out.extend(unit);
            data = rest;
        }
    }
    std::fs::write(path, out).unwrap();
}

/// How alike two variants' pictures are, in decibels.
fn likeness(a: &[MediaEvent], b: &[MediaEvent]) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.h264"), folder.path().join("b.h264"));
    write(&first, a);
    write(&second, b);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-i"]).arg(first).arg("-i").arg(second);
    let said = ffmpeg.args(["-lavfi", "psnr", "-f", "null", "-"]).output().unwrap();
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let average = said.split("average:").nth(1).and_then(|rest| rest.split_whitespace().next());
    average.expect(&said).parse().unwrap()
}

#[test]
fn frames_are_decoded_and_scaled_on_the_device_and_look_as_in_software() {
    let Some(device) = gpu() else { return };
    let ten_bits = [X265, &["-pix_fmt", "yuv420p10le"]].concat();
    for (name, source) in [
        ("h264", clip(Some("1280x720"), true, 4)),
        ("hevc, 10 bits", encoded(Some("640x480"), true, 4, &ten_bits, "mp4")),
    ] {
        let specs = || vec![rung(480), rung(0), VariantSpec { framerate: 15, ..rung(240) }];
        let opener = Imitation::new(u32::MAX);
        let outcome = run(on_gpu(&device, specs(), opener.clone()), &source);
        outcome.result.unwrap();
        assert!(opener.on_device.load(Ordering::Relaxed), "{name}: decoded in software");
        assert_eq!(outcome.metrics.fallback_count(), 0);
        let reference = run(software(specs()), &source);
        for (here, there) in outcome.variants.iter().zip(&reference.variants) {
            assert_eq!(frames(here, Track::Video).len(), frames(there, Track::Video).len());
            assert_eq!(marks(here), marks(there));
            let db = likeness(here, there);
            eprintln!("{name}: {db} dB");
            assert!(db > ALIKE_DB, "{name}: {db} dB");
        }
    }
}

#[test]
fn nvenc_or_what_replaces_it_makes_every_frame() {
    let Some(device) = gpu() else { return };
    let source = clip(Some("1280x720"), true, 4);
    let own = LadderConfig::new(vec![rung(480), rung(240)], EncoderKind::Nvenc);
    assert!(own.device.is_some());
    let breaking = |after| on_gpu(&device, vec![rung(480), rung(240)], Imitation::new(after));
    for (name, config) in [
        ("real", own),
        ("breaks at once", breaking(0)),
        ("after 20", breaking(20)),
        ("after 61", breaking(61)),
    ] {
        let outcome = run(config, &source);
        outcome.result.unwrap();
        eprintln!("{name}: {} fallbacks", outcome.metrics.fallback_count());
        for events in &outcome.variants {
            assert_eq!(frames(events, Track::Video).len(), 120, "{name}");
            assert_eq!(decodable(events), 120, "{name}");
            assert_eq!(marks(events), marks(&source), "{name}");
        }
    }
}

/// Whether a decoder says that the device decodes a source.
fn decoder_says(device: &Device, source: &[MediaEvent]) -> bool {
    let config = &configs(source)[0];
    let codec = match config.codec {
        VideoCodec::Avc => Codec::H264,
        VideoCodec::Hevc => Codec::Hevc,
        VideoCodec::Av1 => Codec::Av1,
    };
    let mut decoder = VideoDecoder::open(&VideoDecoderConfig {
        codec,
        extradata: &config.record,
        width: config.width,
        height: config.height,
        device: Some(device),
    })
    .unwrap();
    let first = frames(source, Track::Video)[0];
    decoder.send(&first.data, first.pts.micros(), first.dts.micros(), first.key).unwrap();
    decoder.on_device()
}

#[test]
fn what_the_device_cannot_decode_is_decoded_in_software() {
    let Some(device) = gpu() else { return };
    let x264 = |more: &[&'static str]| [VIDEO, more].concat();
    let x265 = |more: &[&'static str]| [X265, more].concat();
    // Name, size, codec, container, whether every GPU of today decodes it.
    let cases = [
        ("h264", "640x360", x264(&[]), "mp4", true),
        ("h264, 16 references", "640x360", x264(&["-refs", "16"]), "mp4", false),
        (
            "h264, interlaced",
            "640x360",
            x264(&["-flags", "+ildct+ilme", "-x264-params", "tff=1"]),
            "mp4",
            true,
        ),
        ("h264, odd size", "642x362", x264(&[]), "mp4", true),
        ("h264, 4:2:2", "640x360", x264(&["-pix_fmt", "yuv422p"]), "mp4", false),
        ("h264, 10 bits", "640x360", x264(&["-pix_fmt", "yuv420p10le"]), "mp4", false),
        ("h264, tiny", "32x32", x264(&[]), "mp4", false),
        ("hevc", "640x360", x265(&[]), "mp4", true),
        ("hevc, 10 bits", "640x360", x265(&["-pix_fmt", "yuv420p10le"]), "mp4", true),
        ("av1", "640x360", vec!["-c:v", "libsvtav1", "-preset", "12", "-g", "30"], "mp4", false),
    ];
    let mut wrong = String::new();
    for (name, size, codec, format, expected) in cases {
        let source = encoded(Some(size), false, 3, &codec, format);
        let opener = Imitation::new(u32::MAX);
        let started = std::time::Instant::now();
        let cpu = farcast_av::cpu_time();
        let outcome = run(on_gpu(&device, vec![rung(180), rung(0)], opener.clone()), &source);
        let on_device = opener.on_device.load(Ordering::Relaxed);
        let counts: Vec<_> =
            outcome.variants.iter().map(|events| frames(events, Track::Video).len()).collect();
        assert_eq!(decoder_says(&device, &source), on_device, "{name}");
        let line = format!(
            "{name}: on device {on_device}, frames {counts:?}, fallbacks {}, decode errors {}, {:?}, {:.2} s, CPU {:.2} s",
            outcome.metrics.fallback_count(),
            outcome.metrics.decode_error_count(),
            outcome.result,
            started.elapsed().as_secs_f64(),
            farcast_av::cpu_time().saturating_sub(cpu).as_secs_f64(),
        );
        eprintln!("{line}");
        let bad = outcome.result.is_err()
            || counts != [90, 90]
            || outcome.metrics.fallback_count() > 0
            || expected && !on_device;
        if bad {
            writeln!(wrong, "{line}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn garbage_and_a_new_size_are_survived_on_the_device() {
    let Some(device) = gpu() else { return };
    let mut source = clip(Some("640x360"), false, 6);
    let mut seen = 0;
    for event in &mut source {
        if let MediaEvent::Frame(frame) = event {
            seen += 1;
            if (40..55).contains(&seen) || seen == 121 {
                frame.data = vec![0xff; 40].into();
            }
        }
    }
    source.extend(later(3, clip(Some("1280x720"), false, 2)));
    let outcome = run(on_gpu(&device, vec![rung(180), rung(0)], Imitation::new(u32::MAX)), &source);
    outcome.result.unwrap();
    assert!(outcome.metrics.decode_error_count() >= 1);
    assert_eq!(outcome.metrics.fallback_count(), 0);
    for events in &outcome.variants {
        let numbers: Vec<u64> = marks(events).iter().map(|(msn, _)| *msn).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert!(frames(events, Track::Video).len() > 120);
    }
    assert_eq!(
        configs(&outcome.variants[1]).iter().map(|config| config.width).collect::<Vec<_>>(),
        [640, 1280]
    );
}

/// A clip as it comes after a number of segments.
fn later(segments: u32, clip: Vec<MediaEvent>) -> impl Iterator<Item = MediaEvent> {
    clip.into_iter().map(move |event| match event {
        MediaEvent::Frame(mut frame) => {
            let shift = SEGMENT * segments;
            (frame.pts, frame.dts) = (frame.pts.after(shift), frame.dts.after(shift));
            if let Some(mark) = &mut frame.mark {
                mark.msn.0 += u64::from(segments);
            }
            MediaEvent::Frame(frame)
        }
        other => other,
    })
}

#[test]
fn a_source_may_leave_the_device_and_come_back() {
    let Some(device) = gpu() else { return };
    let size = Some("640x480");
    let part = |codec: &[&[&'static str]]| encoded(size, false, 2, &codec.concat(), "mp4");
    let parts = [
        part(&[VIDEO]),
        part(&[VIDEO, &["-refs", "3"]]),
        part(&[X265, &["-pix_fmt", "yuv420p10le"]]),
        part(&[VIDEO, &["-pix_fmt", "yuv422p"]]),
        part(&[VIDEO]),
    ];
    let source: Vec<_> = (0..).zip(parts).flat_map(|(index, part)| later(index, part)).collect();
    let outcome = run(on_gpu(&device, vec![rung(180), rung(0)], Imitation::new(u32::MAX)), &source);
    outcome.result.unwrap();
    let reference = run(software(vec![rung(180), rung(0)]), &source);
    assert_eq!((outcome.metrics.fallback_count(), outcome.metrics.decode_error_count()), (0, 0));
    for (here, there) in outcome.variants.iter().zip(&reference.variants) {
        assert_eq!(frames(here, Track::Video).len(), 300);
        assert_eq!(marks(here), marks(there));
        let db = likeness(here, there);
        eprintln!("left and came back: {} configurations, {db} dB", configs(here).len());
        assert!(db > ALIKE_DB, "{db} dB");
    }
}

/// A device's frames are few: a slow encoder must cost its own variant frames, not the decoder its surfaces.
#[test]
fn slow_encoders_do_not_starve_the_decoder_of_surfaces() {
    let Some(device) = gpu() else { return };
    let source = clip(Some("640x360"), false, 10);
    // While encoders are opened a short queue overflows; later the fast one gets every frame.
    let settled = frames(&source, Track::Video)[60].pts;
    let due = frames(&source, Track::Video).iter().filter(|frame| frame.pts >= settled).count();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let slow = |height, ms| (rung(height), Duration::from_millis(ms));
    let (specs, delays): (Vec<_>, Vec<_>) =
        [slow(60, 0), slow(90, 20), slow(120, 45), slow(180, 70), slow(240, 110)].into_iter().unzip();
    let opener = Arc::new(Slow { inner: Imitation::new(u32::MAX), delays });
    let (mut ladder, mut out) = Ladder::start(on_gpu(&device, specs, opener), &metrics).unwrap();
    let reader = std::thread::spawn(move || {
        let (mut counts, mut late) = ([0; 5], 0);
        while let Some((VariantId(index), event)) = out.blocking_recv() {
            let MediaEvent::Frame(frame) = event else { continue };
            counts[usize::from(index)] += 1;
            late += usize::from(index == 0 && frame.pts >= settled);
        }
        (counts, late)
    });
    for event in source {
        if matches!(event, MediaEvent::Frame(_)) {
            std::thread::sleep(Duration::from_millis(16));
        }
        ladder.push(event).unwrap();
    }
    ladder.finish(DEADLINE).unwrap();
    let (counts, late) = reader.join().unwrap();
    eprintln!("frames {counts:?}, decode errors {}, {late} of {due} late", metrics.decode_error_count());
    assert_eq!(metrics.decode_error_count(), 0, "{counts:?}");
    assert_eq!(late, due, "{counts:?}");
}

/// Encoders that take their time, by the variant's height.
struct Slow {
    inner: Arc<Imitation>,
    delays: Vec<Duration>,
}

struct SlowEncoder(Box<dyn VideoEncode>, Duration);

impl OpenEncoder for Slow {
    fn open(
        &self,
        kind: EncoderKind,
        settings: &EncoderSettings,
        frame: &VideoFrame,
    ) -> Result<Box<dyn VideoEncode>, Error> {
        let index = [60, 90, 120, 180, 240].iter().position(|&height| height == settings.height).unwrap();
        Ok(Box::new(SlowEncoder(self.inner.open(kind, settings, frame)?, self.delays[index])))
    }
}

impl VideoEncode for SlowEncoder {
    fn headers(&self) -> Vec<u8> {
        self.0.headers()
    }

    fn send(&mut self, frame: &VideoFrame, pts: i64, force_key: bool) -> Result<(), Error> {
        std::thread::sleep(self.1);
        self.0.send(frame, pts, force_key)
    }

    fn receive(&mut self) -> Result<Option<EncodedPacket>, Error> {
        self.0.receive()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.0.finish()
    }
}
