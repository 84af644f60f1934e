//! H.264 encoders, in software or on a device.

use ffmpeg_next::ffi;

use crate::colour::Colour;
use crate::decoder::Context;
use crate::device::FramesContext;
use crate::error::{Error, c_string, check};
use crate::frame::{PixelLayout, VideoFrame};
use crate::packet::{EncodedPacket, Packet};

/// The configuration of an encoder. No B-frames, so output order is input order.
pub struct VideoEncoderConfig<'a> {
    /// libav's name of it, such as `libx264`.
    pub name: &'a str,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Pixels of frames in system memory; ignored with `frames`.
    pub layout: PixelLayout,
    /// Frames per second times 1000; the time base is its inverse.
    pub frame_rate_milli: u32,
    /// Average bit rate in bits per second.
    pub bit_rate_bps: u64,
    /// Ceiling of the bit rate over `buffer_bits`, in bits per second.
    pub max_rate_bps: u64,
    /// Size of the rate controller's buffer in bits.
    pub buffer_bits: u64,
    /// Frames after which the encoder makes a key frame by itself.
    pub gop_frames: u32,
    /// Threads; 0 leaves it to the encoder.
    pub threads: u32,
    /// Colour description to signal.
    pub colour: Colour,
    /// Shape of a pixel.
    pub sample_aspect: (u32, u32),
    /// The pool of the frames that will come, for encoders that take frames on a device.
    pub frames: Option<&'a FramesContext>,
    /// The encoder's own options; unknown ones are ignored.
    pub options: &'a [(&'a str, String)],
}

/// True if libav was built with an encoder of this name.
#[must_use]
pub fn encoder_exists(name: &str) -> bool {
    find(name).is_ok()
}

/// An open encoder.
pub struct VideoEncoder {
    context: Context,
    packet: Packet,
}

impl VideoEncoder {
    /// Opens an encoder.
    ///
    /// # Errors
    /// If libav has none of that name, or it refuses the configuration, or its device is absent.
    pub fn open(config: &VideoEncoderConfig<'_>) -> Result<Self, Error> {
        let mut context = Context::for_codec(find(config.name)?)?;
        let rate = |value: u64| i64::try_from(value).map_err(|_| Error::Invalid("bit rate"));
        let size = |value: u32| i32::try_from(value).map_err(|_| Error::Invalid("size"));
        let fps = size(config.frame_rate_milli.max(1))?;
        let raw = context.get_mut();
        raw.width = size(config.width)?;
        raw.height = size(config.height)?;
        raw.pix_fmt = config.layout.av();
        let (num, den) = if fps % 1000 == 0 { (fps / 1000, 1) } else { (fps, 1000) };
        raw.framerate = ffi::AVRational { num, den };
        raw.time_base = ffi::AVRational { num: den, den: num };
        raw.bit_rate = rate(config.bit_rate_bps)?;
        raw.rc_max_rate = rate(config.max_rate_bps)?;
        raw.rc_buffer_size = i32::try_from(config.buffer_bits).map_err(|_| Error::Invalid("buffer size"))?;
        raw.gop_size = size(config.gop_frames)?;
        raw.max_b_frames = 0;
        raw.thread_count = size(config.threads)?;
        raw.flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER as i32;
        raw.flags |= ffi::AV_CODEC_FLAG_CLOSED_GOP as i32;
        raw.color_primaries = config.colour.primaries;
        raw.color_trc = config.colour.transfer;
        raw.colorspace = config.colour.matrix;
        raw.chroma_sample_location = config.colour.location;
        raw.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        raw.sample_aspect_ratio =
            ffi::AVRational { num: size(config.sample_aspect.0)?, den: size(config.sample_aspect.1)? };
        if let Some(frames) = config.frames {
            raw.pix_fmt = frames.surface();
            raw.hw_frames_ctx = frames.reference()?;
        }
        let mut options = Dictionary(std::ptr::null_mut());
        for (key, value) in config.options {
            options.set(key, value)?;
        }
        // SAFETY: an unopened context and a dictionary that libav consumes from and leaves valid.
        let code = unsafe { ffi::avcodec_open2(context.as_ptr(), std::ptr::null(), &mut options.0) };
        check("open a video encoder", code)?;
        Ok(Self { context, packet: Packet::new()? })
    }

    /// SPS and PPS in Annex B (or an `avcC`); empty for encoders that have them in their packets only.
    #[must_use]
    pub fn extradata(&self) -> &[u8] {
        self.context.extradata()
    }

    /// Feeds a frame. Call [`Self::receive`] until it returns `None` after each.
    ///
    /// # Errors
    /// If the encoder failed, or was opened for other frames: in memory, or on a device; it is of no use then.
    pub fn send(&mut self, frame: &VideoFrame, pts: i64, force_key: bool) -> Result<(), Error> {
        // Not checked by libav, whose NVENC reads through a null pointer then.
        if !frame.has_format(self.context.get().pix_fmt) {
            return Err(Error::Invalid("frame for this encoder"));
        }
        let mut own = frame.0.reference()?;
        let raw = own.get_mut();
        raw.pts = pts;
        raw.pict_type = if force_key {
            ffi::AVPictureType::AV_PICTURE_TYPE_I
        } else {
            ffi::AVPictureType::AV_PICTURE_TYPE_NONE
        };
        self.context.send_frame(&own)
    }

    /// Takes a packet out, if one is ready.
    ///
    /// # Errors
    /// If the encoder failed.
    pub fn receive(&mut self) -> Result<Option<EncodedPacket>, Error> {
        Ok(self.context.receive_packet(&mut self.packet)?.then(|| self.packet.take()))
    }

    /// Says that no more frames will come; what is inside comes out of [`Self::receive`].
    ///
    /// # Errors
    /// If libav does.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.context.finish_frames()
    }
}

fn find(name: &str) -> Result<*const ffi::AVCodec, Error> {
    let c_name = c_string(name)?;
    // SAFETY: a lookup in libav's static tables by a valid C string.
    let found = unsafe { ffi::avcodec_find_encoder_by_name(c_name.as_ptr()) };
    if found.is_null() { Err(Error::Missing(format!("the encoder {name}"))) } else { Ok(found) }
}

/// An owned `AVDictionary`.
struct Dictionary(*mut ffi::AVDictionary);

impl Dictionary {
    fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let (key, value) = (c_string(key)?, c_string(value)?);
        // SAFETY: libav copies both strings and reallocates the dictionary behind the pointer.
        check("set an option", unsafe { ffi::av_dict_set(&mut self.0, key.as_ptr(), value.as_ptr(), 0) })?;
        Ok(())
    }
}

impl Drop for Dictionary {
    fn drop(&mut self) {
        // SAFETY: owned, freed once; null is allowed.
        unsafe { ffi::av_dict_free(&mut self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_another_kind_are_refused() {
        let mut encoder = VideoEncoder::open(&VideoEncoderConfig {
            name: "libx264",
            width: 64,
            height: 64,
            layout: PixelLayout::Yuv420p,
            frame_rate_milli: 30_000,
            bit_rate_bps: 100_000,
            max_rate_bps: 100_000,
            buffer_bits: 100_000,
            gop_frames: 30,
            threads: 1,
            colour: Colour::default(),
            sample_aspect: (1, 1),
            frames: None,
            options: &[],
        })
        .unwrap();
        let frame = |layout| VideoFrame::black(64, 64, layout).unwrap();
        assert!(matches!(encoder.send(&frame(PixelLayout::Nv12), 0, true), Err(Error::Invalid(_))));
        assert_eq!(encoder.send(&frame(PixelLayout::Yuv420p), 0, true), Ok(()));
        assert!(matches!(frame(PixelLayout::Nv12).download(), Err(Error::Invalid(_))));
    }
}
