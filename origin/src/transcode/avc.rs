//! H.264 from Annex B to what ISO media wants: an `avcC` record and length-prefixed samples
//! (ISO/IEC 14496-15 §5.3.3, ISO/IEC 14496-10 Annex B).

use bytes::{BufMut, Bytes, BytesMut};

const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;

/// The NAL units of an Annex B byte stream, without start codes and trailing zeros.
pub(super) fn nal_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(data);
    std::iter::from_fn(move || {
        loop {
            let from = rest?;
            let end = find_start_code(from);
            let unit = &from[..end.unwrap_or(from.len())];
            rest = end.and_then(|end| after_start_code(&from[end..]));
            let length = unit.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
            if length > 0 {
                return Some(&unit[..length]);
            }
        }
    })
}

fn find_start_code(data: &[u8]) -> Option<usize> {
    data.windows(3).position(|w| w == [0, 0, 1])
}

fn after_start_code(data: &[u8]) -> Option<&[u8]> {
    find_start_code(data).and_then(|at| data.get(at + 3..))
}

fn kind(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |b| b & 0x1f)
}

/// A sample with 4-byte lengths. Parameter sets are in the record, so they go, with delimiters and filler.
pub(super) fn sample(annex_b: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(annex_b.len() + 16);
    for unit in nal_units(annex_b).filter(|unit| !matches!(kind(unit), SPS | PPS | DELIMITER | FILLER)) {
        let Ok(length) = u32::try_from(unit.len()) else { continue };
        out.put_u32(length);
        out.put_slice(unit);
    }
    out.freeze()
}

/// An AVCDecoderConfigurationRecord of the SPS and PPS in `headers` (an `avcC` is returned as it is);
/// `None` without them.
pub(super) fn record(headers: &[u8]) -> Option<Bytes> {
    if headers.first() == Some(&1) && headers.len() > 7 {
        return Some(Bytes::copy_from_slice(headers));
    }
    let sps = nal_units(headers).find(|unit| kind(unit) == SPS && unit.len() >= 4)?;
    let sets: Vec<&[u8]> = nal_units(headers).filter(|unit| kind(unit) == PPS).take(255).collect();
    if sets.is_empty() {
        return None;
    }
    let mut out = BytesMut::with_capacity(headers.len() + 16);
    out.put_slice(&[1, sps[1], sps[2], sps[3], 0xff, 0xe1]);
    out.put_u16(u16::try_from(sps.len()).ok()?);
    out.put_slice(sps);
    out.put_u8(u8::try_from(sets.len()).ok()?);
    for set in sets {
        out.put_u16(u16::try_from(set.len()).ok()?);
        out.put_slice(set);
    }
    if !matches!(sps[1], 66 | 77 | 88) {
        // 4:2:0, 8 bits, no SPS extension: what every encoder here is configured to make.
        out.put_slice(&[0xfd, 0xf8, 0xf8, 0]);
    }
    Some(out.freeze())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADERS: &[u8] = &[0, 0, 0, 1, 0x67, 100, 0, 31, 0xac, 0, 0, 1, 0x68, 0xee, 0x3c];

    #[test]
    fn a_record_holds_profile_and_parameter_sets() {
        let record = record(HEADERS).unwrap();
        assert_eq!(
            &record[..],
            [
                1, 100, 0, 31, 0xff, 0xe1, 0, 5, 0x67, 100, 0, 31, 0xac, 1, 0, 3, 0x68, 0xee, 0x3c, 0xfd,
                0xf8, 0xf8, 0
            ]
        );
        assert_eq!(super::record(&record), Some(record.clone()));
        assert_eq!(super::record(b""), None);
    }

    #[test]
    fn a_sample_has_lengths_and_no_parameter_sets() {
        let data = [HEADERS, &[0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x65, 1, 2, 3]].concat();
        assert_eq!(&sample(&data)[..], [0, 0, 0, 4, 0x65, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(data in proptest::collection::vec(0u8..3, 0..64)) {
            let _ = (sample(&data), record(&data));
        }
    }
}
