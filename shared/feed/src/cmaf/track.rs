//! Tracks as the writer wants to know them. The origin's own descriptions are richer; these are
//! the part that boxes need, so that this crate imports nothing of the origin.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Error;
use crate::feed::VideoRange;

/// Longest accepted codec configuration record. Honest ones are below 1 KiB; parameter sets are
/// 16-bit sized, so this leaves room for any real stream and none for an attack.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Video codecs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum VideoCodec {
    /// H.264, sample entry `avc1`.
    Avc,
    /// H.265, sample entry `hvc1`.
    Hevc,
    /// AV1, sample entry `av01`.
    Av1,
}

/// The meaning of a picture's numbers as colours: code points of ITU-T H.273, 2 being "unspecified".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Colour {
    /// ColourPrimaries (H.273 §8.1): 1 is BT.709, 9 is BT.2020.
    pub primaries: u8,
    /// TransferCharacteristics (§8.2): 1 is BT.709, 16 is PQ, 18 is HLG.
    pub transfer: u8,
    /// MatrixCoefficients (§8.3).
    pub matrix: u8,
    /// VideoFullRangeFlag (§8.3).
    pub full_range: bool,
}

impl Colour {
    /// Unspecified: players take BT.709 or BT.601, by the size of the picture.
    pub const UNSPECIFIED: Self = Self { primaries: 2, transfer: 2, matrix: 2, full_range: false };

    /// VIDEO-RANGE of EXT-X-STREAM-INF (RFC 8216bis §4.4.6.2), which the transfer characteristics decide.
    #[must_use]
    pub fn range(self) -> VideoRange {
        match self.transfer {
            16 => VideoRange::Pq,
            18 => VideoRange::Hlg,
            _ => VideoRange::Sdr,
        }
    }
}

impl Default for Colour {
    fn default() -> Self {
        Self::UNSPECIFIED
    }
}

/// A pixel that is more than so many times as wide as high, or as high as wide, is an encoder's mistake.
const MAX_PIXEL_RATIO: u32 = 8;

/// The shape of a pixel as it is believed: (1, 1) in place of a ratio that is zero or beyond belief.
#[must_use]
pub fn pixel_shape((width, height): (u32, u32)) -> (u32, u32) {
    let (most, least) = (width.max(height), width.min(height));
    let believed = least > 0 && most / least < MAX_PIXEL_RATIO && width != height;
    if believed { (width, height) } else { (1, 1) }
}

/// The size at which a picture is to be shown on square pixels: the rows stay, the width follows the shape of a
/// pixel, rounded to the nearest.
#[must_use]
pub fn display_size((width, height): (u32, u32), sample_aspect: (u32, u32)) -> (u32, u32) {
    let (num, den) = pixel_shape(sample_aspect);
    let (num, den) = (u64::from(num), u64::from(den));
    let shown = (u64::from(width) * num + den / 2) / den;
    (u32::try_from(shown).unwrap_or(u32::MAX).max(1), height)
}

/// A video track.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VideoTrack {
    /// Codec.
    pub codec: VideoCodec,
    /// Content of `avcC`, `hvcC` or `av1C`. For AVC and HEVC the written record says that NAL unit
    /// lengths have four bytes, whatever this one says: samples must come that way.
    pub record: Bytes,
    /// Width in pixels, 1 to 65535.
    pub width: u32,
    /// Height in pixels, 1 to 65535.
    pub height: u32,
    /// Width and height of a pixel, as a ratio; (1, 1) is square.
    pub sample_aspect: (u32, u32),
    /// Colour.
    pub colour: Colour,
}

/// An AAC track.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioTrack {
    /// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    pub record: Bytes,
    /// Output sample rate in Hz, which is the track's timescale.
    pub sample_rate_hz: u32,
    /// Output channels.
    pub channels: u16,
}

impl VideoTrack {
    /// The size at which it is to be shown, in square pixels: RESOLUTION, and that of the track header.
    #[must_use]
    pub fn display_size(&self) -> (u32, u32) {
        display_size((self.width, self.height), self.sample_aspect)
    }

    /// Checks that a sample entry can express it.
    pub(super) fn check(&self) -> Result<(u16, u16), Error> {
        check_length(&self.record)?;
        let size = |n: u32| u16::try_from(n).ok().filter(|n| *n > 0);
        match (size(self.width), size(self.height)) {
            (Some(width), Some(height)) => Ok((width, height)),
            _ => Err(Error::PictureSize { width: self.width, height: self.height }),
        }
    }
}

impl AudioTrack {
    /// Checks that a sample entry can express it.
    pub(super) fn check(&self) -> Result<(), Error> {
        check_length(&self.record)?;
        if self.sample_rate_hz == 0 || self.channels == 0 {
            return Err(Error::AudioFormat { sample_rate_hz: self.sample_rate_hz, channels: self.channels });
        }
        self.object_type().map(|_| ())
    }

    /// Audio object type (ISO/IEC 14496-3 §1.6.2.1, `GetAudioObjectType`): 2 is AAC LC, 5 HE-AAC
    /// signalled explicitly, 29 HE-AAC v2.
    ///
    /// # Errors
    /// [`Error::AudioSpecificConfig`] if the record ends too early or says 0.
    pub fn object_type(&self) -> Result<u8, Error> {
        let (Some(first), Some(second)) = (self.record.first(), self.record.get(1)) else {
            return Err(Error::AudioSpecificConfig);
        };
        match first >> 3 {
            0 => Err(Error::AudioSpecificConfig),
            31 => Ok(32 + ((first & 0b111) << 3 | second >> 5)),
            plain => Ok(plain),
        }
    }
}

fn check_length(record: &[u8]) -> Result<(), Error> {
    if record.len() > MAX_RECORD_BYTES {
        return Err(Error::RecordTooLong { bytes: record.len(), max: MAX_RECORD_BYTES });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_shown_with_square_pixels() {
        // PAL 16:9, NTSC 4:3, HDV, and what needs rounding.
        assert_eq!(display_size((720, 576), (64, 45)), (1024, 576));
        assert_eq!(display_size((720, 480), (8, 9)), (640, 480));
        assert_eq!(display_size((1440, 1080), (4, 3)), (1920, 1080));
        assert_eq!(display_size((720, 480), (40, 33)), (873, 480));
        assert_eq!(display_size((641, 361), (1, 1)), (641, 361));
    }

    #[test]
    fn a_shape_beyond_belief_is_square() {
        for shape in [(0, 1), (1, 0), (0, 0), (u32::MAX, 1), (1, 65_535), (8, 1), (7, 7)] {
            assert_eq!(display_size((640, 360), shape), (640, 360), "{shape:?}");
        }
        assert_eq!(display_size((u32::MAX, 2), (2, 1)), (u32::MAX, 2));
    }

    #[test]
    fn the_transfer_decides_the_range() {
        let range = |transfer| Colour { transfer, ..Colour::UNSPECIFIED }.range();
        assert_eq!([1, 2, 13, 14, 15].map(range), [VideoRange::Sdr; 5]);
        assert_eq!((range(16), range(18)), (VideoRange::Pq, VideoRange::Hlg));
    }
}
