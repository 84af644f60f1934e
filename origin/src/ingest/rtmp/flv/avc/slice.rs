//! The beginning of H.264 slice headers (ISO/IEC 14496-10 §7.3.3): to which picture a slice belongs.

use super::sps::Sequence;
use crate::ingest::rtmp::flv::bits::{Bits, unescape};

/// Bytes of a slice that its header's beginning fits into.
const HEADER_BYTES: usize = 32;

/// The half of a frame that a field is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::ingest::rtmp::flv) struct Field {
    bottom: bool,
    frame_num: u32,
}

impl Field {
    /// True if both are of one frame.
    pub(in crate::ingest::rtmp::flv) fn completes(self, first: Self) -> bool {
        self.bottom != first.bottom && self.frame_num == first.frame_num
    }
}

/// The contents of a slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::ingest::rtmp::flv) struct Slice {
    /// True if it begins at the picture's first macroblock.
    pub(in crate::ingest::rtmp::flv) first: bool,
    /// True if it is predicted from no other picture.
    pub(in crate::ingest::rtmp::flv) intra: bool,
    /// The picture parameter set that it uses.
    pub(in crate::ingest::rtmp::flv) picture_set: u8,
}

/// Reads the beginning that needs no parameter set.
pub(in crate::ingest::rtmp::flv) fn slice(unit: &[u8]) -> Option<Slice> {
    let payload = unescape(unit.get(1..)?, HEADER_BYTES);
    let mut bits = Bits::new(&payload);
    let first = bits.ue()? == 0;
    let kind = bits.ue().filter(|kind| *kind <= 9)?;
    let picture_set = u8::try_from(bits.ue()?).ok()?;
    // I and SI, and the values that say the same of all slices of the picture (table 7-6).
    Some(Slice { first, intra: matches!(kind, 2 | 4 | 7 | 9), picture_set })
}

/// The field that a slice is of; `None` for a slice of a frame, and where the header cannot be read.
pub(in crate::ingest::rtmp::flv) fn field(unit: &[u8], sequence: &Sequence) -> Option<Field> {
    if sequence.frames_only {
        return None;
    }
    let payload = unescape(unit.get(1..)?, HEADER_BYTES);
    let mut bits = Bits::new(&payload);
    bits.skip_ue(3)?;
    if sequence.separate_planes {
        bits.skip(2)?;
    }
    let frame_num = bits.take(sequence.frame_num_bits)?;
    if !bits.bit()? {
        return None;
    }
    Some(Field { bottom: bits.bit()?, frame_num })
}
