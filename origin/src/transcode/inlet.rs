//! The bounded queue into the decoder or audio thread.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::ladder::Pace;
use super::metrics::{DropReason, Metrics};
use crate::media::{Mark, MediaEvent};

/// Source events that may wait: two seconds of 60 frames per second.
const QUEUE_EVENTS: usize = 120;

/// An event of the source for a thread that decodes.
pub(super) struct Work {
    pub(super) event: MediaEvent,
    /// Whether it is also for variants that pass the track through, from now on: viewers could not play it.
    pub(super) stands_in: bool,
}

/// The sending side.
pub(super) struct Inlet {
    queue: SyncSender<Work>,
    pace: Pace,
    stands_in: bool,
    /// A configuration (or end) that did not fit.
    owed: Option<MediaEvent>,
    missed_mark: Option<Mark>,
    /// A frame was dropped: what follows is of no use before a key frame.
    skipping: bool,
}

impl Inlet {
    pub(super) fn new(pace: Pace) -> (Self, Receiver<Work>) {
        let (queue, work) = sync_channel(QUEUE_EVENTS);
        (Self { queue, pace, stands_in: false, owed: None, missed_mark: None, skipping: false }, work)
    }

    /// Takes an event; `stands_in` as in [`Work`].
    pub(super) fn push(&mut self, event: MediaEvent, stands_in: bool, metrics: &Metrics) {
        self.stands_in = stands_in;
        if self.pace == Pace::Lossless {
            // Fails only if the thread has ended, which the ladder's failure tells.
            let _ = self.queue.send(Work { event, stands_in });
            return;
        }
        let MediaEvent::Frame(mut frame) = event else {
            self.owed = self.try_send(event);
            self.skipping |= self.owed.is_some();
            return;
        };
        frame.mark = frame.mark.or(self.missed_mark.take());
        if let Some(owed) = self.owed.take() {
            self.owed = self.try_send(owed);
        }
        let fits = self.owed.is_none() && (!self.skipping || frame.key);
        let left =
            if fits { self.try_send(MediaEvent::Frame(frame)) } else { Some(MediaEvent::Frame(frame)) };
        self.skipping = left.is_some();
        if let Some(MediaEvent::Frame(frame)) = left {
            self.missed_mark = frame.mark;
            metrics.drop_frame(DropReason::DecoderBehind);
        }
    }

    fn try_send(&self, event: MediaEvent) -> Option<MediaEvent> {
        match self.queue.try_send(Work { event, stands_in: self.stands_in }) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => None,
            Err(TrySendError::Full(work)) => Some(work.event),
        }
    }
}
