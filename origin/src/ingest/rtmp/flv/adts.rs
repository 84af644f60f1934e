//! AAC frames in ADTS (ISO/IEC 14496-3 annex 1.A.2), which FLV does not want and encoders send all the same.
//!
//! A raw frame never begins with ADTS's twelve ones: they would be the element that ends a frame.

use std::ops::Range;

use super::aac;

/// Shortest header; with a checksum it has two bytes more.
const HEADER_BYTES: usize = 7;

/// Most frames of one tag: RTMP's encoders send one or a few.
const MAX_FRAMES: usize = 32;

/// The contents of an ADTS header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) object_type: u8,
    pub(super) rate_hz: u32,
    /// 0 where a program config element says it.
    pub(super) channel_config: u8,
    /// The place of the raw frame.
    payload: (usize, usize),
}

impl Header {
    /// The header at the beginning of `data`.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let &[a, b, c, d, e, f, g, ..] = data else { return None };
        // Sync word, and layer 0.
        if a != 0xff || b & 0xf6 != 0xf0 {
            return None;
        }
        let header = if b & 1 == 0 { HEADER_BYTES + 2 } else { HEADER_BYTES };
        let length = usize::from(d & 3) << 11 | usize::from(e) << 3 | usize::from(f >> 5);
        // More than one raw frame behind one header is something that nobody sends.
        if length < header || g & 3 != 0 {
            return None;
        }
        Some(Self {
            object_type: (c >> 6) + 1,
            rate_hz: aac::rate_of(c >> 2 & 0x0f)?,
            channel_config: (c & 1) << 2 | d >> 6,
            payload: (header, length),
        })
    }

    /// True if both say the same of the sound.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let format = |header: &Self| (header.object_type, header.rate_hz, header.channel_config);
        format(self) == format(other)
    }
}

/// The raw frames in `data`, if it is ADTS to its last byte.
pub(super) fn frames(data: &[u8]) -> Option<Vec<(Header, Range<usize>)>> {
    let mut frames = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let header = Header::read(&data[at..])?;
        let (from, to) = (at + header.payload.0, at + header.payload.1);
        if to > data.len() || frames.len() >= MAX_FRAMES {
            return None;
        }
        if from < to {
            frames.push((header, from..to));
        }
        at = to;
    }
    (!frames.is_empty()).then_some(frames)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame of low complexity in ADTS.
    pub(in super::super) fn wrapped(rate_index: u8, channels: u8, raw: &[u8], checksum: bool) -> Vec<u8> {
        let length = raw.len() + if checksum { 9 } else { 7 };
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        let mut out = vec![
            0xff,
            if checksum { 0xf0 } else { 0xf1 },
            1 << 6 | rate_index << 2 | channels >> 2,
            channels << 6 | high >> 3,
            high << 5 | low >> 3,
            low << 5 | 0x1f,
            0xfc,
        ];
        out.extend(if checksum { &[0xab, 0xcd][..] } else { &[] });
        out.extend(raw);
        out
    }

    #[test]
    fn one_and_several_frames_are_unwrapped_with_and_without_checksum() {
        let (one, two) = (wrapped(3, 2, &[0x21, 7, 8], false), wrapped(3, 2, &[0x21, 9], true));
        let both = [one.clone(), two].concat();
        let found: Vec<Vec<u8>> =
            frames(&both).unwrap().into_iter().map(|(_, range)| both[range].to_vec()).collect();
        assert_eq!(found, [vec![0x21, 7, 8], vec![0x21, 9]]);
        let header = Header::read(&one).unwrap();
        assert_eq!((header.object_type, header.rate_hz, header.channel_config), (2, 48_000, 2));
    }

    #[test]
    fn what_does_not_fit_to_the_last_byte_is_no_adts() {
        let whole = wrapped(4, 1, &[1; 20], false);
        assert!(frames(&whole[..whole.len() - 1]).is_none());
        assert!(frames(&[&whole[..], &[0xff]].concat()).is_none());
        assert!(frames(&[0x21, 0x10, 5]).is_none() && frames(&[]).is_none());
        assert!(frames(&wrapped(14, 2, &[1], false)).is_none(), "a rate that does not exist");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut data in proptest::collection::vec(any::<u8>(), 0..64), adts: bool) {
            if adts && data.len() > 1 {
                (data[0], data[1]) = (0xff, 0xf1);
            }
            for (_, range) in frames(&data).unwrap_or_default() {
                prop_assert!(range.end <= data.len());
            }
        }
    }
}
