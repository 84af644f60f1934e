//! NAL units of a video tag, however the encoder delimits them (ISO/IEC 14496-15 §5.3.2 and ISO/IEC 14496-10 annex B).
//!
//! FLV wants lengths in front of each unit, as many bytes as the sequence header says. Encoders in the field send
//! start codes instead, lengths of another size, or start codes inside of a length. [`Framer`] takes whichever
//! fits a tag to its last byte, first the one that fitted before.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use memchr::memmem;

/// The reason why an access unit was refused.
pub(super) type Problem = &'static str;

/// Most NAL units of a tag that are looked at: a picture of 8K in slices of a macroblock row, and its headers.
const MAX_UNITS: usize = 1024;

/// The kind of delimiters between units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    /// By lengths of so many bytes.
    Lengths(usize),
    /// By `00 00 01`.
    StartCodes,
}

/// The NAL units of a tag, in order; none is empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Units {
    /// The tag's data.
    pub(super) data: Bytes,
    /// The places of the units in it.
    pub(super) ranges: Vec<Range<usize>>,
    /// True if `data` is exactly these units behind lengths of four bytes.
    pub(super) intact: bool,
}

impl Units {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.ranges.iter().map(|range| &self.data[range.clone()])
    }
}

/// Finds the units in the tags of a track.
#[derive(Debug)]
pub(super) struct Framer {
    stated: usize,
    last: Option<Framing>,
}

impl Default for Framer {
    fn default() -> Self {
        Self { stated: 4, last: None }
    }
}

impl Framer {
    /// The sequence header says that lengths have so many bytes, 1 to 4.
    pub(super) fn state_length_size(&mut self, bytes: usize) {
        self.stated = bytes;
    }

    /// The units of a tag.
    ///
    /// # Errors
    /// If no way of delimiting fits the whole of it.
    pub(super) fn split(&mut self, data: &Bytes) -> Result<Units, Problem> {
        let stated = Framing::Lengths(self.stated);
        let likely =
            [self.last.unwrap_or(stated), stated, Framing::StartCodes].map(|framing| (framing, false));
        // Lengths of a size that nobody stated fit by chance now and then, so their contents must look like units.
        let doubtful = [4, 2, 1, 3].map(|bytes| (Framing::Lengths(bytes), true));
        for (framing, doubted) in likely.into_iter().chain(doubtful) {
            let Some(found) = find(data, framing) else { continue };
            if doubted && !found.iter().all(|range| looks_like_unit(&data[range.clone()])) {
                continue;
            }
            self.last = Some(framing);
            return unnest(data, found, framing);
        }
        Err(match data.get(..self.stated) {
            Some(_) => "the lengths of NAL units do not fit, and there are no start codes",
            None => "a frame shorter than a NAL unit's length",
        })
    }
}

/// The units of `data`, with empty ones, if all of it is delimited this way.
fn find(data: &[u8], framing: Framing) -> Option<Vec<Range<usize>>> {
    match framing {
        Framing::Lengths(size) => by_lengths(data, size),
        Framing::StartCodes => {
            // Zeros may come before the first start code.
            let code = data.iter().position(|byte| *byte != 0)?;
            (code >= 2 && data[code] == 1).then(|| by_start_codes(data, 0..data.len()))
        }
    }
}

fn by_lengths(data: &[u8], size: usize) -> Option<Vec<Range<usize>>> {
    let mut units = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let Some(prefix) = data.get(at..at + size) else {
            // Fewer bytes than a length has are padding if they are zeros.
            return data[at..].iter().all(|byte| *byte == 0).then_some(units);
        };
        let length = prefix.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        at += size;
        let end = at.checked_add(length).filter(|end| *end <= data.len())?;
        if units.len() < MAX_UNITS && length > 0 {
            units.push(at..end);
        }
        at = end;
    }
    Some(units)
}

fn by_start_codes(data: &[u8], within: Range<usize>) -> Vec<Range<usize>> {
    let finder = memmem::Finder::new(&[0, 0, 1]);
    let mut units = Vec::new();
    let mut push = |from: usize, to: usize| {
        // Zeros before the next start code belong to no unit.
        let used = data[from..to].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if used > 0 && units.len() < MAX_UNITS {
            units.push(from..from + used);
        }
    };
    let mut from = within.start;
    for at in finder.find_iter(&data[within.clone()]) {
        let code = within.start + at;
        push(from, code.max(from));
        from = code + 3;
    }
    push(from, within.end);
    units
}

/// Takes units apart that start codes delimit inside of a length: a unit itself has none (§7.4.1).
fn unnest(data: &Bytes, found: Vec<Range<usize>>, framing: Framing) -> Result<Units, Problem> {
    let finder = memmem::Finder::new(&[0, 0, 1]);
    let nested =
        |range: &Range<usize>| framing != Framing::StartCodes && finder.find(&data[range.clone()]).is_some();
    let mut intact = framing == Framing::Lengths(4);
    let mut ranges = Vec::with_capacity(found.len());
    let mut framed = 0;
    for range in found {
        framed += 4 + range.len();
        if nested(&range) {
            intact = false;
            ranges.extend(by_start_codes(data, range));
        } else {
            ranges.push(range);
        }
    }
    if ranges.is_empty() {
        return Err("no NAL unit in a frame");
    }
    if ranges.len() > MAX_UNITS {
        return Err("too many NAL units in a frame");
    }
    Ok(Units { data: data.clone(), intact: intact && framed == data.len(), ranges })
}

/// True if these bytes may be a NAL unit of H.264 or H.265: the forbidden bit is 0 and the type is one that is sent.
fn looks_like_unit(unit: &[u8]) -> bool {
    unit.first().is_some_and(|first| first & 0x80 == 0 && *first != 0)
}

/// A sample of these units: a four-byte length before each.
pub(super) fn sample<'a>(units: impl Iterator<Item = &'a [u8]> + Clone) -> Bytes {
    let mut out = BytesMut::with_capacity(units.clone().map(|unit| 4 + unit.len()).sum());
    for unit in units {
        // Messages of RTMP have less than 2^24 bytes.
        let Ok(length) = u32::try_from(unit.len()) else { continue };
        out.put_u32(length);
        out.put_slice(unit);
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(framer: &mut Framer, data: &[u8]) -> Option<Vec<Vec<u8>>> {
        let units = framer.split(&Bytes::copy_from_slice(data)).ok()?;
        Some(units.iter().map(<[u8]>::to_vec).collect())
    }

    fn fresh(data: &[u8]) -> Option<Vec<Vec<u8>>> {
        split(&mut Framer::default(), data)
    }

    #[test]
    fn lengths_of_every_size_are_taken_whatever_the_header_says() {
        let units = Some(vec![vec![0x65, 1, 2], vec![6, 5]]);
        assert_eq!(fresh(&[0, 0, 0, 3, 0x65, 1, 2, 0, 0, 0, 2, 6, 5]), units);
        assert_eq!(fresh(&[0, 3, 0x65, 1, 2, 0, 2, 6, 5]), units);
        assert_eq!(fresh(&[3, 0x65, 1, 2, 2, 6, 5]), units);
        assert_eq!(fresh(&[0, 0, 3, 0x65, 1, 2, 0, 0, 2, 6, 5]), units);
        let mut two = Framer::default();
        two.state_length_size(2);
        assert_eq!(split(&mut two, &[0, 3, 0x65, 1, 2, 0, 2, 6, 5]), units);
        assert_eq!(split(&mut two, &[0, 0, 0, 3, 0x65, 1, 2, 0, 0, 0, 2, 6, 5]), units, "the header lied");
    }

    #[test]
    fn start_codes_of_both_lengths_and_mixed_are_taken() {
        let units = Some(vec![vec![0x67, 9], vec![0x68, 8], vec![0x65, 0, 0, 3, 1]]);
        for codes in [
            &[0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x68, 8, 0, 0, 0, 1, 0x65, 0, 0, 3, 1][..],
            &[0, 0, 1, 0x67, 9, 0, 0, 1, 0x68, 8, 0, 0, 1, 0x65, 0, 0, 3, 1],
            &[0, 0, 0, 0, 1, 0x67, 9, 0, 0, 1, 0x68, 8, 0, 0, 0, 0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0],
        ] {
            assert_eq!(fresh(codes), units, "{codes:?}");
        }
    }

    #[test]
    fn start_codes_inside_of_a_length_delimit_units_too() {
        let units = Some(vec![vec![0x67, 9], vec![0x65, 7]]);
        assert_eq!(fresh(&[0, 0, 0, 12, 0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x65, 7]), units);
        assert_eq!(fresh(&[0, 0, 0, 7, 0x67, 9, 0, 0, 1, 0x65, 7]), units);
    }

    #[test]
    fn a_well_formed_frame_is_intact_and_others_are_not() {
        let intact = |data: &[u8]| Framer::default().split(&Bytes::copy_from_slice(data)).unwrap().intact;
        assert!(intact(&[0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 6]));
        assert!(!intact(&[0, 0, 0, 2, 0x65, 1, 0, 0, 0, 0]), "an empty unit");
        assert!(!intact(&[0, 0, 0, 2, 0x65, 1, 0, 0]), "padding");
        assert!(!intact(&[0, 0, 0, 1, 0x65, 1]), "a start code");
    }

    #[test]
    fn what_no_framing_fits_is_refused() {
        for bad in
            [&[0u8, 0, 0, 9, 0x65][..], &[0, 0, 0, 2, 0x65, 1, 7, 0, 0, 0, 1], &[], &[0, 0, 0, 0], &[0xff; 9]]
        {
            assert_eq!(fresh(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_stream_of_start_codes_is_not_mistaken_for_lengths_that_fit_by_chance() {
        let mut framer = Framer::default();
        split(&mut framer, &[0, 0, 0, 1, 0x65, 1, 2]).unwrap();
        // As a length 00 00 01 09 is 265, which fits.
        let mut frame = vec![0, 0, 1, 9, 0xf0, 0, 0, 1, 0x41];
        frame.resize(269, 7);
        assert_eq!(split(&mut framer, &frame).unwrap()[0], [9, 0xf0]);
    }

    proptest! {
        #[test]
        fn any_units_come_out_of_any_framing(
            units in proptest::collection::vec(proptest::collection::vec(1u8..0x80, 1..40), 1..6),
            size in 1usize..=4,
            codes: bool,
        ) {
            let mut data = Vec::new();
            for unit in &units {
                if codes {
                    data.extend([0, 0, 0, 1]);
                } else {
                    data.extend(&u32::try_from(unit.len()).unwrap().to_be_bytes()[4 - size..]);
                }
                data.extend(unit);
            }
            let mut framer = Framer::default();
            framer.state_length_size(if codes { 4 } else { size });
            prop_assert_eq!(split(&mut framer, &data), Some(units));
        }

        #[test]
        fn no_bytes_panic(data in proptest::collection::vec(0u8..4, 0..64)) {
            let _ = fresh(&data);
        }
    }
}
