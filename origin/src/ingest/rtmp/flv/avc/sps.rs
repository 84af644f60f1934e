//! Sequence and picture parameter sets of H.264 (ISO/IEC 14496-10 §7.3.2.1, §7.3.2.2).

use crate::ingest::rtmp::flv::bits::{Bits, MAX_PARAMETER_SET_BYTES, rate_milli, unescape};
use crate::ingest::rtmp::flv::picture::{Picture, Signal, chroma, crop_unit};

/// Profiles whose sequence parameter set describes chroma (§7.3.2.1.1).
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Most reference frames (annex A.3.1: MaxDpbFrames).
const MAX_REFERENCES: u32 = 16;

/// Highest `seq_parameter_set_id` and `pic_parameter_set_id` (§7.4.2).
const MAX_SEQUENCE_ID: u32 = 31;
const MAX_PICTURE_ID: u32 = 255;

/// The contents of a sequence parameter set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::ingest::rtmp::flv) struct Sequence {
    pub(in crate::ingest::rtmp::flv) id: u8,
    pub(in crate::ingest::rtmp::flv) picture: Picture,
    /// Bits of `frame_num` in slice headers.
    pub(super) frame_num_bits: u32,
    /// Slice headers name a colour plane.
    pub(super) separate_planes: bool,
    /// There are no fields.
    pub(super) frames_only: bool,
    /// Bits of a luma and of a chroma sample; the more of them are in `picture`.
    pub(super) luma_bits: u8,
    pub(super) chroma_bits: u8,
    /// `chroma_format_idc`.
    pub(super) chroma_idc: u8,
    /// The profile is one that describes chroma.
    pub(super) high: bool,
}

/// Reads a sequence parameter set: a whole NAL unit.
pub(in crate::ingest::rtmp::flv) fn sequence(unit: &[u8]) -> Option<Sequence> {
    let payload = unescape(unit.get(1..)?, MAX_PARAMETER_SET_BYTES);
    let mut bits = Bits::new(&payload);
    let profile = bits.take(8)?;
    bits.skip(16)?;
    let id = u8::try_from(bits.ue().filter(|id| *id <= MAX_SEQUENCE_ID)?).ok()?;
    let mut chroma_idc = 1;
    let mut separate_planes = false;
    let (mut luma_bits, mut chroma_bits) = (8, 8);
    let high = HIGH_PROFILES.contains(&profile);
    if high {
        chroma_idc = bits.ue()?;
        if chroma_idc == 3 {
            separate_planes = bits.bit()?;
        }
        let mut depth =
            || bits.ue().filter(|extra| *extra <= 6).and_then(|extra| u8::try_from(8 + extra).ok());
        (luma_bits, chroma_bits) = (depth()?, depth()?);
        bits.bit()?;
        if bits.bit()? {
            for list in 0..if chroma_idc == 3 { 12 } else { 8 } {
                if bits.bit()? {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    let frame_num_bits = bits.ue().filter(|extra| *extra <= 12)? + 4;
    skip_picture_order_count(&mut bits)?;
    // `max_num_ref_frames` (§7.4.2.1.1).
    let references = u8::try_from(bits.ue().filter(|count| *count <= MAX_REFERENCES)?).ok()?;
    bits.bit()?;
    let width = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let map_units = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let frames_only = bits.bit()?;
    let field_factor = if frames_only { 1 } else { 2 };
    let height = map_units.checked_mul(field_factor)?;
    if !frames_only {
        bits.bit()?;
    }
    bits.bit()?;
    let chroma = chroma(chroma_idc)?;
    let (mut crop_width, mut crop_height) = (0, 0);
    if bits.bit()? {
        let [left, right, top, bottom] = [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?];
        let (unit_x, unit_y) = crop_unit(chroma, separate_planes);
        crop_width = left.checked_add(right)?.checked_mul(unit_x)?;
        crop_height = top.checked_add(bottom)?.checked_mul(unit_y * field_factor)?;
    }
    // Usability information that is cut off says nothing; the set is good without it.
    let (signal, frame_rate_milli) =
        if bits.bit()? { usability(&mut bits).unwrap_or_default() } else { Default::default() };
    let coded = (width, height);
    let (width, height) = (width.checked_sub(crop_width)?, height.checked_sub(crop_height)?);
    let picture = Picture {
        width,
        height,
        coded,
        references,
        frame_rate_milli,
        sample_aspect: signal.sample_aspect,
        colour: signal.colour,
        chroma,
        bit_depth: luma_bits.max(chroma_bits),
        interlaced: !frames_only,
    };
    let chroma_idc = u8::try_from(chroma_idc).ok()?;
    (width > 0 && height > 0).then_some(Sequence {
        id,
        picture,
        frame_num_bits,
        separate_planes,
        frames_only,
        luma_bits,
        chroma_bits,
        chroma_idc,
        high,
    })
}

/// Id of a picture parameter set, and of the sequence parameter set that it refers to.
pub(in crate::ingest::rtmp::flv) fn picture_ids(unit: &[u8]) -> Option<(u8, u8)> {
    // Both are at the beginning, and of few bits.
    let payload = unescape(unit.get(1..)?, 16);
    let mut bits = Bits::new(&payload);
    let id = bits.ue().filter(|id| *id <= MAX_PICTURE_ID)?;
    let sequence = bits.ue().filter(|id| *id <= MAX_SEQUENCE_ID)?;
    Some((u8::try_from(id).ok()?, u8::try_from(sequence).ok()?))
}

fn skip_picture_order_count(bits: &mut Bits<'_>) -> Option<()> {
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
    Some(())
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

/// Shape, colour and frame rate in the video usability information (annex E.1.1).
fn usability(bits: &mut Bits<'_>) -> Option<(Signal, Option<u32>)> {
    let signal = Signal::read(bits)?;
    let rate = bits.bit().filter(|timing| *timing).and_then(|_| {
        let (units, ticks) = (bits.take(32)?, bits.take(32)?);
        // A tick is a field, of which a frame has two (E.2.1).
        rate_milli(u64::from(ticks), u64::from(units).checked_mul(2)?)
    });
    Some((signal, rate))
}
