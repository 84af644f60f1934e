//! AV1: open bitstream units (AV1 specification §5.3 to §5.9) and configuration (AV1 ISO-BMFF binding).
//!
//! A temporal unit comes as FLV wants it, or length-delimited (annex B of the specification), or without the size of its
//! last unit; it leaves with sizes, and without delimiters, padding and tile lists (binding §2.4).

mod sequence;

use bytes::{BufMut, Bytes, BytesMut};

use super::bits::Bits;
use super::nal::Problem;
use super::picture::Picture;

use sequence::Sequence;

/// `obu_type` (table in §6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;

/// Bytes of an `av1C` record before its units.
const RECORD_HEADER_BYTES: usize = 4;

/// Most units of a temporal unit that are looked at.
const MAX_UNITS: usize = 1024;

/// A sequence header, and its contents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    payload: Bytes,
    sequence: Sequence,
}

impl Header {
    fn read(payload: &[u8]) -> Result<Self, Problem> {
        let sequence = sequence::read(payload).ok_or("AV1 sequence header")?;
        Ok(Self { payload: Bytes::copy_from_slice(payload), sequence })
    }

    pub(super) fn picture(&self) -> Picture {
        self.sequence.picture
    }

    /// An `av1C` record of it.
    pub(super) fn build_record(&self) -> Bytes {
        let mut out = BytesMut::from(&self.sequence.record[..]);
        put_unit(&mut out, SEQUENCE_HEADER << 3, None, &self.payload);
        out.freeze()
    }
}

/// The sequence header in an `av1C` record; `None` within if it has none, which is allowed: the first key frame has it then.
///
/// # Errors
/// If it is no such record.
pub(super) fn read_record(record: &[u8]) -> Result<Option<Header>, Problem> {
    let Some((&[0x81, ..], units)) = record.split_first_chunk::<RECORD_HEADER_BYTES>() else {
        return Err("not an av1C record");
    };
    let units = if units.is_empty() { Vec::new() } else { units_of(units)? };
    let header = units.iter().find(|unit| unit.kind == SEQUENCE_HEADER);
    header.map(|unit| Header::read(unit.payload)).transpose()
}

/// The part of a temporal unit that a tag has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    /// Its units as they are kept; empty if none is.
    pub(super) data: Bytes,
    /// True if it begins with a temporal delimiter.
    pub(super) delimited: bool,
    /// True if it has a frame, or a part of one.
    pub(super) has_frame: bool,
    /// Its first frame is a key frame that is shown; `None` without the header of a frame.
    pub(super) key: Option<bool>,
    /// The sequence header that it brings.
    pub(super) header: Option<Header>,
}

/// Reads a tag; `current` is the sequence header in force.
///
/// # Errors
/// If it is no temporal unit, in whichever form.
pub(super) fn piece(data: &Bytes, current: Option<&Header>) -> Result<Piece, Problem> {
    let units = units_of(data)?;
    let mut piece = Piece { data: Bytes::new(), delimited: false, has_frame: false, key: None, header: None };
    piece.delimited = units.first().is_some_and(|unit| unit.kind == TEMPORAL_DELIMITER);
    for unit in &units {
        match unit.kind {
            SEQUENCE_HEADER if piece.header.is_none() => piece.header = Some(Header::read(unit.payload)?),
            FRAME | FRAME_HEADER if piece.key.is_none() => {
                let header = piece.header.as_ref().or(current);
                piece.key = is_key(unit.payload, header.is_some_and(|header| header.sequence.reduced));
                piece.has_frame = true;
            }
            // Tile groups and redundant headers among them.
            FRAME_HEADER..=7 => piece.has_frame = true,
            _ => {}
        }
    }
    let kept = |unit: &&Unit<'_>| !matches!(unit.kind, TEMPORAL_DELIMITER | PADDING | TILE_LIST);
    let whole = units.iter().all(|unit| kept(&unit) && unit.sized);
    piece.data = if whole {
        data.clone()
    } else {
        let mut out = BytesMut::with_capacity(data.len() + 8);
        units
            .iter()
            .filter(kept)
            .for_each(|unit| put_unit(&mut out, unit.header, unit.extension, unit.payload));
        out.freeze()
    };
    Ok(piece)
}

/// True if `frame_header_obu()` is of a key frame that is shown (§5.9.2).
fn is_key(payload: &[u8], reduced: bool) -> Option<bool> {
    if reduced {
        return Some(true);
    }
    let mut bits = Bits::new(payload);
    let shown_again = bits.bit()?;
    let (kind, shown) = (bits.take(2)?, bits.bit()?);
    Some(!shown_again && kind == 0 && shown)
}

#[derive(Clone, Copy)]
struct Unit<'a> {
    kind: u8,
    /// The header's first byte.
    header: u8,
    extension: Option<u8>,
    payload: &'a [u8],
    /// True if it came with its size, in as few bytes as possible.
    sized: bool,
}

/// Writes a unit with its size.
fn put_unit(out: &mut BytesMut, header: u8, extension: Option<u8>, payload: &[u8]) {
    const HAS_SIZE: u8 = 0x02;
    out.put_u8(header | HAS_SIZE);
    extension.into_iter().for_each(|byte| out.put_u8(byte));
    let mut size = payload.len();
    while size >= 0x80 {
        out.put_u8(u8::try_from(size & 0x7f).unwrap_or_default() | 0x80);
        size >>= 7;
    }
    out.put_u8(u8::try_from(size).unwrap_or_default());
    out.put_slice(payload);
}

/// The units of a tag in either form. A last unit without a size fits whatever it is, so the other form goes before it.
fn units_of(data: &[u8]) -> Result<Vec<Unit<'_>>, Problem> {
    let units = low_overhead(data);
    let sure = units.as_ref().is_some_and(|units| units.iter().all(|unit| unit.sized));
    let delimited = if sure { None } else { length_delimited(data) };
    delimited.or(units).ok_or("AV1 units do not fit their frame")
}

/// Units with sizes (§5.2); only the last may be without.
fn low_overhead(data: &[u8]) -> Option<Vec<Unit<'_>>> {
    let mut units = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (unit, after) = unit(rest, None)?;
        if units.len() < MAX_UNITS {
            units.push(unit);
        }
        rest = after;
    }
    (!units.is_empty()).then_some(units)
}

/// `temporal_unit()` of annex B: temporal unit, frame units and units each behind their length.
fn length_delimited(data: &[u8]) -> Option<Vec<Unit<'_>>> {
    let (length, size) = leb128(data)?;
    let mut frames = data.get(size..)?;
    if frames.len() != length {
        return None;
    }
    let mut units = Vec::new();
    while !frames.is_empty() {
        let (length, size) = leb128(frames)?;
        let (mut frame, after) = frames.get(size..)?.split_at_checked(length)?;
        frames = after;
        while !frame.is_empty() {
            let (length, size) = leb128(frame)?;
            let (whole, after) = frame.get(size..)?.split_at_checked(length)?;
            frame = after;
            let (unit, _) = unit(whole, Some(length))?;
            if units.len() < MAX_UNITS {
                units.push(unit);
            }
        }
    }
    (!units.is_empty()).then_some(units)
}

/// The unit at the beginning of `bytes` (§5.3), which has `length` bytes if that is known, and the bytes after it.
fn unit(bytes: &[u8], length: Option<usize>) -> Option<(Unit<'_>, &[u8])> {
    let header = *bytes.first()?;
    let kind = header >> 3 & 0x0f;
    // The forbidden bit, and a type that nobody sends.
    if header & 0x80 != 0 || kind == 0 {
        return None;
    }
    let extension = if header & 0x04 != 0 { Some(*bytes.get(1)?) } else { None };
    let mut at = 1 + usize::from(extension.is_some());
    let (size, sized) = if header & 0x02 != 0 {
        let (size, bytes_of_size) = leb128(bytes.get(at..)?)?;
        at += bytes_of_size;
        (size, bytes_of_size == shortest(size))
    } else {
        (length.unwrap_or(bytes.len()).checked_sub(at)?, false)
    };
    let payload = bytes.get(at..at.checked_add(size)?)?;
    Some((Unit { kind, header, extension, payload, sized }, &bytes[at + size..]))
}

/// Bytes of the shortest `leb128()`.
fn shortest(value: usize) -> usize {
    (usize::BITS - value.leading_zeros()).div_ceil(7).max(1) as usize
}

/// A `leb128()` (§4.10.5) and how many bytes it took.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(u32::try_from(value).ok()?).ok()?, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::Chroma;

    /// `av1C` of SVT-AV1, 1920×1080.
    const RECORD: &[u8] = &[
        0x81, 0x08, 0x0c, 0x00, 0x0a, 0x0c, 0x02, 0x00, 0x00, 0x42, 0x95, 0x5d, 0xfe, 0x1b, 0x80, 0x5f, 0x00,
        0x08,
    ];

    fn read(data: &[u8]) -> Result<Piece, Problem> {
        piece(&Bytes::copy_from_slice(data), None)
    }

    #[test]
    fn the_picture_is_read_from_the_record_and_the_record_can_be_made_of_it() {
        let header = read_record(RECORD).unwrap().unwrap();
        let picture = header.picture();
        assert_eq!((picture.width, picture.height), (1920, 1080));
        assert_eq!((picture.chroma, picture.bit_depth), (Chroma::Yuv420, 8));
        assert_eq!(header.build_record(), RECORD);
        assert_eq!(read_record(&RECORD[..4]), Ok(None), "a record may be without sequence header");
        for end in 5..RECORD.len() {
            assert!(read_record(&RECORD[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn temporal_delimiters_and_padding_are_taken_out() {
        let piece = read(&[0x12, 0, 0x32, 2, 0x10, 8, 0x7a, 1, 0]).unwrap();
        assert_eq!(piece.data[..], [0x32, 2, 0x10, 8]);
        assert!(piece.delimited && piece.has_frame && piece.key == Some(true));
        let plain = Bytes::from_static(&[0x32, 2, 0x30, 8]);
        let piece = super::piece(&plain, None).unwrap();
        assert_eq!(piece.data.as_ptr(), plain.as_ptr());
        assert_eq!((piece.delimited, piece.key), (false, Some(false)));
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        for bad in [&[0x32u8, 3, 7, 8][..], &[0x32], &[0x92, 0], &[0x32, 0xff, 0xff], &[]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_last_unit_may_be_without_a_size_and_gets_one() {
        assert_eq!(read(&[0x12, 0, 0x30, 7, 8]).unwrap().data[..], [0x32, 2, 7, 8]);
    }

    #[test]
    fn length_delimited_units_are_taken() {
        // temporal unit of 8: frame units of a delimiter and of a frame, with and without sizes of their own.
        let piece = read(&[8, 2, 1, 0x10, 4, 3, 0x30, 0x10, 8]).unwrap();
        assert_eq!(piece.data[..], [0x32, 2, 0x10, 8]);
        assert!(piece.delimited && piece.key == Some(true));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(data in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&data);
            let _ = read_record(&[&[0x81, 0, 0, 0, 0x0a, 20][..], &data].concat());
        }
    }
}
