//! The ladder in a process of its own: the same as in this one, and what becomes of it when that process ends.

use std::collections::HashSet;
use std::fs;
use std::time::Instant;

use farcast_origin::transcode::Launch;
use prometheus::Registry;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;

use super::*;

const PAUSE: Duration = Duration::from_millis(2);

fn apart(config: LadderConfig) -> LadderConfig {
    let launch = Launch { program: env!("CARGO_BIN_EXE_farcast-origin").into(), memory_bytes: 2 << 30 };
    LadderConfig { worker: Some(launch), ..config }
}

/// The source, and a small variant with its own sound.
fn two() -> Vec<VariantSpec> {
    let source = VariantSpec { video_passthrough: true, audio_passthrough: true, ..VariantSpec::default() };
    vec![source, VariantSpec { audio_passthrough: false, audio_bitrate: 96, ..rung(120) }]
}

/// A ladder that is fed as fast as it makes something of it, as a live source never is slower.
struct Live {
    ladder: Ladder,
    out: mpsc::Receiver<(VariantId, MediaEvent)>,
    got: Vec<Vec<MediaEvent>>,
    registry: Registry,
    workers_before: HashSet<i32>,
}

/// Processes that this one started and that run.
fn workers() -> HashSet<i32> {
    let mine = |name: &str| -> Option<i32> {
        let status = fs::read_to_string(format!("/proc/{name}/status")).ok()?;
        let field = |field: &str| status.lines().find_map(|line| line.strip_prefix(field)).map(str::trim);
        let is_mine = field("PPid:")?.parse() == Ok(std::process::id()) && !field("State:")?.starts_with('Z');
        let arguments = fs::read_to_string(format!("/proc/{name}/cmdline")).ok()?;
        (is_mine && arguments.contains("transcoding-worker")).then(|| name.parse().ok())?
    };
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    all.filter_map(|entry| mine(entry.file_name().to_str()?)).collect()
}

impl Live {
    fn start(specs: Vec<VariantSpec>) -> Self {
        let registry = Registry::new();
        let workers_before = workers();
        let (metrics, count) = (Metrics::new(&registry).unwrap(), specs.len());
        let (ladder, out) = Ladder::start(apart(software(specs)), &metrics).unwrap();
        Self { ladder, out, got: vec![Vec::new(); count], registry, workers_before }
    }

    fn wait(&mut self, what: &str, until: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            while let Ok((VariantId(variant), event)) = self.out.try_recv() {
                self.got[usize::from(variant)].push(event);
            }
            if until(self) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {:?}", self.ladder.failure());
            std::thread::sleep(PAUSE);
        }
    }

    fn video(&self, variant: usize) -> Vec<MediaTime> {
        frames(&self.got[variant], Track::Video).iter().map(|frame| frame.pts).collect()
    }

    /// Pushes events; a few at a time where all of them are to be made something of.
    fn push(&mut self, events: &[MediaEvent], made: bool) {
        for some in events.chunks(30) {
            some.iter().for_each(|event| self.ladder.push(event.clone()).unwrap());
            let last = frames(some, Track::Video).last().map(|frame| frame.pts);
            let Some(last) = last.filter(|_| made) else { continue };
            self.wait("the small variant", |live| {
                live.video(1).last().is_some_and(|at| at.micros() + 200_000 >= last.micros())
            });
        }
    }

    /// The worker that runs now.
    fn worker(&mut self) -> i32 {
        self.wait("a worker", |live| workers().difference(&live.workers_before).count() > 0);
        *workers().difference(&self.workers_before).next().unwrap()
    }

    fn ends(&self) -> f64 {
        let all = self.registry.gather();
        let ends = all.iter().filter(|family| family.name() == "farcast_transcode_worker_ends_total");
        ends.flat_map(|family| family.get_metric()).map(|metric| metric.get_counter().get_value()).sum()
    }

    fn finish(mut self) -> (Vec<Vec<MediaEvent>>, Result<(), LadderError>) {
        let ladder = self.ladder;
        let finished = std::thread::spawn(move || ladder.finish(DEADLINE));
        while let Some((VariantId(variant), event)) = self.out.blocking_recv() {
            self.got[usize::from(variant)].push(event);
        }
        (self.got, finished.join().unwrap())
    }
}

/// The events of one track. Threads of their own make both, so which comes first is chance.
fn of_track(events: &[MediaEvent], wanted: Track) -> Vec<&MediaEvent> {
    events.iter().filter(|event| event.track() == wanted).collect()
}

#[test]
fn a_worker_makes_the_same_as_threads_of_this_process() {
    let events = clip(Some("320x180"), true, 4);
    let (here, there) = (run(software(two()), &events), run(apart(software(two())), &events));
    assert_eq!((here.result, there.result), (Ok(()), Ok(())));
    assert!(frames(&here.variants[1], Track::Video).len() > 100);
    for (variant, (ours, theirs)) in here.variants.iter().zip(&there.variants).enumerate() {
        for track in [Track::Video, Track::Audio] {
            assert!(
                of_track(ours, track) == of_track(theirs, track),
                "{track:?} of variant {variant} differs"
            );
        }
    }
    assert_eq!(here.variants.len(), there.variants.len());
    let counts =
        |metrics: &Metrics| (metrics.decode_error_count(), metrics.dropped_frames(DropReason::FrameRate));
    assert_eq!(counts(&here.metrics), counts(&there.metrics));
}

#[test]
fn what_a_worker_cannot_heal_is_said_here() {
    let mut events = clip(Some("320x180"), false, 20);
    for event in events.iter_mut().skip(60) {
        if let MediaEvent::Frame(frame) = event {
            frame.data = vec![0xff; 40].into();
        }
    }
    let outcome = run(apart(software(vec![rung(120)])), &events);
    let Err(LadderError::Told(why)) = &outcome.result else { panic!("{:?}", outcome.result) };
    assert!(why.contains("packets in a row could not be decoded"), "{why}");
}

#[test]
fn a_worker_that_is_killed_leaves_the_source_alone_and_another_goes_on_at_a_segment() {
    let events = clip(Some("320x180"), true, 12);
    // In the middle of a segment.
    let three_s =
        |event: &MediaEvent| matches!(event, MediaEvent::Frame(frame) if frame.dts.micros() > 3_000_000);
    let (before, after) = events.split_at(events.iter().position(three_s).unwrap());
    let mut live = Live::start(two());
    live.push(before, true);
    let first = live.worker();
    let made = live.video(1);
    kill_process(Pid::from_raw(first).unwrap(), Signal::ABORT).unwrap();
    live.wait("the worker's end", |live| live.ends() > 0.0);
    let is_marked = |event: &MediaEvent| matches!(event, MediaEvent::Frame(Frame { mark: Some(_), .. }));
    let (rest, next) = after.split_at(after.iter().position(is_marked).unwrap());
    live.push(rest, false);
    live.push(next, true);
    let (got, result) = live.finish();
    assert_eq!(result, Ok(()));
    assert_eq!(frames(&got[0], Track::Video).len(), frames(&events, Track::Video).len());
    assert_eq!(frames(&got[0], Track::Audio).len(), frames(&events, Track::Audio).len());
    let small = frames(&got[1], Track::Video);
    let gap = small.windows(2).find(|two| two[1].pts.micros() > two[0].pts.micros() + 300_000).unwrap();
    assert!(gap[0].pts >= *made.last().unwrap() && gap[1].mark.is_some() && gap[1].key, "{:?}", gap[1].pts);
    assert!(sorted_by_dts(&got[1]) && small.len() > made.len() + 60, "{} of {}", small.len(), made.len());
    assert!(configs(&got[1]).windows(2).all(|two| two[0] == two[1]), "no other initialisation section");
}

#[test]
fn a_worker_is_confined_knows_nothing_of_the_environment_and_ends_with_its_ladder() {
    let mut live = Live::start(two());
    live.push(&clip(Some("320x180"), true, 1), true);
    let worker = live.worker();
    let read = |file: &str| fs::read_to_string(format!("/proc/{worker}/{file}")).unwrap();
    let status = read("status");
    for line in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{line}:\n{status}");
    }
    let limits = read("limits");
    let data = limits.lines().find(|line| line.starts_with("Max data size")).unwrap();
    assert!(data.contains("2147483648"), "{data}");
    assert!(std::env::var_os("PATH").is_some());
    let environment = read("environ");
    let is_secret =
        |variable: &str| ["PATH=", "CARGO", "FARCAST"].iter().any(|name| variable.starts_with(name));
    assert!(!environment.split('\0').any(is_secret), "{environment}");
    drop(live);
    let deadline = Instant::now() + DEADLINE;
    while workers().contains(&worker) {
        assert!(Instant::now() < deadline, "it is still there");
        std::thread::sleep(PAUSE);
    }
}

#[test]
fn a_broadcast_that_has_nothing_else_ends_when_no_worker_lives() {
    let launch = Launch { program: "/bin/false".into(), memory_bytes: 1 << 30 };
    let metrics = Metrics::new(&Registry::new()).unwrap();
    let config = LadderConfig { worker: Some(launch), ..software(vec![rung(120)]) };
    let (ladder, _out) = Ladder::start(config, &metrics).unwrap();
    let deadline = Instant::now() + DEADLINE;
    while ladder.failure().is_none() {
        assert!(Instant::now() < deadline, "it goes on without");
        std::thread::sleep(PAUSE);
    }
    assert_eq!(ladder.failure(), Some(LadderError::WorkerFails(5)));
}
