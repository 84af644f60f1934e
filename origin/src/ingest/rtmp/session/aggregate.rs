//! Aggregate messages (RTMP 1.0 §7.1.6): several tags in one message, as FLV has them in a file.

use super::SessionError;
use crate::ingest::rtmp::chunk::Message;

/// Type, length, time, its upper byte, stream id.
const HEADER_BYTES: usize = 11;

/// The length of the tag again.
const TRAILER_BYTES: usize = 4;

/// Most tags in one message. The rest of a longer one is not read: it would make many events of few bytes.
const MAX_PARTS: usize = 1024;

/// The messages in `message`; their times are shifted so that the first one has the aggregate's.
pub(super) fn parts(message: &Message) -> impl Iterator<Item = Result<Message, SessionError>> {
    let mut at = 0;
    let mut first_ms = None;
    let tags = std::iter::from_fn(move || {
        let bytes = message.payload.get(at..).filter(|rest| !rest.is_empty())?;
        let part = (|| {
            let header = bytes.first_chunk::<HEADER_BYTES>()?;
            let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
            let timestamp_ms = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
            let start = at + HEADER_BYTES;
            let end = start + length;
            message.payload.get(start..end)?;
            let shift = message.timestamp_ms.wrapping_sub(*first_ms.get_or_insert(timestamp_ms));
            let part = Message {
                kind: header[0],
                timestamp_ms: timestamp_ms.wrapping_add(shift),
                stream_id: message.stream_id,
                payload: message.payload.slice(start..end),
            };
            Some((part, end + TRAILER_BYTES))
        })();
        Some(match part {
            Some((part, next)) => {
                at = next;
                Ok(part)
            }
            None => {
                let error = SessionError::Aggregate { at };
                at = message.payload.len();
                Err(error)
            }
        })
    });
    tags.take(MAX_PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken_apart_and_their_times_shifted() {
        let tag = |kind: u8, ms: u8, data: &[u8]| {
            let mut tag = vec![kind, 0, 0, u8::try_from(data.len()).unwrap(), 0, 0, ms, 0, 0, 0, 0];
            tag.extend(data);
            tag.extend([0, 0, 0, 0]);
            tag
        };
        let mut payload = [tag(8, 10, &[1]), tag(9, 33, &[2, 3])].concat();
        let message = |payload: Vec<u8>| Message {
            kind: 22,
            timestamp_ms: 1000,
            stream_id: 1,
            payload: payload.into(),
        };
        let whole = message(payload.clone());
        let read: Vec<_> = parts(&whole).map(Result::unwrap).collect();
        assert_eq!((read[0].kind, read[0].timestamp_ms, &read[0].payload[..]), (8, 1000, &[1][..]));
        assert_eq!((read[1].kind, read[1].timestamp_ms, &read[1].payload[..]), (9, 1023, &[2, 3][..]));
        payload.truncate(payload.len() - 5);
        let cut = message(payload);
        let read: Vec<_> = parts(&cut).collect();
        assert!(read.len() == 2 && read[1].is_err());
    }
}
