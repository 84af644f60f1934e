//! The audio thread: decodes the source's audio once and re-encodes it per bit rate.
//!
//! Samples are counted, not trusted to timestamps: a frame's time is that of the first sample since the last
//! jump plus the samples encoded since. Gaps are filled with silence, overlaps are dropped. The encoder's
//! priming packet is left out, so packet times are those of the samples, and a source frame gives one frame.

use std::collections::VecDeque;
use std::sync::Arc;

use farcast_av::{AacEncoder, AudioDecoder, AudioFrame, Error, Resampler};
use farcast_feed::time::{MediaTime, WallTime};
use farcast_service::tasks::hook;

use super::inlet::{Outlet, Work};
use super::provenance::{Provenance, ProvenanceTracker};
use super::shared::Shared;
use super::sink::Sink;
use crate::media::{AudioCodec, AudioConfig, Frame, Mark, MediaEvent, Track};

/// Difference between counted samples and timestamps that is taken for jitter: RTMP has milliseconds, and
/// encoders stamp audio by bursts. Above it players would hear or see the drift.
const TOLERANCE_US: i64 = 60_000;
/// Longest gap that is filled with silence; a longer one is a jump.
const MAX_SILENCE_US: i64 = 2_000_000;
/// Highest number of channels that is encoded; more are mixed down, as players expect of HLS.
const MAX_CHANNELS: u32 = 2;

/// Bit rate of the variants that pass audio through, for sources that nobody plays as they are.
pub(super) const STAND_IN_BPS: u64 = 128_000;

/// State of the audio thread.
pub(super) struct Audio {
    shared: Arc<Shared>,
    /// True if outputs that only stand in for the source have work.
    stands_in: bool,
    decoder: Option<AudioDecoder>,
    outputs: Vec<Output>,
}

/// One bit rate and the variants that use it.
pub(super) struct Output {
    bit_rate_bps: u64,
    /// True if its variants pass through what viewers can play.
    stand_in: bool,
    sinks: Vec<Sink>,
    origins: ProvenanceTracker,
    track: Option<Encoded>,
}

struct Encoded {
    resampler: Resampler,
    encoder: AacEncoder,
    rate_hz: u32,
    planes: Vec<Vec<f32>>,
    /// Time of the first sample since the last jump.
    base: MediaTime,
    /// Samples since `base` that were given to `planes`.
    fed: u64,
    /// Samples since `base` that were given to the encoder.
    encoded: u64,
    /// Frames inside the encoder, with their index since it was opened.
    inside: VecDeque<(i64, MediaTime, Provenance)>,
    sent_frames: i64,
}

impl Output {
    pub(super) fn new(bit_rate_bps: u64, sinks: Vec<Sink>) -> Self {
        Self { bit_rate_bps, stand_in: false, sinks, origins: ProvenanceTracker::default(), track: None }
    }

    /// For variants that pass audio through: it works once a source comes that viewers cannot play.
    pub(super) fn stand_in(sinks: Vec<Sink>) -> Self {
        Self { stand_in: true, ..Self::new(STAND_IN_BPS, sinks) }
    }
}

impl Audio {
    pub(super) fn new(shared: Arc<Shared>, outputs: Vec<Output>) -> Self {
        Self { shared, stands_in: false, decoder: None, outputs }
    }

    /// Works until the queue ends, then drains; or until the ladder is given up.
    pub(super) fn run(mut self, queue: &Outlet) {
        while let Ok(Work { event, stands_in }) = queue.recv() {
            hook::point("audio");
            if self.shared.aborted() {
                return;
            }
            self.stands_in |= stands_in;
            self.take(&event);
        }
        self.close();
    }

    fn take(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::Audio(config) => {
                self.close();
                self.decoder = match AudioDecoder::open(&config.record) {
                    Ok(decoder) => Some(decoder),
                    Err(reason) => {
                        tracing::warn!(
                            %reason,
                            set = "AAC-LC, stereo",
                            "the source's audio cannot be decoded, variants that re-encode it have no sound"
                        );
                        self.shared.metrics.audio_errors.inc();
                        None
                    }
                };
            }
            MediaEvent::NoAudio => {
                self.close();
                for sink in self.working().flat_map(|output| &output.sinks) {
                    sink.push(Track::Audio, MediaEvent::NoAudio);
                }
            }
            MediaEvent::Frame(frame) => {
                let stands_in = self.stands_in;
                for output in self.outputs.iter_mut().filter(|output| stands_in || !output.stand_in) {
                    output.origins.insert(frame.pts, frame.arrived_at, frame.mark);
                }
                if let Err(reason) = self.transcode(frame) {
                    self.lose(&reason);
                }
            }
            MediaEvent::Video(_) | MediaEvent::NoVideo => {}
        }
    }

    fn transcode(&mut self, frame: &Frame) -> Result<(), Error> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        decoder.send(&frame.data, frame.pts.micros())?;
        while let Some(samples) = decoder.receive()? {
            let pts = samples.pts().map_or(frame.pts, MediaTime);
            let stands_in = self.stands_in;
            for output in self.outputs.iter_mut().filter(|output| stands_in || !output.stand_in) {
                output.feed(&samples, pts)?;
            }
        }
        Ok(())
    }

    fn working(&self) -> impl Iterator<Item = &Output> {
        self.outputs.iter().filter(|output| self.stands_in || !output.stand_in)
    }

    fn lose(&self, reason: &Error) {
        tracing::debug!(%reason, "audio packet could not be transcoded");
        self.shared.metrics.audio_errors.inc();
    }

    fn close(&mut self) {
        self.decoder = None;
        for index in 0..self.outputs.len() {
            if let Err(reason) = self.outputs[index].close() {
                self.lose(&reason);
            }
        }
    }
}

impl Output {
    fn feed(&mut self, samples: &AudioFrame, pts: MediaTime) -> Result<(), Error> {
        if self.track.as_ref().is_some_and(|track| !track.resampler.fits(samples)) {
            self.close()?;
        }
        if self.track.is_none() {
            self.open(samples, pts)?;
        }
        let Some(track) = &mut self.track else { return Ok(()) };
        let ahead = pts.micros().saturating_sub(track.time_of(track.fed).micros());
        if ahead < -TOLERANCE_US {
            return Ok(());
        }
        if ahead > MAX_SILENCE_US {
            self.pad()?;
            if let Some(track) = &mut self.track {
                (track.base, track.fed, track.encoded) = (pts, 0, 0);
            }
        } else if ahead > TOLERANCE_US {
            track.silence(u64::try_from(ahead).unwrap_or(0) * u64::from(track.rate_hz) / 1_000_000);
        }
        if let Some(track) = &mut self.track {
            let made = track.resampler.run(samples, &mut track.planes)?;
            track.fed += made as u64;
        }
        self.encode()
    }

    fn open(&mut self, samples: &AudioFrame, pts: MediaTime) -> Result<(), Error> {
        let rate_hz = AacEncoder::rate_for(samples.sample_rate_hz());
        let channels = samples.channels().clamp(1, MAX_CHANNELS);
        let resampler = Resampler::new(samples, rate_hz, channels)?;
        let encoder = AacEncoder::open(rate_hz, channels, self.bit_rate_bps)?;
        let config = Arc::new(AudioConfig {
            codec: AudioCodec::Aac,
            record: encoder.record().to_vec().into(),
            sample_rate_hz: rate_hz,
            channels: u16::try_from(channels).unwrap_or(1),
            frame_samples: u32::try_from(encoder.frame_samples()).unwrap_or(1024),
        });
        for sink in &self.sinks {
            sink.push(Track::Audio, MediaEvent::Audio(config.clone()));
        }
        self.track = Some(Encoded {
            resampler,
            encoder,
            rate_hz,
            planes: vec![Vec::new(); channels as usize],
            base: pts,
            fed: 0,
            encoded: 0,
            inside: VecDeque::new(),
            sent_frames: 0,
        });
        Ok(())
    }

    /// Encodes the whole frames that there are.
    fn encode(&mut self) -> Result<(), Error> {
        let Some(track) = &mut self.track else { return Ok(()) };
        let size = track.encoder.frame_samples();
        while track.planes.iter().all(|plane| plane.len() >= size) && !track.planes.is_empty() {
            let pts = track.time_of(track.encoded);
            let half = track.time_of(track.encoded + size as u64 / 2);
            let origin = self.origins.resolve(half);
            let slices: Vec<&[f32]> = track.planes.iter().map(|plane| &plane[..size]).collect();
            track.encoder.send(&slices)?;
            track.inside.push_back((track.sent_frames, pts, origin));
            track.sent_frames += 1;
            track.encoded += size as u64;
            for plane in &mut track.planes {
                plane.drain(..size);
            }
            track.collect(&self.sinks)?;
        }
        Ok(())
    }

    /// Completes the last frame with silence.
    fn pad(&mut self) -> Result<(), Error> {
        if let Some(track) = &mut self.track {
            let (size, rest) = (track.encoder.frame_samples(), track.planes.first().map_or(0, Vec::len));
            if rest > 0 {
                track.silence((size - rest % size) as u64 % size as u64);
            }
        }
        self.encode()
    }

    fn close(&mut self) -> Result<(), Error> {
        let padded = self.pad();
        let Some(mut track) = self.track.take() else { return padded };
        padded?;
        track.encoder.finish()?;
        track.collect(&self.sinks)
    }
}

impl Encoded {
    fn time_of(&self, sample: u64) -> MediaTime {
        let micros = u128::from(sample) * 1_000_000 / u128::from(self.rate_hz.max(1));
        MediaTime(self.base.micros().saturating_add(i64::try_from(micros).unwrap_or(i64::MAX)))
    }

    fn silence(&mut self, samples: u64) {
        for plane in &mut self.planes {
            plane.resize(plane.len() + usize::try_from(samples).unwrap_or(0), 0.0);
        }
        self.fed += samples;
    }

    fn collect(&mut self, sinks: &[Sink]) -> Result<(), Error> {
        let size = i64::try_from(self.encoder.frame_samples()).unwrap_or(1024);
        while let Some(packet) = self.encoder.receive()? {
            let index = packet.pts.div_euclid(size);
            let mut lost: Option<Mark> = None;
            while let Some((at, pts, origin)) = self.inside.front().copied()
                && at <= index
            {
                self.inside.pop_front();
                if at < index {
                    lost = origin.mark.or(lost);
                    continue;
                }
                let mark = origin.mark.or(lost);
                deliver(sinks, pts, &packet.data, origin.arrived_at, mark);
            }
        }
        Ok(())
    }
}

fn deliver(sinks: &[Sink], pts: MediaTime, data: &bytes::Bytes, arrived_at: WallTime, mark: Option<Mark>) {
    for sink in sinks {
        let data = data.clone();
        let frame = Frame { track: Track::Audio, dts: pts, pts, key: true, data, arrived_at, mark };
        sink.push(Track::Audio, MediaEvent::Frame(frame));
    }
}
