//! Messages in a TCP stream, each behind its length (RFC 1035 §4.2.2), however the bytes are split. Sans-IO.

use crate::query::HEADER_LEN;

/// Largest query, in bytes: one question and some options; 65,535 are never needed.
pub(crate) const MAX_QUERY: usize = 4096;
/// Bytes of a length.
const PREFIX_LEN: usize = 2;
/// Most bytes that wait here: a whole message, so that each call of [`Frames::space`] has room.
const CAPACITY: usize = PREFIX_LEN + MAX_QUERY;

/// A length that no query has: what follows cannot be read either.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct WrongLength;

/// Bytes that came and were not taken yet.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: Box<[u8]>,
    /// Bytes from here on wait.
    begin: usize,
    /// Bytes before here have come.
    end: usize,
}

impl Frames {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; CAPACITY].into_boxed_slice(), begin: 0, end: 0 }
    }

    /// Room for what comes; never empty after [`Self::next`] gave nothing.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.buffer.copy_within(self.begin..self.end, 0);
        (self.begin, self.end) = (0, self.end - self.begin);
        &mut self.buffer[self.end..]
    }

    /// As many bytes have come into the room.
    pub(crate) fn came(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// True if a message has begun and is not whole.
    pub(crate) fn is_within(&self) -> bool {
        self.begin < self.end
    }

    /// The next message that is whole.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, WrongLength> {
        let waiting = &self.buffer[self.begin..self.end];
        let Some((prefix, rest)) = waiting.split_at_checked(PREFIX_LEN) else { return Ok(None) };
        let len = usize::from(u16::from_be_bytes([prefix[0], prefix[1]]));
        if !(HEADER_LEN..=MAX_QUERY).contains(&len) {
            return Err(WrongLength);
        }
        let message = rest.get(..len);
        if message.is_some() {
            self.begin += PREFIX_LEN + len;
        }
        Ok(message)
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
