//! The origin's side: starts a worker, feeds it, takes what it makes, and starts another when it ends.

use std::io::{self, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Launch;
use super::WORKER_ARGUMENT;
use super::restarts::{Next, Restarts};
use super::wire::{self, FromWorker, Level, MAX_LINE_BYTES, Setup, ToWorker};
use crate::media::{MediaEvent, Track};
use crate::transcode::codec::EncoderKind;
use crate::transcode::engine::Shared;
use crate::transcode::error::LadderError;
use crate::transcode::inlet::{Inlet, Outlet, Work};
use crate::transcode::ladder::{LadderConfig, Pace};
use crate::transcode::metrics::{DropReason, Metrics, Totals, WorkerEnd};
use crate::transcode::sink::Sink;

/// How often the feeder looks whether the worker is still there while nothing comes from the source.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a worker whose input has ended may take longer than it was told.
const EXIT_GRACE: Duration = Duration::from_secs(2);
/// Lines that one worker may log in [`LINES_WINDOW`]; its own are few.
const MAX_LINES: u32 = 100;
const LINES_WINDOW: Duration = Duration::from_secs(10);
/// What a worker needs of the origin's environment: libraries and drivers. Neither keys nor passwords.
const ENVIRONMENT: [&str; 8] =
    ["LD_LIBRARY_PATH", "LIBVA_", "CUDA_", "NVIDIA_", "MESA_", "DRI_", "XDG_RUNTIME_DIR", "RUST_BACKTRACE"];

/// A running worker, and its successors. Dropping it ends it at once; [`Worker::finish`] drains it.
pub(in super::super) struct Worker {
    shared: Arc<Shared>,
    inlets: Option<[Inlet; 2]>,
    process: Arc<Process>,
    feeder: Option<JoinHandle<()>>,
    /// Disconnects when the feeder has ended.
    ended: Receiver<()>,
}

impl Worker {
    /// Starts the thread that starts workers; it says when it cannot.
    ///
    /// # Errors
    /// If there is no thread.
    pub(in super::super) fn start(
        launch: Launch,
        config: &LadderConfig,
        shared: &Arc<Shared>,
        sinks: &[Sink],
    ) -> Result<Self, LadderError> {
        let no_thread = |error: String| LadderError::NoThread(error);
        let uses_device = config.encoder != EncoderKind::X264;
        let setup = Setup {
            specs: serde_json::to_string(&config.specs).map_err(|error| no_thread(error.to_string()))?,
            encoder: config.encoder.name().to_owned(),
            is_live: config.pace == Pace::Live,
            part_target: config.part_target,
            memory_bytes: (!uses_device).then_some(launch.memory_bytes),
            debug: tracing::enabled!(target: "farcast_origin::transcode", tracing::Level::DEBUG),
        };
        let (video, queue) = Inlet::new(config.pace);
        let inlets = [video.beside(), video];
        let (guard, ended) = sync_channel::<()>(1);
        let process = Arc::new(Process::default());
        let feeder = Feeder {
            launch,
            setup,
            shared: Arc::clone(shared),
            sinks: sinks.into(),
            process: Arc::clone(&process),
            restarts: Restarts::new(
                config.specs.iter().any(|spec| !spec.transcodes_video() && !spec.transcodes_audio()),
            ),
            known: [None, None],
        };
        let body = move || {
            let _ends_with_the_thread = guard;
            let panics = feeder.shared.metrics.panics.clone();
            let shared = Arc::clone(&feeder.shared);
            if panics.call(|| feeder.run(&queue)).is_none() {
                shared.fail(LadderError::Panicked);
            }
        };
        let thread = std::thread::Builder::new().name("transcoding".to_owned()).spawn(body);
        let feeder = Some(thread.map_err(|error| no_thread(error.to_string()))?);
        Ok(Self { shared: Arc::clone(shared), inlets: Some(inlets), process, feeder, ended })
    }

    /// Takes an event of the source, as [`Engine::push`](crate::transcode::engine::Engine::push).
    pub(in super::super) fn push(&mut self, event: MediaEvent, stands_in: bool) {
        let Some(inlets) = &mut self.inlets else { return };
        let inlet = &mut inlets[usize::from(event.track() == Track::Audio)];
        if inlet.push(event, stands_in, &self.shared.metrics).is_err() {
            self.process.end_hung();
        }
    }

    /// As [`Engine::finish`](crate::transcode::engine::Engine::finish).
    ///
    /// # Errors
    /// [`LadderError::Unfinished`] when the deadline passed.
    pub(in super::super) fn finish(mut self, deadline: Duration) -> Result<(), LadderError> {
        self.inlets = None;
        let mut result = Ok(());
        if self.ended.recv_timeout(deadline + EXIT_GRACE) == Err(RecvTimeoutError::Timeout) {
            self.shared.abort();
            self.process.kill();
            result = Err(LadderError::Unfinished);
        }
        if let Some(feeder) = self.feeder.take() {
            // A panic has failed the ladder by now.
            let _ = feeder.join();
        }
        result
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.feeder.is_some() {
            self.shared.abort();
            self.process.kill();
        }
    }
}

/// The process that runs now.
#[derive(Default)]
struct Process {
    child: Mutex<Option<Child>>,
    /// It was ended because it took nothing any more.
    hung: AtomicBool,
}

impl Process {
    fn set(&self, child: Option<Child>) -> Option<Child> {
        self.hung.store(false, Ordering::Relaxed);
        std::mem::replace(&mut *self.child.lock().unwrap_or_else(PoisonError::into_inner), child)
    }

    /// Ends it; its number is nobody else's while it was not waited for.
    fn kill(&self) {
        if let Some(child) = &mut *self.child.lock().unwrap_or_else(PoisonError::into_inner) {
            // Fails when it has ended.
            let _ = child.kill();
        }
    }

    fn end_hung(&self) {
        if !self.hung.swap(true, Ordering::Relaxed) {
            self.kill();
        }
    }
}

/// How a worker ended.
enum End {
    /// The source did, and it made all that there was to be made.
    Finished,
    /// It said why none can go on.
    Failed(String),
    /// Unasked.
    Unasked(WorkerEnd, String),
}

/// The thread that starts workers and feeds them.
struct Feeder {
    launch: Launch,
    setup: Setup,
    shared: Arc<Shared>,
    sinks: Arc<[Sink]>,
    process: Arc<Process>,
    restarts: Restarts,
    /// The newest word on each track, for the next worker: what it is, or that it is gone.
    known: [Option<(MediaEvent, bool)>; 2],
}

impl Feeder {
    fn run(mut self, queue: &Outlet) {
        loop {
            let began = Instant::now();
            let end = self.run_one(queue);
            self.shared.metrics.worker_gone(self.variants());
            let (how, why) = match end {
                End::Finished => return,
                End::Failed(why) => return self.shared.fail(LadderError::Told(why)),
                End::Unasked(..) if self.shared.aborted() => return,
                End::Unasked(how, why) => (how, why),
            };
            self.sinks.iter().for_each(Sink::interrupt);
            self.shared.metrics.worker_ended(how);
            let wait = match self.restarts.ended(began.elapsed()) {
                Next::After(wait) => wait,
                Next::Never(ends) => return self.shared.fail(LadderError::WorkerFails(ends)),
            };
            let again_in_s = wait.as_secs();
            tracing::error!(
                why,
                again_in_s,
                "the transcoding process ended; variants that are passed through go on, the others when another one runs"
            );
            if self.discard(queue, wait) {
                return;
            }
        }
    }

    fn variants(&self) -> u16 {
        u16::try_from(self.sinks.len()).unwrap_or(u16::MAX)
    }

    /// Runs one worker to its end.
    fn run_one(&mut self, queue: &Outlet) -> End {
        let (input, output) = match self.spawn() {
            Ok(pipes) => pipes,
            Err(error) => {
                return End::Unasked(WorkerEnd::NotStarted, format!("it cannot be started: {error}"));
            }
        };
        let reader = Reader { shared: Arc::clone(&self.shared), sinks: Arc::clone(&self.sinks), lines: None };
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let reading = std::thread::Builder::new().name("transcoded".to_owned()).spawn(move || {
            let heard = reader.run(output);
            over.store(true, Ordering::Relaxed);
            heard
        });
        let fed = match &reading {
            Ok(_) => self.feed(input, queue, &is_over),
            Err(error) => Err(io::Error::other(error.to_string())),
        };
        if fed.is_err() {
            self.process.kill();
        }
        let heard = reading.map(|thread| thread.join().unwrap_or_default()).unwrap_or_default();
        let was_hung = self.process.hung.load(Ordering::Relaxed);
        let status = self.process.set(None).map(|mut child| child.wait());
        if let Some(why) = heard {
            return End::Failed(why);
        }
        match (fed, status) {
            (Ok(()), Some(Ok(status))) if status.success() => End::Finished,
            (_, status) => {
                let how = if was_hung { WorkerEnd::Hung } else { WorkerEnd::Crashed };
                let why = if was_hung { "it hung".to_owned() } else { ending(status) };
                End::Unasked(how, why)
            }
        }
    }

    fn spawn(&self) -> io::Result<(ChildStdin, ChildStdout)> {
        let needed = |name: &str| ENVIRONMENT.iter().any(|prefix| name.starts_with(prefix));
        let environment = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(needed));
        let mut child = Command::new(&self.launch.program)
            .arg(WORKER_ARGUMENT)
            // What ends the origin from a terminal leaves it time to drain.
            .process_group(0)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        self.process.set(Some(child));
        // Given up before it was there to be ended.
        if self.shared.aborted() {
            self.process.kill();
        }
        pipes.ok_or_else(|| io::Error::other("it has no input or output"))
    }

    /// Feeds a worker until the source ends; fails when the worker does.
    fn feed(&mut self, mut input: ChildStdin, queue: &Outlet, is_over: &AtomicBool) -> io::Result<()> {
        wire::write(&mut input, &ToWorker::Setup(self.setup.clone()))?;
        let mut rate = None;
        for (event, stands_in) in self.known.iter().flatten() {
            wire::write(&mut input, &ToWorker::Source(event.clone(), *stands_in))?;
        }
        loop {
            // It may go on reading when it says nothing any more.
            if is_over.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let work = match queue.recv_timeout(LOOK_EVERY) {
                Ok(work) => work,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            self.remember(&work);
            let source_bps = self.shared.source_bps();
            if rate != Some(source_bps) {
                rate = Some(source_bps);
                wire::write(&mut input, &ToWorker::SourceRate(source_bps))?;
            }
            wire::write(&mut input, &ToWorker::Source(work.event, work.stands_in))?;
        }
    }

    fn remember(&mut self, work: &Work) {
        if !matches!(work.event, MediaEvent::Frame(_)) {
            let place = usize::from(work.event.track() == Track::Audio);
            self.known[place] = Some((work.event.clone(), work.stands_in));
        } else if work.stands_in {
            let MediaEvent::Frame(frame) = &work.event else { return };
            if let Some((_, stands_in)) = &mut self.known[usize::from(frame.track == Track::Audio)] {
                *stands_in = true;
            }
        }
    }

    /// Passes over what comes for so long, or until the source ends: then it is true.
    fn discard(&mut self, queue: &Outlet, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.shared.aborted() {
                return false;
            }
            match queue.recv_timeout(left.min(LOOK_EVERY)) {
                Ok(work) => {
                    self.remember(&work);
                    if matches!(work.event, MediaEvent::Frame(_)) {
                        self.shared.metrics.drop_frame(DropReason::NoWorker);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }
}

/// How a process ended, for people.
fn ending(status: Option<io::Result<ExitStatus>>) -> String {
    match status {
        Some(Ok(status)) => status.to_string(),
        Some(Err(error)) => error.to_string(),
        None => "it was not there".to_owned(),
    }
}

/// The thread that takes what one worker says. Nothing of it is trusted.
struct Reader {
    shared: Arc<Shared>,
    sinks: Arc<[Sink]>,
    /// When lines of the log were counted from, and how many there were.
    lines: Option<(Instant, u32)>,
}

impl Reader {
    /// Reads until the worker's end; gives why none can go on, if it said so.
    fn run(mut self, output: ChildStdout) -> Option<String> {
        let mut output = BufReader::with_capacity(64 << 10, output);
        let mut counted = Totals::default();
        loop {
            match wire::read(&mut output) {
                Ok(Some(FromWorker::Made(variant, event))) => {
                    match self.sinks.get(usize::from(variant.0)).filter(|sink| sink.is_made()) {
                        Some(sink) => sink.push(event.track(), event),
                        None => {
                            tracing::debug!(variant = variant.0, "the worker makes what it was not asked for")
                        }
                    }
                }
                Ok(Some(FromWorker::Counted(now))) => {
                    self.count(&counted, &now);
                    counted = now;
                }
                Ok(Some(FromWorker::Logged(level, line))) => self.log(level, &line),
                Ok(Some(FromWorker::Failed(why))) => return Some(clean(&why)),
                Ok(None) => return None,
                Err(error) => {
                    tracing::debug!(%error, "the transcoding process is not understood");
                    return None;
                }
            }
        }
    }

    fn count(&self, before: &Totals, now: &Totals) {
        let metrics: &Metrics = &self.shared.metrics;
        metrics.add(before, now, u16::try_from(self.sinks.len()).unwrap_or(u16::MAX));
    }

    fn log(&mut self, level: Level, line: &str) {
        let now = Instant::now();
        let (_, count) = match &mut self.lines {
            Some(window) if now.duration_since(window.0) < LINES_WINDOW => window,
            window => window.insert((now, 0)),
        };
        *count += 1;
        if *count > MAX_LINES {
            return;
        }
        let line = clean(line);
        match level {
            Level::Error => tracing::error!(target: "farcast_origin::transcode", "{line}"),
            Level::Warn => tracing::warn!(target: "farcast_origin::transcode", "{line}"),
            Level::Info => tracing::info!(target: "farcast_origin::transcode", "{line}"),
            Level::Debug => tracing::debug!(target: "farcast_origin::transcode", "{line}"),
        }
    }
}

/// What a worker says, for the log: one line.
fn clean(text: &str) -> String {
    text.chars().take(MAX_LINE_BYTES).filter(|c| !c.is_control()).collect()
}
