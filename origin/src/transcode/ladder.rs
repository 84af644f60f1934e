//! The ladder itself: its threads, its queues, its end.
//!
//! ```text
//! push ─┬─ passed through ──────────────────────────────┐
//!       ├─ video ▶ decoder thread ─▶ encoder threads ───┼─▶ sink per variant ─▶ channel
//!       └─ audio ▶ audio thread ────────────────────────┘
//! ```
//!
//! A track of which [`super::playable`] says that viewers cannot play it goes the lower ways for all variants, from its
//! configuration to the end of the broadcast: a variant does not go back to passing it through, since what is still
//! being encoded then would come after what is passed through. The threads for that wait from the start.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use farcast_av::Device;
use farcast_shared::name::VariantId;
use tokio::sync::mpsc;

use super::audio::{Audio, Output};
use super::cadence::Filler;
use super::codec::EncoderKind;
use super::encode::{LibavEncoders, OpenEncoder};
use super::error::LadderError;
use super::feed::{QUEUE_FRAMES, VariantFeed, queue_frames_on_device};
use super::inlet::Inlet;
use super::metrics::Metrics;
use super::playable::{self, Verdict};
use super::sink::Sink;
use super::source::{Feed, Source};
use super::video::{BitRate, Encoding};
use crate::media::{MediaEvent, Track};
use farcast_shared::runtime::VariantSpec;

/// Events of all variants that may wait for the packagers: seconds of a ladder of five.
const OUTPUT_EVENTS: usize = 2048;
/// Highest frame rate of a variant that stands in for one that passes video through.
const STAND_IN_FPS: u32 = 60;
/// How long threads have to notice that the ladder was given up.
const ABORT_GRACE: Duration = Duration::from_secs(2);

/// What happens when a thread is slower than the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pace {
    /// Frames are dropped and counted; [`Ladder::push`] never waits.
    #[default]
    Live,
    /// [`Ladder::push`] waits; for files. Not for async threads.
    Lossless,
}

/// What a ladder is made of.
#[derive(Clone)]
pub struct LadderConfig {
    /// The variants; `VariantId(i)` is the i-th.
    pub specs: Vec<VariantSpec>,
    /// The encoder to use.
    pub encoder: EncoderKind,
    /// How encoders are opened.
    pub opener: Arc<dyn OpenEncoder>,
    /// Where to decode, if not in software.
    pub device: Option<Arc<Device>>,
    /// What happens under load.
    pub pace: Pace,
    /// PART-TARGET, where gaps in the video may not make parts much shorter than it; see
    /// [`Filler`]. Not for frames on a device: its surfaces are few.
    pub part_target: Option<Duration>,
}

impl LadderConfig {
    /// A live ladder with libav's encoders. Where the encoder has a device it is opened, so that frames stay
    /// there; without it frames go through system memory.
    #[must_use]
    pub fn new(specs: Vec<VariantSpec>, encoder: EncoderKind) -> Self {
        let transcodes = specs.iter().any(VariantSpec::transcodes_video);
        let kind = encoder.device().filter(|_| transcodes);
        let device = kind.and_then(|kind| Device::open(kind, None).ok()).map(Arc::new);
        let opener = Arc::new(LibavEncoders { device: device.clone() });
        Self { specs, encoder, opener, device, pace: Pace::Live, part_target: None }
    }

    /// The same, with frames in system memory; asks no driver.
    #[must_use]
    pub fn without_device(specs: Vec<VariantSpec>, encoder: EncoderKind) -> Self {
        let opener = Arc::new(LibavEncoders::default());
        Self { specs, encoder, opener, device: None, pace: Pace::Live, part_target: None }
    }
}

/// How much of a source is to be seen to know its bit rate: a group of pictures of most.
const OBSERVED: Duration = Duration::from_secs(2);

impl LadderConfig {
    /// How much of the source should be seen before [`Ladder::set_source_rate`]; zero if nobody asks.
    #[must_use]
    pub fn observe(&self) -> Duration {
        let asked = self.specs.iter().any(VariantSpec::follows_bit_rate);
        if asked { OBSERVED } else { Duration::ZERO }
    }
}

/// What all threads of a ladder see.
pub(super) struct Shared {
    pub(super) metrics: Metrics,
    abort: AtomicBool,
    /// Bit rate of the source's video in bits per second; 0: not known.
    source_bps: AtomicU64,
    failure: Mutex<Option<LadderError>>,
}

impl Shared {
    pub(super) fn aborted(&self) -> bool {
        self.abort.load(Ordering::Relaxed)
    }

    /// Bit rate of the source's video in bits per second, if it is known.
    pub(super) fn source_bps(&self) -> Option<u64> {
        Some(self.source_bps.load(Ordering::Relaxed)).filter(|bps| *bps > 0)
    }

    /// Ends the ladder with an error; the first one counts.
    pub(super) fn fail(&self, error: LadderError) {
        tracing::error!(%error, "transcoding ends");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.abort.store(true, Ordering::Relaxed);
    }

    fn failure(&self) -> Option<LadderError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A running ladder. Dropping it gives up what is inside; [`Ladder::finish`] drains it.
pub struct Ladder {
    shared: Arc<Shared>,
    /// Whether the source has video, audio.
    present: [bool; 2],
    /// Whether variants that pass video, audio through re-encode it, since viewers could not play it.
    stands_in: [bool; 2],
    variants: Vec<(VariantSpec, Sink)>,
    video: Option<Inlet>,
    audio: Option<Inlet>,
    threads: Vec<JoinHandle<()>>,
    /// Disconnects when the last thread has ended.
    ended: Receiver<()>,
}

impl Ladder {
    /// Starts the threads. Events of all variants come out of the receiver, in order per variant; it ends after
    /// [`Ladder::finish`].
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(
        config: LadderConfig,
        metrics: &Metrics,
    ) -> Result<(Self, mpsc::Receiver<(VariantId, MediaEvent)>), LadderError> {
        let (out, receiver) = mpsc::channel(OUTPUT_EVENTS);
        let (guard, ended) = sync_channel::<()>(1);
        let pace = config.pace;
        let shared = Arc::new(Shared {
            metrics: metrics.clone(),
            abort: AtomicBool::new(false),
            source_bps: AtomicU64::new(0),
            failure: Mutex::new(None),
        });
        let mut ladder = Self {
            shared: shared.clone(),
            present: [false; 2],
            stands_in: [false; 2],
            variants: Vec::new(),
            video: None,
            audio: None,
            threads: Vec::new(),
            ended,
        };
        let transcoded = config.specs.iter().filter(|spec| spec.transcodes_video()).count();
        let queue_frames =
            if config.device.is_some() { queue_frames_on_device(transcoded) } else { QUEUE_FRAMES };
        let (mut feeds, mut rates, mut copies) = (Vec::new(), BTreeMap::<u64, Vec<Sink>>::new(), Vec::new());
        for (index, spec) in config.specs.into_iter().enumerate() {
            let variant = VariantId(u16::try_from(index).unwrap_or(u16::MAX));
            let interleaved = spec.transcodes_video() || spec.transcodes_audio();
            let sink = Sink::new(variant, interleaved, out.clone(), pace, metrics.clone());
            if spec.transcodes_audio() {
                rates.entry(spec.audio_bps()).or_default().push(sink.clone());
            } else {
                copies.push(sink.clone());
            }
            let (queue, work) = sync_channel(queue_frames);
            let (fps, stand_in) =
                if spec.transcodes_video() { (spec.max_framerate(), false) } else { (STAND_IN_FPS, true) };
            let feed = VariantFeed::new(queue, fps, pace, metrics.behind(variant), metrics.clone());
            feeds.push(Feed { stand_in, feed });
            let encoding = Encoding {
                variant,
                spec: if stand_in { stand_in_spec(&spec) } else { spec.clone() },
                bit_rate: if stand_in { BitRate::OfThePicture } else { BitRate::Configured },
                kind: config.encoder,
                opener: config.opener.clone(),
                sink: sink.clone(),
                shared: shared.clone(),
                running: None,
                failures: 0,
                pending: None,
                emitted: None,
                filler: config.part_target.map(Filler::new),
                shown: None,
            };
            ladder.spawn(&format!("encode-{variant}"), &guard, move || encoding.run(&work))?;
            ladder.variants.push((spec, sink));
        }
        let (inlet, work) = Inlet::new(pace);
        let source = Source::new(shared.clone(), feeds, config.device);
        ladder.spawn("decode", &guard, move || source.run(&work))?;
        ladder.video = Some(inlet);
        let (inlet, work) = Inlet::new(pace);
        let mut outputs: Vec<_> = rates.into_iter().map(|(rate, sinks)| Output::new(rate, sinks)).collect();
        outputs.push(Output::stand_in(copies));
        let audio = Audio::new(shared, outputs);
        ladder.spawn("audio", &guard, move || audio.run(&work))?;
        ladder.audio = Some(inlet);
        Ok((ladder, receiver))
    }

    /// What the bit rate of the source's video is: variants that are to resemble it are encoded with about that. Call
    /// it before the first frame, or it has no effect on encoders that run.
    pub fn set_source_rate(&self, bps: Option<u64>) {
        self.shared.source_bps.store(bps.unwrap_or(0), Ordering::Relaxed);
    }

    /// Takes an event of the source. Never waits at [`Pace::Live`].
    ///
    /// # Errors
    /// Once the ladder has failed; the broadcast cannot go on then.
    pub fn push(&mut self, event: MediaEvent) -> Result<(), LadderError> {
        if self.shared.aborted() {
            return Err(self.shared.failure().unwrap_or(LadderError::Unfinished));
        }
        let track = match &event {
            MediaEvent::Video(_) | MediaEvent::NoVideo => Track::Video,
            MediaEvent::Audio(_) | MediaEvent::NoAudio => Track::Audio,
            MediaEvent::Frame(frame) => frame.track,
        };
        let index = usize::from(track == Track::Audio);
        let copied = self.variants.iter().any(|(spec, _)| !transcodes(spec, track));
        if copied && !self.stands_in[index] && refused(&event) {
            self.stands_in[index] = true;
            for (_, sink) in self.variants.iter().filter(|(spec, _)| !transcodes(spec, track)) {
                sink.interleave(self.present);
            }
        }
        let (stands_in, present) = (self.stands_in[index], &mut self.present[index]);
        let begins = !*present && matches!(event, MediaEvent::Video(_) | MediaEvent::Audio(_));
        *present = (*present || begins) && !matches!(event, MediaEvent::NoVideo | MediaEvent::NoAudio);
        for (spec, sink) in &self.variants {
            if begins {
                sink.announce(track);
            }
            if !stands_in && !transcodes(spec, track) {
                sink.push(track, event.clone());
            }
        }
        let inlet = match track {
            Track::Video => &mut self.video,
            Track::Audio => &mut self.audio,
        };
        let wanted = stands_in || self.variants.iter().any(|(spec, _)| transcodes(spec, track));
        if let Some(inlet) = inlet.as_mut().filter(|_| wanted) {
            inlet.push(event, stands_in, &self.shared.metrics);
        }
        Ok(())
    }

    /// Why the ladder has failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<LadderError> {
        self.shared.failure()
    }

    /// Drains everything, ends all threads and the receiver. Waits up to `deadline` (and two seconds more
    /// if that was not enough), so call it off the async threads, while the receiver is read.
    ///
    /// # Errors
    /// What the ladder failed with, or that the deadline passed.
    pub fn finish(mut self, deadline: Duration) -> Result<(), LadderError> {
        (self.video, self.audio) = (None, None);
        let mut result = Ok(());
        if self.ended.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
            self.shared.abort.store(true, Ordering::Relaxed);
            result = Err(LadderError::Unfinished);
            if self.ended.recv_timeout(ABORT_GRACE) == Err(RecvTimeoutError::Timeout) {
                // A driver hangs: joining would hang too.
                self.threads.clear();
            }
        }
        for thread in self.threads.drain(..) {
            // A panic has failed the ladder by now.
            let _ = thread.join();
        }
        self.variants.iter().for_each(|(_, sink)| sink.flush());
        self.shared.failure().map_or(result, Err)
    }

    fn spawn(
        &mut self,
        name: &str,
        guard: &SyncSender<()>,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), LadderError> {
        let (guard, shared) = (guard.clone(), self.shared.clone());
        let body = move || {
            let _ends_with_the_thread = guard;
            if shared.metrics.panics.call(run).is_none() {
                shared.fail(LadderError::Panicked);
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
        self.threads.push(thread.map_err(|error| LadderError::NoThread(error.to_string()))?);
        Ok(())
    }
}

impl Drop for Ladder {
    fn drop(&mut self) {
        // Threads see it at their next item, or that their queue has ended, and go by themselves.
        if !self.threads.is_empty() {
            self.shared.abort.store(true, Ordering::Relaxed);
        }
    }
}

fn transcodes(spec: &VariantSpec, track: Track) -> bool {
    match track {
        Track::Video => spec.transcodes_video(),
        Track::Audio => spec.transcodes_audio(),
    }
}

/// What a variant that passes video through encodes when it must: the source's size and rate.
fn stand_in_spec(spec: &VariantSpec) -> VariantSpec {
    VariantSpec { scaled_width: 0, scaled_height: 0, framerate: STAND_IN_FPS, ..spec.clone() }
}

/// Whether viewers cannot play a track that begins or changes here; says so, as what they play badly.
fn refused(event: &MediaEvent) -> bool {
    let (verdict, track) = match event {
        MediaEvent::Video(config) => (playable::video(config), "video"),
        MediaEvent::Audio(config) => (playable::audio(config), "audio"),
        _ => return false,
    };
    match verdict {
        Verdict::Plays => false,
        Verdict::Doubtful(reason) => {
            let (reason, set) = (reason.what, reason.set);
            tracing::warn!(
                track,
                reason,
                set,
                "not every viewer plays the source well, variants pass it through"
            );
            false
        }
        Verdict::Refused(reason) => {
            let (reason, set) = (reason.what, reason.set);
            tracing::warn!(track, reason, set, "viewers cannot play the source, every variant re-encodes it");
            true
        }
    }
}
