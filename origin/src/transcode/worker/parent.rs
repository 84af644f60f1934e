//! The origin's side: starts a worker, feeds it, takes its output, and starts another when it ends.

use std::collections::VecDeque;
use std::io::{self, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use farcast_feed::cmaf::MAX_RECORD_BYTES;
use farcast_feed::name::VariantId;
use farcast_settings::VariantSpec;

use super::restarts::{Next, Restarts};
use super::wire::{self, FromWorker, Level, MAX_LINE_BYTES, Setup, ToWorker};
use super::{Launch, WORKER_ARGUMENT};
use crate::media::{Frame, Mark, MediaEvent, Track};
use crate::transcode::codec::EncoderKind;
use crate::transcode::config::{LadderConfig, Pace};
use crate::transcode::error::LadderError;
use crate::transcode::inlet::{Inlet, Outlet, STUCK_AFTER, Work};
use crate::transcode::metrics::{DropReason, Metrics, Totals, WorkerEnd};
use crate::transcode::shared::Shared;
use crate::transcode::sink::Sink;

/// Interval at which the feeder checks that the worker is still there while nothing comes from the source.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Time beyond its deadline that a worker whose input has ended may take.
const EXIT_GRACE: Duration = Duration::from_secs(2);
/// Time for a killed worker to be gone; one that hangs in a driver is left behind.
const GONE_WITHIN: Duration = Duration::from_secs(2);
/// Interval at which a worker's end is polled.
const ASK_EVERY: Duration = Duration::from_millis(10);
/// Lines that one worker may log in [`LINES_WINDOW`]; its own are few.
const MAX_LINES: u32 = 100;
const LINES_WINDOW: Duration = Duration::from_secs(10);
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
        let (video, queue) = Inlet::shared(config.pace);
        let is_passed = |spec: &VariantSpec| !spec.transcodes_video() && !spec.transcodes_audio();
        let goes_on_without = config.specs.iter().any(is_passed);
        let inlets = [video.beside(), video];
        let (guard, ended) = sync_channel::<()>(1);
        let process = Arc::new(Process::default());
        let feeder = Feeder {
            launch,
            setup,
            shared: Arc::clone(shared),
            sinks: sinks.into(),
            process: Arc::clone(&process),
            goes_on_without,
            restarts: Restarts::new(goes_on_without),
            given: Arc::default(),
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
        let feeder = self.feeder.take();
        // It takes [`GONE_WITHIN`] twice at most, for the process and for its last output.
        if self.ended.recv_timeout(3 * GONE_WITHIN) == Err(RecvTimeoutError::Disconnected)
            && let Some(feeder) = feeder
        {
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
    /// The child, with the time of its start.
    child: Mutex<Option<(Child, Instant)>>,
    /// True if the origin killed it.
    killed: AtomicBool,
    /// True if it was killed because it hung: it took no input any more.
    hung: AtomicBool,
}

impl Process {
    fn set(&self, child: Child) {
        let mut now = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        self.hung.store(false, Ordering::Relaxed);
        self.killed.store(false, Ordering::Relaxed);
        *now = Some((child, Instant::now()));
    }

    /// Waits until it has ended; gives up on one that was killed and does not.
    fn wait(&self) -> Option<io::Result<ExitStatus>> {
        let mut killed_at = None;
        loop {
            let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
            let ended = child.as_mut()?.0.try_wait().transpose();
            if self.killed.load(Ordering::Relaxed) {
                killed_at.get_or_insert_with(Instant::now);
            }
            if ended.is_some() || killed_at.is_some_and(|at| at.elapsed() > GONE_WITHIN) {
                *child = None;
                return ended;
            }
            drop(child);
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Ends it; its number is nobody else's while it was not waited for.
    fn kill(&self) {
        self.killed.store(true, Ordering::Relaxed);
        if let Some((child, _)) = &mut *self.child.lock().unwrap_or_else(PoisonError::into_inner) {
            // Fails when it has ended.
            let _ = child.kill();
        }
    }

    /// Ends one that takes nothing; not one that was started less long ago than that takes to be seen: the queue may be full
    /// since the one before it.
    fn end_hung(&self) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let ran = child.as_ref().map_or(Duration::ZERO, |(_, since)| since.elapsed());
        drop(child);
        if ran > STUCK_AFTER && !self.hung.swap(true, Ordering::Relaxed) {
            self.kill();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some((mut child, _)) = self.child.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = child.kill();
            let _ = child.try_wait();
        }
    }
}

/// The end of a worker.
enum End {
    /// The source did, and it made all that there was to be made.
    Finished,
    /// The worker reported the reason why no worker can go on.
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
    /// True if there are variants that need no worker.
    goes_on_without: bool,
    restarts: Restarts,
    given: Arc<Given>,
    /// The newest announcement of each track, for the next worker: its configuration, or that it is gone.
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
                End::Unasked(..) | End::Failed(_) if self.shared.aborted() => return,
                // It need not be true.
                End::Failed(why) if self.goes_on_without => (WorkerEnd::Failed, why),
                End::Failed(why) => return self.shared.fail(LadderError::Told(why)),
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
        let sinks = Arc::clone(&self.sinks);
        let reader = Reader::new(Arc::clone(&self.shared), sinks, Arc::clone(&self.given));
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, last_words) = (Arc::clone(&is_over), sync_channel(1));
        let (say, heard) = last_words;
        let reading = std::thread::Builder::new().name("transcoded".to_owned()).spawn(move || {
            let words = reader.run(output);
            over.store(true, Ordering::Relaxed);
            // Nobody may wait for it any more.
            let _ = say.send(words);
        });
        let fed = match &reading {
            Ok(_) => self.feed(input, queue, &is_over),
            Err(error) => Err(io::Error::other(error.to_string())),
        };
        if fed.is_err() {
            self.process.kill();
        }
        let was_hung = self.process.hung.load(Ordering::Relaxed);
        let status = self.process.wait();
        // Its output is read to the end by now, unless it left it to another process.
        let words = heard.recv_timeout(GONE_WITHIN).unwrap_or(LastWords::None);
        match (words, fed, status) {
            (LastWords::Failed(why), ..) => End::Failed(why),
            (LastWords::None, Ok(()), Some(Ok(status))) if status.success() => End::Finished,
            (LastWords::Wrong(why), ..) => End::Unasked(WorkerEnd::Crashed, why),
            (LastWords::None, ..) if was_hung => End::Unasked(WorkerEnd::Hung, "it hung".to_owned()),
            (LastWords::None, _, status) => End::Unasked(WorkerEnd::Crashed, ending(status)),
        }
    }

    fn spawn(&self) -> io::Result<(ChildStdin, ChildStdout)> {
        let mut child = self.launch.command(WORKER_ARGUMENT).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        self.process.set(child);
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
            if let MediaEvent::Frame(Frame { mark: Some(mark), .. }) = &work.event {
                self.given.add(*mark);
            }
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

    /// Passes over events for so long, or until the source ends: then it is true.
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

/// The end of a process, for people.
fn ending(status: Option<io::Result<ExitStatus>>) -> String {
    match status {
        Some(Ok(status)) => status.to_string(),
        Some(Err(error)) => error.to_string(),
        None => "it was not there".to_owned(),
    }
}

/// A worker's last words.
enum LastWords {
    /// Nothing out of the ordinary.
    None,
    /// The reason why no worker can go on.
    Failed(String),
    /// A message that no worker of ours sends.
    Wrong(String),
}

/// The marks that workers were given, the newest last: they give them back, and no others.
#[derive(Default)]
struct Given(Mutex<VecDeque<Mark>>);

impl Given {
    fn add(&self, mark: Mark) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() == MAX_MARKS {
            marks.pop_front();
        }
        marks.push_back(mark);
    }

    fn has(&self, mark: &Mark) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(mark)
    }
}

/// Marks that may be inside a worker: a segment's frames are there for seconds at most.
const MAX_MARKS: usize = 64;
/// Longest frame that is taken, in bytes: far beyond a key frame of 100 Mbit/s.
const MAX_FRAME_BYTES: usize = 8 << 20;
/// Bytes that a worker may make at once and per second, and descriptions of tracks: several times those of the largest ladder.
const MADE_BYTES: (u32, u32) = (64 << 20, 32 << 20);
const CONFIGS: (u32, u32) = (128, 1);

/// The thread that takes a worker's messages. Nothing of them is trusted.
struct Reader {
    shared: Arc<Shared>,
    sinks: Arc<[Sink]>,
    given: Arc<Given>,
    bytes: Allowance,
    configs: Allowance,
    /// Start of the period in which log lines are counted, and their number.
    lines: Option<(Instant, u32)>,
}

impl Reader {
    fn new(shared: Arc<Shared>, sinks: Arc<[Sink]>, given: Arc<Given>) -> Self {
        let now = Instant::now();
        let (bytes, configs) = (Allowance::new(MADE_BYTES, now), Allowance::new(CONFIGS, now));
        Self { shared, sinks, given, bytes, configs, lines: None }
    }

    /// Reads until the worker's end.
    fn run(mut self, output: ChildStdout) -> LastWords {
        let mut output = BufReader::with_capacity(64 << 10, output);
        let mut counted = Totals::default();
        loop {
            match wire::read(&mut output) {
                Ok(Some(FromWorker::Made(variant, event))) => {
                    if let Err(what) = self.made(variant, event) {
                        return LastWords::Wrong(what.to_owned());
                    }
                }
                Ok(Some(FromWorker::Counted(now))) => {
                    self.count(&counted, &now);
                    counted = now;
                }
                Ok(Some(FromWorker::Logged(level, line))) => self.log(level, &line),
                Ok(Some(FromWorker::Failed(why))) => return LastWords::Failed(clean(&why)),
                Ok(None) => return LastWords::None,
                // It ended in the middle of a message.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return LastWords::None,
                Err(error) => return LastWords::Wrong(format!("it is not understood: {error}")),
            }
        }
    }

    /// Passes on an event that was made; fails where no worker of ours makes such.
    fn made(&mut self, variant: VariantId, event: MediaEvent) -> Result<(), &'static str> {
        let sink = self.sinks.get(usize::from(variant.0)).filter(|sink| sink.is_made());
        let sink = sink.ok_or("it makes a variant that it was not asked for")?;
        let now = Instant::now();
        let is_fine = match &event {
            MediaEvent::Video(config) => config.record.len() <= MAX_RECORD_BYTES && self.configs.take(1, now),
            MediaEvent::Audio(config) => config.record.len() <= MAX_RECORD_BYTES && self.configs.take(1, now),
            MediaEvent::NoVideo | MediaEvent::NoAudio => self.configs.take(1, now),
            MediaEvent::Frame(frame) => {
                frame.data.len() <= MAX_FRAME_BYTES && self.bytes.take(frame.data.len(), now)
            }
        };
        if !is_fine {
            return Err("it makes more than there can be");
        }
        if let MediaEvent::Frame(Frame { mark: Some(mark), .. }) = &event
            && !self.given.has(mark)
        {
            return Err("it begins a segment that was not given to it");
        }
        sink.push(event.track(), event);
        Ok(())
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

/// A token bucket: burst, and refill per second. Sans-IO.
struct Allowance {
    burst: f64,
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    fn new((burst, per_second): (u32, u32), now: Instant) -> Self {
        Self { burst: burst.into(), per_second: per_second.into(), left: burst.into(), at: now }
    }

    fn take(&mut self, amount: usize, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * self.per_second).min(self.burst);
        self.at = now;
        let amount = u32::try_from(amount).map_or(f64::INFINITY, f64::from);
        if amount > self.left {
            return false;
        }
        self.left -= amount;
        true
    }
}

/// A worker's text, for the log: one line.
fn clean(text: &str) -> String {
    text.chars().take(MAX_LINE_BYTES).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use farcast_feed::name::Msn;
    use farcast_feed::time::{MediaTime, WallTime};
    use farcast_settings::VariantSpec;
    use tokio::sync::mpsc;

    use super::*;
    use crate::media::{VideoCodec, VideoConfig};

    fn mark(msn: u64) -> Mark {
        Mark {
            msn: Msn(msn),
            start: MediaTime(0),
            program_date_time: WallTime(0),
            discontinuity: false,
            discontinuity_sequence: 0,
        }
    }

    fn frame(bytes: usize, mark: Option<Mark>) -> MediaEvent {
        let (at, data) = (MediaTime(0), vec![0; bytes].into());
        let arrived_at = WallTime(0);
        MediaEvent::Frame(Frame { track: Track::Video, dts: at, pts: at, key: true, data, arrived_at, mark })
    }

    /// A reader for a variant that is passed through and one that is made.
    fn reader() -> (Reader, mpsc::Receiver<(VariantId, MediaEvent)>) {
        let (out, made) = mpsc::channel(4096);
        let shared = Shared::new(Metrics::new(&prometheus::Registry::new()).unwrap());
        let sink = |n: u16| Sink::new(VariantId(n), n == 1, out.clone(), Pace::Live, shared.metrics.clone());
        let sinks = [sink(0), sink(1)];
        let given = Arc::new(Given::default());
        given.add(mark(7));
        (Reader::new(shared, sinks.into(), given), made)
    }

    #[test]
    fn what_was_asked_for_is_passed_on() {
        let (mut reader, mut made) = reader();
        reader.made(VariantId(1), frame(1000, Some(mark(7)))).unwrap();
        assert_eq!(made.try_recv().unwrap(), (VariantId(1), frame(1000, Some(mark(7)))));
    }

    #[test]
    fn what_no_worker_makes_is_not() {
        let (mut reader, mut made) = reader();
        let long = VideoConfig::plain(VideoCodec::Avc, vec![0; MAX_RECORD_BYTES + 1].into(), (640, 360));
        for (variant, event) in [
            (0, frame(10, None)),
            (2, frame(10, None)),
            (1, frame(MAX_FRAME_BYTES + 1, None)),
            (1, frame(10, Some(mark(8)))),
            (1, frame(10, Some(mark(u64::MAX)))),
            (1, MediaEvent::Video(long.into())),
        ] {
            assert!(reader.made(VariantId(variant), event).is_err());
        }
        assert!(made.try_recv().is_err());
    }

    #[test]
    fn floods_of_bytes_or_of_descriptions_end() {
        let (mut reader, _made) = reader();
        let frames = (0..100).take_while(|_| reader.made(VariantId(1), frame(1 << 20, None)).is_ok()).count();
        assert!((64..70).contains(&frames), "{frames}");
        let ends = (0..1000).take_while(|_| reader.made(VariantId(1), MediaEvent::NoVideo).is_ok()).count();
        assert!((128..135).contains(&ends), "{ends}");
    }

    #[test]
    fn a_worker_that_was_just_started_is_not_taken_for_the_one_that_hung_before() {
        let process = Process::default();
        process.set(Command::new("/bin/sleep").arg("30").spawn().unwrap());
        process.end_hung();
        assert!(!process.killed.load(Ordering::Relaxed) && !process.hung.load(Ordering::Relaxed));
        process.kill();
        assert!(!process.wait().unwrap().unwrap().success());
    }

    #[test]
    fn a_worker_that_leaves_its_output_to_another_process_ends_all_the_same() {
        let config = LadderConfig::without_device(vec![VariantSpec::default()], EncoderKind::X264);
        let shared = Shared::new(Metrics::new(&prometheus::Registry::new()).unwrap());
        let (out, _made) = mpsc::channel(16);
        let sinks = [Sink::new(VariantId(0), true, out, Pace::Live, shared.metrics.clone())];
        // It ignores its argument, and neither reads nor ends.
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("worker");
        std::fs::write(&program, "#!/bin/sh\n/bin/sleep 30 &\nexec /bin/sleep 30\n").unwrap();
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, all).unwrap();
        let launch = Launch { program, memory_bytes: 1 << 30 };
        let worker = Worker::start(launch, &config, &shared, &sinks).unwrap();
        let began = Instant::now();
        assert_eq!(worker.finish(Duration::from_millis(100)), Err(LadderError::Unfinished));
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
