//! H.264: decoder configuration (ISO/IEC 14496-15 §5.3.3) and NAL units (ISO/IEC 14496-10 §7.4.1).

mod slice;
mod sps;

use bytes::{BufMut, Bytes, BytesMut};

use super::nal::{Framer, Problem};
use super::picture::Picture;
use super::sets::{SetKind, Sets};
use super::unit::{SliceKind, UnitKind, has_recovery_point};

pub(super) use slice::Field;

/// `nal_unit_type` (table 7-1).
const IDR: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const SPS_EXTENSION: u8 = 13;

/// The kind of a NAL unit; `sets` are those in force before it.
pub(super) fn kind(unit: &[u8], sets: &Sets) -> UnitKind {
    let Some(first) = unit.first() else { return UnitKind::Padding };
    match first & 0x1f {
        1 | IDR => UnitKind::Slice(slice_kind(unit, sets)),
        // Data partitions B and C, and slices of auxiliary and of other views' pictures, follow their picture's.
        3 | 4 | 19..=21 => UnitKind::After,
        2 => UnitKind::Slice(slice_kind(unit, sets)),
        SEI if has_recovery_point(&unit[1..]) => UnitKind::Recovery,
        SPS => {
            sps::sequence(unit).map_or(UnitKind::Unreadable, |set| UnitKind::Set(SetKind::Sequence, set.id))
        }
        PPS => sps::picture_ids(unit).map_or(UnitKind::Before, |(id, _)| UnitKind::Set(SetKind::Picture, id)),
        SPS_EXTENSION => {
            extension_id(unit).map_or(UnitKind::Before, |id| UnitKind::Set(SetKind::SequenceExtension, id))
        }
        DELIMITER | FILLER => UnitKind::Padding,
        // End of sequence, end of stream.
        10 | 11 => UnitKind::After,
        _ => UnitKind::Before,
    }
}

fn slice_kind(unit: &[u8], sets: &Sets) -> SliceKind {
    let random_access = unit[0] & 0x1f == IDR;
    let Some(slice) = slice::slice(unit) else {
        return SliceKind {
            random_access,
            first: true,
            intra: random_access,
            picture_set: None,
            field: None,
        };
    };
    let sequence = active(sets, Some(slice.picture_set)).and_then(|set| sps::sequence(set));
    SliceKind {
        random_access,
        first: slice.first,
        intra: slice.intra,
        picture_set: Some(slice.picture_set),
        field: sequence.filter(|set| !set.frames_only).and_then(|set| slice::field(unit, &set)),
    }
}

fn extension_id(unit: &[u8]) -> Option<u8> {
    let id = super::bits::Bits::new(unit.get(1..)?).ue().filter(|id| *id <= 31)?;
    u8::try_from(id).ok()
}

/// The sequence parameter set that pictures with `picture_set` use; where that is not known, the first.
fn active(sets: &Sets, picture_set: Option<u8>) -> Option<&Bytes> {
    match picture_set {
        Some(id) => {
            let (_, sequence) = sps::picture_ids(sets.get(SetKind::Picture, id)?)?;
            sets.get(SetKind::Sequence, sequence)
        }
        None => sets.of(SetKind::Sequence).next().map(|(_, set)| set),
    }
}

/// The sets of an `avcC` record and the bytes of the lengths in frames. A record in start codes, which some encoders send
/// in its place, says nothing of lengths.
///
/// # Errors
/// If it is neither.
pub(super) fn read_record(record: &Bytes) -> Result<(Sets, Option<usize>), Problem> {
    let mut sets = Sets::default();
    if record.starts_with(&[0, 0, 1]) || record.starts_with(&[0, 0, 0, 1]) {
        Framer::default().split(record)?.iter().for_each(|unit| put(&mut sets, unit));
        return Ok((sets, None));
    }
    let [1, _profile, _compatibility, _level, lengths, count, rest @ ..] = &record[..] else {
        return Err("not an avcC record");
    };
    let mut rest = list(rest, count & 0x1f, &mut sets)?;
    // Encoders cut the record off behind the sequence parameter sets.
    if let Some((count, after)) = rest.split_first() {
        rest = list(after, *count, &mut sets)?;
    }
    // Of high profiles: chroma and depths, then extensions (§5.3.3.1.2), which may be missing.
    if let [_, _, _, count, after @ ..] = rest {
        let _ = list(after, *count, &mut sets);
    }
    Ok((sets, Some(usize::from(lengths & 3) + 1)))
}

/// Puts `count` sets with lengths of two bytes in force; returns the bytes after them.
fn list<'a>(mut rest: &'a [u8], count: u8, sets: &mut Sets) -> Result<&'a [u8], Problem> {
    for _ in 0..count {
        let (size, after) = rest.split_first_chunk::<2>().ok_or("avcC record cut off")?;
        let size = usize::from(u16::from_be_bytes(*size));
        let (set, after) = after.split_at_checked(size).ok_or("avcC record cut off")?;
        put(sets, set);
        rest = after;
    }
    Ok(rest)
}

/// Puts a unit in force if it is a parameter set.
fn put(sets: &mut Sets, unit: &[u8]) {
    if let UnitKind::Set(set, id) = kind(unit, sets) {
        sets.put(set, id, unit);
    }
}

/// The picture of a sequence parameter set: a whole NAL unit.
pub(super) fn sequence_picture(unit: &[u8]) -> Option<Picture> {
    Some(sps::sequence(unit)?.picture)
}

/// The picture of pictures with `picture_set`, and the ids of the sets that they need; `None` if some are missing.
pub(super) fn picture(sets: &Sets, picture_set: Option<u8>) -> Option<Picture> {
    Some(sps::sequence(active(sets, picture_set)?)?.picture)
}

/// An `avcC` record with four-byte lengths, of the sets that pictures with `picture_set` need; `None` if some are missing.
pub(super) fn build_record(sets: &Sets, picture_set: Option<u8>) -> Option<Bytes> {
    let set = active(sets, picture_set)?;
    let sequence = sps::sequence(set)?;
    let of_it = |unit: &Bytes| sps::picture_ids(unit).is_some_and(|(_, of)| of == sequence.id);
    let pictures: Vec<&Bytes> =
        sets.of(SetKind::Picture).map(|(_, unit)| unit).filter(|unit| of_it(unit)).take(255).collect();
    if pictures.is_empty() {
        return None;
    }
    let mut out = BytesMut::new();
    let put = |out: &mut BytesMut, unit: &[u8]| {
        // Sets are bounded far below that.
        out.put_u16(u16::try_from(unit.len()).unwrap_or(u16::MAX));
        out.put_slice(unit);
    };
    out.put_slice(&[1, set[1], set[2], set[3], 0xff, 0xe1]);
    put(&mut out, set);
    out.put_u8(u8::try_from(pictures.len()).unwrap_or(u8::MAX));
    pictures.iter().for_each(|unit| put(&mut out, unit));
    if sequence.high {
        let luma_bits = sequence.luma_bits;
        out.put_slice(&[
            0xfc | sequence.chroma_idc,
            0xf8 | (luma_bits - 8),
            0xf8 | (sequence.chroma_bits - 8),
        ]);
        let extension = sets.get(SetKind::SequenceExtension, sequence.id);
        out.put_u8(u8::from(extension.is_some()));
        extension.into_iter().for_each(|unit| put(&mut out, unit));
    }
    Some(out.freeze())
}

#[cfg(test)]
pub(super) mod tests;
