//! The ladder itself: passthrough, transcoding, and its end.
//!
//! ```text
//! push ─┬─ passed through ────────────────┬─▶ sink per variant ─▶ channel
//!       └─ engine, here or in the worker ─┘
//! ```
//!
//! A track of which [`super::playable`] says that viewers cannot play it goes the lower way for all variants, from its
//! configuration to the end of the broadcast: a variant does not go back to passing it through, since what is still
//! being encoded then would come after what is passed through. The threads for that wait from the start.

use std::sync::Arc;
use std::time::Duration;

use farcast_feed::name::VariantId;
use farcast_settings::VariantSpec;
use tokio::sync::mpsc;

use super::config::LadderConfig;
use super::engine::Engine;
use super::error::LadderError;
use super::metrics::Metrics;
use super::playable::{self, Verdict};
use super::shared::Shared;
use super::sink::{OUTPUT_EVENTS, Sink};
use super::worker::Worker;
use crate::media::{MediaEvent, Track};

/// A running ladder. Dropping it gives up the frames inside; [`Ladder::finish`] drains it.
pub struct Ladder {
    shared: Arc<Shared>,
    /// True if the source has video, audio.
    present: [bool; 2],
    /// True if variants that pass video, audio through re-encode it, since viewers could not play it.
    stands_in: [bool; 2],
    variants: Vec<(VariantSpec, Sink)>,
    work: Place,
}

/// The place in which decoders and encoders run.
enum Place {
    /// In this process.
    Here(Engine),
    /// In a process of their own.
    Apart(Worker),
}

impl Ladder {
    /// Starts the threads, or the worker process. Events of all variants come out of the receiver, in order per variant; it
    /// ends after [`Ladder::finish`].
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(
        config: LadderConfig,
        metrics: &Metrics,
    ) -> Result<(Self, mpsc::Receiver<(VariantId, MediaEvent)>), LadderError> {
        let (out, receiver) = mpsc::channel(OUTPUT_EVENTS);
        let shared = Shared::new(metrics.clone());
        let sink = |(index, spec): (usize, &VariantSpec)| {
            let variant = VariantId(u16::try_from(index).unwrap_or(u16::MAX));
            let interleaved = spec.transcodes_video() || spec.transcodes_audio();
            Sink::new(variant, interleaved, out.clone(), config.pace, metrics.clone())
        };
        let sinks: Vec<_> = config.specs.iter().enumerate().map(sink).collect();
        let work = match &config.worker {
            Some(launch) => Place::Apart(Worker::start(launch.clone(), &config, &shared, &sinks)?),
            None => Place::Here(Engine::start(&config, &shared, &sinks)?),
        };
        let variants = config.specs.into_iter().zip(sinks).collect();
        Ok((Self { shared, present: [false; 2], stands_in: [false; 2], variants, work }, receiver))
    }

    /// Sets the bit rate of the source's video: variants that are to resemble it are encoded with about that. Call it
    /// before the first frame, or it has no effect on encoders that run.
    pub fn set_source_rate(&self, bps: Option<u64>) {
        self.shared.set_source_bps(bps);
    }

    /// Takes an event of the source. Never waits at [`Pace::Live`](super::Pace::Live).
    ///
    /// # Errors
    /// Once the ladder has failed; the broadcast cannot go on then.
    pub fn push(&mut self, event: MediaEvent) -> Result<(), LadderError> {
        if self.shared.aborted() {
            return Err(self.shared.failure().unwrap_or(LadderError::Unfinished));
        }
        let track = event.track();
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
        if !stands_in && !self.variants.iter().any(|(spec, _)| transcodes(spec, track)) {
            return Ok(());
        }
        match &mut self.work {
            Place::Here(engine) => {
                engine.push(event, stands_in).inspect_err(|error| self.shared.fail(error.clone()))
            }
            Place::Apart(worker) => {
                worker.push(event, stands_in);
                Ok(())
            }
        }
    }

    /// The reason why the ladder has failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<LadderError> {
        self.shared.failure()
    }

    /// Drains everything, ends all threads and the receiver. Waits up to `deadline` (and two seconds more
    /// if that was not enough), so call it off the async threads, while the receiver is read.
    ///
    /// # Errors
    /// The failure of the ladder, or that the deadline passed.
    pub fn finish(self, deadline: Duration) -> Result<(), LadderError> {
        let result = match self.work {
            Place::Here(engine) => engine.finish(deadline),
            Place::Apart(worker) => worker.finish(deadline),
        };
        self.variants.iter().for_each(|(_, sink)| sink.flush());
        self.shared.failure().map_or(result, Err)
    }
}

fn transcodes(spec: &VariantSpec, track: Track) -> bool {
    match track {
        Track::Video => spec.transcodes_video(),
        Track::Audio => spec.transcodes_audio(),
    }
}

/// True if viewers cannot play a track that begins or changes here; logs that, and formats that they play badly.
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
