//! Limits on the pictures that a decoder gets. Sizes in a stream cost memory before a single picture is there: H.264 of
//! 8192 × 8192 with 16 reference frames takes 2.4 GB. So they are checked before libav sees a byte.

use super::FlvError;
use super::picture::Picture;

/// Reference frames count by their pixels: so many of the largest picture. Eight references of a picture in 4K are the most
/// that encoders' presets for quality ask for, and AV1 always has eight.
const REFERENCES: u64 = 8;
/// Highest frame rate that a stream may claim, times 1000: H.264 and H.265 go to 300 (level 6.2, annex A.3).
const MAX_FRAME_RATE_MILLI: u32 = 300_000;

/// Limits of the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most pixels of a picture, width times height as coded.
    pub max_pixels: u32,
}

impl Limits {
    /// 4096 × 2304 pixels: the largest picture of H.264's levels up to 5.2, which is what players decode.
    pub const DEFAULT_MAX_PIXELS: u32 = 4096 * 2304;
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: Self::DEFAULT_MAX_PIXELS }
    }
}

impl Limits {
    /// Checks that a picture may be decoded.
    ///
    /// # Errors
    /// [`FlvError::Unsupported`], which says what to set.
    pub(super) fn check(self, picture: &Picture) -> Result<(), FlvError> {
        let &Picture { coded: (width, height), references, frame_rate_milli, .. } = picture;
        let (pixels, most) = (u64::from(width) * u64::from(height), u64::from(self.max_pixels));
        let refused = |text: String| Err(FlvError::Unsupported(text));
        if pixels > most {
            return refused(format!(
                "a picture of {width}x{height} is more than this server takes ({most} pixels): set a smaller output \
                 resolution in the encoder, or raise max_pixels of the origin"
            ));
        }
        if pixels * u64::from(references) > most * REFERENCES {
            return refused(format!(
                "{references} reference frames of {width}x{height} are more than this server takes: set fewer in the \
                 encoder (x264: ref=4), or raise max_pixels of the origin"
            ));
        }
        if let Some(rate) = frame_rate_milli.filter(|rate| *rate > MAX_FRAME_RATE_MILLI) {
            return refused(format!(
                "{} frames a second are more than this server takes ({}): set the encoder's frame rate",
                rate / 1000,
                MAX_FRAME_RATE_MILLI / 1000
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Chroma, Colour};

    fn picture(width: u32, height: u32, references: u8, frame_rate_milli: Option<u32>) -> Picture {
        Picture {
            width,
            height,
            coded: (width, height),
            references,
            frame_rate_milli,
            sample_aspect: (1, 1),
            colour: Colour::UNSPECIFIED,
            chroma: Chroma::Yuv420,
            bit_depth: 8,
            interlaced: false,
        }
    }

    #[test]
    fn what_people_send_is_within_and_what_would_eat_the_memory_is_not() {
        let limits = Limits::default();
        for (width, height, references, rate) in [
            (1920, 1088, 16, 240),
            (3840, 2160, 8, 60),
            (4096, 2304, 4, 60),
            (2304, 4096, 8, 30),
            (16, 16, 16, 300),
        ] {
            assert_eq!(limits.check(&picture(width, height, references, Some(rate * 1000))), Ok(()));
        }
        for (width, height, references, rate, word) in [
            (8192, 8192, 16, 30, "max_pixels"),
            (4112, 2304, 1, 30, "smaller output"),
            (65_535, 65_535, 1, 30, "max_pixels"),
            (u32::MAX, u32::MAX, 16, 30, "max_pixels"),
            (3840, 2160, 16, 30, "ref=4"),
            (640, 480, 1, 1000, "frame rate"),
        ] {
            let refused = limits.check(&picture(width, height, references, Some(rate * 1000)));
            assert!(
                matches!(&refused, Err(FlvError::Unsupported(text)) if text.contains(word)),
                "{width}x{height} {references} {rate}: {refused:?}"
            );
        }
        let raised = Limits { max_pixels: 8192 * 4352 };
        assert_eq!(raised.check(&picture(7680, 4320, 8, None)), Ok(()));
    }
}
