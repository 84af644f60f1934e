//! WebSocket frames as a client writes and reads them (RFC 6455 §5).
//!
//! [`Decoder`] holds nothing while no frame is incomplete, and looks at whole frames where they
//! lie in the reader's buffer: ten thousand idle connections need no ten thousand buffers.

/// Largest frame and largest message of a server, in bytes.
pub const LARGEST_MESSAGE_BYTES: usize = 1024 * 1024;
/// Buffers up to this size are kept for the next incomplete frame.
const KEPT_BUFFER_BYTES: usize = 2048;
/// Largest payload of a control frame (§5.5).
const LARGEST_CONTROL_BYTES: usize = 125;

/// Operation codes (§5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    /// The next piece of a fragmented message.
    Continuation = 0x0,
    /// Text.
    Text = 0x1,
    /// Binary.
    Binary = 0x2,
    /// Close.
    Close = 0x8,
    /// Ping.
    Ping = 0x9,
    /// Pong.
    Pong = 0xA,
}

/// The events of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A text message, complete. It is not checked for UTF-8.
    Text(&'a [u8]),
    /// A binary message, complete.
    Binary(&'a [u8]),
    /// A ping; it wants a pong with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The server closes.
    Close {
        /// Its reason as a number, if it gave one.
        code: Option<u16>,
        /// Its reason as a text.
        reason: &'a [u8],
    },
}

/// A violation of the protocol by a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// Servers do not mask (§5.1).
    #[error("a masked frame")]
    Masked,
    /// No extension was agreed (§5.2).
    #[error("a frame with reserved bits")]
    ReservedBits,
    /// No such operation (§5.2).
    #[error("a frame of operation {0}")]
    Opcode(u8),
    /// A length in more bytes than it needs (§5.2).
    #[error("a length that is not minimal")]
    Length,
    /// Larger than [`LARGEST_MESSAGE_BYTES`].
    #[error("a message of more than {LARGEST_MESSAGE_BYTES} bytes")]
    TooLarge,
    /// A control frame that is fragmented or longer than 125 bytes (§5.5).
    #[error("a control frame that is fragmented or too long")]
    Control,
    /// A continuation of nothing, or a new message within another (§5.4).
    #[error("fragments out of order")]
    Fragments,
    /// A close frame with one byte (§5.5.1).
    #[error("a close frame with half a code")]
    CloseCode,
}

#[derive(Clone, Copy)]
struct Header {
    fin: bool,
    opcode: Opcode,
    length: usize,
    payload: usize,
}

enum Measure {
    /// The header needs so many bytes at least.
    Needs(usize),
    Header(Header),
}

/// Takes a server's bytes apart.
#[derive(Default, Debug)]
pub struct Decoder {
    /// The beginning of a frame.
    partial: Vec<u8>,
    /// The fragments of a message so far.
    message: Vec<u8>,
    /// The operation of such a message, if there is one.
    fragmented: Option<Opcode>,
}

impl Decoder {
    /// Takes the next bytes and shows what they complete, however they were split. After an error the
    /// decoder is of no further use.
    ///
    /// # Errors
    /// When the bytes break the protocol.
    pub fn feed(&mut self, mut input: &[u8], mut on: impl FnMut(Event<'_>)) -> Result<(), FrameError> {
        while !self.partial.is_empty() {
            let needed = match measure(&self.partial)? {
                Measure::Needs(needed) => needed,
                Measure::Header(header) => {
                    self.fits(header)?;
                    let needed = header.payload + header.length;
                    if self.partial.len() == needed {
                        let frame = std::mem::take(&mut self.partial);
                        self.frame(header, &frame[header.payload..], &mut on)?;
                        self.partial = emptied(frame);
                        break;
                    }
                    needed
                }
            };
            let take = (needed - self.partial.len()).min(input.len());
            if take == 0 {
                return Ok(());
            }
            let (taken, rest) = input.split_at(take);
            self.partial.extend_from_slice(taken);
            input = rest;
        }
        while !input.is_empty() {
            let header = match measure(input)? {
                Measure::Header(header) => header,
                Measure::Needs(_) => break,
            };
            self.fits(header)?;
            let Some(payload) = input.get(header.payload..header.payload + header.length) else { break };
            self.frame(header, payload, &mut on)?;
            input = &input[header.payload + header.length..];
        }
        self.partial.extend_from_slice(input);
        Ok(())
    }

    /// Refuses a frame by its header, before its payload is waited for.
    fn fits(&self, header: Header) -> Result<(), FrameError> {
        match (header.opcode, self.fragmented) {
            (Opcode::Continuation, None) | (Opcode::Text | Opcode::Binary, Some(_)) => {
                Err(FrameError::Fragments)
            }
            (Opcode::Continuation, Some(_)) if self.message.len() + header.length > LARGEST_MESSAGE_BYTES => {
                Err(FrameError::TooLarge)
            }
            _ => Ok(()),
        }
    }

    fn frame(
        &mut self,
        header: Header,
        payload: &[u8],
        on: &mut impl FnMut(Event<'_>),
    ) -> Result<(), FrameError> {
        match header.opcode {
            Opcode::Text if header.fin => on(Event::Text(payload)),
            Opcode::Binary if header.fin => on(Event::Binary(payload)),
            Opcode::Text | Opcode::Binary => {
                self.fragmented = Some(header.opcode);
                self.message.extend_from_slice(payload);
            }
            Opcode::Continuation => {
                self.message.extend_from_slice(payload);
                if header.fin {
                    let message = std::mem::take(&mut self.message);
                    match self.fragmented.take() {
                        Some(Opcode::Text) => on(Event::Text(&message)),
                        _ => on(Event::Binary(&message)),
                    }
                    self.message = emptied(message);
                }
            }
            Opcode::Ping => on(Event::Ping(payload)),
            Opcode::Pong => on(Event::Pong(payload)),
            Opcode::Close => match *payload {
                [] => on(Event::Close { code: None, reason: &[] }),
                [_] => return Err(FrameError::CloseCode),
                [high, low, ref reason @ ..] => {
                    on(Event::Close { code: Some(u16::from_be_bytes([high, low])), reason });
                }
            },
        }
        Ok(())
    }
}

fn emptied(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    if buffer.capacity() > KEPT_BUFFER_BYTES { Vec::new() } else { buffer }
}

/// Reads a header as far as it is there.
fn measure(bytes: &[u8]) -> Result<Measure, FrameError> {
    let Some(&first) = bytes.first() else { return Ok(Measure::Needs(2)) };
    if first & 0x70 != 0 {
        return Err(FrameError::ReservedBits);
    }
    let opcode = match first & 0x0F {
        0x0 => Opcode::Continuation,
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xA => Opcode::Pong,
        other => return Err(FrameError::Opcode(other)),
    };
    let Some(&second) = bytes.get(1) else { return Ok(Measure::Needs(2)) };
    if second & 0x80 != 0 {
        return Err(FrameError::Masked);
    }
    let short = usize::from(second);
    let fin = first & 0x80 != 0;
    let control = matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong);
    if control && (!fin || short > LARGEST_CONTROL_BYTES) {
        return Err(FrameError::Control);
    }
    let (length, payload) = match short {
        126 => {
            let Some(long) = bytes.get(2..4) else { return Ok(Measure::Needs(4)) };
            let length = long.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            if length < 126 {
                return Err(FrameError::Length);
            }
            (length, 4)
        }
        127 => {
            let Some(long) = bytes.get(2..10) else { return Ok(Measure::Needs(10)) };
            let length = long.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
            if length <= u64::from(u16::MAX) {
                return Err(FrameError::Length);
            }
            (usize::try_from(length).map_err(|_| FrameError::TooLarge)?, 10)
        }
        short => (short, 2),
    };
    if length > LARGEST_MESSAGE_BYTES {
        return Err(FrameError::TooLarge);
    }
    Ok(Measure::Header(Header { fin, opcode, length, payload }))
}

/// Appends a client's frame, complete and masked (§5.3).
pub fn encode(opcode: Opcode, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    out.push(0x80 | opcode as u8);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..126), _) => out.push(0x80 | short),
        (_, Ok(long)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&long.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An event as it can be kept: its kind, code and payload.
    type Kept = (char, Option<u16>, Vec<u8>);

    fn kept(event: Event<'_>) -> Kept {
        match event {
            Event::Text(payload) => ('t', None, payload.to_vec()),
            Event::Binary(payload) => ('b', None, payload.to_vec()),
            Event::Ping(payload) => ('i', None, payload.to_vec()),
            Event::Pong(payload) => ('o', None, payload.to_vec()),
            Event::Close { code, reason } => ('c', code, reason.to_vec()),
        }
    }

    /// The events, the error if there was one, and the decoder as it was left.
    fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Kept>, Option<FrameError>, Decoder) {
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        for piece in pieces {
            if let Err(error) = decoder.feed(piece, |event| events.push(kept(event))) {
                return (events, Some(error), decoder);
            }
        }
        (events, None, decoder)
    }

    fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(Opcode::Text, payload, [0; 4], &mut out);
        let mask = out.len() - payload.len() - 4;
        out.drain(mask..mask + 4);
        out[0] = first;
        out[1] &= 0x7F;
        out
    }

    /// Around each of the three ways to write a length.
    fn lengths() -> impl Strategy<Value = usize> {
        prop_oneof![20 => 0..130_usize, 1 => 65_530..65_540_usize]
    }

    /// No two neighbours are the same, so that nothing can change places unnoticed.
    fn bytes(length: usize) -> Vec<u8> {
        (0..=u8::MAX).cycle().take(length).collect()
    }

    fn frames() -> impl Strategy<Value = Vec<u8>> {
        // Mostly what servers send, fragments included, and sometimes what they must not.
        let first = prop_oneof![
            8 => Just(0x81_u8), 2 => Just(0x01), 2 => Just(0x00), 2 => Just(0x80), 2 => Just(0x89),
            1 => Just(0x88), 1 => Just(0x8A), 1 => Just(0x82), 1 => any::<u8>(),
        ];
        let frame = (first, lengths()).prop_map(|(first, length)| server_frame(first, &bytes(length)));
        prop::collection::vec(frame, 0..8).prop_map(|frames| frames.concat())
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(bytes in frames(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
            let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            let (split, whole) = (decode(pieces), decode(std::iter::once(&*bytes)));
            prop_assert_eq!((&split.0, split.1), (&whole.0, whole.1));
            let single = decode(bytes.chunks(1));
            prop_assert_eq!((&single.0, single.1), (&whole.0, whole.1));
        }

        #[test]
        fn no_bytes_panic_or_pile_up(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let (_, _, decoder) = decode(bytes.chunks(7));
            prop_assert!(decoder.partial.len() + decoder.message.len() <= bytes.len());
        }

        #[test]
        fn a_masked_frame_carries_its_payload(length in lengths(), mask: [u8; 4]) {
            let payload = bytes(length);
            let mut out = Vec::new();
            encode(Opcode::Text, &payload, mask, &mut out);
            let body = out.len() - payload.len();
            prop_assert_eq!(&out[body - 4..body], mask);
            prop_assert_eq!(out[1] & 0x80, 0x80);
            let clear: Vec<_> = out[body..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
            prop_assert_eq!(clear, payload);
        }
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        // RFC 6455 §5.7: a single unmasked text, the same fragmented with a ping between, 256 bytes of binary.
        let hello = b"\x81\x05Hello";
        let fragmented = b"\x01\x03Hel\x89\x05Hello\x80\x02lo";
        let (events, error, decoder) = decode([&hello[..], fragmented].into_iter());
        let (text, ping) = (kept(Event::Text(b"Hello")), kept(Event::Ping(b"Hello")));
        assert_eq!(events, [text.clone(), ping, text]);
        assert!(error.is_none() && decoder.partial.capacity() <= KEPT_BUFFER_BYTES);
        let (events, error, _) = decode([&server_frame(0x82, &[7; 256])[..]].into_iter());
        assert_eq!((events, error), (vec![kept(Event::Binary(&[7; 256]))], None));
        // §5.7: a masked "Hello" as a client sends it.
        let mut out = Vec::new();
        encode(Opcode::Text, b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut out);
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn what_servers_must_not_send_is_refused_by_its_header() {
        let cases: [(&[u8], FrameError); 11] = [
            (b"\x81\x85", FrameError::Masked),
            (b"\xC1", FrameError::ReservedBits),
            (b"\x83", FrameError::Opcode(3)),
            (b"\x81\x7E\x00\x05", FrameError::Length),
            (b"\x81\x7F\x00\x00\x00\x00\x00\x00\xFF\xFF", FrameError::Length),
            (b"\x81\x7F\x00\x00\x00\x00\x00\x10\x00\x01", FrameError::TooLarge),
            (b"\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", FrameError::TooLarge),
            (b"\x09\x00", FrameError::Control),
            (b"\x89\x7E", FrameError::Control),
            (b"\x80\x01", FrameError::Fragments),
            (b"\x01\x00\x01\x00", FrameError::Fragments),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode(std::iter::once(bytes)).1, Some(expected), "{bytes:x?}");
        }
        assert_eq!(decode(std::iter::once(&b"\x88\x01x"[..])).1, Some(FrameError::CloseCode));
        let half = vec![0; LARGEST_MESSAGE_BYTES / 2 + 1];
        let (_, error, _) = decode([&*server_frame(0x01, &half), &server_frame(0x00, &half)].into_iter());
        assert_eq!(error, Some(FrameError::TooLarge), "fragments count together");
    }

    #[test]
    fn a_large_buffer_is_given_back() {
        let frame = server_frame(0x81, &[b'x'; 100_000]);
        let (events, error, decoder) = decode(frame.chunks(1000));
        assert_eq!((events.len(), error, decoder.partial.capacity()), (1, None, 0));
    }
}
