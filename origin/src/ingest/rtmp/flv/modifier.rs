//! The common parts of audio and video tags: modifiers of Enhanced RTMP v2, and splitting without a panic.

use bytes::{Buf, Bytes};

/// Skips a modifier (Enhanced RTMP v2, `ModEx`): the sub-millisecond part of a time is all that is
/// defined, and no timeline here needs it. Returns the packet type that follows.
pub(super) fn skip_modifier(rest: &mut Bytes) -> Option<u8> {
    let mut size = usize::from(rest.try_get_u8().ok()?) + 1;
    if size == 256 {
        size = usize::from(rest.try_get_u16().ok()?) + 1;
    }
    rest.split_to_checked(size)?;
    Some(rest.try_get_u8().ok()? & 0x0f)
}

/// `Bytes::split_to` that does not panic.
pub(super) trait SplitChecked: Sized {
    /// The first `count` bytes, or `None` if there are fewer.
    fn split_to_checked(&mut self, count: usize) -> Option<Self>;
}

impl SplitChecked for Bytes {
    fn split_to_checked(&mut self, count: usize) -> Option<Self> {
        (count <= self.len()).then(|| self.split_to(count))
    }
}
