//! AV1 configuration (AV1 Codec ISO Media File Format Binding §2.3), sequence header and open bitstream
//! units (AV1 specification §5.3 to §5.5).

use bytes::{Bytes, BytesMut};

use super::bits::{Bits, rate_milli};
use super::nal::Problem;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const PADDING: u8 = 15;

/// Bytes of an `av1C` record before its units.
const RECORD_HEADER_BYTES: usize = 4;

/// What a sequence header says of the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frame_rate_milli: Option<u32>,
}

/// The picture in an `av1C` record; `None` within if it has no sequence header, which is allowed: the
/// first key frame has it then.
pub(super) fn record(record: &[u8]) -> Result<Option<Picture>, Problem> {
    let Some((&[0x81, ..], units)) = record.split_first_chunk::<RECORD_HEADER_BYTES>() else {
        return Err("not an av1C record");
    };
    picture(units)
}

/// The picture that the first sequence header in `units` describes.
pub(super) fn picture(units: &[u8]) -> Result<Option<Picture>, Problem> {
    for unit in (Units { rest: units }) {
        let unit = unit?;
        if unit.kind == SEQUENCE_HEADER {
            return sequence(unit.payload).map(Some).ok_or("AV1 sequence header");
        }
    }
    Ok(None)
}

/// Checks a temporal unit and takes temporal delimiters and padding out (binding §2.4).
pub(super) fn temporal_unit(data: &Bytes) -> Result<Bytes, Problem> {
    let mut keep = 0;
    let mut all = true;
    for unit in (Units { rest: data }) {
        let unit = unit?;
        if matches!(unit.kind, TEMPORAL_DELIMITER | PADDING) {
            all = false;
        } else {
            keep += unit.whole.len();
        }
    }
    if keep == 0 {
        return Err("AV1 frame without content");
    }
    if all {
        return Ok(data.clone());
    }
    let mut out = BytesMut::with_capacity(keep);
    for unit in (Units { rest: data }) {
        let unit = unit?;
        if !matches!(unit.kind, TEMPORAL_DELIMITER | PADDING) {
            out.extend_from_slice(unit.whole);
        }
    }
    Ok(out.freeze())
}

struct Unit<'a> {
    kind: u8,
    payload: &'a [u8],
    whole: &'a [u8],
}

struct Units<'a> {
    rest: &'a [u8],
}

impl<'a> Units<'a> {
    /// The next unit, or `None` where a header or a size does not fit.
    fn unit(&mut self) -> Option<Unit<'a>> {
        let bytes = self.rest;
        let header = *bytes.first()?;
        if header & 0x80 != 0 {
            return None;
        }
        let mut at = if header & 0x04 != 0 { 2 } else { 1 };
        let length = if header & 0x02 != 0 {
            let (length, size) = leb128(bytes.get(at..)?)?;
            at += size;
            length
        } else {
            // Only the last unit may be without a size; it extends to the end.
            bytes.len().checked_sub(at)?
        };
        let payload = bytes.get(at..at.checked_add(length)?)?;
        let (whole, rest) = bytes.split_at_checked(at + length)?;
        self.rest = rest;
        Some(Unit { kind: header >> 3 & 0x0f, payload, whole })
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Result<Unit<'a>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let unit = self.unit();
        if unit.is_none() {
            self.rest = &[];
        }
        Some(unit.ok_or("AV1 unit longer than its frame"))
    }
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

/// `sequence_header_obu()` (§5.5.1) up to the frame size.
fn sequence(payload: &[u8]) -> Option<Picture> {
    let mut bits = Bits::new(payload);
    bits.skip(4)?;
    let reduced = bits.bit()?;
    let mut frame_rate_milli = None;
    if reduced {
        bits.skip(5)?;
    } else {
        let mut decoder_model_delay = None;
        if bits.bit()? {
            let (units, ticks) = (bits.take(32)?, bits.take(32)?);
            if bits.bit()? {
                let per_picture = u64::from(bits.uvlc()?) + 1;
                frame_rate_milli = rate_milli(u64::from(ticks), u64::from(units).checked_mul(per_picture)?);
            } else {
                frame_rate_milli = rate_milli(u64::from(ticks), u64::from(units));
            }
            if bits.bit()? {
                decoder_model_delay = Some(bits.take(5)? as usize + 1);
                bits.skip(42)?;
            }
        }
        let initial_delay = bits.bit()?;
        for _ in 0..=bits.take(5)? {
            bits.skip(12)?;
            if bits.take(5)? > 7 {
                bits.skip(1)?;
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
    Some(Picture { width, height, frame_rate_milli })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `av1C` of SVT-AV1, 1920×1080.
    const RECORD: &[u8] = &[
        0x81, 0x08, 0x0c, 0x00, 0x0a, 0x0c, 0x02, 0x00, 0x00, 0x42, 0x95, 0x5d, 0xfe, 0x1b, 0x80, 0x5f, 0x00,
        0x08,
    ];

    #[test]
    fn the_picture_is_read_from_the_record() {
        let picture = record(RECORD).unwrap().unwrap();
        assert_eq!((picture.width, picture.height), (1920, 1080));
        assert_eq!(record(&RECORD[..4]), Ok(None), "a record may be without sequence header");
        for end in 5..RECORD.len() {
            assert!(record(&RECORD[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn temporal_delimiters_are_taken_out() {
        let unit = Bytes::from_static(&[0x12, 0, 0x32, 2, 7, 8, 0x7a, 1, 0]);
        assert_eq!(temporal_unit(&unit).unwrap()[..], [0x32, 2, 7, 8]);
        let plain = Bytes::from_static(&[0x32, 2, 7, 8]);
        assert_eq!(temporal_unit(&plain).unwrap().as_ptr(), plain.as_ptr());
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        for bad in [&[0x32u8, 3, 7, 8][..], &[0x32], &[0x92, 0], &[0x32, 0xff, 0xff], &[0x12, 0], &[]] {
            assert!(temporal_unit(&Bytes::copy_from_slice(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_last_unit_may_be_without_a_size() {
        assert_eq!(temporal_unit(&Bytes::from_static(&[0x12, 0, 0x30, 7, 8])).unwrap()[..], [0x30, 7, 8]);
    }
}
