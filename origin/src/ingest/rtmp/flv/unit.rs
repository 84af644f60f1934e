//! The kinds of NAL units, in terms that H.264 and H.265 share.

use super::avc::Field;
use super::sets::SetKind;

/// A NAL unit's part in its access unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum UnitKind {
    /// A slice.
    Slice(SliceKind),
    /// A parameter set that can be read.
    Set(SetKind, u8),
    /// SEI with a recovery point: decoding may begin here, though the picture is no random access point.
    Recovery,
    /// Anything else that comes before the slices of its picture.
    Before,
    /// Units after them.
    After,
    /// A sequence parameter set that cannot be read: a decoder that can read it would obey it, unchecked.
    Unreadable,
    /// Delimiters and filler, of which nobody needs a copy.
    Padding,
}

/// The facts about a slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SliceKind {
    /// Of an IDR picture, or H.265's other random access points.
    pub(super) random_access: bool,
    /// True if it begins its picture. Assumed where the header cannot be read.
    pub(super) first: bool,
    /// True if it is predicted from no other picture.
    pub(super) intra: bool,
    /// The picture parameter set that it uses.
    pub(super) picture_set: Option<u8>,
    /// The field that it is of.
    pub(super) field: Option<Field>,
}

/// True if one of the messages of an SEI unit's payload is a recovery point, which has this type in both standards
/// (ISO/IEC 14496-10 §D.1, ISO/IEC 23008-2 §D.2.1).
pub(super) fn has_recovery_point(payload: &[u8]) -> bool {
    const RECOVERY_POINT: usize = 6;
    let mut rest = payload;
    // The trailing bits alone are no message.
    while rest.len() > 1 {
        let Some((kind, after)) = sum(rest) else { return false };
        let Some((size, after)) = sum(after) else { return false };
        if kind == RECOVERY_POINT {
            return true;
        }
        let Some(after) = after.get(size..) else { return false };
        rest = after;
    }
    false
}

/// A number written as bytes of 255 and a last one.
fn sum(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let full = bytes.iter().take_while(|byte| **byte == 0xff).count();
    let last = *bytes.get(full)?;
    Some((full * 255 + usize::from(last), &bytes[full + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_point_is_found_behind_other_messages() {
        assert!(has_recovery_point(&[6, 1, 0xc4, 0x80]));
        assert!(has_recovery_point(&[1, 2, 6, 6, 6, 1, 0xc4, 0x80]));
        assert!(!has_recovery_point(&[1, 2, 6, 6, 0x80]));
        assert!(!has_recovery_point(&[0xff, 6, 0xff]));
        assert!(!has_recovery_point(&[]));
    }
}
