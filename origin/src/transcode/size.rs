//! The size of a variant's picture.

use farcast_feed::cmaf::display_size;
use farcast_settings::VariantSpec;

/// Size and pixel shape of a variant's encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) sample_aspect: (u32, u32),
}

/// The variant's size for a source, whose pixels become square: the width follows their shape. Even; never larger
/// than the source is shown unless both sides are configured, and then with the pixel shape that keeps the picture's.
pub(super) fn output_size(spec: &VariantSpec, source: (u32, u32), sample_aspect: (u32, u32)) -> Size {
    let (width, height) = display_size((source.0.max(2), source.1.max(2)), sample_aspect);
    let (width, sample_aspect) = (width.max(2), (1, 1));
    match spec.scaled() {
        (0, 0) => Size { width: even(width), height: even(height), sample_aspect },
        (w, 0) => {
            let w = w.min(width);
            Size { width: even(w), height: even(scale(height, w, width)), sample_aspect }
        }
        (0, h) => {
            let h = h.min(height);
            Size { width: even(scale(width, h, height)), height: even(h), sample_aspect }
        }
        (w, h) => {
            let (w, h) = (even(w), even(h));
            Size { width: w, height: h, sample_aspect: reshape(sample_aspect, (width, height), (w, h)) }
        }
    }
}

/// Bit rate for a source that is re-encoded as it is: the measured rate and a tenth, in full 100 kbit/s, for the key
/// frames that are added and the second generation; within the range that a picture of `size` can make use of, for the
/// beginning of a broadcast may be a still picture. Where it is unknown, the middle of that.
pub(super) fn like_source(measured_bps: Option<u64>, size: (u32, u32)) -> u64 {
    let pixels = u64::from(size.0) * u64::from(size.1);
    // Bits per pixel and second: 2 and 12 Mbit/s at 1080p.
    let (least, most) = ((pixels).max(100_000), (pixels * 6).clamp(600_000, 40_000_000));
    let wanted = measured_bps.map_or(pixels * 3, |bps| bps.saturating_add(bps / 10));
    wanted.div_ceil(100_000).saturating_mul(100_000).clamp(least.min(most), most)
}

/// Pixel shape after a change of size; unchanged if that distorts by less than a percent (rounding).
fn reshape(aspect: (u32, u32), from: (u32, u32), to: (u32, u32)) -> (u32, u32) {
    let num = u128::from(aspect.0) * u128::from(from.0) * u128::from(to.1);
    let den = u128::from(aspect.1) * u128::from(from.1) * u128::from(to.0);
    let plain = (u128::from(from.0) * u128::from(to.1), u128::from(from.1) * u128::from(to.0));
    if plain.0.abs_diff(plain.1) * 100 < plain.1 {
        return aspect;
    }
    let divisor = gcd(num, den).max(1);
    // H.264 signals the shape in 16 bits each; a rough one is better than none.
    let (mut num, mut den) = (num / divisor, den / divisor);
    while num > 65_535 || den > 65_535 {
        (num, den) = (num / 2, den / 2);
    }
    (u32::try_from(num).unwrap_or(1).max(1), u32::try_from(den).unwrap_or(1).max(1))
}

fn scale(value: u32, num: u32, den: u32) -> u32 {
    u32::try_from((u64::from(value) * u64::from(num) + u64::from(den) / 2) / u64::from(den))
        .unwrap_or(u32::MAX)
}

fn even(value: u32) -> u32 {
    (value.saturating_add(1) & !1).max(2)
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sized(w: u32, h: u32, source: (u32, u32)) -> (u32, u32, (u32, u32)) {
        let spec = VariantSpec { scaled_width: w, scaled_height: h, ..VariantSpec::default() };
        let size = output_size(&spec, source, (1, 1));
        (size.width, size.height, size.sample_aspect)
    }

    fn squared(w: u32, h: u32, source: (u32, u32), shape: (u32, u32)) -> (u32, u32, (u32, u32)) {
        let spec = VariantSpec { scaled_width: w, scaled_height: h, ..VariantSpec::default() };
        let size = output_size(&spec, source, shape);
        (size.width, size.height, size.sample_aspect)
    }

    #[test]
    fn pixels_become_square() {
        assert_eq!(squared(0, 0, (720, 576), (64, 45)), (1024, 576, (1, 1)));
        assert_eq!(squared(0, 480, (720, 576), (64, 45)), (854, 480, (1, 1)));
        assert_eq!(squared(640, 0, (1440, 1080), (4, 3)), (640, 360, (1, 1)));
        assert_eq!(squared(0, 0, (720, 480), (8, 9)), (640, 480, (1, 1)));
        assert_eq!(squared(1280, 0, (720, 480), (8, 9)), (640, 480, (1, 1)));
        // Both sides are configured: the shape of the pixels keeps that of the picture.
        assert_eq!(squared(640, 480, (720, 576), (64, 45)), (640, 480, (4, 3)));
        assert_eq!(squared(1024, 576, (720, 576), (64, 45)), (1024, 576, (1, 1)));
        assert_eq!(squared(0, 0, (640, 360), (0, 1)), (640, 360, (1, 1)));
        assert_eq!(squared(0, 0, (640, 360), (1000, 1)), (640, 360, (1, 1)));
    }

    #[test]
    fn a_re_encoded_source_has_about_its_bit_rate_within_what_its_size_needs() {
        let full = (1920, 1080);
        assert_eq!(like_source(Some(6_000_000), full), 6_600_000);
        assert_eq!(like_source(Some(2_950_001), full), 3_300_000);
        assert_eq!(like_source(Some(9_000), full), 2_073_600, "it begins with a still picture");
        assert_eq!(like_source(Some(80_000_000), full), 12_441_600);
        assert_eq!(like_source(None, full), 6_300_000);
        assert_eq!(like_source(Some(u64::MAX), (8192, 8192)), 40_000_000);
        assert_eq!(like_source(Some(0), (16, 16)), 100_000);
    }

    #[test]
    fn one_side_follows_the_other_and_is_even() {
        assert_eq!(sized(0, 480, (1920, 1080)), (854, 480, (1, 1)));
        assert_eq!(sized(640, 0, (1920, 1080)), (640, 360, (1, 1)));
        assert_eq!(sized(0, 0, (641, 361)), (642, 362, (1, 1)));
    }

    #[test]
    fn a_small_source_is_not_blown_up_unless_both_sides_are_asked_for() {
        assert_eq!(sized(0, 480, (320, 240)), (320, 240, (1, 1)));
        assert_eq!(sized(640, 480, (320, 240)), (640, 480, (1, 1)));
    }

    #[test]
    fn a_squeezed_picture_keeps_its_shape() {
        assert_eq!(sized(640, 480, (1920, 1080)), (640, 480, (4, 3)));
    }
}
