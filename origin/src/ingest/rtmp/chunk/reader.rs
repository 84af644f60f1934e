//! Puts messages together from chunks.

use std::collections::HashMap;

use bytes::Bytes;

use super::{INITIAL_CHUNK_BYTES, MAX_BUFFERED_BYTES, MAX_CHUNK_STREAMS, MAX_MESSAGE_BYTES, Message, kind};

/// Longest header: three bytes of chunk stream id, eleven of message header, four of extended timestamp.
const MAX_HEADER_BYTES: usize = 18;

/// Value of the timestamp field that announces an extended timestamp (§5.3.1.3).
const EXTENDED: u32 = 0x00ff_ffff;

/// The chunk stream of protocol control messages (§5.4).
const CONTROL_STREAM: u32 = 2;

/// Bytes reserved for a message before it arrives: a length alone costs little. Less where all chunk streams
/// together may not hold so much.
const RESERVE_BYTES: usize = 64 * 1024;

/// The fault in a chunk. All of them end the connection: chunks cannot be found again after one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChunkError {
    /// A compressed header on a chunk stream that has not had a full one (§5.3.1.2).
    #[error("chunk of type {format} on new chunk stream {csid} at byte {offset}")]
    UnknownStream {
        /// Chunk stream.
        csid: u32,
        /// Chunk type, 1 to 3.
        format: u8,
        /// Offset of the chunk in the stream of chunks.
        offset: u64,
    },
    /// More than [`MAX_CHUNK_STREAMS`].
    #[error("more than {MAX_CHUNK_STREAMS} chunk streams at byte {offset}")]
    TooManyStreams {
        /// Offset of the chunk in the stream of chunks.
        offset: u64,
    },
    /// More than [`MAX_MESSAGE_BYTES`], or than a [`Reader::limited`] takes.
    #[error("message of type {kind} and {length} bytes at byte {offset}")]
    MessageTooLong {
        /// Message type.
        kind: u8,
        /// Announced length.
        length: usize,
        /// Offset of the chunk in the stream of chunks.
        offset: u64,
    },
    /// More than [`MAX_BUFFERED_BYTES`] of unfinished messages, or than a [`Reader::limited`] takes.
    #[error("too many bytes of unfinished messages at byte {offset}")]
    TooMuchBuffered {
        /// Offset of the chunk in the stream of chunks.
        offset: u64,
    },
    /// The header of another message inside an unfinished one of the same chunk stream.
    #[error("header of a new message inside another on chunk stream {csid} at byte {offset}")]
    HeaderInsideMessage {
        /// Chunk stream.
        csid: u32,
        /// Offset of the chunk in the stream of chunks.
        offset: u64,
    },
    /// A protocol control message of the wrong size or value (§5.4).
    #[error("malformed control message of type {kind} before byte {offset}")]
    Control {
        /// Message type.
        kind: u8,
        /// Offset after the message in the stream of chunks.
        offset: u64,
    },
}

/// True if this peer repeats the extended timestamp in chunks of type 3. §5.3.1.3 says it does;
/// some encoders do not, and nothing in the chunk tells, so the first such chunk is looked at: a
/// peer that repeats it starts the chunk with exactly the value of the message's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Repeats {
    Unknown,
    Yes,
    No,
}

/// State of one chunk stream: the last header, and the message that it is in.
#[derive(Debug, Default)]
struct Stream {
    timestamp_ms: u32,
    /// The timestamp field as it was: the delta of following messages, an absolute time after type 0 too
    /// (§5.3.1.2.4).
    field: u32,
    extended: bool,
    length: usize,
    kind: u8,
    stream_id: u32,
    /// Content so far; `None` between messages.
    partial: Option<Vec<u8>>,
}

#[derive(Debug)]
enum State {
    /// In a chunk's header.
    Header,
    /// In a chunk's data: its stream, and how many bytes of the chunk are still to come.
    Data { csid: u32, left: usize },
}

/// Reads chunks, in pieces of any size.
#[derive(Debug)]
pub struct Reader {
    streams: HashMap<u32, Stream>,
    state: State,
    header: [u8; MAX_HEADER_BYTES],
    header_len: usize,
    /// Bytes that were taken for a repeated extended timestamp before the fourth showed that they are
    /// data; at most three. They come before the next input.
    carried: Vec<u8>,
    chunk_bytes: usize,
    buffered: usize,
    max_message: usize,
    max_buffered: usize,
    repeats: Repeats,
    offset: u64,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            streams: HashMap::new(),
            state: State::Header,
            header: [0; MAX_HEADER_BYTES],
            header_len: 0,
            carried: Vec::new(),
            chunk_bytes: INITIAL_CHUNK_BYTES,
            buffered: 0,
            max_message: MAX_MESSAGE_BYTES,
            max_buffered: MAX_BUFFERED_BYTES,
            repeats: Repeats::Unknown,
            offset: 0,
        }
    }
}

/// A parsed header: its length, and its fields.
struct Header {
    bytes: usize,
    csid: u32,
    format: u8,
    field: u32,
    extended: bool,
    length: usize,
    kind: u8,
    stream_id: u32,
}

impl Reader {
    /// A reader that holds no more than so many bytes, of one message or of several, until [`Reader::allow_all`].
    #[must_use]
    pub fn limited(bytes: usize) -> Self {
        Self { max_message: bytes, max_buffered: bytes, ..Self::default() }
    }

    /// From now on messages may be as long as any.
    pub fn allow_all(&mut self) {
        (self.max_message, self.max_buffered) = (MAX_MESSAGE_BYTES, MAX_BUFFERED_BYTES);
    }

    /// Consumes `input` up to the end of the next message, which it returns, or all of it. Set Chunk
    /// Size and Abort take effect here and are not returned.
    ///
    /// # Errors
    /// [`ChunkError`]; the reader is of no use afterwards.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ChunkError> {
        loop {
            let message = if !self.carried.is_empty() {
                let carried = std::mem::take(&mut self.carried);
                let mut piece = &carried[..];
                let message = self.step(&mut piece)?;
                self.carried.extend_from_slice(piece);
                message
            } else if !input.is_empty() {
                self.step(input)?
            } else {
                return Ok(None);
            };
            if message.is_some() {
                return Ok(message);
            }
        }
    }

    /// Consumes some of `input`, which is not empty.
    fn step(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ChunkError> {
        match self.state {
            State::Header => self.read_header(input)?,
            State::Data { csid, left } => {
                if let Some(message) = self.read_data(csid, left, input)
                    && !self.control(&message)?
                {
                    return Ok(Some(message));
                }
            }
        }
        Ok(None)
    }

    fn read_header(&mut self, input: &mut &[u8]) -> Result<(), ChunkError> {
        // Take bytes that may belong to data; those are given back below.
        let had = self.header_len;
        let fresh = input.len().min(MAX_HEADER_BYTES - had);
        self.header[had..had + fresh].copy_from_slice(&input[..fresh]);
        let Some(header) = self.parse(had + fresh)? else {
            self.header_len += fresh;
            self.offset += fresh as u64;
            *input = &input[fresh..];
            return Ok(());
        };
        if let Some(surplus) = self.header.get(header.bytes..had) {
            self.carried.extend_from_slice(surplus);
            self.offset -= surplus.len() as u64;
        }
        let used = header.bytes.saturating_sub(had);
        self.offset += used as u64;
        *input = &input[used..];
        self.header_len = 0;
        self.begin_chunk(&header)
    }

    /// The header in the first `have` bytes of the buffer, or `None` if more are needed.
    fn parse(&mut self, have: usize) -> Result<Option<Header>, ChunkError> {
        let bytes = &self.header[..have];
        let Some(&first) = bytes.first() else { return Ok(None) };
        let format = first >> 6;
        let (csid, mut at) = match (first & 0x3f, bytes) {
            (0, [_, low, ..]) => (64 + u32::from(*low), 2),
            (1, [_, low, high, ..]) => (64 + u32::from(*low) + 256 * u32::from(*high), 3),
            (0 | 1, _) => return Ok(None),
            (csid, _) => (u32::from(csid), 1),
        };
        let known = self.streams.get(&csid);
        // librtmp answers a ping with type 1 on a fresh control stream, whose stream id is 0 anyway.
        let bare_control = format == 1 && csid == CONTROL_STREAM;
        if known.is_none() && format != 0 && !bare_control {
            return Err(ChunkError::UnknownStream { csid, format, offset: self.offset });
        }
        let size = [11, 7, 3, 0][usize::from(format)];
        let Some(fields) = bytes.get(at..at + size) else { return Ok(None) };
        at += size;
        let u24 = |i: usize| u32::from_be_bytes([0, fields[i], fields[i + 1], fields[i + 2]]);
        let previous = known.map(|s| (s.field, s.extended, s.length, s.kind, s.stream_id));
        let (mut field, mut extended, mut length, mut kind, mut stream_id) = previous.unwrap_or_default();
        if format <= 2 {
            field = u24(0);
            extended = field == EXTENDED;
        }
        if format <= 1 {
            length = u24(3) as usize;
            kind = fields[6];
        }
        if format == 0 {
            stream_id = u32::from_le_bytes([fields[7], fields[8], fields[9], fields[10]]);
        }
        if extended && format <= 2 {
            let Some(value) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else { return Ok(None) };
            field = u32::from_be_bytes(*value);
            at += 4;
        } else if extended && self.repeats != Repeats::No {
            let Some(value) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else { return Ok(None) };
            let value = u32::from_be_bytes(*value);
            let absolute = known.map(|s| s.timestamp_ms);
            if self.repeats == Repeats::Yes || value == field || Some(value) == absolute {
                self.repeats = Repeats::Yes;
                at += 4;
            } else {
                self.repeats = Repeats::No;
            }
        }
        Ok(Some(Header { bytes: at, csid, format, field, extended, length, kind, stream_id }))
    }

    fn begin_chunk(&mut self, header: &Header) -> Result<(), ChunkError> {
        let &Header { csid, format, field, extended, length, kind, stream_id, .. } = header;
        let offset = self.offset;
        if !self.streams.contains_key(&csid) && self.streams.len() >= MAX_CHUNK_STREAMS {
            return Err(ChunkError::TooManyStreams { offset });
        }
        if length > self.max_message {
            return Err(ChunkError::MessageTooLong { kind, length, offset });
        }
        let reserve = RESERVE_BYTES.min(self.max_message / MAX_CHUNK_STREAMS);
        let stream = self.streams.entry(csid).or_default();
        if stream.partial.is_some() {
            // Type 3 goes on. A repeated header of the same message does too: peers that never compress
            // headers send it so, and FFmpeg reads it so.
            if format != 3 && (length, kind) != (stream.length, stream.kind) {
                return Err(ChunkError::HeaderInsideMessage { csid, offset });
            }
        } else {
            let base = if format == 0 { 0 } else { stream.timestamp_ms };
            *stream = Stream {
                timestamp_ms: base.wrapping_add(field),
                field,
                extended,
                length,
                kind,
                stream_id,
                partial: Some(Vec::with_capacity(length.min(reserve))),
            };
        }
        let so_far = stream.partial.as_ref().map_or(0, Vec::len);
        let left = stream.length.saturating_sub(so_far).min(self.chunk_bytes);
        if self.buffered + left > self.max_buffered {
            return Err(ChunkError::TooMuchBuffered { offset });
        }
        if left == 0 {
            // An empty message says nothing; no message type has a meaning for it.
            stream.partial = None;
            self.state = State::Header;
        } else {
            self.state = State::Data { csid, left };
        }
        Ok(())
    }

    fn read_data(&mut self, csid: u32, left: usize, input: &mut &[u8]) -> Option<Message> {
        let (data, rest) = input.split_at(left.min(input.len()));
        *input = rest;
        self.offset += data.len() as u64;
        self.state = match left - data.len() {
            0 => State::Header,
            left => State::Data { csid, left },
        };
        let stream = self.streams.get_mut(&csid)?;
        let partial = stream.partial.as_mut()?;
        partial.extend_from_slice(data);
        self.buffered += data.len();
        if partial.len() < stream.length {
            return None;
        }
        let payload = stream.partial.take()?;
        self.buffered = self.buffered.saturating_sub(payload.len());
        Some(Message {
            kind: stream.kind,
            timestamp_ms: stream.timestamp_ms,
            stream_id: stream.stream_id,
            payload: Bytes::from(payload),
        })
    }

    /// Obeys the two messages that concern this reader; says whether `message` was one.
    fn control(&mut self, message: &Message) -> Result<bool, ChunkError> {
        if !matches!(message.kind, kind::SET_CHUNK_SIZE | kind::ABORT) {
            return Ok(false);
        }
        let malformed = ChunkError::Control { kind: message.kind, offset: self.offset };
        let value = message.payload.first_chunk().copied().map(u32::from_be_bytes).ok_or(malformed)?;
        if message.kind == kind::ABORT {
            if let Some(stream) = self.streams.get_mut(&value) {
                let dropped = stream.partial.take().map_or(0, |partial| partial.len());
                self.buffered = self.buffered.saturating_sub(dropped);
            }
        } else {
            // Bit 31 must be zero, and so must the size not be (§5.4.1). A chunk is never longer than
            // its message, so large values need no limit of their own.
            if value == 0 || value > 0x7fff_ffff {
                return Err(malformed);
            }
            self.chunk_bytes = value as usize;
        }
        Ok(true)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
