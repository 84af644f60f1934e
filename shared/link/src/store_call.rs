//! Calls of the store as bytes: a [`Request`](farcast_store::wire::Request) up to the end of its stream
//! ([`Call::Store`](crate::Call::Store)), and a [`Reply`](farcast_store::wire::Reply) up to its end, both postcard.

use bytes::Bytes;
use farcast_store::limits::MAX_BATCH_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::frame::{self, FrameError};

/// Longest message: a batch of the largest size, in whose count each item has more bytes than its framing takes.
pub const MAX_MESSAGE_BYTES: usize = MAX_BATCH_BYTES + 1024;

/// A message.
///
/// # Errors
/// [`FrameError::TooLong`] beyond [`MAX_MESSAGE_BYTES`].
pub fn encode<T: Serialize>(message: &T) -> Result<Bytes, FrameError> {
    let bytes = postcard::to_allocvec(message).map_err(|_| FrameError::Malformed { len: 0 })?;
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(FrameError::TooLong { len: bytes.len(), limit: MAX_MESSAGE_BYTES });
    }
    Ok(bytes.into())
}

/// A message of bytes.
///
/// # Errors
/// [`FrameError::Malformed`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    frame::decode(bytes)
}

#[cfg(test)]
mod tests {
    use farcast_store::limits::MAX_VALUE_BYTES;
    use farcast_store::wire::Request;
    use farcast_store::{Batch, Operation, Tuple};

    use super::*;

    #[test]
    fn the_largest_batch_fits_a_message() {
        let value = Bytes::from(vec![7; MAX_VALUE_BYTES]);
        let mut batch = Batch::new();
        for index in 0..99_u64 {
            batch = batch.set(Tuple::new().uint(index).key(), value.clone());
        }
        let one = Operation::Add(Tuple::new().text("a").key(), i64::MIN);
        while farcast_store::check_batch(&batch).is_ok() {
            batch = batch.then(one.clone());
        }
        assert!(encode(&Request::Commit(batch)).is_ok());
    }
}
