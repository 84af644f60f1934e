//! The decoder thread: decodes the source's video once, for all variants.

use std::sync::Arc;

use farcast_av::{Codec, Deinterlacer, Device, VideoDecoder, VideoDecoderConfig, VideoFrame};
use farcast_feed::time::MediaTime;
use farcast_service::tasks::hook;

use super::cadence::KeyClock;
use super::error::LadderError;
use super::feed::{EncoderQueue, Tick};
use super::inlet::{Outlet, Work};
use super::metrics::DropReason;
use super::provenance::ProvenanceTracker;
use super::shared::Shared;
use crate::media::{Frame, Mark, MediaEvent, VideoConfig};

/// Packets in a row of which nothing could be decoded, after which the broadcast ends: five seconds of 60
/// frames per second.
const MAX_DAMAGED: u32 = 300;

/// The receivers of decoded frames.
pub(super) struct Feed {
    /// True if it has work only for sources that viewers cannot play.
    pub(super) stand_in: bool,
    pub(super) feed: EncoderQueue,
}

/// State of the decoder thread.
pub(super) struct Source {
    shared: Arc<Shared>,
    feeds: Vec<Feed>,
    /// True if feeds that only stand in for the source have work.
    stands_in: bool,
    device: Option<Arc<Device>>,
    decoder: Option<VideoDecoder>,
    /// True if the log has still to say where the source is decoded.
    unsaid: bool,
    config: Option<Arc<VideoConfig>>,
    origins: ProvenanceTracker,
    keys: KeyClock,
    last: Option<MediaTime>,
    needs_key: bool,
    damaged: u32,
    /// There while the source is, or may be, interlaced.
    deinterlacer: Option<Deinterlacer>,
    /// Finished pictures of it.
    whole: Vec<VideoFrame>,
    /// True if the log has said that pictures ask to be turned.
    said_turned: bool,
}

impl Source {
    pub(super) fn new(shared: Arc<Shared>, feeds: Vec<Feed>, device: Option<Arc<Device>>) -> Self {
        Self {
            shared,
            feeds,
            stands_in: false,
            device,
            decoder: None,
            unsaid: false,
            config: None,
            origins: ProvenanceTracker::default(),
            keys: KeyClock::default(),
            last: None,
            needs_key: true,
            damaged: 0,
            deinterlacer: None,
            whole: Vec::new(),
            said_turned: false,
        }
    }

    /// Works until the queue ends, then drains; or until the ladder is given up.
    pub(super) fn run(mut self, queue: &Outlet) {
        while let Ok(Work { event, stands_in }) = queue.recv() {
            hook::point("decoder");
            if self.shared.aborted() {
                return;
            }
            self.stands_in |= stands_in;
            if let Err(error) = self.take(event) {
                return self.shared.fail(error);
            }
        }
        self.drain();
    }

    fn take(&mut self, event: MediaEvent) -> Result<(), LadderError> {
        match event {
            MediaEvent::Video(config) => self.configure(config),
            MediaEvent::NoVideo => {
                self.drain();
                self.decoder = None;
                self.working().for_each(EncoderQueue::gone);
                Ok(())
            }
            MediaEvent::Frame(frame) => self.decode(&frame),
            MediaEvent::Audio(_) | MediaEvent::NoAudio => Ok(()),
        }
    }

    fn configure(&mut self, config: Arc<VideoConfig>) -> Result<(), LadderError> {
        if self.decoder.is_some() && self.config.as_deref() == Some(&*config) {
            return Ok(());
        }
        self.drain();
        let open = |device| {
            VideoDecoder::open(&VideoDecoderConfig {
                codec: Codec::from(config.codec),
                extradata: &config.record,
                width: config.width,
                height: config.height,
                device,
            })
        };
        // Devices seldom decode formats that viewers cannot play; and one more variant would need more of their
        // surfaces.
        let device = self.device.as_deref().filter(|_| !self.stands_in);
        let on_device = device.and_then(|device| open(Some(device)).ok());
        self.unsaid = on_device.is_some();
        let decoder = match on_device {
            Some(decoder) => decoder,
            None => open(None).map_err(LadderError::DecoderRefused)?,
        };
        self.decoder = Some(decoder);
        self.deinterlacer = config.interlaced.then(Deinterlacer::default);
        if config.interlaced {
            tracing::info!("the source is interlaced or may be, re-encoded variants are deinterlaced");
        }
        (self.config, self.said_turned) = (Some(config), false);
        self.needs_key = true;
        Ok(())
    }

    fn working(&mut self) -> impl Iterator<Item = &mut EncoderQueue> {
        let stands_in = self.stands_in;
        self.feeds.iter_mut().filter(move |feed| stands_in || !feed.stand_in).map(|feed| &mut feed.feed)
    }

    fn decode(&mut self, frame: &Frame) -> Result<(), LadderError> {
        let Some(decoder) = &mut self.decoder else {
            return self.lose(frame.mark, DropReason::NoKeyFrame);
        };
        if self.needs_key && !frame.key {
            return self.lose(frame.mark, DropReason::NoKeyFrame);
        }
        self.needs_key = false;
        self.origins.insert(frame.pts, frame.arrived_at, frame.mark);
        let mut sent = decoder.send(&frame.data, frame.pts.micros(), frame.dts.micros(), frame.key);
        if sent.is_ok() {
            self.say_where();
            sent = self.collect();
        }
        match sent {
            Ok(()) => Ok(()),
            Err(reason) => self.damage(&reason),
        }
    }

    /// Says once where the source is decoded: a device may refuse it, and libav goes on in software by itself.
    fn say_where(&mut self) {
        let Some(decoder) = &self.decoder else { return };
        if std::mem::take(&mut self.unsaid) {
            if decoder.on_device() {
                tracing::info!("the device decodes the source");
            } else {
                tracing::warn!("the device does not decode the source, software does");
            }
        }
    }

    /// After damage nothing is decoded until the next key frame: pictures made of damaged references
    /// would be grey or smeared.
    fn damage(&mut self, reason: &farcast_av::Error) -> Result<(), LadderError> {
        tracing::debug!(%reason, "video packet could not be decoded");
        self.shared.metrics.decode_errors.inc();
        self.needs_key = true;
        if let Some(decoder) = &mut self.decoder {
            decoder.flush();
        }
        // The picture inside it is whole, and its neighbour will not come.
        self.finish_deinterlacing();
        self.damaged += 1;
        if self.damaged >= MAX_DAMAGED {
            return Err(LadderError::SourceDamaged { packets: self.damaged });
        }
        Ok(())
    }

    fn lose(&mut self, mark: Option<Mark>, reason: DropReason) -> Result<(), LadderError> {
        self.shared.metrics.drop_frame(reason);
        self.origins.carry(mark);
        if self.damaged > 0 {
            self.damaged += 1;
        }
        if self.damaged >= MAX_DAMAGED {
            return Err(LadderError::SourceDamaged { packets: self.damaged });
        }
        Ok(())
    }

    fn collect(&mut self) -> Result<(), farcast_av::Error> {
        while let Some(decoder) = &mut self.decoder
            && let Some(frame) = decoder.receive()?
        {
            self.picture(frame);
        }
        Ok(())
    }

    /// A picture out of the decoder: delivered as it is, or made whole of two fields first.
    fn picture(&mut self, frame: VideoFrame) {
        if !self.said_turned && frame.is_turned() {
            self.said_turned = true;
            tracing::warn!(
                set = "turn the picture before it is encoded",
                "the source asks players to turn the picture, which none does in a live stream"
            );
        }
        let Some(deinterlacer) = &mut self.deinterlacer else { return self.deliver(frame) };
        if let Err(reason) = deinterlacer.run(&frame, &mut self.whole) {
            tracing::warn!(%reason, "the source cannot be deinterlaced, re-encoded variants show combs");
            self.deinterlacer = None;
            self.whole.push(frame);
        }
        self.deliver_whole();
    }

    fn deliver_whole(&mut self) {
        let mut whole = std::mem::take(&mut self.whole);
        whole.drain(..).for_each(|frame| self.deliver(frame));
        self.whole = whole;
    }

    fn deliver(&mut self, frame: VideoFrame) {
        self.damaged = 0;
        self.shared.metrics.decoded.inc();
        let pts = frame.pts().map(MediaTime);
        let Some(pts) = pts.filter(|&pts| self.last.is_none_or(|last| pts > last)) else {
            return self.shared.metrics.drop_frame(DropReason::NotLater);
        };
        self.last = Some(pts);
        let origin = self.origins.resolve(pts);
        let tick = Tick {
            pts,
            arrived_at: origin.arrived_at,
            mark: origin.mark,
            key: self.keys.due(pts, origin.mark.is_some()),
            source_rate_milli: self.config.as_ref().and_then(|config| config.frame_rate_milli),
        };
        let frame = Arc::new(frame);
        self.working().for_each(|feed| feed.offer(&frame, tick));
    }

    fn drain(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            let drained = decoder.finish();
            if let Err(reason) = drained.and_then(|()| self.collect()) {
                tracing::debug!(%reason, "the end of a video track could not be decoded");
            }
        }
        self.finish_deinterlacing();
    }

    fn finish_deinterlacing(&mut self) {
        let Some(deinterlacer) = &mut self.deinterlacer else { return };
        if let Err(reason) = deinterlacer.finish(&mut self.whole) {
            tracing::debug!(%reason, "a picture could not be deinterlaced");
        }
        self.deliver_whole();
    }
}
