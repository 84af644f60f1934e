//! From pixels to files.

use std::collections::VecDeque;

use bytes::Bytes;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::develop::Still;

/// Of 100: above it files grow faster than people see.
const JPEG_QUALITY: u8 = 80;
/// Stills of a preview.
const REEL: usize = 10;
/// Time for which a preview shows each, in hundredths of a second: five seconds in all.
const SHOWN_CS: u16 = 50;
/// Effort of the search for 256 colours, 1 to 30: 10 takes a tenth of the best one's time.
const COLOUR_SPEED: i32 = 10;

/// A JPEG.
///
/// # Errors
/// If the encoder refuses the size.
pub(super) fn jpeg(still: &Still) -> Result<Bytes, String> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY)
        .encode(&still.pixels, still.width, still.height, ExtendedColorType::Rgb8)
        .map_err(|error| error.to_string())?;
    Ok(file.into())
}

/// The last stills of a broadcast in small.
#[derive(Debug, Default)]
pub(super) struct Reel(VecDeque<gif::Frame<'static>>);

impl Reel {
    /// Adds a still, and returns the GIF of all there are. Those of another size go: a GIF has one.
    ///
    /// # Errors
    /// If the encoder refuses the size.
    pub(super) fn add(&mut self, still: &Still) -> Result<Bytes, String> {
        let size = |pixels: u32| u16::try_from(pixels).map_err(|error| error.to_string());
        let (width, height) = (size(still.width)?, size(still.height)?);
        let mut frame = gif::Frame::from_rgb_speed(width, height, &still.pixels, COLOUR_SPEED);
        frame.delay = SHOWN_CS;
        self.0.retain(|before| (before.width, before.height) == (width, height));
        if self.0.len() == REEL {
            self.0.pop_front();
        }
        self.0.push_back(frame);
        let mut file = Vec::new();
        let mut encoder =
            gif::Encoder::new(&mut file, width, height, &[]).map_err(|error| error.to_string())?;
        encoder.set_repeat(gif::Repeat::Infinite).map_err(|error| error.to_string())?;
        for frame in &self.0 {
            encoder.write_frame(frame).map_err(|error| error.to_string())?;
        }
        drop(encoder);
        Ok(file.into())
    }
}
