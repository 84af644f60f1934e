//! An encoder as the ladder sees it, and the one of libav.
//!
//! The traits are the seam at which tests put encoders that fail.

use std::sync::Arc;

use farcast_av::{
    Colour, Device, EncodedPacket, Error, FramesContext, VideoEncoder, VideoEncoderConfig, VideoFrame,
};

use super::codec::EncoderKind;

/// Frames after which an encoder makes a key frame unasked, in seconds: a net below the forced ones.
const OWN_GOP_S: u32 = 10;
/// Surfaces of an upload pool: what an encoder without reordering holds, and some.
const UPLOAD_SURFACES: u16 = 8;

/// The settings of an encoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EncoderSettings {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Frames per second times 1000; its inverse is the time base.
    pub frame_rate_milli: u32,
    /// Average bit rate in bits per second.
    pub bit_rate_bps: u64,
    /// As in [`super::VariantSpec::cpu_usage_level`].
    pub cpu_usage_level: u8,
    /// Colour to signal.
    pub colour: Colour,
    /// Shape of a pixel.
    pub sample_aspect: (u32, u32),
}

/// An open encoder; output order is input order.
pub trait VideoEncode: Send {
    /// SPS and PPS; empty if they are in the packets only.
    fn headers(&self) -> Vec<u8>;
    /// Feeds a frame; `pts` grows with every call.
    ///
    /// # Errors
    /// If the encoder failed for good.
    fn send(&mut self, frame: &VideoFrame, pts: i64, force_key: bool) -> Result<(), Error>;
    /// Takes a packet, if one is ready.
    ///
    /// # Errors
    /// If the encoder failed for good.
    fn receive(&mut self) -> Result<Option<EncodedPacket>, Error>;
    /// Signals the end of the frames.
    ///
    /// # Errors
    /// If the encoder failed for good.
    fn finish(&mut self) -> Result<(), Error>;
}

/// Opens encoders.
pub trait OpenEncoder: Send + Sync {
    /// Opens one for frames like `frame`.
    ///
    /// # Errors
    /// If there is none, or it refuses.
    fn open(
        &self,
        kind: EncoderKind,
        settings: &EncoderSettings,
        frame: &VideoFrame,
    ) -> Result<Box<dyn VideoEncode>, Error>;
}

/// libav's encoders.
#[derive(Default)]
pub struct LibavEncoders {
    /// The device of encoders that take frames only there; `None` opens the first.
    pub device: Option<Arc<Device>>,
}

impl OpenEncoder for LibavEncoders {
    fn open(
        &self,
        kind: EncoderKind,
        settings: &EncoderSettings,
        frame: &VideoFrame,
    ) -> Result<Box<dyn VideoEncode>, Error> {
        let (upload, pool) = match kind {
            _ if frame.on_device() => (None, frame.frames_context()),
            EncoderKind::Vaapi => {
                let pool = self.upload_pool(kind, settings)?;
                (Some(pool), None)
            }
            _ => (None, None),
        };
        let options = kind.options(settings.cpu_usage_level);
        let encoder = VideoEncoder::open(&VideoEncoderConfig {
            name: kind.name(),
            width: settings.width,
            height: settings.height,
            layout: kind.layout(),
            frame_rate_milli: settings.frame_rate_milli,
            bit_rate_bps: settings.bit_rate_bps,
            // Owncast's figures: a ceiling 6 % above the average over 1.2 s keeps segments even.
            max_rate_bps: settings.bit_rate_bps * 106 / 100,
            buffer_bits: settings.bit_rate_bps * 12 / 10,
            gop_frames: (settings.frame_rate_milli / 1000).max(1) * OWN_GOP_S,
            threads: if kind == EncoderKind::X264 { threads(settings) } else { 0 },
            colour: settings.colour,
            sample_aspect: settings.sample_aspect,
            frames: upload.as_ref().or(pool.as_ref()),
            options: &options,
        })?;
        Ok(Box::new(Libav { encoder, upload }))
    }
}

impl LibavEncoders {
    fn upload_pool(&self, kind: EncoderKind, settings: &EncoderSettings) -> Result<FramesContext, Error> {
        let device = match (&self.device, kind.device()) {
            (Some(device), _) => device.clone(),
            (None, Some(wanted)) => Arc::new(Device::open(wanted, None)?),
            (None, None) => return Err(Error::Invalid("device")),
        };
        FramesContext::for_upload(&device, settings.width, settings.height, UPLOAD_SURFACES)
    }
}

/// Slices cost bits and some CPU, so a small picture gets one thread and a large one few.
pub(super) fn threads(settings: &EncoderSettings) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = match u64::from(settings.width) * u64::from(settings.height) {
        0..=460_800 => 1,
        460_801..=921_600 => 2,
        921_601..=2_088_960 => 4,
        _ => 8,
    };
    u32::try_from(cores.min(wanted)).unwrap_or(1)
}

struct Libav {
    encoder: VideoEncoder,
    upload: Option<FramesContext>,
}

impl VideoEncode for Libav {
    fn headers(&self) -> Vec<u8> {
        self.encoder.extradata().to_vec()
    }

    fn send(&mut self, frame: &VideoFrame, pts: i64, force_key: bool) -> Result<(), Error> {
        match &self.upload {
            Some(pool) if !frame.on_device() => self.encoder.send(&pool.upload(frame)?, pts, force_key),
            _ => self.encoder.send(frame, pts, force_key),
        }
    }

    fn receive(&mut self) -> Result<Option<EncodedPacket>, Error> {
        self.encoder.receive()
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.encoder.finish()
    }
}
