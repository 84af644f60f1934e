//! Entry points for fuzzers: hostile bytes in, no panic out. The tests below run them on random and on
//! mutated real input; a fuzzer runs them for longer.

use std::collections::VecDeque;

use bytes::Bytes;
use farcast_feed::time::WallTime;

use super::chunk::{self, kind};
use super::{amf0, flv};

/// Reads `bytes` as the chunks of a connection, in pieces whose sizes the first byte decides.
pub fn rtmp_chunks(bytes: &[u8]) {
    let Some((&size, rest)) = bytes.split_first() else { return };
    let mut reader = chunk::Reader::default();
    for mut piece in rest.chunks(usize::from(size) + 1) {
        loop {
            match reader.read(&mut piece) {
                Ok(Some(message)) => match (message.kind, &message.payload[..]) {
                    (kind::COMMAND | kind::DATA, values)
                    | (kind::COMMAND_AMF3 | kind::DATA_AMF3, [0, values @ ..]) => amf0(values),
                    _ => {}
                },
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

/// Reads `bytes` as the values of a command: AMF0, and the AMF3 that it switches to.
pub fn amf0(bytes: &[u8]) {
    let (values, _) = amf0::decode_prefix(bytes);
    for value in &values {
        let _ = crate::ingest::StreamMetadata::read(value);
    }
    let _ = amf0::encode(&values);
}

/// Reads `bytes` as tags of one session: each is a type and a length of 16 bits, then the tag.
pub fn flv_payload(bytes: &[u8]) {
    let mut demuxer = flv::Demuxer::default();
    let mut out = VecDeque::new();
    let mut rest = bytes;
    while let [kind, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (tag, after) = after.split_at(length);
        let tag = Bytes::copy_from_slice(tag);
        let _ = if kind % 2 == 0 {
            demuxer.audio(0, &tag, WallTime(0), &mut out)
        } else {
            demuxer.video(0, &tag, WallTime(0), &mut out)
        };
        out.clear();
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mutate(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        bytes
    }

    fn session_bytes() -> Vec<u8> {
        let connect =
            amf0::encode(&[amf0::Value::text("connect"), amf0::Value::object([("a", amf0::Value::Null)])]);
        let mut bytes = vec![9];
        for (kind, timestamp_ms, payload) in
            [(20, 0, connect), (9, 0x0100_0000, vec![0x17; 400]), (8, 5, vec![0xaf; 60])]
        {
            let payload = Bytes::from(payload);
            chunk::write(
                &chunk::Message { kind, timestamp_ms, stream_id: 1, payload },
                kind.min(60),
                128,
                &mut bytes,
            );
        }
        bytes
    }

    /// A switch to AMF3 and in it each type that has content, with references back.
    fn amf3_values() -> Vec<u8> {
        let mut bytes = vec![0x11, 0x09, 0x15, 0x03, b'k', 0x03, 0x01];
        bytes.extend([
            0x0a, 0x2b, 0x03, b'C', 0x03, b'a', 0x03, b'b', 0x04, 1, 0x06, 0x00, 0x03, b'd', 0x02, 0x01,
        ]);
        bytes.extend([0x0a, 0x01, 0x04, 0xff, 0xff, 0xff, 0xff, 0x06, 0x04, 0x01]);
        bytes.extend([0x08, 0x01, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([0x0c, 0x05, 1, 2]);
        bytes.extend([0x0d, 0x03, 0, 0, 0, 0, 1]);
        bytes.extend([0x0f, 0x03, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([0x10, 0x03, 0, 0x00, 0x0a, 0x00]);
        bytes.extend([0x11, 0x03, 0, 0x06, 0x02, 0x03]);
        bytes.extend([0x07, 0x03, b'x']);
        bytes.extend([0x09, 0x00]);
        bytes
    }

    #[test]
    fn the_amf3_that_is_mutated_can_be_read() {
        assert_eq!(amf0::decode(&amf3_values()).map(|values| values.len()), Ok(1));
    }

    fn tags() -> Vec<u8> {
        let av1 = [0x81, 0, 0x0c, 0, 0x0a, 0x0b, 0, 0, 0, 0x24, 0xc4, 0xff, 0xdf, 0x3f, 0xfe, 0x60, 0x0d];
        let hevc = [&[1u8; 22][..], &[1, 33, 0, 1, 0, 24], &[0x42; 24]].concat();
        let mut out = Vec::new();
        for (kind, tag) in [
            (1u8, [&[0x90][..], b"av01", &av1].concat()),
            (1, [&[0x91][..], b"av01", &[0x12, 0, 0x32, 2, 1, 2]].concat()),
            (1, [&[0x90][..], b"hvc1", &hevc].concat()),
            (1, [&[0x91][..], b"hvc1", &[0, 0, 1, 0, 0, 0, 2, 0x26, 1]].concat()),
            (0, vec![0xaf, 0, 0x11, 0x90, 0x56, 0xe5, 0]),
            (0, vec![0xaf, 1, 1, 2, 3]),
        ] {
            out.push(kind);
            out.extend(u16::try_from(tag.len()).unwrap().to_be_bytes());
            out.extend(tag);
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn random_input_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            rtmp_chunks(&bytes);
            amf0(&bytes);
            flv_payload(&bytes);
        }

        #[test]
        fn mutated_real_input_never_panics(changes in proptest::collection::vec(any::<(prop::sample::Index, u8)>(), 0..12)) {
            rtmp_chunks(&mutate(session_bytes(), &changes));
            flv_payload(&mutate(tags(), &changes));
            let values = amf0::encode(&[amf0::Value::object([("width", amf0::Value::Number(3.0)), ("l", amf0::Value::Array(vec![amf0::Value::Null]))])]);
            amf0(&mutate(values, &changes));
            amf0(&mutate(amf3_values(), &changes));
        }
    }
}
