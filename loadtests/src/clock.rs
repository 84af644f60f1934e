//! A picture that carries the time: wall-clock milliseconds as black and white blocks, which survive
//! encoding and scaling and can be read back from a player's canvas.
//!
//! The top left half of the picture holds a grid of 8 × 6 square blocks, each a sixteenth of the width:
//! five rows for the low 40 bits of the milliseconds since 1970, most significant first, and a check
//! byte, the rows' exclusive or with [`CHECK`]. `browser/clock.js` reads the same layout.

/// Combined with the check byte, so that an all-black picture is not a valid time.
pub const CHECK: u8 = 0xA5;
/// Bits kept of the time: 34 years.
pub const TIME_BITS: u32 = 40;

const COLUMNS: usize = 8;
const ROWS: usize = 6;
/// Blocks across the whole width.
const ACROSS: usize = 16;

/// Draws a grey frame of one byte per pixel with `time_ms` in it. `frame` holds `width` × `height`
/// bytes, and the height is at least three eighths of the width.
pub fn draw(frame: &mut [u8], width: usize, time_ms: u64) {
    let height = frame.len() / width.max(1);
    // A moving slope, so that there is something to encode.
    let shift = usize::try_from(time_ms / 8 % 256).unwrap_or(0);
    for (y, row) in frame.chunks_exact_mut(width).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            *pixel = u8::try_from((x + y + shift) / 2 % 128 + 64).unwrap_or(128);
        }
    }
    let block = width / ACROSS;
    for (row, byte) in bytes(time_ms).into_iter().enumerate() {
        for column in 0..COLUMNS {
            let value = if byte >> (COLUMNS - 1 - column) & 1 == 1 { 235 } else { 16 };
            for y in (row * block)..((row + 1) * block).min(height) {
                frame[y * width + column * block..][..block].fill(value);
            }
        }
    }
}

/// Reads the time back, low [`TIME_BITS`] bits. `None` when the check byte does not fit.
#[must_use]
pub fn read(frame: &[u8], width: usize) -> Option<u64> {
    let block = width / ACROSS;
    let mut rows = [0_u8; ROWS];
    for (row, byte) in rows.iter_mut().enumerate() {
        for column in 0..COLUMNS {
            let at = (row * block + block / 2) * width + column * block + block / 2;
            *byte = *byte << 1 | u8::from(*frame.get(at)? > 128);
        }
    }
    let time = rows[..ROWS - 1].iter().fold(0, |time, byte| time << 8 | u64::from(*byte));
    (bytes(time) == rows).then_some(time)
}

fn bytes(time_ms: u64) -> [u8; ROWS] {
    let [_, _, _, a, b, c, d, e] = time_ms.to_be_bytes();
    [a, b, c, d, e, a ^ b ^ c ^ d ^ e ^ CHECK]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_is_read_back(time in 0..1_u64 << TIME_BITS) {
            let mut frame = vec![0; 160 * 90];
            draw(&mut frame, 160, time);
            prop_assert_eq!(read(&frame, 160), Some(time));
        }
    }

    #[test]
    fn black_white_and_a_flipped_block_are_no_time() {
        assert_eq!(read(&vec![0; 160 * 90], 160), None);
        assert_eq!(read(&vec![255; 160 * 90], 160), None);
        let mut frame = vec![0; 160 * 90];
        draw(&mut frame, 160, 1_234_567);
        frame[5 * 160 + 5] ^= 0xff;
        assert_eq!(read(&frame, 160), None);
    }
}
