//! The exit of a variant's events from the ladder: interleaved, into the bounded channel of all variants.

use std::sync::{Arc, Mutex, PoisonError};

use farcast_feed::name::VariantId;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::config::Pace;
use super::interleave::Interleaver;
use super::metrics::{DropReason, Metrics};
use crate::media::{MediaEvent, Track};

/// Events of all variants that may wait for the packagers: seconds of a ladder of five.
pub(super) const OUTPUT_EVENTS: usize = 2048;

/// A variant's way out, shared by the threads that make its tracks.
#[derive(Clone)]
pub(super) struct Sink(Arc<Mutex<State>>);

struct State {
    variant: VariantId,
    /// `None` where both tracks are passed through: the source's order is the order.
    interleaver: Option<Interleaver>,
    out: mpsc::Sender<(VariantId, MediaEvent)>,
    pace: Pace,
    metrics: Metrics,
    /// Frames are dropped until a segment can begin again: the channel was full, or what makes a track was interrupted.
    skipping: Option<DropReason>,
    /// Events that must come before then, newest per track.
    owed: [Option<MediaEvent>; 2],
}

impl Sink {
    pub(super) fn new(
        variant: VariantId,
        interleaved: bool,
        out: mpsc::Sender<(VariantId, MediaEvent)>,
        pace: Pace,
        metrics: Metrics,
    ) -> Self {
        let interleaver = interleaved.then(|| Interleaver::new(pace));
        let owed = [None, None];
        Self(Arc::new(Mutex::new(State { variant, interleaver, out, pace, metrics, skipping: None, owed })))
    }

    /// From now on a track of this variant is made here, later than it arrived: the other waits for it. `present`
    /// says which the source has.
    pub(super) fn interleave(&self, present: [bool; 2]) {
        self.with(|state| {
            let pace = state.pace;
            if state.interleaver.is_some() {
                return;
            }
            let interleaver = state.interleaver.insert(Interleaver::new(pace));
            for (track, present) in [Track::Video, Track::Audio].into_iter().zip(present) {
                if present {
                    interleaver.announce(track);
                }
            }
        });
    }

    /// The maker of a track of this variant was interrupted: it goes on at the next frame that begins a segment. Not
    /// where both tracks are passed through.
    pub(super) fn interrupt(&self) {
        self.with(|state| {
            if state.interleaver.is_some() {
                // Frames made before belong to the frames shown before.
                state.drain(true);
                state.skipping.get_or_insert(DropReason::NoWorker);
            }
        });
    }

    /// True if a track of this variant is made, not passed through.
    pub(super) fn is_made(&self) -> bool {
        let mut is_made = false;
        self.with(|state| is_made = state.interleaver.is_some());
        is_made
    }

    /// The source has this track: the variant's other track waits for it.
    pub(super) fn announce(&self, track: Track) {
        self.with(|state| {
            if let Some(interleaver) = &mut state.interleaver {
                interleaver.announce(track);
            }
        });
    }

    /// Takes an event of a track.
    pub(super) fn push(&self, track: Track, event: MediaEvent) {
        self.with(|state| {
            let Some(interleaver) = &mut state.interleaver else {
                return state.send(event);
            };
            interleaver.push(track, event);
            state.drain(false);
        });
    }

    /// Lets everything out.
    pub(super) fn flush(&self) {
        self.with(|state| state.drain(true));
    }

    fn with(&self, act: impl FnOnce(&mut State)) {
        // Nothing in here leaves the state half changed, so a panic elsewhere poisons nothing.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn drain(&mut self, flush: bool) {
        while let Some(event) = self.interleaver.as_mut().and_then(|interleaver| interleaver.pop(flush)) {
            self.send(event);
        }
    }

    fn send(&mut self, event: MediaEvent) {
        if self.pace == Pace::Lossless {
            // Fails only if nobody listens any more.
            let _ = self.out.blocking_send((self.variant, event));
            return;
        }
        if self.skipping.is_some() && !self.resume(&event) {
            return self.miss(event);
        }
        if let Err(TrySendError::Full((_, event))) = self.out.try_send((self.variant, event)) {
            if self.skipping.is_none() {
                tracing::warn!(variant = self.variant.0, "output of the ladder is full, frames are dropped");
            }
            self.skipping.get_or_insert(DropReason::OutputFull);
            self.miss(event);
        }
    }

    /// True if `event` begins a segment and the channel has room for it and all that is owed.
    fn resume(&mut self, event: &MediaEvent) -> bool {
        let begins = matches!(event, MediaEvent::Frame(frame) if frame.mark.is_some());
        if !begins || self.out.capacity() <= self.owed.len() {
            return false;
        }
        for index in 0..self.owed.len() {
            if let Some(event) = self.owed[index].take()
                && let Err(TrySendError::Full((_, event))) = self.out.try_send((self.variant, event))
            {
                self.owed[index] = Some(event);
                return false;
            }
        }
        self.skipping = None;
        true
    }

    fn miss(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::Video(_) | MediaEvent::NoVideo => self.owed[0] = Some(event),
            MediaEvent::Audio(_) | MediaEvent::NoAudio => self.owed[1] = Some(event),
            MediaEvent::Frame(_) => {
                self.metrics.drop_frame(self.skipping.unwrap_or(DropReason::OutputFull));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use farcast_feed::name::Msn;
    use farcast_feed::time::{MediaTime, WallTime};

    use super::*;
    use crate::media::{Frame, Mark};

    fn frame(marked: bool) -> MediaEvent {
        let mark = Mark {
            msn: Msn(1),
            start: MediaTime(0),
            program_date_time: WallTime(0),
            discontinuity: false,
            discontinuity_sequence: 0,
        };
        MediaEvent::Frame(Frame {
            track: Track::Video,
            dts: MediaTime(0),
            pts: MediaTime(0),
            key: marked,
            data: Bytes::new(),
            arrived_at: WallTime(0),
            mark: marked.then_some(mark),
        })
    }

    #[test]
    fn after_an_overflow_a_variant_goes_on_at_a_mark_with_what_it_missed() {
        let (tx, mut rx) = mpsc::channel(4);
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let sink = Sink::new(VariantId(0), false, tx, Pace::Live, metrics.clone());
        (0..5).for_each(|_| sink.push(Track::Video, frame(false)));
        sink.push(Track::Video, MediaEvent::NoAudio);
        while rx.try_recv().is_ok() {}
        sink.push(Track::Video, frame(false));
        assert!(rx.try_recv().is_err());
        sink.push(Track::Video, frame(true));
        assert_eq!(rx.try_recv().unwrap().1, MediaEvent::NoAudio);
        assert_eq!(rx.try_recv().unwrap().1, frame(true));
        assert_eq!(metrics.dropped_frames(DropReason::OutputFull), 2);
    }
}
