//! Scaling and conversion: swscale for frames in system memory, a device filter for the others.

use ffmpeg_next::ffi;

use crate::error::{Error, check};
use crate::filter::DeviceScale;
use crate::frame::{PixelLayout, VideoFrame, allocate};

/// Size and pixels that come out of a scaler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Pixels; ignored on a device, where NV12 is underneath.
    pub layout: PixelLayout,
}

/// Size, and pixels underneath, of frames on a device.
type Source = (u32, u32, Option<PixelLayout>);

/// Scales frames to one geometry; adapts by itself when the input changes. Output is always limited
/// range, whatever the input's.
pub struct Scaler {
    target: Geometry,
    software: Software,
    device: Option<(Source, DeviceScale)>,
}

impl Scaler {
    /// A scaler; costs nothing until the first frame.
    #[must_use]
    pub fn new(target: Geometry) -> Self {
        Self { target, software: Software(std::ptr::null_mut()), device: None }
    }

    /// The frame in the target geometry: a reference to the same picture where it fits already.
    ///
    /// # Errors
    /// If the conversion is impossible or memory is short.
    pub fn run(&mut self, frame: &VideoFrame) -> Result<VideoFrame, Error> {
        let size = (frame.width(), frame.height());
        let fits = size == (self.target.width, self.target.height);
        if let Some(pool) = frame.frames_context() {
            if fits && pool.layout() == Some(PixelLayout::Nv12) {
                return frame.share();
            }
            return self.run_on_device(frame, (size.0, size.1, pool.layout()));
        }
        let limited = frame.0.get().color_range != ffi::AVColorRange::AVCOL_RANGE_JPEG;
        if fits && limited && frame.format() == self.target.layout.av() {
            return frame.share();
        }
        self.software.run(frame, self.target)
    }

    fn run_on_device(&mut self, frame: &VideoFrame, source: Source) -> Result<VideoFrame, Error> {
        if self.device.as_ref().is_none_or(|(of, _)| *of != source) {
            self.device = None;
            self.device = Some((source, DeviceScale::new(frame, self.target.width, self.target.height)?));
        }
        let (_, scale) = self.device.as_mut().ok_or(Error::Invalid("scaler"))?;
        scale.run(frame)?.ok_or(Error::Invalid("scaler without output"))
    }
}

/// A cached `SwsContext`, null until the first use.
struct Software(*mut ffi::SwsContext);

// SAFETY: the context is owned by this wrapper and used through &mut self only.
unsafe impl Send for Software {}

impl Software {
    fn run(&mut self, frame: &VideoFrame, target: Geometry) -> Result<VideoFrame, Error> {
        let mut out = allocate(target.width, target.height, target.layout.av())?;
        let input = frame.0.get();
        let full = input.color_range == ffi::AVColorRange::AVCOL_RANGE_JPEG;
        // SAFETY: sws_getCachedContext frees or reuses the old context and may return null, which is
        // handled; the coefficient tables are static; both frames have buffers of the sizes and formats
        // that the context was made for.
        unsafe {
            self.0 = ffi::sws_getCachedContext(
                self.0,
                input.width,
                input.height,
                frame.format(),
                out.get().width,
                out.get().height,
                target.layout.av(),
                ffi::SWS_BILINEAR,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null(),
            );
            if self.0.is_null() {
                return Err(Error::Invalid("conversion"));
            }
            let table = ffi::sws_getCoefficients(coefficients(input.colorspace));
            // Refused for conversions that need no matrix: then there is nothing to set.
            ffi::sws_setColorspaceDetails(self.0, table, i32::from(full), table, 0, 0, 1 << 16, 1 << 16);
            check("copy frame properties", ffi::av_frame_copy_props(out.as_ptr(), frame.0.as_ptr()))?;
            let rows = ffi::sws_scale(
                self.0,
                input.data.as_ptr().cast(),
                input.linesize.as_ptr(),
                0,
                input.height,
                out.get().data.as_ptr(),
                out.get().linesize.as_ptr(),
            );
            check("scale a frame", rows)?;
        }
        out.get_mut().color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        Ok(VideoFrame(out))
    }
}

impl Drop for Software {
    fn drop(&mut self) {
        // SAFETY: owned, freed once; null is allowed.
        unsafe { ffi::sws_freeContext(self.0) }
    }
}

fn coefficients(matrix: ffi::AVColorSpace) -> i32 {
    match matrix {
        ffi::AVColorSpace::AVCOL_SPC_BT709 => ffi::SWS_CS_ITU709,
        ffi::AVColorSpace::AVCOL_SPC_SMPTE240M => ffi::SWS_CS_SMPTE240M,
        ffi::AVColorSpace::AVCOL_SPC_BT2020_NCL | ffi::AVColorSpace::AVCOL_SPC_BT2020_CL => {
            ffi::SWS_CS_BT2020
        }
        _ => ffi::SWS_CS_DEFAULT,
    }
}
