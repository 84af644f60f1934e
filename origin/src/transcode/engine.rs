//! The threads that decode and encode: in this process, or in the worker's.
//!
//! ```text
//! push ─┬─ video ▶ decoder thread ─▶ encoder threads ───┬─▶ sink per variant
//!       └─ audio ▶ audio thread ────────────────────────┘
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use farcast_feed::name::VariantId;
use farcast_settings::VariantSpec;

use super::audio::{Audio, Output};
use super::cadence::Filler;
use super::config::LadderConfig;
use super::error::LadderError;
use super::feed::{EncoderQueue, QUEUE_FRAMES, queue_frames_on_device};
use super::inlet::Inlet;
use super::shared::Shared;
use super::sink::Sink;
use super::source::{Feed, Source};
use super::video::{BitRate, Encoding};
use crate::media::{MediaEvent, Track};

/// Highest frame rate of a variant that stands in for one that passes video through.
const STAND_IN_FPS: u32 = 60;
/// Time for threads to notice that the ladder was given up.
const ABORT_GRACE: Duration = Duration::from_secs(2);

/// Running decoders and encoders. Dropping it gives up the frames inside; [`Engine::finish`] drains it.
pub(super) struct Engine {
    shared: Arc<Shared>,
    video: Option<Inlet>,
    audio: Option<Inlet>,
    threads: Vec<JoinHandle<()>>,
    /// Disconnects when the last thread has ended.
    ended: Receiver<()>,
}

impl Engine {
    /// Starts the threads of a ladder; `sinks` has one for each variant.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub(super) fn start(
        config: &LadderConfig,
        shared: &Arc<Shared>,
        sinks: &[Sink],
    ) -> Result<Self, LadderError> {
        let (guard, ended) = sync_channel::<()>(1);
        let mut engine =
            Self { shared: shared.clone(), video: None, audio: None, threads: Vec::new(), ended };
        let transcoded = config.specs.iter().filter(|spec| spec.transcodes_video()).count();
        let queue_frames =
            if config.device.is_some() { queue_frames_on_device(transcoded) } else { QUEUE_FRAMES };
        let (mut feeds, mut rates, mut copies) = (Vec::new(), BTreeMap::<u64, Vec<Sink>>::new(), Vec::new());
        for (index, (spec, sink)) in config.specs.iter().zip(sinks).enumerate() {
            let variant = VariantId(u16::try_from(index).unwrap_or(u16::MAX));
            if spec.transcodes_audio() {
                rates.entry(spec.audio_bps()).or_default().push(sink.clone());
            } else {
                copies.push(sink.clone());
            }
            let (queue, work) = sync_channel(queue_frames);
            let (fps, stand_in) =
                if spec.transcodes_video() { (spec.max_framerate(), false) } else { (STAND_IN_FPS, true) };
            let metrics = shared.metrics.clone();
            let feed = EncoderQueue::new(queue, fps, config.pace, metrics.behind(variant), metrics);
            feeds.push(Feed { stand_in, feed });
            let encoding = Encoding {
                variant,
                spec: if stand_in { stand_in_spec(spec) } else { spec.clone() },
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
            engine.spawn(&format!("encode-{variant}"), &guard, move || encoding.run(&work))?;
        }
        let (inlet, work) = Inlet::new(config.pace);
        let source = Source::new(shared.clone(), feeds, config.device.clone());
        engine.spawn("decode", &guard, move || source.run(&work))?;
        engine.video = Some(inlet);
        let (inlet, work) = Inlet::new(config.pace);
        let mut outputs: Vec<_> = rates.into_iter().map(|(rate, sinks)| Output::new(rate, sinks)).collect();
        outputs.push(Output::stand_in(copies));
        let audio = Audio::new(shared.clone(), outputs);
        engine.spawn("audio", &guard, move || audio.run(&work))?;
        engine.audio = Some(inlet);
        Ok(engine)
    }

    /// Takes an event of the source; `stands_in` says whether it is also for variants that pass its track through. Never
    /// waits at [`Pace::Live`](super::Pace::Live).
    ///
    /// # Errors
    /// [`LadderError::Stuck`] if the thread it is for has taken nothing for long.
    pub(super) fn push(&mut self, event: MediaEvent, stands_in: bool) -> Result<(), LadderError> {
        let inlet = match event.track() {
            Track::Video => &mut self.video,
            Track::Audio => &mut self.audio,
        };
        inlet.as_mut().map_or(Ok(()), |inlet| inlet.push(event, stands_in, &self.shared.metrics))
    }

    /// Drains everything and ends all threads. Waits up to `deadline`, and two seconds more if that was not enough.
    ///
    /// # Errors
    /// [`LadderError::Unfinished`] when the deadline passed.
    pub(super) fn finish(mut self, deadline: Duration) -> Result<(), LadderError> {
        (self.video, self.audio) = (None, None);
        let mut result = Ok(());
        if self.ended.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
            self.shared.abort();
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
        result
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

impl Drop for Engine {
    fn drop(&mut self) {
        // Threads see it at their next item, or that their queue has ended, and go by themselves.
        if !self.threads.is_empty() {
            self.shared.abort();
        }
    }
}

/// The encoding of a variant that passes video through, when it must encode: the source's size and rate.
fn stand_in_spec(spec: &VariantSpec) -> VariantSpec {
    VariantSpec { scaled_width: 0, scaled_height: 0, framerate: STAND_IN_FPS, ..spec.clone() }
}
