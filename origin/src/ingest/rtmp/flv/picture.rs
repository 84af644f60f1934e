//! The properties of a picture according to a codec's own headers.

use bytes::Bytes;

use super::bits::Bits;
use crate::media::{Chroma, Colour, VideoCodec, VideoConfig};

/// The picture of a sequence parameter set or sequence header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Picture {
    /// Less cropping, in pixels.
    pub(super) width: u32,
    pub(super) height: u32,
    /// The same, with the cropped borders.
    pub(super) coded: (u32, u32),
    /// Reference pictures that a decoder keeps.
    pub(super) references: u8,
    pub(super) frame_rate_milli: Option<u32>,
    pub(super) sample_aspect: (u32, u32),
    pub(super) colour: Colour,
    pub(super) chroma: Chroma,
    pub(super) bit_depth: u8,
    pub(super) interlaced: bool,
}

impl Picture {
    /// The description of a track with this picture; `nominal_milli` is the frame rate where the picture has none.
    pub(super) fn config(self, codec: VideoCodec, record: Bytes, nominal_milli: Option<u32>) -> VideoConfig {
        let Self {
            width,
            height,
            frame_rate_milli,
            sample_aspect,
            colour,
            chroma,
            bit_depth,
            interlaced,
            ..
        } = self;
        let frame_rate_milli = frame_rate_milli.or(nominal_milli);
        VideoConfig {
            codec,
            record,
            width,
            height,
            frame_rate_milli,
            sample_aspect,
            colour,
            chroma,
            bit_depth,
            interlaced,
            open_gop: false,
        }
    }
}

/// The chroma format of `chroma_format_idc` (ISO/IEC 14496-10 §6.2).
pub(super) fn chroma(idc: u32) -> Option<Chroma> {
    [Chroma::Monochrome, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444].get(idc as usize).copied()
}

/// Luma samples of a unit of cropping, across and down (table 6-1).
pub(super) fn crop_unit(chroma: Chroma, separate_planes: bool) -> (u32, u32) {
    match chroma {
        Chroma::Yuv420 if !separate_planes => (2, 2),
        Chroma::Yuv422 if !separate_planes => (2, 1),
        _ => (1, 1),
    }
}

/// Pixel shape and colour: the first half of the video usability information, which H.264 (annex E.1.1) and H.265
/// (annex E.2.1) share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Signal {
    pub(super) sample_aspect: (u32, u32),
    pub(super) colour: Colour,
}

impl Default for Signal {
    fn default() -> Self {
        Self { sample_aspect: (1, 1), colour: Colour::UNSPECIFIED }
    }
}

/// Shapes of `aspect_ratio_idc` 1 to 16 (table E-1).
const SHAPES: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

impl Signal {
    /// Reads up to the chroma sample locations, these included.
    pub(super) fn read(bits: &mut Bits<'_>) -> Option<Self> {
        /// Extended_SAR: width and height follow.
        const EXTENDED_SAR: u32 = 255;
        let mut signal = Self::default();
        if bits.bit()? {
            signal.sample_aspect = match bits.take(8)? {
                EXTENDED_SAR => shape(bits.take(16)?, bits.take(16)?),
                idc => idc.checked_sub(1).and_then(|at| SHAPES.get(at as usize)).copied().unwrap_or((1, 1)),
            };
        }
        if bits.bit()? {
            bits.bit()?;
        }
        if bits.bit()? {
            bits.skip(3)?;
            signal.colour.full_range = bits.bit()?;
            if bits.bit()? {
                let mut code = || bits.take(8).and_then(|code| u8::try_from(code).ok());
                signal.colour.primaries = code()?;
                signal.colour.transfer = code()?;
                signal.colour.matrix = code()?;
            }
        }
        if bits.bit()? {
            bits.ue()?;
            bits.ue()?;
        }
        Some(signal)
    }
}

/// A pixel's shape in lowest terms; a side of 0 means that it is unspecified. No real pixel is more than sixteen times
/// as wide as high, so a larger ratio is not believed.
fn shape(width: u32, height: u32) -> (u32, u32) {
    let (mut a, mut b) = (width, height);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let plausible = width > 0 && height > 0 && width / 16 <= height && height / 16 <= width;
    if plausible { (width / a, height / a) } else { (1, 1) }
}
