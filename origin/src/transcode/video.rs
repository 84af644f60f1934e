//! A variant's encoder thread: scale, encode, and replace an encoder that fails.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use farcast_av::{EncodedPacket, Error, Geometry, Scaler, VideoFrame};
use farcast_feed::name::VariantId;
use farcast_feed::time::MediaTime;
use farcast_service::tasks::hook;

use super::avc;
use super::cadence::Filler;
use super::codec::EncoderKind;
use super::encode::{EncoderSettings, OpenEncoder, VideoEncode};
use super::error::LadderError;
use super::feed::{Tick, VideoWork};
use super::metrics::DropReason;
use super::playable::bit_rate_bps;
use super::shared::Shared;
use super::sink::Sink;
use super::size::{Size, like_source, output_size};
use crate::media::{Colour, Frame, Mark, MediaEvent, Track, VideoCodec, VideoConfig};
use farcast_settings::VariantSpec;

/// Failures of a variant's encoders without a packet between them, after which the ladder fails: a broadcast
/// that silently lacks a quality which its playlist names would be worse than one that ends with an error.
const MAX_FAILURES: u32 = 3;
/// Frames that are kept to be encoded again if the encoder fails; encoders without reordering hold fewer.
const MAX_IN_FLIGHT: usize = 32;

/// The source of a variant's bit rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BitRate {
    /// Its specification.
    Configured,
    /// The picture: nothing was configured for a variant that stands in for one that passes video through.
    OfThePicture,
}

/// State of an encoder thread.
pub(super) struct Encoding {
    pub(super) variant: VariantId,
    pub(super) spec: VariantSpec,
    pub(super) bit_rate: BitRate,
    pub(super) kind: EncoderKind,
    pub(super) opener: Arc<dyn OpenEncoder>,
    pub(super) sink: Sink,
    pub(super) shared: Arc<Shared>,
    pub(super) running: Option<Running>,
    /// Failures since the last packet.
    pub(super) failures: u32,
    /// A mark whose frame did not come out as a key frame.
    pub(super) pending: Option<Mark>,
    /// The newest frame that came out; a replaced encoder does not make it again.
    pub(super) emitted: Option<MediaTime>,
    /// Fills gaps, if that is wanted.
    pub(super) filler: Option<Filler>,
    /// The last frame that was to be encoded, to be repeated in a gap; none of a device.
    pub(super) shown: Option<(Arc<VideoFrame>, MediaTime)>,
}

/// An open encoder and the frames inside it.
pub(super) struct Running {
    kind: EncoderKind,
    encoder: Box<dyn VideoEncode>,
    scaler: Scaler,
    settings: EncoderSettings,
    /// True if it was opened for a source on a device; it takes no other.
    on_device: bool,
    configured: bool,
    last_pts: i64,
    in_flight: VecDeque<InFlight>,
}

struct InFlight {
    pts: i64,
    tick: Tick,
    source: Arc<VideoFrame>,
}

impl Encoding {
    /// Works until the queue ends, then drains; or until the ladder is given up.
    pub(super) fn run(mut self, queue: &Receiver<VideoWork>) {
        let behind = self.shared.metrics.behind(self.variant);
        let mut result = Ok(());
        while let Ok(work) = queue.recv() {
            behind.dec();
            hook::point("encoder");
            if self.shared.aborted() {
                break;
            }
            result = match work {
                VideoWork::Frame(frame, tick) => self.encode(frame, tick),
                VideoWork::Gone => {
                    let drained = self.close();
                    self.sink.push(Track::Video, MediaEvent::NoVideo);
                    drained
                }
            };
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() && !self.shared.aborted() {
            result = self.close();
        }
        behind.set(0);
        self.shared.metrics.use_encoder(self.variant, None);
        if let Err(reason) = result {
            self.shared.fail(LadderError::EncoderFailed { variant: self.variant, reason });
        }
    }

    fn encode(&mut self, frame: Arc<VideoFrame>, mut tick: Tick) -> Result<(), Error> {
        tick.mark = tick.mark.or(self.pending.take());
        tick.key |= tick.mark.is_some();
        let began = Instant::now();
        let settings = self.settings(&frame, &tick);
        let suits =
            |running: &Running| running.settings == settings && running.on_device == frame.on_device();
        if self.running.as_ref().is_some_and(|running| !suits(running)) {
            self.close()?;
            self.shown = None;
        }
        let mut todo = self.repeats(&tick, settings.frame_rate_milli);
        if self.filler.is_some() {
            self.shown = (!frame.on_device()).then(|| (frame.clone(), tick.pts));
        }
        todo.push_back(InFlight { pts: 0, tick, source: frame });
        while let Some(item) = todo.pop_front() {
            if let Err(reason) = self.encode_one(item.source.clone(), item.tick, &settings) {
                todo.push_front(item);
                self.fail(reason, &mut todo)?;
            }
        }
        self.shared.metrics.encoded_in(began.elapsed());
        Ok(())
    }

    /// The last picture again, where frames before `tick` were dropped and parts would become too short without.
    fn repeats(&self, tick: &Tick, frame_rate_milli: u32) -> VecDeque<InFlight> {
        let (Some(filler), Some((source, last))) = (self.filler, &self.shown) else { return VecDeque::new() };
        // Across a discontinuity there is nothing to fill.
        if tick.mark.is_some_and(|mark| mark.discontinuity) {
            return VecDeque::new();
        }
        let interval = Duration::from_micros(1_000_000_000 / u64::from(frame_rate_milli.max(1)));
        let repeat = |pts| {
            let tick = Tick { pts, mark: None, key: false, ..*tick };
            InFlight { pts: 0, tick, source: source.clone() }
        };
        let todo: VecDeque<_> = filler.between(*last, tick.pts, interval).into_iter().map(repeat).collect();
        self.shared.metrics.repeated.inc_by(u64::try_from(todo.len()).unwrap_or(u64::MAX));
        todo
    }

    fn encode_one(
        &mut self,
        source: Arc<VideoFrame>,
        tick: Tick,
        settings: &EncoderSettings,
    ) -> Result<(), Error> {
        if self.emitted.is_some_and(|newest| tick.pts <= newest) {
            return Ok(());
        }
        if self.running.is_none() {
            self.running = Some(self.open(&source, settings)?);
        }
        let Some(running) = &mut self.running else { return Ok(()) };
        let scaled = prepare(running.kind, &mut running.scaler, &source)?;
        let fps = i128::from(running.settings.frame_rate_milli);
        let ideal = (i128::from(tick.pts.micros()) * fps + 500_000_000).div_euclid(1_000_000_000);
        let pts = i64::try_from(ideal).unwrap_or(i64::MAX - 1).max(running.last_pts.saturating_add(1));
        // The first frame of an encoder is a key frame anyway; saying so makes it an IDR everywhere.
        let key = tick.key || running.in_flight.is_empty() && !running.configured;
        running.encoder.send(&scaled, pts, key)?;
        running.last_pts = pts;
        running.in_flight.push_back(InFlight { pts, tick, source });
        self.collect()
    }

    /// The settings with which the encoder must be opened.
    fn settings(&self, frame: &VideoFrame, tick: &Tick) -> EncoderSettings {
        let Size { width, height, sample_aspect } =
            output_size(&self.spec, (frame.width(), frame.height()), frame.sample_aspect());
        let most = self.spec.max_framerate() * 1000;
        let frame_rate_milli = tick.source_rate_milli.filter(|&rate| rate >= 1000).unwrap_or(most).min(most);
        EncoderSettings {
            width,
            height,
            frame_rate_milli,
            bit_rate_bps: match self.bit_rate {
                BitRate::Configured if self.spec.follows_bit_rate() => {
                    like_source(self.shared.source_bps(), (width, height))
                }
                BitRate::Configured => self.spec.video_bps(),
                BitRate::OfThePicture => bit_rate_bps(width, height, frame_rate_milli),
            },
            cpu_usage_level: self.spec.cpu_usage_level,
            colour: frame.colour().scaled(frame.height(), height),
            sample_aspect,
        }
    }

    fn open(&self, source: &VideoFrame, settings: &EncoderSettings) -> Result<Running, Error> {
        let EncoderSettings { width, height, .. } = *settings;
        let mut scaler = Scaler::new(Geometry { width, height, layout: self.kind.layout() });
        let scaled = prepare(self.kind, &mut scaler, source)?;
        let encoder = self.opener.open(self.kind, settings, &scaled)?;
        self.shared.metrics.use_encoder(self.variant, Some(self.kind));
        Ok(Running {
            kind: self.kind,
            encoder,
            scaler,
            settings: *settings,
            on_device: source.on_device(),
            configured: false,
            last_pts: i64::MIN,
            in_flight: VecDeque::new(),
        })
    }

    /// Replaces a failed encoder by libx264, for the rest of the broadcast, and puts the frames that were
    /// inside it before the waiting ones: nothing is missing, and no gap is longer than its queue.
    fn fail(&mut self, reason: Error, todo: &mut VecDeque<InFlight>) -> Result<(), Error> {
        self.failures += 1;
        if self.failures > MAX_FAILURES {
            return Err(reason);
        }
        tracing::warn!(
            variant = self.variant.0,
            encoder = self.kind.name(),
            %reason,
            "encoder failed, libx264 takes over"
        );
        self.shared.metrics.fallbacks.inc();
        self.kind = EncoderKind::X264;
        if let Some(running) = self.running.take() {
            let inside = running.in_flight;
            let same = |item: &InFlight| todo.front().is_some_and(|next| next.tick.pts == item.tick.pts);
            let kept: Vec<_> = inside.into_iter().filter(|item| !same(item)).collect();
            kept.into_iter().rev().for_each(|item| todo.push_front(item));
        }
        Ok(())
    }

    fn collect(&mut self) -> Result<(), Error> {
        loop {
            let Some(running) = &mut self.running else { return Ok(()) };
            let Some(packet) = running.encoder.receive()? else {
                while running.in_flight.len() > MAX_IN_FLIGHT {
                    self.pending =
                        running.in_flight.pop_front().and_then(|item| item.tick.mark).or(self.pending);
                }
                return Ok(());
            };
            self.emit(&packet)?;
        }
    }

    fn emit(&mut self, packet: &EncodedPacket) -> Result<(), Error> {
        let Some(running) = &mut self.running else { return Ok(()) };
        if !running.configured {
            let headers = running.encoder.headers();
            let record = avc::record(&headers)
                .or_else(|| avc::record(&packet.data))
                .ok_or(Error::Invalid("encoder: it gave no parameter sets"))?;
            running.configured = true;
            let settings = &running.settings;
            let (primaries, transfer, matrix) = settings.colour.code_points();
            let config = VideoConfig {
                frame_rate_milli: Some(settings.frame_rate_milli),
                colour: Colour { primaries, transfer, matrix, full_range: false },
                sample_aspect: settings.sample_aspect,
                ..VideoConfig::plain(VideoCodec::Avc, record, (settings.width, settings.height))
            };
            self.sink.push(Track::Video, MediaEvent::Video(Arc::new(config)));
        }
        while let Some(item) = running.in_flight.pop_front() {
            if item.pts < packet.pts {
                self.shared.metrics.drop_frame(DropReason::Swallowed);
                self.pending = item.tick.mark.or(self.pending);
                continue;
            }
            let mark = match (item.tick.mark, packet.key) {
                (None, true) => self.pending.take(),
                (mark, true) => mark,
                (mark, false) => {
                    self.pending = mark.or(self.pending);
                    None
                }
            };
            self.failures = 0;
            self.emitted = Some(item.tick.pts);
            self.shared.metrics.encoded(self.variant).inc();
            self.sink.push(
                Track::Video,
                MediaEvent::Frame(Frame {
                    track: Track::Video,
                    dts: item.tick.pts,
                    pts: item.tick.pts,
                    key: packet.key,
                    data: avc::sample(&packet.data),
                    arrived_at: item.tick.arrived_at,
                    mark,
                }),
            );
            return Ok(());
        }
        Ok(())
    }

    /// Takes everything out of the encoder and closes it.
    fn close(&mut self) -> Result<(), Error> {
        let mut todo = VecDeque::new();
        loop {
            let Some(running) = &mut self.running else { return Ok(()) };
            let settings = running.settings;
            let finished = running.encoder.finish();
            match finished.and_then(|()| self.collect()) {
                Ok(()) => {
                    self.running = None;
                    return Ok(());
                }
                Err(reason) => self.fail(reason, &mut todo)?,
            }
            while let Some(item) = todo.pop_front() {
                if let Err(reason) = self.encode_one(item.source.clone(), item.tick, &settings) {
                    todo.push_front(item);
                    self.fail(reason, &mut todo)?;
                }
            }
        }
    }
}

/// A frame as the encoder takes it: on its own device, or in system memory. A frame that is to leave a device is
/// scaled there first, if it can be: less has to be copied.
fn prepare(kind: EncoderKind, scaler: &mut Scaler, source: &VideoFrame) -> Result<VideoFrame, Error> {
    let pool = source.frames_context();
    match pool {
        // Tones are mapped in system memory.
        Some(_) if source.is_high_dynamic_range() => scaler.run(source),
        Some(pool) if kind.device().is_none() || pool.kind() != kind.device() => {
            let small = scaler.run(source).or_else(|_| source.share())?;
            scaler.run(&small.download()?)
        }
        _ => scaler.run(source),
    }
}
