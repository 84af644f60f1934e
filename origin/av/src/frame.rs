//! Frames, shared by reference: a clone costs a few atomic increments and no copy of pixels.

use ffmpeg_next::ffi;

use crate::colour::Colour;
use crate::error::{Error, check};

/// The layout of a frame's pixels in system memory, as far as encoders are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum PixelLayout {
    /// Three planes, 8 bits, 4:2:0.
    Yuv420p,
    /// Two planes (chroma interleaved), 8 bits, 4:2:0.
    Nv12,
}

impl PixelLayout {
    pub(crate) fn av(self) -> ffi::AVPixelFormat {
        match self {
            Self::Yuv420p => ffi::AVPixelFormat::AV_PIX_FMT_YUV420P,
            Self::Nv12 => ffi::AVPixelFormat::AV_PIX_FMT_NV12,
        }
    }
}

/// An owned reference to an `AVFrame`.
pub(crate) struct Raw(*mut ffi::AVFrame);

// SAFETY: an AVFrame has no thread affinity; its buffers are counted with atomics.
unsafe impl Send for Raw {}
// SAFETY: through a shared reference the frame is only read (fields) or referenced anew
// (av_frame_clone reads its source and increments atomic counters).
unsafe impl Sync for Raw {}

impl Raw {
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: plain allocation; null is handled.
        let raw = unsafe { ffi::av_frame_alloc() };
        if raw.is_null() { Err(Error::OutOfMemory) } else { Ok(Self(raw)) }
    }

    /// A new reference to the same buffers, with its own fields.
    pub(crate) fn reference(&self) -> Result<Self, Error> {
        // SAFETY: the source is a valid frame; null is handled.
        let raw = unsafe { ffi::av_frame_clone(self.0) };
        if raw.is_null() { Err(Error::OutOfMemory) } else { Ok(Self(raw)) }
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::AVFrame {
        self.0
    }

    pub(crate) fn get(&self) -> &ffi::AVFrame {
        // SAFETY: never null, alive as long as self.
        unsafe { &*self.0 }
    }

    pub(crate) fn get_mut(&mut self) -> &mut ffi::AVFrame {
        // SAFETY: never null, and &mut self is exclusive.
        unsafe { &mut *self.0 }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: owned, freed once.
        unsafe { ffi::av_frame_free(&mut self.0) }
    }
}

/// A decoded picture, in system memory or on a device.
pub struct VideoFrame(pub(crate) Raw);

impl VideoFrame {
    /// A black picture in system memory, limited range.
    ///
    /// # Errors
    /// If the size is not positive or memory is short.
    pub fn black(width: u32, height: u32, layout: PixelLayout) -> Result<Self, Error> {
        let mut raw = allocate(width, height, layout.av())?;
        let (planes, chroma_rows) = (raw.get().linesize, (height as usize).div_ceil(2));
        let frame = raw.get_mut();
        for (plane, rows, value) in [(0, height as usize, 16u8), (1, chroma_rows, 128), (2, chroma_rows, 128)]
        {
            let (data, stride) = (frame.data[plane], planes[plane]);
            if let (false, Ok(stride)) = (data.is_null(), usize::try_from(stride)) {
                // SAFETY: av_frame_get_buffer gave this plane at least rows × stride bytes, not shared yet.
                unsafe { std::ptr::write_bytes(data, value, rows * stride) }
            }
        }
        frame.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        Ok(Self(raw))
    }

    /// Another reference to the same picture.
    ///
    /// # Errors
    /// If memory is short.
    pub fn share(&self) -> Result<Self, Error> {
        self.0.reference().map(Self)
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        u32::try_from(self.0.get().width).unwrap_or(0)
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        u32::try_from(self.0.get().height).unwrap_or(0)
    }

    /// Presentation time in the decoder's time base, if it is known.
    #[must_use]
    pub fn pts(&self) -> Option<i64> {
        let frame = self.0.get();
        [frame.pts, frame.best_effort_timestamp].into_iter().find(|&pts| pts != ffi::AV_NOPTS_VALUE)
    }

    /// Shape of a pixel, numerator and denominator; (1, 1) when unknown.
    #[must_use]
    pub fn sample_aspect(&self) -> (u32, u32) {
        let ratio = self.0.get().sample_aspect_ratio;
        match (u32::try_from(ratio.num), u32::try_from(ratio.den)) {
            (Ok(num), Ok(den)) if num > 0 && den > 0 => (num, den),
            _ => (1, 1),
        }
    }

    /// Its colour description.
    #[must_use]
    pub fn colour(&self) -> Colour {
        let frame = self.0.get();
        Colour {
            primaries: frame.color_primaries,
            transfer: frame.color_trc,
            matrix: frame.colorspace,
            location: frame.chroma_location,
        }
    }

    /// True if its tones must be mapped before it can be shown as BT.709: it is PQ or HLG.
    #[must_use]
    pub fn is_high_dynamic_range(&self) -> bool {
        self.colour().hdr().is_some()
    }

    /// True if its headers ask players to turn or mirror it.
    #[must_use]
    pub fn is_turned(&self) -> bool {
        let kind = ffi::AVFrameSideDataType::AV_FRAME_DATA_DISPLAYMATRIX;
        // SAFETY: a lookup in a valid frame, which is only read.
        !unsafe { ffi::av_frame_get_side_data(self.0.as_ptr(), kind) }.is_null()
    }

    /// True if it lives on a device.
    #[must_use]
    pub fn on_device(&self) -> bool {
        !self.0.get().hw_frames_ctx.is_null()
    }

    /// A copy in system memory of a picture on a device.
    ///
    /// # Errors
    /// If it is in system memory already, or the transfer fails.
    pub fn download(&self) -> Result<Self, Error> {
        if !self.on_device() {
            return Err(Error::Invalid("frame outside a device"));
        }
        let out = Raw::new()?;
        // SAFETY: both frames are valid and the source has a pool; with an empty destination libav allocates and
        // picks the format.
        unsafe {
            check("download a frame", ffi::av_hwframe_transfer_data(out.as_ptr(), self.0.as_ptr(), 0))?;
            check("copy frame properties", ffi::av_frame_copy_props(out.as_ptr(), self.0.as_ptr()))?;
        }
        Ok(Self(out))
    }

    /// True if its pixels have this format.
    pub(crate) fn has_format(&self, format: ffi::AVPixelFormat) -> bool {
        self.0.get().format == format as i32
    }

    /// The format of its pixels; none if libav itself does not know the number.
    pub(crate) fn format(&self) -> Option<ffi::AVPixelFormat> {
        let mut description = std::ptr::null();
        loop {
            // SAFETY: null, with which the list begins, or a static description of libav's.
            description = unsafe { ffi::av_pix_fmt_desc_next(description) };
            if description.is_null() {
                return None;
            }
            // SAFETY: a static description of libav's, just seen not to be null.
            let format = unsafe { ffi::av_pix_fmt_desc_get_id(description) };
            if self.has_format(format) {
                return Some(format);
            }
        }
    }
}

/// Decoded samples.
pub struct AudioFrame(pub(crate) Raw);

impl AudioFrame {
    /// Presentation time in the decoder's time base, if it is known.
    #[must_use]
    pub fn pts(&self) -> Option<i64> {
        Some(self.0.get().pts).filter(|&pts| pts != ffi::AV_NOPTS_VALUE)
    }

    /// Samples per channel.
    #[must_use]
    pub fn samples(&self) -> u32 {
        u32::try_from(self.0.get().nb_samples).unwrap_or(0)
    }

    /// Sample rate in Hz.
    #[must_use]
    pub fn sample_rate_hz(&self) -> u32 {
        u32::try_from(self.0.get().sample_rate).unwrap_or(0)
    }

    /// Number of channels.
    #[must_use]
    pub fn channels(&self) -> u32 {
        u32::try_from(self.0.get().ch_layout.nb_channels).unwrap_or(0)
    }
}

impl AudioFrame {
    /// Channels, and libav's mask of which they are; 0 where it has none for them.
    pub(crate) fn layout(&self) -> (u32, u64) {
        let layout = &self.0.get().ch_layout;
        let native = layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_NATIVE;
        // SAFETY: of the union `mask` is the one that is valid in native order, which was checked.
        (self.channels(), if native { unsafe { layout.u.mask } } else { 0 })
    }
}

/// A frame with uninitialised pixels.
pub(crate) fn allocate(width: u32, height: u32, format: ffi::AVPixelFormat) -> Result<Raw, Error> {
    let mut raw = Raw::new()?;
    let frame = raw.get_mut();
    frame.width = i32::try_from(width).map_err(|_| Error::Invalid("width"))?;
    frame.height = i32::try_from(height).map_err(|_| Error::Invalid("height"))?;
    frame.format = format as i32;
    // SAFETY: format and size are set, no buffer is attached yet; 0 lets libav choose the alignment.
    check("allocate a picture", unsafe { ffi::av_frame_get_buffer(raw.as_ptr(), 0) })?;
    Ok(raw)
}
