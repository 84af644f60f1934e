//! From the decoder to one variant's encoder: thinning, a bounded queue, and what happens when it is full.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use farcast_av::{VideoDecoder, VideoFrame};
use farcast_feed::time::{MediaTime, WallTime};
use prometheus::IntGauge;

use super::cadence::RateGate;
use super::config::Pace;
use super::metrics::{DropReason, Metrics};
use crate::media::Mark;

/// Frames that may wait for an encoder: a fifth of a second, about 35 MB at 1080p.
pub(super) const QUEUE_FRAMES: usize = 12;

/// The same on a device, whose surfaces are few: all variants' frames, waiting and being encoded, must fit.
pub(super) fn queue_frames_on_device(variants: usize) -> usize {
    let each = usize::from(VideoDecoder::SPARE_SURFACES) / variants.max(1);
    each.saturating_sub(1).clamp(1, QUEUE_FRAMES)
}

/// The facts that go with a decoded frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) pts: MediaTime,
    pub(super) arrived_at: WallTime,
    pub(super) mark: Option<Mark>,
    /// Must become a key frame.
    pub(super) key: bool,
    /// The source's nominal frame rate times 1000.
    pub(super) source_rate_milli: Option<u32>,
}

/// Work for an encoder thread.
pub(super) enum VideoWork {
    /// A frame.
    Frame(Arc<VideoFrame>, Tick),
    /// The source has no video any more.
    Gone,
}

/// The sending side of a variant's queue.
pub(super) struct EncoderQueue {
    queue: SyncSender<VideoWork>,
    gate: RateGate,
    pace: Pace,
    behind: IntGauge,
    metrics: Metrics,
    /// Of frames that did not fit.
    missed_mark: Option<Mark>,
    missed_key: bool,
    /// `Gone` did not fit.
    owes_gone: bool,
}

impl EncoderQueue {
    pub(super) fn new(
        queue: SyncSender<VideoWork>,
        fps: u32,
        pace: Pace,
        behind: IntGauge,
        metrics: Metrics,
    ) -> Self {
        let gate = RateGate::new(fps);
        Self { queue, gate, pace, behind, metrics, missed_mark: None, missed_key: false, owes_gone: false }
    }

    /// Offers a frame. One that does not fit is dropped; its mark and key go to the next.
    pub(super) fn offer(&mut self, frame: &Arc<VideoFrame>, mut tick: Tick) {
        tick.mark = tick.mark.or(self.missed_mark.take());
        tick.key |= std::mem::take(&mut self.missed_key) || tick.mark.is_some();
        if !self.gate.keep(tick.pts, tick.key) {
            return self.metrics.drop_frame(DropReason::FrameRate);
        }
        let owed = std::mem::take(&mut self.owes_gone);
        let sent = !owed || self.send(VideoWork::Gone);
        if !sent {
            self.owes_gone = true;
        }
        if !sent || !self.send(VideoWork::Frame(frame.clone(), tick)) {
            self.missed_mark = tick.mark;
            self.missed_key = tick.key;
            self.metrics.drop_frame(DropReason::EncoderBehind);
        }
    }

    /// Signals that the source has no video any more.
    pub(super) fn gone(&mut self) {
        self.owes_gone = !self.send(VideoWork::Gone);
    }

    /// True if it was taken, or nobody will ever take it.
    fn send(&self, work: VideoWork) -> bool {
        self.behind.inc();
        let taken = match self.pace {
            Pace::Lossless => self.queue.send(work).is_ok(),
            Pace::Live => match self.queue.try_send(work) {
                Ok(()) => true,
                Err(TrySendError::Disconnected(_)) => false,
                Err(TrySendError::Full(_)) => {
                    self.behind.dec();
                    return false;
                }
            },
        };
        if !taken {
            self.behind.dec();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use farcast_av::PixelLayout;
    use farcast_feed::name::Msn;

    use super::*;

    #[test]
    fn queues_of_a_device_hold_no_more_than_its_surfaces() {
        assert_eq!(queue_frames_on_device(1), QUEUE_FRAMES);
        for variants in 1..=farcast_settings::MAX_CONFIGURED_VARIANTS {
            let kept = variants * (queue_frames_on_device(variants) + 1);
            assert!(
                kept <= usize::from(VideoDecoder::SPARE_SURFACES).max(2 * variants),
                "{variants}: {kept}"
            );
        }
    }

    #[test]
    fn the_mark_of_a_frame_that_did_not_fit_goes_to_the_next_which_becomes_a_key_frame() {
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let (tx, rx) = sync_channel(1);
        let gauge = metrics.behind(farcast_feed::name::VariantId(0));
        let mut feed = EncoderQueue::new(tx, 30, Pace::Live, gauge, metrics.clone());
        let frame = Arc::new(VideoFrame::black(16, 16, PixelLayout::Yuv420p).unwrap());
        let mark = |n| {
            let (start, program_date_time) = (MediaTime(0), WallTime(0));
            Some(Mark {
                msn: Msn(n),
                start,
                program_date_time,
                discontinuity: false,
                discontinuity_sequence: 0,
            })
        };
        let tick = |ms, mark| Tick {
            pts: MediaTime::from_millis(ms),
            arrived_at: WallTime(0),
            mark,
            key: false,
            source_rate_milli: None,
        };
        feed.offer(&frame, tick(0, None));
        feed.offer(&frame, tick(40, mark(1)));
        feed.offer(&frame, tick(80, None));
        assert!(matches!(rx.try_recv(), Ok(VideoWork::Frame(_, t)) if t.mark.is_none()));
        feed.offer(&frame, tick(120, None));
        assert!(matches!(rx.try_recv(), Ok(VideoWork::Frame(_, t)) if t.mark == mark(1) && t.key));
        assert_eq!(metrics.dropped_frames(DropReason::EncoderBehind), 2);
    }
}
