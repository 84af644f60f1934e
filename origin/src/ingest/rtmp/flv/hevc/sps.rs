//! Parameter sets of H.265 (ISO/IEC 23008-2 §7.3.2).

use crate::ingest::rtmp::flv::bits::{Bits, MAX_PARAMETER_SET_BYTES, rate_milli, unescape};
use crate::ingest::rtmp::flv::picture::{Picture, Signal, chroma, crop_unit};

/// Highest ids of sequence and picture parameter sets (§7.4.3.2, §7.4.3.3).
const MAX_SEQUENCE_ID: u32 = 15;
const MAX_PICTURE_ID: u32 = 63;

/// Most pictures that a decoder keeps (annex A.4.2: MaxDpbSize).
const MAX_REFERENCES: u8 = 16;

/// Bytes of `general_profile_space` to `general_level_idc`.
pub(super) const GENERAL_BYTES: usize = 12;

/// The contents of a sequence parameter set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sequence {
    pub(super) id: u8,
    pub(super) picture: Picture,
    /// `profile_tier_level` up to the level, as `hvcC` has it.
    pub(super) general: [u8; GENERAL_BYTES],
    pub(super) chroma_idc: u8,
    pub(super) luma_bits: u8,
    pub(super) chroma_bits: u8,
    /// `sps_max_sub_layers_minus1` + 1.
    pub(super) sub_layers: u8,
    pub(super) nested: bool,
}

/// Reads a sequence parameter set (§7.3.2.2): a whole NAL unit.
pub(super) fn sequence(unit: &[u8]) -> Option<Sequence> {
    let payload = unescape(unit.get(2..)?, MAX_PARAMETER_SET_BYTES);
    let mut bits = Bits::new(&payload);
    bits.skip(4)?;
    let sub_layers = bits.take(3).filter(|count| *count <= 6)?;
    let nested = bits.bit()?;
    let general = *payload.get(1..)?.first_chunk::<GENERAL_BYTES>()?;
    skip_profile_tier_level(&mut bits, sub_layers)?;
    let id = u8::try_from(bits.ue().filter(|id| *id <= MAX_SEQUENCE_ID)?).ok()?;
    let chroma_idc = bits.ue()?;
    let separate_planes = chroma_idc == 3 && bits.bit()?;
    let chroma = chroma(chroma_idc)?;
    let (width, height) = (bits.ue()?, bits.ue()?);
    let (mut crop_width, mut crop_height) = (0, 0);
    if bits.bit()? {
        let [left, right, top, bottom] = [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?];
        let (unit_x, unit_y) = crop_unit(chroma, separate_planes);
        crop_width = left.checked_add(right)?.checked_mul(unit_x)?;
        crop_height = top.checked_add(bottom)?.checked_mul(unit_y)?;
    }
    let mut depth = || bits.ue().filter(|extra| *extra <= 8).and_then(|extra| u8::try_from(8 + extra).ok());
    let (luma_bits, chroma_bits) = (depth()?, depth()?);
    let coded = (width, height);
    let (width, height) = (width.checked_sub(crop_width)?, height.checked_sub(crop_height)?);
    // Later fields are descriptive, and not needed to decode; a set that is cut off there is good without them.
    let references = references(&mut bits.clone(), sub_layers).unwrap_or(MAX_REFERENCES);
    let usability = usability(&mut bits, sub_layers).unwrap_or_default();
    // Source scan type in the general profile (§7.4.4): interlaced, and not progressive.
    let interlaced_source = general[5] & 0xc0 == 0x40;
    let picture = Picture {
        width,
        height,
        coded,
        references,
        frame_rate_milli: usability.frame_rate_milli,
        sample_aspect: usability.signal.sample_aspect,
        colour: usability.signal.colour,
        chroma,
        bit_depth: luma_bits.max(chroma_bits),
        interlaced: usability.fields || interlaced_source,
    };
    (width > 0 && height > 0).then_some(Sequence {
        id,
        picture,
        general,
        chroma_idc: u8::try_from(chroma_idc).ok()?,
        luma_bits,
        chroma_bits,
        sub_layers: u8::try_from(sub_layers + 1).ok()?,
        nested,
    })
}

/// `sps_max_dec_pic_buffering_minus1` + 1 of the layer that needs most (§7.4.3.2.1).
fn references(bits: &mut Bits<'_>, sub_layers: u32) -> Option<u8> {
    bits.ue()?;
    let layers = if bits.bit()? { sub_layers + 1 } else { 1 };
    let mut most = 1;
    for _ in 0..layers {
        let of_layer = bits.ue()?.checked_add(1)?;
        bits.skip_ue(2)?;
        most = u8::try_from(of_layer).unwrap_or(MAX_REFERENCES).clamp(most, MAX_REFERENCES);
    }
    Some(most)
}

#[derive(Default)]
struct Usability {
    signal: Signal,
    fields: bool,
    frame_rate_milli: Option<u32>,
}

/// From the picture order count to the video usability information (annex E.2.1), and its beginning.
fn usability(bits: &mut Bits<'_>, sub_layers: u32) -> Option<Usability> {
    let order_count_bits = bits.ue().filter(|extra| *extra <= 12)? + 4;
    let all_sub_layers = bits.bit()?;
    for _ in 0..if all_sub_layers { sub_layers + 1 } else { 1 } {
        bits.skip_ue(3)?;
    }
    for _ in 0..6 {
        bits.ue()?;
    }
    if bits.bit()? && bits.bit()? {
        skip_scaling_lists(bits)?;
    }
    bits.skip(2)?;
    if bits.bit()? {
        bits.skip(8)?;
        bits.skip_ue(2)?;
        bits.skip(1)?;
    }
    skip_reference_sets(bits)?;
    if bits.bit()? {
        for _ in 0..bits.ue().filter(|count| *count <= 32)? {
            bits.skip(order_count_bits as usize + 1)?;
        }
    }
    bits.skip(2)?;
    if !bits.bit()? {
        return Some(Usability::default());
    }
    let signal = Signal::read(bits)?;
    bits.skip(1)?;
    let fields = bits.bit()?;
    bits.skip(1)?;
    if bits.bit()? {
        bits.skip_ue(4)?;
    }
    let frame_rate_milli = bits.bit().filter(|timing| *timing).and_then(|_| timing(bits, fields));
    Some(Usability { signal, fields, frame_rate_milli })
}

fn timing(bits: &mut Bits<'_>, fields: bool) -> Option<u32> {
    let (units, ticks) = (u64::from(bits.take(32)?), u64::from(bits.take(32)?));
    // A tick is a picture, and with fields two of them are a frame.
    rate_milli(ticks, units.checked_mul(if fields { 2 } else { 1 })?)
}

/// `scaling_list_data()` (§7.3.4).
fn skip_scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    for size in 0..4u32 {
        let step = if size == 3 { 3 } else { 1 };
        for _ in (0..6).step_by(step) {
            if !bits.bit()? {
                bits.ue()?;
                continue;
            }
            if size > 1 {
                bits.se()?;
            }
            for _ in 0..64.min(1 << (4 + (size << 1))) {
                bits.se()?;
            }
        }
    }
    Some(())
}

/// All `st_ref_pic_set()` of a sequence parameter set (§7.3.7).
fn skip_reference_sets(bits: &mut Bits<'_>) -> Option<()> {
    let count = bits.ue().filter(|count| *count <= 64)?;
    // Pictures of the set before.
    let mut pictures = 0u32;
    for index in 0..count {
        if index > 0 && bits.bit()? {
            bits.skip(1)?;
            bits.ue()?;
            let mut kept = 0;
            for _ in 0..=pictures {
                let used = bits.bit()?;
                if used || bits.bit()? {
                    kept += 1;
                }
            }
            pictures = kept;
        } else {
            let (before, after) = (bits.ue()?, bits.ue()?);
            if before > 16 || after > 16 {
                return None;
            }
            pictures = before + after;
            for _ in 0..pictures {
                bits.ue()?;
                bits.skip(1)?;
            }
        }
    }
    Some(())
}

/// Id, id of the sequence parameter set, and whether dependent slices are possible and how many bits slice headers
/// reserve, of a picture parameter set (§7.3.2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PictureSet {
    pub(super) id: u8,
    pub(super) sequence: u8,
    pub(super) reserved_bits: u32,
}

pub(super) fn picture_set(unit: &[u8]) -> Option<PictureSet> {
    let payload = unescape(unit.get(2..)?, 16);
    let mut bits = Bits::new(&payload);
    let id = bits.ue().filter(|id| *id <= MAX_PICTURE_ID)?;
    let sequence = bits.ue().filter(|id| *id <= MAX_SEQUENCE_ID)?;
    bits.skip(2)?;
    let reserved_bits = bits.take(3)?;
    Some(PictureSet { id: u8::try_from(id).ok()?, sequence: u8::try_from(sequence).ok()?, reserved_bits })
}

/// Frame rate of a video parameter set (§7.3.2.1), if it is there.
pub(super) fn video_rate(unit: &[u8]) -> Option<u32> {
    let payload = unescape(unit.get(2..)?, MAX_PARAMETER_SET_BYTES);
    let mut bits = Bits::new(&payload);
    bits.skip(12)?;
    let sub_layers = bits.take(3)?;
    bits.skip(17)?;
    skip_profile_tier_level(&mut bits, sub_layers)?;
    let all_sub_layers = bits.bit()?;
    for _ in 0..if all_sub_layers { sub_layers + 1 } else { 1 } {
        bits.skip_ue(3)?;
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
    bits.skip(GENERAL_BYTES * 8)?;
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
