//! WebSocket frames (RFC 6455 §5) as a server reads and writes them, without a socket.
//!
//! Own code, since it is the chat's hot path: a message is framed once and the same bytes go to every connection, and an
//! idle connection has no buffer at all. Extensions are never negotiated.
//!
//! Invariants: no input reaches a panic; a message, whole or in fragments, never holds more than [`MAX_MESSAGE_BYTES`]; how
//! the bytes were split on the way does not matter.

use bytes::Bytes;

/// Longest message in bytes; a longer one ends the connection (Owncast's read limit).
pub const MAX_MESSAGE_BYTES: usize = 4096;

/// Longest payload of a control frame in bytes (RFC 6455 §5.5).
const MAX_CONTROL_BYTES: usize = 125;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
/// Bit of an opcode that says that its frame is a control frame.
const CONTROL: u8 = 0x8;

/// The reason why a connection is closed (RFC 6455 §7.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseCode {
    /// The connection is complete.
    Normal,
    /// This server goes away for good.
    GoingAway,
    /// The peer breaks the protocol.
    Protocol,
    /// The peer sends something that only the server may send: anything but text.
    Unsupported,
    /// Text is not UTF-8.
    NotText,
    /// The peer may not be here.
    Policy,
    /// A message is too long.
    TooLong,
    /// The server restarts: come back.
    Restart,
    /// The server cannot now: come back later.
    TryAgain,
}

impl CloseCode {
    /// Its number.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Protocol => 1002,
            Self::Unsupported => 1003,
            Self::NotText => 1007,
            Self::Policy => 1008,
            Self::TooLong => 1009,
            Self::Restart => 1012,
            Self::TryAgain => 1013,
        }
    }
}

/// A message or control frame that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// A whole message.
    Text(String),
    /// The peer wants to know whether this is alive; answer with [`pong`].
    Ping(Vec<u8>),
    /// The peer is alive.
    Pong,
    /// The peer is going, or its last word; close.
    Close,
}

/// The frame that is being read.
#[derive(Clone, Debug, Default)]
struct Head {
    opcode: u8,
    fin: bool,
    mask: [u8; 4],
    len: usize,
}

/// Reads what a client sends.
#[derive(Debug, Default)]
pub struct Reader {
    /// Bytes of a head that is not complete, at most 14.
    head: Vec<u8>,
    /// The frame whose payload comes.
    frame: Option<Head>,
    /// Payload of that frame.
    payload: Vec<u8>,
    /// Fragments of the message before it.
    message: Option<Vec<u8>>,
}

impl Reader {
    /// Takes the next bytes up to the end of a frame; returns the frame's content, if there is any, and the number of
    /// bytes taken.
    ///
    /// # Errors
    /// The code with which to close the connection.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(usize, Option<Incoming>), CloseCode> {
        let mut taken = 0;
        let frame = loop {
            if let Some(frame) = self.frame.take() {
                break frame;
            }
            let Some(&byte) = bytes.get(taken) else { return Ok((taken, None)) };
            taken += 1;
            self.head.push(byte);
            self.frame = self.parse_head()?;
        };
        let missing = frame.len - self.payload.len();
        let rest = &bytes[taken..];
        let now = &rest[..missing.min(rest.len())];
        self.payload.extend_from_slice(now);
        taken += now.len();
        if self.payload.len() < frame.len {
            self.frame = Some(frame);
            return Ok((taken, None));
        }
        let mut payload = std::mem::take(&mut self.payload);
        for (byte, mask) in payload.iter_mut().zip(frame.mask.iter().cycle()) {
            *byte ^= mask;
        }
        Ok((taken, self.finish(&frame, payload)?))
    }

    /// The head, once all its bytes are there.
    fn parse_head(&mut self) -> Result<Option<Head>, CloseCode> {
        let [first, second, rest @ ..] = &self.head[..] else { return Ok(None) };
        let (opcode, fin) = (first & 0xf, first & FIN != 0);
        if first & 0x70 != 0 || second & MASKED == 0 {
            return Err(CloseCode::Protocol);
        }
        let short = usize::from(second & 0x7f);
        let (len_bytes, mask_at) = match short {
            126 => (2, 2),
            127 => (8, 8),
            _ => (0, 0),
        };
        if opcode & CONTROL != 0 && (short > MAX_CONTROL_BYTES || !fin) {
            return Err(CloseCode::Protocol);
        }
        let Some(mask) = rest.get(mask_at..).and_then(|rest| rest.first_chunk::<4>()) else {
            return Ok(None);
        };
        let len = if len_bytes == 0 {
            short
        } else {
            let value = rest[..len_bytes].iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            usize::try_from(value).unwrap_or(usize::MAX)
        };
        let before = self.message.as_ref().map_or(0, Vec::len);
        if opcode & CONTROL == 0 && len > MAX_MESSAGE_BYTES - before.min(MAX_MESSAGE_BYTES) {
            return Err(CloseCode::TooLong);
        }
        let head = Head { opcode, fin, mask: *mask, len };
        self.head.clear();
        self.head.shrink_to(0);
        Ok(Some(head))
    }

    fn finish(&mut self, frame: &Head, payload: Vec<u8>) -> Result<Option<Incoming>, CloseCode> {
        let message = match (frame.opcode, self.message.take()) {
            (PING, message) => {
                self.message = message;
                return Ok(Some(Incoming::Ping(payload)));
            }
            (PONG, message) => {
                self.message = message;
                return Ok(Some(Incoming::Pong));
            }
            (CLOSE, _) => return Ok(Some(Incoming::Close)),
            (TEXT, None) => payload,
            (CONTINUATION, Some(mut message)) => {
                message.extend_from_slice(&payload);
                message
            }
            (BINARY, None) => return Err(CloseCode::Unsupported),
            _ => return Err(CloseCode::Protocol),
        };
        if !frame.fin {
            self.message = Some(message);
            return Ok(None);
        }
        let text = String::from_utf8(message).map_err(|_| CloseCode::NotText)?;
        Ok(Some(Incoming::Text(text)))
    }
}

/// Frames of text, one behind the other, for as many connections as there are.
#[must_use]
pub fn texts<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let mut out = Vec::new();
    payloads.for_each(|payload| put(&mut out, TEXT, payload));
    out.into()
}

/// A frame of text.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    texts(std::iter::once(payload))
}

/// Asks whether the peer is alive.
#[must_use]
pub fn ping() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// Answers a ping with its payload.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    let mut out = Vec::new();
    put(&mut out, PONG, &payload[..payload.len().min(MAX_CONTROL_BYTES)]);
    out.into()
}

/// Closes.
#[must_use]
pub fn close(code: CloseCode) -> Bytes {
    let mut out = Vec::new();
    put(&mut out, CLOSE, &code.code().to_be_bytes());
    out.into()
}

fn put(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(FIN | opcode);
    match payload.len() {
        len @ 0..=125 => out.push(len as u8),
        len => match u16::try_from(len) {
            Ok(len) => {
                out.push(126);
                out.extend_from_slice(&len.to_be_bytes());
            }
            Err(_) => {
                out.push(127);
                out.extend_from_slice(&(len as u64).to_be_bytes());
            }
        },
    }
    out.extend_from_slice(payload);
}

/// Feeds hostile bytes to the reader, whole and in pieces of as many bytes as the first says, which must not matter;
/// returns the events.
#[must_use]
pub fn fuzz(data: &[u8]) -> Vec<Incoming> {
    let Some((&step, data)) = data.split_first() else { return Vec::new() };
    let read = |step: usize| {
        let (mut reader, mut came) = (Reader::default(), Vec::new());
        for mut piece in data.chunks(step) {
            while !piece.is_empty() {
                let Ok((taken, incoming)) = reader.read(piece) else { return came };
                came.extend(incoming);
                piece = &piece[taken..];
            }
        }
        came
    };
    let whole = read(data.len().max(1));
    assert_eq!(whole, read(usize::from(step).max(1)), "how bytes are split does not matter");
    whole
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as clients send it.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        put(&mut frame, 0, payload);
        frame[0] = first;
        frame[1] |= MASKED;
        let head = frame.len() - payload.len();
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let sent: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        frame.truncate(head);
        [&frame[..], &mask, &sent].concat()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Incoming>, CloseCode> {
        let (mut reader, mut bytes, mut all) = (Reader::default(), bytes, Vec::new());
        while !bytes.is_empty() {
            let (taken, incoming) = reader.read(bytes)?;
            all.extend(incoming);
            bytes = &bytes[taken..];
        }
        Ok(all)
    }

    /// RFC 6455 §5.7.
    #[test]
    fn the_standards_examples() {
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(read(&hello), Ok(vec![Incoming::Text("Hello".to_owned())]));
        assert_eq!(text(b"Hello")[..], [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        assert_eq!(text(&[7; 256])[..4], [0x81, 0x7e, 0x01, 0x00]);
        assert_eq!(text(&[7; 65536])[..10], [0x81, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(pong(b"Hello")[..], [0x8a, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        assert_eq!(close(CloseCode::Restart)[..], [0x88, 2, 0x03, 0xf4]);
    }

    #[test]
    fn fragments_are_put_together_and_control_frames_may_come_between() {
        let bytes = [masked(TEXT, b"Hel"), masked(FIN | PING, b"?"), masked(FIN, b"lo")].concat();
        assert_eq!(read(&bytes), Ok(vec![Incoming::Ping(b"?".to_vec()), Incoming::Text("Hello".to_owned())]));
    }

    #[test]
    fn what_breaks_the_protocol_is_refused() {
        let long = MAX_MESSAGE_BYTES + 1;
        for (bytes, code) in [
            (vec![FIN | TEXT, 0x01, b'a'], CloseCode::Protocol),
            (masked(0xc1, b"a"), CloseCode::Protocol),
            (masked(FIN, b"a"), CloseCode::Protocol),
            (masked(FIN | 0x3, b"a"), CloseCode::Protocol),
            (masked(FIN | BINARY, b"a"), CloseCode::Unsupported),
            (masked(FIN | TEXT, b"\xff"), CloseCode::NotText),
            (masked(PING, b"a"), CloseCode::Protocol),
            (masked(FIN | PING, &[0; 126]), CloseCode::Protocol),
            (masked(FIN | TEXT, &vec![b'a'; long]), CloseCode::TooLong),
            ([FIN | TEXT, 0xff].into_iter().chain([0xff; 8]).chain([0; 4]).collect(), CloseCode::TooLong),
            ([masked(TEXT, &vec![b'a'; 4000]), masked(FIN, &[b'a'; 97])].concat(), CloseCode::TooLong),
            ([masked(TEXT, b"a"), masked(FIN | TEXT, b"a")].concat(), CloseCode::Protocol),
        ] {
            assert_eq!(read(&bytes), Err(code), "{:02x?}", &bytes[..bytes.len().min(16)]);
        }
        let just = masked(FIN | TEXT, &vec![b'a'; MAX_MESSAGE_BYTES]);
        assert_eq!(read(&just).unwrap().len(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_reach_a_panic_however_they_are_split(data: Vec<u8>) {
            let _ = fuzz(&data);
        }

        #[test]
        fn what_was_sent_is_read(messages in prop::collection::vec("\\PC{0,300}", 1..5), step in 1_u8..20) {
            let sent = messages.iter().flat_map(|text| masked(FIN | TEXT, text.as_bytes())).collect::<Vec<_>>();
            let expected = messages.into_iter().map(Incoming::Text).collect::<Vec<_>>();
            prop_assert_eq!(fuzz(&[&[step], &sent[..]].concat()), expected);
        }
    }
}
