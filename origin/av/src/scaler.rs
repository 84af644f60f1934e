//! Scaling and conversion: swscale for frames in system memory, a device filter for the others; tone mapping after
//! scaling, where there are fewer pixels.

use ffmpeg_next::ffi;

use crate::colour::{HD_ROWS, Hdr};
use crate::error::{Error, check};
use crate::filter::DeviceScale;
use crate::frame::{PixelLayout, VideoFrame, allocate};
use crate::planes::DEEP;
use crate::tonemap::tone_map;

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
/// range, whatever the input's, and never of high dynamic range: its colour is [`crate::Colour::scaled`].
pub struct Scaler {
    target: Geometry,
    software: Software,
    /// For pictures of high dynamic range, before their tones are mapped.
    deep: Software,
    device: Option<(Source, DeviceScale)>,
}

impl Scaler {
    /// A scaler; costs nothing until the first frame.
    #[must_use]
    pub fn new(target: Geometry) -> Self {
        let software = || Software(std::ptr::null_mut());
        Self { target, software: software(), deep: software(), device: None }
    }

    /// The frame in the target geometry: a reference to the same picture where it fits already.
    ///
    /// # Errors
    /// If the conversion is impossible or memory is short.
    pub fn run(&mut self, frame: &VideoFrame) -> Result<VideoFrame, Error> {
        match frame.colour().hdr() {
            // No device of which this shell knows maps tones.
            Some(hdr) if frame.on_device() => self.flatten(&frame.download()?, hdr),
            Some(hdr) => self.flatten(frame, hdr),
            None => self.fit(frame),
        }
    }

    fn flatten(&mut self, frame: &VideoFrame, hdr: Hdr) -> Result<VideoFrame, Error> {
        let Geometry { width, height, layout } = self.target;
        let fits = (frame.width(), frame.height()) == (width, height) && frame.has_format(DEEP);
        let deep = if fits && !is_full_range(frame) {
            frame.share()?
        } else {
            self.deep.run(frame, (width, height), DEEP)?
        };
        let flat = tone_map(&deep, hdr)?;
        if layout == PixelLayout::Yuv420p { Ok(flat) } else { self.fit(&flat) }
    }

    fn fit(&mut self, frame: &VideoFrame) -> Result<VideoFrame, Error> {
        let size = (frame.width(), frame.height());
        let fits = size == (self.target.width, self.target.height);
        if let Some(pool) = frame.frames_context() {
            if fits && pool.layout() == Some(PixelLayout::Nv12) {
                return frame.share();
            }
            return self.run_on_device(frame, (size.0, size.1, pool.layout()));
        }
        if fits && !is_full_range(frame) && frame.has_format(self.target.layout.av()) {
            return frame.share();
        }
        let Geometry { width, height, layout } = self.target;
        self.software.run(frame, (width, height), layout.av())
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
    fn run(
        &mut self,
        frame: &VideoFrame,
        (width, height): (u32, u32),
        format: ffi::AVPixelFormat,
    ) -> Result<VideoFrame, Error> {
        let mut out = allocate(width, height, format)?;
        let input = frame.0.get();
        let source = frame.format().ok_or(Error::Invalid("pixel format"))?;
        let full = is_full_range(frame);
        let colour = frame.colour().scaled(frame.height(), height);
        // SAFETY: sws_getCachedContext frees or reuses the old context and may return null, which is
        // handled; the coefficient tables are static; both frames have buffers of the sizes and formats
        // that the context was made for.
        unsafe {
            self.0 = ffi::sws_getCachedContext(
                self.0,
                input.width,
                input.height,
                source,
                out.get().width,
                out.get().height,
                format,
                ffi::SWS_BILINEAR,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null(),
            );
            if self.0.is_null() {
                return Err(Error::Invalid("conversion"));
            }
            // RGB gets another matrix; everything else keeps its own, so that only the range changes.
            let rgb = input.colorspace == ffi::AVColorSpace::AVCOL_SPC_RGB;
            let matrix = if rgb { colour.matrix } else { input.colorspace };
            let table = ffi::sws_getCoefficients(coefficients(matrix));
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
        if frame.colour().hdr().is_none() {
            out.get_mut().colorspace = colour.matrix;
        }
        Ok(VideoFrame(out))
    }
}

/// The same picture as packed red, green and blue. Where it does not say of which colours it is, the `rows` that it had before
/// it was scaled do, as for players.
pub(crate) fn rgb(mut frame: VideoFrame, rows: u32) -> Result<VideoFrame, Error> {
    let raw = frame.0.get_mut();
    if raw.colorspace == ffi::AVColorSpace::AVCOL_SPC_UNSPECIFIED && rows >= HD_ROWS {
        raw.colorspace = ffi::AVColorSpace::AVCOL_SPC_BT709;
    }
    let size = (frame.width(), frame.height());
    Software(std::ptr::null_mut()).run(&frame, size, ffi::AVPixelFormat::AV_PIX_FMT_RGB24)
}

fn is_full_range(frame: &VideoFrame) -> bool {
    frame.0.get().color_range == ffi::AVColorRange::AVCOL_RANGE_JPEG
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planes::DeepPicture;

    fn grey(width: u32, height: u32, luma: u16) -> VideoFrame {
        let mut raw = allocate(width, height, DEEP).unwrap();
        let frame = raw.get_mut();
        frame.color_trc = ffi::AVColorTransferCharacteristic::AVCOL_TRC_SMPTE2084;
        for (plane, rows, value) in [(0, height, luma), (1, height / 2, 512), (2, height / 2, 512)] {
            let samples = rows as usize * usize::try_from(frame.linesize[plane]).unwrap() / 2;
            // SAFETY: av_frame_get_buffer gave this plane at least rows × stride bytes, not shared yet.
            unsafe { std::slice::from_raw_parts_mut(frame.data[plane].cast::<u16>(), samples) }.fill(value);
        }
        VideoFrame(raw)
    }

    #[test]
    fn pq_comes_out_as_bt709_of_eight_bits_in_every_layout_and_size() {
        for (size, layout) in [
            ((64, 48), PixelLayout::Yuv420p),
            ((32, 24), PixelLayout::Yuv420p),
            ((64, 48), PixelLayout::Nv12),
            ((98, 50), PixelLayout::Nv12),
        ] {
            let source = grey(64, 48, 573);
            assert!(DeepPicture::of(&source).is_some() && source.is_high_dynamic_range());
            let out = Scaler::new(Geometry { width: size.0, height: size.1, layout }).run(&source).unwrap();
            assert_eq!((out.width(), out.height(), out.format()), (size.0, size.1, Some(layout.av())));
            assert_eq!(out.colour().code_points(), (1, 1, 1));
            // SAFETY: the first sample of the first plane of a picture in system memory.
            let luma = unsafe { *out.0.get().data[0] };
            assert!((205..=220).contains(&luma), "{luma}");
        }
    }

    #[test]
    fn what_is_said_of_colours_after_scaling_is_true() {
        let said = |colour: crate::Colour, from, to| colour.scaled(from, to).code_points();
        assert_eq!(said(crate::Colour::UNSPECIFIED, 1080, 480), (1, 1, 1));
        assert_eq!(said(crate::Colour::UNSPECIFIED, 1080, 720), (2, 2, 2));
        assert_eq!(said(crate::Colour::UNSPECIFIED, 480, 480), (2, 2, 2));
        let rgb = crate::Colour { matrix: ffi::AVColorSpace::AVCOL_SPC_RGB, ..crate::Colour::BT709 };
        assert_eq!(said(rgb, 480, 480), (1, 1, 1));
        let pal =
            crate::Colour { matrix: ffi::AVColorSpace::AVCOL_SPC_BT470BG, ..crate::Colour::UNSPECIFIED };
        assert_eq!(said(pal, 1080, 480), (2, 2, 5));
    }
}
