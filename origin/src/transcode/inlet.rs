//! The bounded queue into the decoder or audio thread, or into the worker process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use super::config::Pace;
use super::error::LadderError;
use super::metrics::{DropReason, Metrics};
use crate::media::{Mark, MediaEvent};

/// Source events that may wait: two seconds of 60 frames per second.
const QUEUE_EVENTS: usize = 120;
/// Time for which a queue may be full without anything being taken out of it: a worker that is only slow takes
/// something now and then.
pub(super) const STUCK_AFTER: Duration = Duration::from_secs(10);

/// An event of the source for a thread that decodes.
pub(super) struct Work {
    pub(super) event: MediaEvent,
    /// True if it is also for variants that pass the track through, from now on: viewers could not play it.
    pub(super) stands_in: bool,
}

/// The receiving side.
pub(super) struct Outlet {
    queue: Receiver<Work>,
    taken: Arc<AtomicU64>,
}

impl Outlet {
    /// The next event; waits for it. Fails at the end.
    pub(super) fn recv(&self) -> Result<Work, RecvError> {
        let work = self.queue.recv();
        self.taken.fetch_add(1, Ordering::Relaxed);
        work
    }

    /// The same within a limit.
    pub(super) fn recv_timeout(&self, limit: Duration) -> Result<Work, RecvTimeoutError> {
        let work = self.queue.recv_timeout(limit)?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Ok(work)
    }
}

/// The sending side.
pub(super) struct Inlet {
    queue: SyncSender<Work>,
    taken: Arc<AtomicU64>,
    pace: Pace,
    stands_in: bool,
    /// A configuration (or end) that did not fit.
    owed: Option<MediaEvent>,
    missed_mark: Option<Mark>,
    /// A frame was dropped: what follows is of no use before a key frame.
    skipping: bool,
    /// Time at which it was found full, and the amount taken out of it by then.
    full: Option<(Instant, u64)>,
}

impl Inlet {
    pub(super) fn new(pace: Pace) -> (Self, Outlet) {
        Self::with_room(pace, QUEUE_EVENTS)
    }

    /// One for two tracks: [`Inlet::beside`] is the other's.
    pub(super) fn shared(pace: Pace) -> (Self, Outlet) {
        Self::with_room(pace, 2 * QUEUE_EVENTS)
    }

    fn with_room(pace: Pace, events: usize) -> (Self, Outlet) {
        let (queue, receiver) = sync_channel(events);
        let taken = Arc::new(AtomicU64::new(0));
        let inlet = Self {
            queue,
            taken: Arc::clone(&taken),
            pace,
            stands_in: false,
            owed: None,
            missed_mark: None,
            skipping: false,
            full: None,
        };
        (inlet, Outlet { queue: receiver, taken })
    }

    /// Another way into the same queue, for another track.
    pub(super) fn beside(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            taken: Arc::clone(&self.taken),
            pace: self.pace,
            stands_in: false,
            owed: None,
            missed_mark: None,
            skipping: false,
            full: None,
        }
    }

    /// Takes an event; `stands_in` as in [`Work`].
    ///
    /// # Errors
    /// [`LadderError::Stuck`] once nothing was taken out of the full queue for [`STUCK_AFTER`].
    pub(super) fn push(
        &mut self,
        event: MediaEvent,
        stands_in: bool,
        metrics: &Metrics,
    ) -> Result<(), LadderError> {
        self.stands_in = stands_in;
        if self.pace == Pace::Lossless {
            // Fails only if the thread has ended, which the ladder's failure tells.
            let _ = self.queue.send(Work { event, stands_in });
            return Ok(());
        }
        let MediaEvent::Frame(mut frame) = event else {
            self.owed = self.try_send(event);
            self.skipping |= self.owed.is_some();
            return self.judge(Instant::now());
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
        self.judge(Instant::now())
    }

    fn try_send(&mut self, event: MediaEvent) -> Option<MediaEvent> {
        match self.queue.try_send(Work { event, stands_in: self.stands_in }) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {
                self.full = None;
                None
            }
            Err(TrySendError::Full(work)) => {
                self.full.get_or_insert_with(|| (Instant::now(), self.taken.load(Ordering::Relaxed)));
                Some(work.event)
            }
        }
    }

    fn judge(&mut self, now: Instant) -> Result<(), LadderError> {
        let Some((since, taken)) = self.full else { return Ok(()) };
        if self.taken.load(Ordering::Relaxed) != taken {
            self.full = None;
        } else if now.saturating_duration_since(since) > STUCK_AFTER {
            return Err(LadderError::Stuck);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inlet() -> (Inlet, Outlet, Metrics) {
        let (inlet, outlet) = Inlet::new(Pace::Live);
        (inlet, outlet, Metrics::new(&prometheus::Registry::new()).unwrap())
    }

    fn fill(inlet: &mut Inlet, metrics: &Metrics) {
        for _ in 0..=QUEUE_EVENTS {
            inlet.push(MediaEvent::NoVideo, false, metrics).unwrap();
        }
    }

    #[test]
    fn a_full_queue_out_of_which_nothing_is_taken_is_stuck() {
        let (mut inlet, _outlet, metrics) = inlet();
        fill(&mut inlet, &metrics);
        let full = Instant::now();
        assert_eq!(inlet.judge(full + STUCK_AFTER / 2), Ok(()));
        assert_eq!(inlet.judge(full + STUCK_AFTER * 2), Err(LadderError::Stuck));
    }

    #[test]
    fn a_full_queue_out_of_which_something_is_taken_now_and_then_is_slow() {
        let (mut inlet, outlet, metrics) = inlet();
        fill(&mut inlet, &metrics);
        outlet.recv().unwrap();
        assert_eq!(inlet.judge(Instant::now() + STUCK_AFTER * 2), Ok(()));
        // Full again by another track: the time starts again.
        let mut beside = inlet.beside();
        (0..2).for_each(|_| beside.push(MediaEvent::NoAudio, false, &metrics).unwrap());
        assert_eq!(beside.judge(Instant::now()), Ok(()));
        assert_eq!(beside.judge(Instant::now() + STUCK_AFTER * 2), Err(LadderError::Stuck));
    }
}
