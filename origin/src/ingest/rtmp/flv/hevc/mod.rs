//! H.265: decoder configuration (ISO/IEC 14496-15 §8.3.3) and NAL units (ISO/IEC 23008-2 §7.4.2).

mod sps;

use bytes::{BufMut, Bytes, BytesMut};

use super::bits::{Bits, unescape};
use super::nal::{Framer, Problem};
use super::picture::Picture;
use super::sets::{SetKind, Sets};
use super::unit::{SliceKind, UnitKind, has_recovery_point};

/// `nal_unit_type` (table 7-1).
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
const DELIMITER: u8 = 35;
const FILLER: u8 = 38;
const SEI: u8 = 39;

/// Bytes of a slice that its header's beginning fits into.
const HEADER_BYTES: usize = 16;

/// Bytes of an `hvcC` record before its arrays.
const RECORD_HEADER_BYTES: usize = 23;

fn nal_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|first| first >> 1 & 0x3f)
}

/// True if units that came as H.264 are H.265: a video and a sequence parameter set of the base layer, whose first bytes
/// no H.264 stream has.
pub(super) fn is_disguised<'a>(mut units: impl Iterator<Item = &'a [u8]> + Clone) -> bool {
    let starts = |kind: u8| move |unit: &[u8]| unit.len() > 2 && unit[..2] == [kind << 1, 1];
    units.clone().any(starts(VPS)) && units.any(starts(SPS))
}

/// The kind of a NAL unit; `sets` are those in force before it.
pub(super) fn kind(unit: &[u8], sets: &Sets) -> UnitKind {
    let (Some(kind), true) = (nal_type(unit), unit.len() > 2) else { return UnitKind::Padding };
    match kind {
        0..=31 => UnitKind::Slice(slice_kind(unit, kind, sets)),
        VPS => UnitKind::Set(SetKind::Video, unit[2] >> 4),
        SPS => {
            sps::sequence(unit).map_or(UnitKind::Unreadable, |set| UnitKind::Set(SetKind::Sequence, set.id))
        }
        PPS => sps::picture_set(unit).map_or(UnitKind::Before, |set| UnitKind::Set(SetKind::Picture, set.id)),
        DELIMITER | FILLER => UnitKind::Padding,
        // End of sequence, end of bitstream, SEI of the picture before.
        36 | 37 | 40 => UnitKind::After,
        SEI if has_recovery_point(&unit[2..]) => UnitKind::Recovery,
        _ => UnitKind::Before,
    }
}

fn slice_kind(unit: &[u8], kind: u8, sets: &Sets) -> SliceKind {
    // IRAP: BLA, IDR, CRA (§7.4.2.2).
    let random_access = (16..=23).contains(&kind);
    let mut slice =
        SliceKind { random_access, first: true, intra: random_access, picture_set: None, field: None };
    let payload = unescape(&unit[2..], HEADER_BYTES);
    let mut bits = Bits::new(&payload);
    let Some(first) = bits.bit() else { return slice };
    slice.first = first;
    if random_access && bits.bit().is_none() {
        return slice;
    }
    slice.picture_set = bits.ue().filter(|id| *id <= 63).and_then(|id| u8::try_from(id).ok());
    let set = slice.picture_set.and_then(|id| sps::picture_set(sets.get(SetKind::Picture, id)?));
    // Only a picture's first slice has its type at a place that is known without the picture's size.
    if let Some(set) = set.filter(|_| first && !random_access) {
        slice.intra = bits.skip(set.reserved_bits as usize).and_then(|()| bits.ue()) == Some(2);
    } else if !first {
        slice.intra = true;
    }
    slice
}

/// The sets of an `hvcC` record and the bytes of the lengths in frames. A record in start codes says nothing of lengths.
///
/// # Errors
/// If it is neither.
pub(super) fn read_record(record: &Bytes) -> Result<(Sets, Option<usize>), Problem> {
    let mut sets = Sets::default();
    if record.starts_with(&[0, 0, 1]) || record.starts_with(&[0, 0, 0, 1]) {
        Framer::default().split(record)?.iter().for_each(|unit| put(&mut sets, unit));
        return Ok((sets, None));
    }
    let Some((header, mut rest)) = record.split_first_chunk::<RECORD_HEADER_BYTES>() else {
        return Err("hvcC record cut off");
    };
    // FFmpeg before 4.4 and some hardware write version 0.
    if header[0] > 1 {
        return Err("not an hvcC record");
    }
    for _ in 0..header[22] {
        let [_, high, low, after @ ..] = rest else { return Err("hvcC record cut off") };
        rest = after;
        for _ in 0..u16::from_be_bytes([*high, *low]) {
            let (length, after) = rest.split_first_chunk::<2>().ok_or("hvcC record cut off")?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (set, after) = after.split_at_checked(length).ok_or("hvcC record cut off")?;
            put(&mut sets, set);
            rest = after;
        }
    }
    Ok((sets, Some(usize::from(header[21] & 3) + 1)))
}

/// Puts a unit in force if it is a parameter set.
fn put(sets: &mut Sets, unit: &[u8]) {
    if let UnitKind::Set(set, id) = kind(unit, sets) {
        sets.put(set, id, unit);
    }
}

/// The sequence parameter set that pictures with `picture_set` use; where that is not known, the first.
fn active(sets: &Sets, picture_set: Option<u8>) -> Option<&Bytes> {
    match picture_set {
        Some(id) => {
            let set = sps::picture_set(sets.get(SetKind::Picture, id)?)?;
            sets.get(SetKind::Sequence, set.sequence)
        }
        None => sets.of(SetKind::Sequence).next().map(|(_, set)| set),
    }
}

/// The picture of a sequence parameter set: a whole NAL unit.
pub(super) fn sequence_picture(unit: &[u8]) -> Option<Picture> {
    Some(sps::sequence(unit)?.picture)
}

/// The picture of pictures with `picture_set`; `None` if sets are missing.
pub(super) fn picture(sets: &Sets, picture_set: Option<u8>) -> Option<Picture> {
    let mut picture = sps::sequence(active(sets, picture_set)?)?.picture;
    let rate = || sets.of(SetKind::Video).find_map(|(_, set)| sps::video_rate(set));
    picture.frame_rate_milli = rate().or(picture.frame_rate_milli);
    Some(picture)
}

/// An `hvcC` record with four-byte lengths, of the sets that pictures with `picture_set` need; `None` if some are missing.
pub(super) fn build_record(sets: &Sets, picture_set: Option<u8>) -> Option<Bytes> {
    let set = active(sets, picture_set)?;
    let sequence = sps::sequence(set)?;
    let of_it = |unit: &&Bytes| sps::picture_set(unit).is_some_and(|set| set.sequence == sequence.id);
    let video: Vec<&Bytes> = sets.of(SetKind::Video).map(|(_, unit)| unit).collect();
    let pictures: Vec<&Bytes> = sets.of(SetKind::Picture).map(|(_, unit)| unit).filter(of_it).collect();
    if video.is_empty() || pictures.is_empty() {
        return None;
    }
    let mut out = BytesMut::new();
    out.put_u8(1);
    out.put_slice(&sequence.general);
    // No spatial segmentation and no parallelism are promised.
    out.put_slice(&[0xf0, 0, 0xfc, 0xfc | sequence.chroma_idc]);
    out.put_slice(&[0xf8 | (sequence.luma_bits - 8), 0xf8 | (sequence.chroma_bits - 8), 0, 0]);
    out.put_u8(sequence.sub_layers << 3 | u8::from(sequence.nested) << 2 | 3);
    out.put_u8(3);
    for (kind, units) in [(VPS, &video[..]), (SPS, &[set]), (PPS, &pictures)] {
        // All sets of the kind are here.
        const COMPLETE: u8 = 0x80;
        out.put_u8(COMPLETE | kind);
        out.put_u16(u16::try_from(units.len()).unwrap_or(u16::MAX));
        for unit in units {
            // Sets are bounded far below that.
            out.put_u16(u16::try_from(unit.len()).unwrap_or(u16::MAX));
            out.put_slice(unit);
        }
    }
    Some(out.freeze())
}

#[cfg(test)]
pub(super) mod tests;
