//! Cuts messages into chunks.
//!
//! Every message starts with a full header and goes on with one-byte ones. Header compression would save
//! a few bytes of the dozen messages that a publisher is sent, and `rml_rtmp`'s serialiser, asked for full
//! headers, repeats them inside a message, which peers take for a new message.

use super::Message;

/// Most that fits the 24-bit timestamp field before the extended timestamp is used (§5.3.1.3).
const EXTENDED: u32 = 0x00ff_ffff;

/// Appends `message` to `out` in chunks of at most `chunk_bytes` on chunk stream `csid`, which is
/// 2 to 63: the one-byte form (§5.3.1.1).
pub fn write(message: &Message, csid: u8, chunk_bytes: usize, out: &mut Vec<u8>) {
    debug_assert!((2..64).contains(&csid), "only one-byte chunk stream ids are written");
    let csid = csid & 0x3f;
    let extended = (message.timestamp_ms >= EXTENDED).then_some(message.timestamp_ms);
    let length = u32::try_from(message.payload.len()).unwrap_or(u32::MAX);
    debug_assert!(length <= EXTENDED, "a message length has 24 bits");
    out.push(csid);
    out.extend(&message.timestamp_ms.min(EXTENDED).to_be_bytes()[1..]);
    out.extend(&length.to_be_bytes()[1..]);
    out.push(message.kind);
    out.extend(message.stream_id.to_le_bytes());
    for (index, piece) in message.payload.chunks(chunk_bytes.max(1)).enumerate() {
        if index > 0 {
            out.push(0xc0 | csid);
        }
        if let Some(timestamp) = extended {
            out.extend(timestamp.to_be_bytes());
        }
        out.extend(piece);
    }
}
