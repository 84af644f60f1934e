//! Transcodes a file with the ladder as fast as possible, without dropping frames, and prints frames per
//! variant and CPU seconds as JSON: what `loadtests/bench-transcode.sh` compares with the ffmpeg program.
#![expect(clippy::print_stdout, reason = "the result is the program's output")]

#[path = "../tests/clip/mod.rs"]
mod clip;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use farcast_av::{Device, DeviceKind};
use farcast_feed::name::VariantId;
use farcast_origin::media::{MediaEvent, Track};
use farcast_origin::transcode::{
    EncoderKind, Ladder, LadderConfig, Launch, Metrics, Pace, VariantSpec, default_ladder,
};
use serde_json::json;

/// Transcodes a file and prints what it cost.
#[derive(Parser)]
struct Arguments {
    /// File with H.264, HEVC or AV1 in an ISO or FLV container, and AAC.
    file: PathBuf,
    /// `default`, or heights such as `720p+360p`.
    #[arg(long, default_value = "default")]
    ladder: String,
    /// Encoder.
    #[arg(long, default_value = "libx264")]
    encoder: String,
    /// The origin's program, to transcode in a process of its own.
    #[arg(long)]
    worker: Option<PathBuf>,
    /// Decodes and scales on an NVIDIA GPU.
    #[arg(long)]
    cuda: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    farcast_av::route_log_to_tracing();
    let specs = ladder(&arguments.ladder)?;
    let problems: Vec<_> = specs.iter().flat_map(VariantSpec::problems).collect();
    if !problems.is_empty() {
        bail!("{problems:?}");
    }
    let encoder = EncoderKind::from_name(&arguments.encoder).context("unknown encoder")?;
    let events = clip::events(&arguments.file, Duration::from_secs(2))?;
    let source = events.iter().filter(|event| is_video(event)).count();
    let metrics = Metrics::new(&prometheus::Registry::new())?;
    let count = specs.len();
    let mut config = LadderConfig { pace: Pace::Lossless, ..LadderConfig::new(specs, encoder) };
    if arguments.cuda {
        config.device = Some(Arc::new(Device::open(DeviceKind::Cuda, None)?));
    }
    config.worker = arguments.worker.map(|program| Launch { program, memory_bytes: 4 << 30 });
    let (cpu, clock) = (farcast_av::cpu_time(), Instant::now());
    let (mut ladder, mut out) = Ladder::start(config, &metrics)?;
    let reader = std::thread::spawn(move || {
        let (mut frames, mut bytes) = (vec![0u64; count], vec![0u64; count]);
        while let Some((VariantId(variant), event)) = out.blocking_recv() {
            if let MediaEvent::Frame(frame) = &event
                && frame.track == Track::Video
            {
                frames[usize::from(variant)] += 1;
                bytes[usize::from(variant)] += frame.data.len() as u64;
            }
        }
        (frames, bytes)
    });
    for event in events {
        ladder.push(event)?;
    }
    ladder.finish(Duration::from_secs(600))?;
    let Ok((frames, bytes)) = reader.join() else { bail!("the reader panicked") };
    let spent = farcast_av::cpu_time().saturating_sub(cpu).as_secs_f64();
    let wall = clock.elapsed().as_secs_f64();
    let report = json!({
        "source_frames": source, "frames": frames, "video_bytes": bytes, "cpu_s": spent, "wall_s": wall,
    });
    println!("{report}");
    Ok(())
}

fn is_video(event: &MediaEvent) -> bool {
    matches!(event, MediaEvent::Frame(frame) if frame.track == Track::Video)
}

fn ladder(text: &str) -> anyhow::Result<Vec<VariantSpec>> {
    if text == "default" {
        return Ok(default_ladder());
    }
    text.split('+')
        .map(|rung| {
            let height = rung.strip_suffix('p').and_then(|height| height.parse().ok());
            let scaled_height = height.with_context(|| format!("{rung:?} is no rung such as 720p"))?;
            let video_bitrate = if scaled_height >= 720 { 2500 } else { 800 };
            let (name, framerate) = (rung.to_owned(), 30);
            Ok(VariantSpec {
                name,
                scaled_height,
                video_bitrate,
                framerate,
                audio_bitrate: 128,
                ..VariantSpec::default()
            })
        })
        .collect()
}
