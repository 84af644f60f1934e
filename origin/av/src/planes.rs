//! Samples of pictures, for computations here instead of in libav.

use ffmpeg_next::ffi;

use crate::colour::Colour;
use crate::error::{Error, check};
use crate::frame::{PixelLayout, Raw, VideoFrame, allocate};

/// 4:2:0 of 10 bits, in the byte order of this machine.
pub(crate) const DEEP: ffi::AVPixelFormat = if cfg!(target_endian = "little") {
    ffi::AVPixelFormat::AV_PIX_FMT_YUV420P10LE
} else {
    ffi::AVPixelFormat::AV_PIX_FMT_YUV420P10BE
};

/// Of a source of high dynamic range; untrue of a picture whose tones were mapped.
const UNTRUE: [ffi::AVFrameSideDataType; 4] = [
    ffi::AVFrameSideDataType::AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
    ffi::AVFrameSideDataType::AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
    ffi::AVFrameSideDataType::AV_FRAME_DATA_DYNAMIC_HDR_PLUS,
    ffi::AVFrameSideDataType::AV_FRAME_DATA_DOVI_METADATA,
];

/// A picture of format [`DEEP`] with even sides, to be read.
pub(crate) struct DeepPicture<'a> {
    frame: &'a Raw,
    width: usize,
    height: usize,
}

impl<'a> DeepPicture<'a> {
    /// The samples of `frame`, if it is such a picture.
    pub(crate) fn of(frame: &'a VideoFrame) -> Option<Self> {
        let (width, height) = even_size(frame)?;
        let raw = frame.0.get();
        let readable = (0..3).all(|plane| {
            let bytes = 2 * if plane == 0 { width } else { width / 2 };
            let stride = usize::try_from(raw.linesize[plane]).unwrap_or(0);
            let aligned = (raw.data[plane] as usize).is_multiple_of(2) && stride.is_multiple_of(2);
            !raw.data[plane].is_null() && aligned && stride >= bytes
        });
        (frame.has_format(DEEP) && !frame.on_device() && readable).then_some(Self {
            frame: &frame.0,
            width,
            height,
        })
    }

    /// Two rows of luma, and the rows of blue and red chroma that go with them; `pair` is below half the height.
    pub(crate) fn pair(&self, pair: usize) -> [&[u16]; 4] {
        assert!(pair < self.height / 2, "rows of the picture");
        [self.row(0, 2 * pair), self.row(0, 2 * pair + 1), self.row(1, pair), self.row(2, pair)]
    }

    pub(crate) fn pairs(&self) -> usize {
        self.height / 2
    }

    fn row(&self, plane: usize, row: usize) -> &[u16] {
        let raw = self.frame.get();
        let length = if plane == 0 { self.width } else { self.width / 2 };
        let stride = usize::try_from(raw.linesize[plane]).unwrap_or(0);
        // SAFETY: a 4:2:0 picture of this height has this row in this plane (`pair` checks the number); `of` checked
        // that the pointer is not null, that pointer and stride are aligned for u16, and that a stride holds
        // `length` samples. The frame is only read while self borrows it, and any bits are a valid u16.
        unsafe { std::slice::from_raw_parts(raw.data[plane].add(row * stride).cast::<u16>(), length) }
    }
}

/// A new picture of 4:2:0 with 8 bits, BT.709 and limited range, to be written.
pub(crate) struct FlatPicture {
    frame: Raw,
    width: usize,
    height: usize,
}

impl FlatPicture {
    /// One with size, time and all other properties of `frame`, whose sides must be even.
    pub(crate) fn like(frame: &VideoFrame) -> Result<Self, Error> {
        let (width, height) = even_size(frame).ok_or(Error::Invalid("size"))?;
        let mut out = allocate(frame.width(), frame.height(), PixelLayout::Yuv420p.av())?;
        // SAFETY: two valid frames; then side data of the new one are removed, of which it holds its own references.
        unsafe {
            check("copy frame properties", ffi::av_frame_copy_props(out.as_ptr(), frame.0.as_ptr()))?;
            for kind in UNTRUE {
                ffi::av_frame_remove_side_data(out.as_ptr(), kind);
            }
        }
        let raw = out.get_mut();
        let Colour { primaries, transfer, matrix, .. } = Colour::BT709;
        (raw.color_primaries, raw.color_trc, raw.colorspace) = (primaries, transfer, matrix);
        raw.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        Ok(Self { frame: out, width, height })
    }

    /// As [`DeepPicture::pair`].
    pub(crate) fn pair(&mut self, pair: usize) -> [&mut [u8]; 4] {
        assert!(pair < self.height / 2, "rows of the picture");
        let raw = self.frame.get_mut();
        let row = |plane: usize, row: usize, length: usize| {
            let stride = usize::try_from(raw.linesize[plane]).unwrap_or(0);
            // SAFETY: `allocate` gave the planes of a 4:2:0 picture of this size, which are not shared yet: this row
            // is there (checked above) and a stride holds `length` bytes.
            unsafe { std::slice::from_raw_parts_mut(raw.data[plane].add(row * stride), length) }
        };
        let (wide, narrow) = (self.width, self.width / 2);
        // Four different rows: no two of the slices overlap.
        [row(0, 2 * pair, wide), row(0, 2 * pair + 1, wide), row(1, pair, narrow), row(2, pair, narrow)]
    }

    /// The picture, now shared and no more written.
    pub(crate) fn finish(self) -> VideoFrame {
        VideoFrame(self.frame)
    }
}

fn even_size(frame: &VideoFrame) -> Option<(usize, usize)> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    (width > 0 && height > 0 && width % 2 == 0 && height % 2 == 0).then_some((width, height))
}
