//! H.264 decoder configuration (ISO/IEC 14496-15 §5.3.3) and sequence parameter sets
//! (ISO/IEC 14496-10 §7.3.2.1).

use bytes::Bytes;

use super::bits::{Bits, MAX_PARAMETER_SET_BYTES, rate_milli, unescape};
use super::nal::Problem;
use crate::media::{VideoCodec, VideoConfig};

/// Whether a NAL unit that starts with `first` is a slice of an IDR picture.
pub(super) fn is_idr(first: u8) -> bool {
    first & 0x1f == 5
}

/// The configuration in an `avcC` record, with its length size made four, and the length size
/// that frames have.
pub(super) fn config(record: &Bytes) -> Result<(VideoConfig, usize), Problem> {
    let [1, _profile, _compatibility, _level, lengths, sets, rest @ ..] = &record[..] else {
        return Err("not an avcC record");
    };
    let length_size = usize::from(lengths & 3) + 1;
    if length_size == 3 || sets & 0x1f == 0 {
        return Err("avcC record without parameter sets");
    }
    let (size, rest) = rest.split_first_chunk::<2>().ok_or("avcC record cut off")?;
    let set = rest.get(..usize::from(u16::from_be_bytes(*size))).ok_or("avcC record cut off")?;
    if set.first().map(|byte| byte & 0x1f) != Some(7) {
        return Err("avcC record without sequence parameter set");
    }
    let picture = sequence(&unescape(&set[1..], MAX_PARAMETER_SET_BYTES)).ok_or("sequence parameter set")?;
    let record = if length_size == 4 {
        record.clone()
    } else {
        let mut copy = record.to_vec();
        copy[4] |= 3;
        copy.into()
    };
    let Picture { width, height, frame_rate_milli } = picture;
    let config = VideoConfig::plain(VideoCodec::Avc, record, (width, height));
    Ok((VideoConfig { frame_rate_milli, ..config }, length_size))
}

/// What a sequence parameter set says of the picture.
#[derive(Debug, PartialEq, Eq)]
struct Picture {
    width: u32,
    height: u32,
    frame_rate_milli: Option<u32>,
}

/// Profiles whose sequence parameter set describes chroma (§7.3.2.1.1).
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

fn sequence(set: &[u8]) -> Option<Picture> {
    let mut bits = Bits::new(set);
    let profile = bits.take(8)?;
    bits.skip(16)?;
    bits.ue()?;
    let mut chroma = 1;
    let mut separate_planes = false;
    if HIGH_PROFILES.contains(&profile) {
        chroma = bits.ue()?;
        if chroma == 3 {
            separate_planes = bits.bit()?;
        }
        bits.ue()?;
        bits.ue()?;
        bits.bit()?;
        if bits.bit()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.bit()? {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.ue()?;
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.bit()?;
            bits.se()?;
            bits.se()?;
            let cycle = bits.ue()?;
            if cycle > 255 {
                return None;
            }
            for _ in 0..cycle {
                bits.se()?;
            }
        }
        _ => {}
    }
    bits.ue()?;
    bits.bit()?;
    let width = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let map_units = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let frame_only = bits.bit()?;
    let field_factor = if frame_only { 1 } else { 2 };
    let height = map_units.checked_mul(field_factor)?;
    if !frame_only {
        bits.bit()?;
    }
    bits.bit()?;
    let (mut crop_width, mut crop_height) = (0, 0);
    if bits.bit()? {
        let [left, right, top, bottom] = [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?];
        let (unit_x, unit_y) = match (separate_planes, chroma) {
            (false, 1) => (2, 2),
            (false, 2) => (2, 1),
            _ => (1, 1),
        };
        crop_width = left.checked_add(right)?.checked_mul(unit_x)?;
        crop_height = top.checked_add(bottom)?.checked_mul(unit_y * field_factor)?;
    }
    let frame_rate_milli = if bits.bit()? { usability(&mut bits) } else { None };
    let (width, height) = (width.checked_sub(crop_width)?, height.checked_sub(crop_height)?);
    (width > 0 && height > 0).then_some(Picture { width, height, frame_rate_milli })
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            next = last.wrapping_add(bits.se()?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// The frame rate in the video usability information (annex E.1.1), if it is there.
fn usability(bits: &mut Bits<'_>) -> Option<u32> {
    /// Extended_SAR: width and height follow.
    const EXTENDED_SAR: u32 = 255;
    if bits.bit()? && bits.take(8)? == EXTENDED_SAR {
        bits.skip(32)?;
    }
    if bits.bit()? {
        bits.bit()?;
    }
    if bits.bit()? {
        bits.skip(4)?;
        if bits.bit()? {
            bits.skip(24)?;
        }
    }
    if bits.bit()? {
        bits.ue()?;
        bits.ue()?;
    }
    if !bits.bit()? {
        return None;
    }
    let (units, ticks) = (bits.take(32)?, bits.take(32)?);
    // A tick is a field, of which a frame has two (E.2.1).
    rate_milli(u64::from(ticks), u64::from(units).checked_mul(2)?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `avcC` of x264, 1280×720 at 30 frames per second, high profile.
    pub(in super::super) const RECORD: &[u8] = &[
        0x01, 0x64, 0x00, 0x1f, 0xff, 0xe1, 0x00, 0x1b, 0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05,
        0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x19, 0x60,
        0x01, 0x00, 0x06, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0,
    ];

    #[test]
    fn the_picture_is_read_from_the_record() {
        let (config, length_size) = config(&Bytes::from_static(RECORD)).unwrap();
        assert_eq!((config.width, config.height, config.frame_rate_milli), (1280, 720, Some(30_000)));
        assert_eq!(length_size, 4);
        assert_eq!(&config.record[..], RECORD);
    }

    /// `avcC` of x264, 1920×1080 at 30000/1001 frames per second: 1088 coded lines less cropping.
    const CROPPED: &[u8] = &[
        0x01, 0x64, 0x00, 0x28, 0xff, 0xe1, 0x00, 0x19, 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02,
        0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x0f, 0xa4, 0x00, 0x03, 0xa9, 0x80, 0x3c, 0x60, 0xc6, 0x58, 0x01,
        0x00, 0x04, 0x68, 0xef, 0x8f, 0xcb, 0xfd, 0xf8, 0xf8, 0x00,
    ];

    #[test]
    fn cropping_and_odd_frame_rates_are_read() {
        let (config, _) = config(&Bytes::from_static(CROPPED)).unwrap();
        assert_eq!((config.width, config.height, config.frame_rate_milli), (1920, 1080, Some(29_970)));
    }

    #[test]
    fn a_short_length_size_is_made_four_in_the_record() {
        let mut short = RECORD.to_vec();
        short[4] = 0xfd;
        let (config, length_size) = config(&short.into()).unwrap();
        assert_eq!((length_size, config.record[4]), (2, 0xff));
    }

    #[test]
    fn every_truncation_is_an_error_and_no_panic() {
        for end in 0..32 {
            assert!(config(&Bytes::from_static(&RECORD[..end])).is_err(), "{end}");
        }
    }
}
