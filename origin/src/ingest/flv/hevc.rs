//! H.265 decoder configuration (ISO/IEC 14496-15 §8.3.3) and the parameter sets in it
//! (ISO/IEC 23008-2 §7.3.2).

use bytes::Bytes;

use super::bits::{Bits, MAX_PARAMETER_SET_BYTES, rate_milli, unescape};
use super::nal::Problem;
use crate::media::{VideoCodec, VideoConfig};

const VIDEO_PARAMETER_SET: u8 = 32;
const SEQUENCE_PARAMETER_SET: u8 = 33;

/// Whether a NAL unit that starts with `first` is a slice of a random access point (IRAP, types 16 to 23).
pub(super) fn is_irap(first: u8) -> bool {
    (16..=23).contains(&(first >> 1 & 0x3f))
}

/// The configuration in an `hvcC` record, with its length size made four, and the length size that
/// frames have.
pub(super) fn config(record: &Bytes) -> Result<(VideoConfig, usize), Problem> {
    // FFmpeg before 4.4 and some hardware write version 0.
    let Some((header, mut rest)) = record.split_first_chunk::<23>() else {
        return Err("hvcC record cut off");
    };
    if header[0] > 1 {
        return Err("not an hvcC record");
    }
    let length_size = usize::from(header[21] & 3) + 1;
    if length_size == 3 {
        return Err("hvcC record with three-byte lengths");
    }
    let (mut size, mut frame_rate_milli) = (None, None);
    for _ in 0..header[22] {
        let [kind, high, low, after @ ..] = rest else { return Err("hvcC record cut off") };
        rest = after;
        for _ in 0..u16::from_be_bytes([*high, *low]) {
            let (length, after) = rest.split_first_chunk::<2>().ok_or("hvcC record cut off")?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (set, after) = after.split_at_checked(length).ok_or("hvcC record cut off")?;
            rest = after;
            let payload = unescape(set.get(2..).unwrap_or_default(), MAX_PARAMETER_SET_BYTES);
            match kind & 0x3f {
                SEQUENCE_PARAMETER_SET if size.is_none() => size = sequence(&payload),
                VIDEO_PARAMETER_SET if frame_rate_milli.is_none() => frame_rate_milli = timing(&payload),
                _ => {}
            }
        }
    }
    let (width, height) = size.ok_or("hvcC record without sequence parameter set")?;
    let record = if length_size == 4 {
        record.clone()
    } else {
        let mut copy = record.to_vec();
        copy[21] |= 3;
        copy.into()
    };
    let config = VideoConfig::plain(VideoCodec::Hevc, record, (width, height));
    Ok((VideoConfig { frame_rate_milli, ..config }, length_size))
}

/// Width and height of a sequence parameter set (§7.3.2.2), less the conformance window.
fn sequence(set: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::new(set);
    bits.skip(4)?;
    let sub_layers = bits.take(3)?;
    bits.skip(1)?;
    skip_profile_tier_level(&mut bits, sub_layers)?;
    bits.ue()?;
    let chroma = bits.ue()?;
    let separate_planes = chroma == 3 && bits.bit()?;
    let (width, height) = (bits.ue()?, bits.ue()?);
    if !bits.bit()? {
        return (width > 0 && height > 0).then_some((width, height));
    }
    let [left, right, top, bottom] = [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?];
    let (unit_x, unit_y) = match (separate_planes, chroma) {
        (false, 1) => (2, 2),
        (false, 2) => (2, 1),
        _ => (1, 1),
    };
    let width = width.checked_sub(left.checked_add(right)?.checked_mul(unit_x)?)?;
    let height = height.checked_sub(top.checked_add(bottom)?.checked_mul(unit_y)?)?;
    (width > 0 && height > 0).then_some((width, height))
}

/// Frame rate of a video parameter set (§7.3.2.1), if it is there. The one in a sequence
/// parameter set lies behind reference picture sets and is not worth the way: metadata has it too.
fn timing(set: &[u8]) -> Option<u32> {
    let mut bits = Bits::new(set);
    bits.skip(12)?;
    let sub_layers = bits.take(3)?;
    bits.skip(17)?;
    skip_profile_tier_level(&mut bits, sub_layers)?;
    let all_sub_layers = bits.bit()?;
    for _ in 0..if all_sub_layers { sub_layers + 1 } else { 1 } {
        bits.ue()?;
        bits.ue()?;
        bits.ue()?;
    }
    let max_layer = bits.take(6)? as usize;
    let layer_sets = bits.ue()? as usize;
    if layer_sets > 1023 {
        return None;
    }
    bits.skip(layer_sets * (max_layer + 1))?;
    if !bits.bit()? {
        return None;
    }
    let (units, ticks) = (bits.take(32)?, bits.take(32)?);
    rate_milli(u64::from(ticks), u64::from(units))
}

/// `profile_tier_level(1, sub_layers)` (§7.3.3).
fn skip_profile_tier_level(bits: &mut Bits<'_>, sub_layers: u32) -> Option<()> {
    bits.skip(96)?;
    let mut extra = 0;
    for _ in 0..sub_layers {
        extra += if bits.bit()? { 88 } else { 0 };
        extra += if bits.bit()? { 8 } else { 0 };
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers as usize))?;
    }
    bits.skip(extra)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `hvcC` of x265, 1920×1080, which is 1088 coded lines less a conformance window.
    pub(in super::super) const RECORD: &[u8] = &[
        0x01, 0x01, 0x60, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0xf0, 0x00, 0xfc, 0xfd,
        0xf8, 0xf8, 0x00, 0x00, 0x0f, 0x03, 0x20, 0x00, 0x01, 0x00, 0x18, 0x40, 0x01, 0x0c, 0x01, 0xff, 0xff,
        0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0x95, 0x94,
        0x09, 0x21, 0x00, 0x01, 0x00, 0x2a, 0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
        0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0xa0, 0x03, 0xc0, 0x80, 0x11, 0x07, 0xcb, 0x96, 0x56, 0x54,
        0xa4, 0xc2, 0xf0, 0x16, 0x80, 0x80, 0x00, 0x01, 0xf4, 0x80, 0x00, 0x3a, 0x98, 0x04, 0x22, 0x00, 0x01,
        0x00, 0x06, 0x44, 0x01, 0xc0, 0x73, 0xc1, 0x89,
    ];

    #[test]
    fn the_picture_is_read_from_the_record() {
        let (config, length_size) = config(&Bytes::from_static(RECORD)).unwrap();
        assert_eq!((config.width, config.height, length_size), (1920, 1080, 4));
        assert_eq!(&config.record[..], RECORD);
    }

    #[test]
    fn a_short_length_size_is_made_four_in_the_record() {
        let mut short = RECORD.to_vec();
        short[21] = 0x0c;
        let (config, length_size) = config(&short.into()).unwrap();
        assert_eq!((length_size, config.record[21] & 3), (1, 3));
    }

    #[test]
    fn every_truncation_is_an_error_and_no_panic() {
        for end in 0..RECORD.len() {
            assert!(config(&Bytes::from_static(&RECORD[..end])).is_err(), "{end}");
        }
    }

    #[test]
    fn random_access_points_are_sync_frames() {
        let types = [(1u8, false), (16, true), (19, true), (20, true), (21, true), (32, false)];
        assert!(types.iter().all(|(kind, sync)| is_irap(kind << 1) == *sync));
    }
}
