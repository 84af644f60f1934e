//! The worker's side: a process that decodes and encodes, and does nothing else.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use farcast_feed::name::VariantId;
use farcast_settings::VariantSpec;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tokio::sync::mpsc;
use tracing_subscriber::fmt::MakeWriter;

use super::confine::{Bounds, confine};
use super::wire::{self, FromWorker, Level, MAX_LINE_BYTES, Setup, ToWorker};
use crate::media::MediaEvent;
use crate::transcode::codec::EncoderKind;
use crate::transcode::config::{LadderConfig, Pace};
use crate::transcode::engine::Engine;
use crate::transcode::error::LadderError;
use crate::transcode::metrics::Metrics;
use crate::transcode::shared::Shared;
use crate::transcode::sink::{OUTPUT_EVENTS, Sink};

/// Interval at which it reports its counts, and checks whether it has failed.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// Time for encoders to deliver the frames inside them at the end; the origin waits as long.
const DRAIN: Duration = Duration::from_secs(5);

/// Standard output, to which several threads write whole messages.
#[derive(Clone)]
struct Mouth(Arc<Mutex<io::Stdout>>);

impl Mouth {
    fn say(&self, message: &FromWorker) -> io::Result<()> {
        wire::write(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), message)
    }
}

/// Runs the worker until its input ends. Returns the exit status: 0 when it was asked to end and did.
pub(super) fn run() -> u8 {
    let mouth = Mouth(Arc::new(Mutex::new(io::stdout())));
    match work(&mouth) {
        Ok(()) => 0,
        Err(error) => {
            // The origin says how a worker ended; this is why. Nobody may be there to hear it.
            let _ = mouth.say(&FromWorker::Logged(Level::Error, format!("{error:#}")));
            1
        }
    }
}

fn work(mouth: &Mouth) -> anyhow::Result<()> {
    let mut input = io::stdin().lock();
    let Some(ToWorker::Setup(setup)) = wire::read(&mut input)? else { bail!("it was not told what to be") };
    log_to(mouth.clone(), setup.debug)?;
    // It ends with its input: what ends the origin leaves it time to drain.
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    let memory = Memory::open();
    let config = config(&setup)?;
    let bounds = match setup.memory_bytes {
        Some(memory_bytes) => Bounds::Software { memory_bytes },
        None => Bounds::Device,
    };
    if let Err(reason) = confine(bounds) {
        tracing::warn!(%reason, "the transcoding process is not confined: whoever takes over a codec can reach whatever it can");
    }

    let variants = u16::try_from(config.specs.len()).unwrap_or(u16::MAX);
    let shared = Shared::new(Metrics::new(&prometheus::Registry::new())?.observed());
    let (out, made) = mpsc::channel(OUTPUT_EVENTS);
    let sink = |n| Sink::new(VariantId(n), false, out.clone(), config.pace, shared.metrics.clone());
    let sinks: Vec<_> = (0..variants).map(sink).collect();
    drop(out);
    let mut engine = Engine::start(&config, &shared, &sinks)?;
    drop(sinks);

    let pass_on = std::thread::Builder::new().name("output".to_owned()).spawn({
        let mouth = mouth.clone();
        move || pass_on(&mouth, made)
    })?;
    let (stop, stopped) = sync_channel::<()>(1);
    let report = std::thread::Builder::new().name("report".to_owned()).spawn({
        let (mouth, shared) = (mouth.clone(), Arc::clone(&shared));
        move || loop {
            let end = stopped.recv_timeout(REPORT_EVERY);
            report(&mouth, &shared, &memory, variants);
            if end != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    })?;

    while let Some(message) = wire::read(&mut input)? {
        match message {
            ToWorker::SourceRate(bps) => shared.set_source_bps(bps),
            ToWorker::Source(event, stands_in) => engine.push(event, stands_in)?,
            ToWorker::Setup(_) => bail!("it was told twice what to be"),
        }
    }
    // Where that fails a thread hangs, and the process ends without it.
    engine.finish(DRAIN)?;
    // All that makes something has ended, so these do.
    let _ = pass_on.join();
    drop(stop);
    let _ = report.join();
    Ok(())
}

fn config(setup: &Setup) -> anyhow::Result<LadderConfig> {
    let specs: Vec<VariantSpec> =
        serde_json::from_str(&setup.specs).context("the variants are not understood")?;
    let encoder = EncoderKind::from_name(&setup.encoder).context("the encoder is not known")?;
    let config = match setup.memory_bytes {
        Some(_) => LadderConfig::without_device(specs, encoder),
        None => LadderConfig::new(specs, encoder),
    };
    let pace = if setup.is_live { Pace::Live } else { Pace::Lossless };
    Ok(LadderConfig { pace, part_target: setup.part_target, ..config })
}

/// Sends the output until there is no more, or nobody reads it.
fn pass_on(mouth: &Mouth, mut made: mpsc::Receiver<(VariantId, MediaEvent)>) {
    while let Some((variant, event)) = made.blocking_recv() {
        if mouth.say(&FromWorker::Made(variant, event)).is_err() {
            return;
        }
    }
}

/// Sends the counts. Ends the process when the engine has failed: with the reason, where another one would fail, too.
fn report(mouth: &Mouth, shared: &Shared, memory: &Memory, variants: u16) {
    let mut totals = shared.metrics.totals(variants);
    (totals.cpu, totals.resident_bytes) = (farcast_av::cpu_time(), memory.resident().unwrap_or(0));
    // Fails when the origin is gone, which the input's end tells.
    let _ = mouth.say(&FromWorker::Counted(totals));
    match shared.failure() {
        None => {}
        // A bug, which need not come again.
        Some(LadderError::Panicked) => std::process::exit(1),
        Some(failure) => {
            let _ = mouth.say(&FromWorker::Failed(failure.to_string()));
            std::process::exit(1)
        }
    }
}

/// Reports the memory of this process. Opened before files cannot be any more.
struct Memory {
    statm: Option<File>,
    page_bytes: u64,
}

impl Memory {
    fn open() -> Self {
        let page_bytes = u64::try_from(rustix::param::page_size()).unwrap_or(0);
        Self { statm: File::open("/proc/self/statm").ok(), page_bytes }
    }

    /// In bytes; `None` where the system does not say.
    fn resident(&self) -> Option<u64> {
        let mut text = [0; 128];
        let read = self.statm.as_ref()?.read_at(&mut text, 0).ok()?;
        let pages: u64 = std::str::from_utf8(&text[..read]).ok()?.split(' ').nth(1)?.parse().ok()?;
        Some(pages * self.page_bytes)
    }
}

/// Sends the log of this process to the origin's.
fn log_to(mouth: Mouth, debug: bool) -> anyhow::Result<()> {
    let level = if debug { tracing::Level::DEBUG } else { tracing::Level::INFO };
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        .with_writer(Lines(mouth));
    lines.try_init().map_err(|error| anyhow::anyhow!("{error}"))?;
    // Standard error is nowhere.
    std::panic::set_hook(Box::new(|panic| tracing::error!("a thread panicked: {panic}")));
    farcast_av::route_log_to_tracing();
    Ok(())
}

/// Makes messages of the log's lines.
struct Lines(Mouth);

impl Lines {
    fn line(&self, level: Level) -> Line {
        Line { mouth: self.0.clone(), level, text: Vec::new() }
    }
}

/// A line as it is written.
struct Line {
    mouth: Mouth,
    level: Level,
    text: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        self.line(Level::Info)
    }

    fn make_writer_for(&'a self, of: &tracing::Metadata<'_>) -> Line {
        let level = match *of.level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            _ => Level::Debug,
        };
        self.line(level)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MAX_LINE_BYTES.saturating_sub(self.text.len());
        self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text).trim().to_owned();
        let _ = self.mouth.say(&FromWorker::Logged(self.level, text));
    }
}
