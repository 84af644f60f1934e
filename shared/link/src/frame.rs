//! Framing of messages: a 32-bit big-endian length, then that many bytes of postcard.

use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest message in bytes. The largest is a batch of segment metadata or an initialisation
/// section, both some kilobytes; this leaves room and still bounds what a peer can make us hold.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;

/// Bytes of the length prefix.
pub(super) const PREFIX_BYTES: usize = 4;

/// The faults of a frame.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length prefix is over the limit.
    #[error("a message of {len} bytes exceeds the limit of {limit}")]
    TooLong {
        /// The length that was announced, or that was to be sent.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// The bytes are no message of the expected kind.
    #[error("a message of {len} bytes does not parse")]
    Malformed {
        /// Its length in bytes.
        len: usize,
    },
    /// A field is outside of its bounds.
    #[error("field {0} is out of bounds")]
    OutOfBounds(&'static str),
}

/// A message with its length prefix.
///
/// # Errors
/// [`FrameError::TooLong`] when it exceeds [`MAX_FRAME_BYTES`].
pub fn encode<T: Serialize>(message: &T) -> Result<Bytes, FrameError> {
    let mut out = Vec::with_capacity(64);
    encode_into(message, &mut out)?;
    Ok(Bytes::from(out))
}

/// Appends a message with its length prefix; on error `out` is as before.
///
/// # Errors
/// [`FrameError::TooLong`] when it exceeds [`MAX_FRAME_BYTES`].
pub fn encode_into<T: Serialize>(message: &T, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let body = postcard::to_allocvec(message).map_err(|_| FrameError::Malformed { len: 0 })?;
    let too_long = FrameError::TooLong { len: body.len(), limit: MAX_FRAME_BYTES };
    if body.len() > MAX_FRAME_BYTES {
        return Err(too_long);
    }
    let len = u32::try_from(body.len()).map_err(|_| too_long)?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&body);
    Ok(())
}

/// A message from the content of a frame; bytes behind it are an error.
///
/// # Errors
/// [`FrameError::Malformed`].
pub fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(frame) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Malformed { len: frame.len() }),
    }
}

/// Takes the next frame's content off the front of `buffer`, if all of it is there.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
    let Some((prefix, rest)) = buffer.split_first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
    let len = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
    if len > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong { len, limit: MAX_FRAME_BYTES });
    }
    if rest.len() < len {
        return Ok(None);
    }
    buffer.advance(PREFIX_BYTES);
    Ok(Some(buffer.split_to(len).freeze()))
}

/// Cuts a byte stream into messages. Holds at most one incomplete frame beyond the bytes of the last call.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
}

impl Frames {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of the stream. Call [`Self::next_frame`] or [`Self::next_message`] until they give
    /// `None` before feeding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Content of the next complete frame.
    ///
    /// # Errors
    /// [`FrameError::TooLong`]; the stream is lost then.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        take(&mut self.buffer)
    }

    /// The next complete message.
    ///
    /// # Errors
    /// Any [`FrameError`]; the stream is lost then.
    pub fn next_message<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        self.next_frame()?.map(|frame| decode(&frame)).transpose()
    }

    /// The bytes that were fed and are in no frame yet: a fetch's body begins with them.
    #[must_use]
    pub fn into_rest(self) -> BytesMut {
        self.buffer
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_split_of_the_stream_gives_the_same_messages(
            messages in prop::collection::vec(".{0,40}", 0..8),
            cuts in prop::collection::vec(1_usize..9, 1..20),
        ) {
            let mut stream = Vec::new();
            for message in &messages {
                encode_into(message, &mut stream).unwrap();
            }
            let (mut frames, mut got, mut cuts) = (Frames::new(), Vec::<String>::new(), cuts.iter().cycle());
            let mut rest = stream.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                frames.feed(now);
                while let Some(message) = frames.next_message().unwrap() {
                    got.push(message);
                }
                rest = later;
            }
            prop_assert_eq!(got, messages);
            prop_assert!(frames.into_rest().is_empty());
        }
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_its_bytes_arrive() {
        let mut frames = Frames::new();
        frames.feed(&u32::MAX.to_be_bytes());
        assert!(matches!(frames.next_frame(), Err(FrameError::TooLong { .. })));
        assert!(encode(&vec![0_u8; MAX_FRAME_BYTES + 1]).is_err());
    }

    #[test]
    fn bytes_behind_a_message_are_refused() {
        assert_eq!(decode::<u8>(&[1, 2]), Err(FrameError::Malformed { len: 2 }));
    }
}
