//! The sequence header of AV1 (AV1 specification §5.5) and the record made of it (ISO-BMFF binding §2.3).

use crate::ingest::rtmp::flv::bits::{Bits, rate_milli};
use crate::ingest::rtmp::flv::picture::{Picture, chroma};
use crate::media::Colour;

/// Reference frames (NUM_REF_FRAMES, §3).
const REFERENCES: u8 = 8;

/// The contents of a sequence header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sequence {
    pub(super) picture: Picture,
    /// The four bytes of an `av1C` record before its units.
    pub(super) record: [u8; 4],
    /// There is one kind of frame: key frames that are shown.
    pub(super) reduced: bool,
}

/// Reads `sequence_header_obu()` (§5.5.1).
pub(super) fn read(payload: &[u8]) -> Option<Sequence> {
    let mut bits = Bits::new(payload);
    let profile = bits.take(3)?;
    bits.skip(1)?;
    let reduced = bits.bit()?;
    let mut frame_rate_milli = None;
    let (mut level, mut tier) = (0, false);
    if reduced {
        level = bits.take(5)?;
    } else {
        let mut decoder_model_delay = None;
        if bits.bit()? {
            let (units, ticks) = (bits.take(32)?, bits.take(32)?);
            let per_picture = if bits.bit()? { u64::from(bits.uvlc()?) + 1 } else { 1 };
            frame_rate_milli = rate_milli(u64::from(ticks), u64::from(units).checked_mul(per_picture)?);
            if bits.bit()? {
                decoder_model_delay = Some(bits.take(5)? as usize + 1);
                bits.skip(42)?;
            }
        }
        let initial_delay = bits.bit()?;
        for point in 0..=bits.take(5)? {
            bits.skip(12)?;
            let of_point = bits.take(5)?;
            let tier_of_point = of_point > 7 && bits.bit()?;
            if point == 0 {
                (level, tier) = (of_point, tier_of_point);
            }
            if let Some(delay) = decoder_model_delay
                && bits.bit()?
            {
                bits.skip(2 * delay + 1)?;
            }
            if initial_delay && bits.bit()? {
                bits.skip(4)?;
            }
        }
    }
    let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
    let (width, height) = (bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
    skip_tools(&mut bits, reduced)?;
    let Sampling { colour, bit_depth, monochrome, across, down, position } = sampling(&mut bits, profile)?;
    let chroma = chroma(match (monochrome, across, down) {
        (true, ..) => 0,
        (_, true, true) => 1,
        (_, true, false) => 2,
        _ => 3,
    })?;
    let (sample_aspect, interlaced) = ((1, 1), false);
    let picture = Picture {
        width,
        height,
        coded: (width, height),
        references: REFERENCES,
        frame_rate_milli,
        sample_aspect,
        colour,
        chroma,
        bit_depth,
        interlaced,
    };
    let flags = [tier, bit_depth > 8, bit_depth > 10, monochrome, across, down];
    let flags = flags.iter().fold(0u8, |byte, flag| byte << 1 | u8::from(*flag));
    let record = [0x81, u8::try_from(profile << 5 | level).ok()?, flags << 2 | position, 0];
    Some(Sequence { picture, record, reduced })
}

/// From the frame ids to the loop restoration.
fn skip_tools(bits: &mut Bits<'_>, reduced: bool) -> Option<()> {
    if !reduced && bits.bit()? {
        bits.skip(7)?;
    }
    bits.skip(3)?;
    if !reduced {
        bits.skip(4)?;
        let order_hint = bits.bit()?;
        if order_hint {
            bits.skip(2)?;
        }
        let screen_content = bits.bit()? || bits.bit()?;
        if screen_content && !bits.bit()? {
            bits.skip(1)?;
        }
        if order_hint {
            bits.skip(3)?;
        }
    }
    bits.skip(3)
}

struct Sampling {
    colour: Colour,
    bit_depth: u8,
    monochrome: bool,
    /// True if chroma is subsampled.
    across: bool,
    down: bool,
    position: u8,
}

/// `color_config()` (§5.5.2).
fn sampling(bits: &mut Bits<'_>, profile: u32) -> Option<Sampling> {
    /// sRGB: BT.709 primaries, sRGB's transfer, no matrix.
    const SRGB: (u8, u8, u8) = (1, 13, 0);
    let high = bits.bit()?;
    let bit_depth = match (high, profile) {
        (false, _) => 8,
        (true, 2) if bits.bit()? => 12,
        (true, _) => 10,
    };
    let monochrome = profile != 1 && bits.bit()?;
    let mut colour = Colour::UNSPECIFIED;
    if bits.bit()? {
        let mut code = || bits.take(8).and_then(|code| u8::try_from(code).ok());
        (colour.primaries, colour.transfer, colour.matrix) = (code()?, code()?, code()?);
    }
    if !monochrome && (colour.primaries, colour.transfer, colour.matrix) == SRGB {
        colour.full_range = true;
        return Some(Sampling { colour, bit_depth, monochrome, across: false, down: false, position: 0 });
    }
    colour.full_range = bits.bit()?;
    let (across, down) = match profile {
        _ if monochrome => (true, true),
        0 => (true, true),
        1 => (false, false),
        _ if bit_depth == 12 => {
            let across = bits.bit()?;
            (across, across && bits.bit()?)
        }
        _ => (true, false),
    };
    let position = if across && down && !monochrome { u8::try_from(bits.take(2)?).ok()? } else { 0 };
    Some(Sampling { colour, bit_depth, monochrome, across, down, position })
}
