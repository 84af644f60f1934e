//! Length-prefixed NAL units (ISO/IEC 14496-15 §5.3.2).

use bytes::{BufMut, Bytes, BytesMut};

/// An access unit whose NAL units are delimited by four-byte lengths that fit.
pub(super) struct AccessUnit {
    pub(super) data: Bytes,
    /// Whether one of the NAL units was `is_sync`.
    pub(super) sync: bool,
}

/// Why an access unit was refused.
pub(super) type Problem = &'static str;

/// Checks `data`, whose lengths are `length_size` bytes, and rewrites it with four-byte lengths if
/// need be. Empty NAL units, which some hardware encoders pad with, are left out.
pub(super) fn normalise(
    data: &Bytes,
    length_size: usize,
    is_sync: impl Fn(u8) -> bool,
) -> Result<AccessUnit, Problem> {
    let mut sync = false;
    let mut rewrite = length_size != 4;
    let mut units = 0;
    let mut total = 0usize;
    for unit in (Units { rest: data, length_size }) {
        match unit? {
            [] => rewrite = true,
            unit => {
                sync |= is_sync(unit[0]);
                units += 1;
                total += 4 + unit.len();
            }
        }
    }
    if units == 0 {
        return Err("no NAL unit in a frame");
    }
    if !rewrite {
        return Ok(AccessUnit { data: data.clone(), sync });
    }
    let mut out = BytesMut::with_capacity(total);
    for unit in (Units { rest: data, length_size }) {
        let unit = unit?;
        if !unit.is_empty() {
            out.put_u32(u32::try_from(unit.len()).map_err(|_| "NAL unit too long")?);
            out.put_slice(unit);
        }
    }
    Ok(AccessUnit { data: out.freeze(), sync })
}

struct Units<'a> {
    rest: &'a [u8],
    length_size: usize,
}

impl<'a> Iterator for Units<'a> {
    type Item = Result<&'a [u8], Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((prefix, rest)) = self.rest.split_at_checked(self.length_size) else {
            self.rest = &[];
            return Some(Err("NAL unit length cut off"));
        };
        let length = prefix.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let Some((unit, rest)) = rest.split_at_checked(length) else {
            self.rest = &[];
            return Some(Err("NAL unit longer than its frame"));
        };
        self.rest = rest;
        Some(Ok(unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lengths_become_four_bytes_and_empty_units_vanish() {
        let unit = normalise(&Bytes::from_static(&[0, 2, 0x65, 1, 0, 0, 0, 1, 6]), 2, |b| b == 0x65).unwrap();
        assert_eq!(unit.data[..], [0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 6]);
        assert!(unit.sync);
    }

    #[test]
    fn a_well_formed_frame_is_passed_without_copying() {
        let data = Bytes::from_static(&[0, 0, 0, 1, 0x41]);
        let unit = normalise(&data, 4, |b| b == 0x65).unwrap();
        assert_eq!(unit.data.as_ptr(), data.as_ptr());
        assert!(!unit.sync);
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        for bad in [&[0u8, 0, 0, 2, 1][..], &[0, 0, 0], &[0, 0, 0, 1, 7, 0, 0, 1], &[], &[0, 0, 0, 0]] {
            assert!(normalise(&Bytes::copy_from_slice(bad), 4, |_| true).is_err());
        }
    }
}
