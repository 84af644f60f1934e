//! Pictures as red, green and blue, for stills.

use crate::error::Error;
use crate::frame::{PixelLayout, VideoFrame};
use crate::scaler::{self, Geometry, Scaler};

/// Bytes of a pixel.
const PIXEL_BYTES: usize = 3;

/// The picture at this size, as rows of red, green and blue, 8 bits each and full range; no bytes between rows. High dynamic
/// range is mapped to BT.709 before.
///
/// # Errors
/// If a size is odd or 0, the conversion is impossible or memory is short.
pub fn to_rgb(frame: &VideoFrame, width: u32, height: u32) -> Result<Vec<u8>, Error> {
    if width == 0 || height == 0 || !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        return Err(Error::Invalid("size"));
    }
    let flat = Scaler::new(Geometry { width, height, layout: PixelLayout::Yuv420p }).run(frame)?;
    let rgb = scaler::rgb(flat, frame.height())?;
    let raw = rgb.0.get();
    let (width, height) = (width as usize, height as usize);
    let stride = usize::try_from(raw.linesize[0]).map_err(|_| Error::Invalid("stride"))?;
    let mut pixels = Vec::with_capacity(width * height * PIXEL_BYTES);
    for row in 0..height {
        // SAFETY: the scaler allocated this one plane with `height` rows of `stride` bytes, which are at least the pixels of
        // a row, and nobody writes to it.
        let row = unsafe { std::slice::from_raw_parts(raw.data[0].add(row * stride), width * PIXEL_BYTES) };
        pixels.extend_from_slice(row);
    }
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_is_black_in_any_even_size_and_odd_ones_are_refused() {
        let frame = VideoFrame::black(64, 48, PixelLayout::Yuv420p).unwrap();
        for (width, height) in [(64, 48), (32, 24), (98, 50)] {
            let pixels = to_rgb(&frame, width, height).unwrap();
            assert_eq!(pixels.len(), width as usize * height as usize * 3);
            assert!(pixels.iter().all(|byte| *byte <= 1), "{width} × {height}");
        }
        for size in [(0, 48), (33, 24), (32, 25)] {
            assert!(to_rgb(&frame, size.0, size.1).is_err());
        }
    }
}
