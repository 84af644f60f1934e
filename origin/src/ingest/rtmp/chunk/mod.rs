//! RTMP chunks (RTMP 1.0 §5.3): how messages are cut up and interleaved on the connection.
//!
//! [`Reader`] puts messages together, with a buffer per chunk stream and limits on all that a peer
//! can make it keep; [`write`](fn@write) cuts the few messages that this server sends. Both are plain
//! functions of bytes. The session ([`super::session`]) gives the messages their meaning.

mod reader;
mod writer;

use bytes::Bytes;

pub use reader::{ChunkError, Reader};
pub use writer::write;

/// Largest message that is accepted. A key frame of a 4K stream at 100 Mbit/s is below 4 MiB.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// Most chunk streams of one connection. Encoders use two to eight; each costs about 100 bytes.
pub const MAX_CHUNK_STREAMS: usize = 64;

/// Most bytes of unfinished messages on one connection: one of the largest video messages
/// interleaved with ordinary ones.
pub const MAX_BUFFERED_BYTES: usize = 12 * 1024 * 1024;

/// Chunk size of either direction until Set Chunk Size (§5.4.1).
pub const INITIAL_CHUNK_BYTES: usize = 128;

/// Message types (§5.4, §7.1).
pub mod kind {
    /// Set Chunk Size (§5.4.1).
    pub const SET_CHUNK_SIZE: u8 = 1;
    /// Abort Message (§5.4.2).
    pub const ABORT: u8 = 2;
    /// Acknowledgement (§5.4.3).
    pub const ACKNOWLEDGEMENT: u8 = 3;
    /// User Control (§6.2).
    pub const USER_CONTROL: u8 = 4;
    /// Window Acknowledgement Size (§5.4.4).
    pub const WINDOW_ACK_SIZE: u8 = 5;
    /// Set Peer Bandwidth (§5.4.5).
    pub const SET_PEER_BANDWIDTH: u8 = 6;
    /// Audio (§7.1.4).
    pub const AUDIO: u8 = 8;
    /// Video (§7.1.5).
    pub const VIDEO: u8 = 9;
    /// Data, AMF3 (§7.1.2).
    pub const DATA_AMF3: u8 = 15;
    /// Command, AMF3 (§7.1.1).
    pub const COMMAND_AMF3: u8 = 17;
    /// Data, AMF0 (§7.1.2).
    pub const DATA: u8 = 18;
    /// Command, AMF0 (§7.1.1).
    pub const COMMAND: u8 = 20;
    /// Aggregate (§7.1.6).
    pub const AGGREGATE: u8 = 22;
}

/// A whole message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Message type id, one of [`kind`].
    pub kind: u8,
    /// Milliseconds, modulo 2³².
    pub timestamp_ms: u32,
    /// Message stream that it belongs to; 0 is the connection itself.
    pub stream_id: u32,
    /// Content.
    pub payload: Bytes,
}
