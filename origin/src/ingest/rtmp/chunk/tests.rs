//! Tests of the chunk reader.

use proptest::prelude::*;
use rml_rtmp::chunk_io::ChunkSerializer;
use rml_rtmp::messages::MessagePayload;
use rml_rtmp::time::RtmpTimestamp;

use super::super::write;
use super::*;

fn read_in_pieces(bytes: &[u8], pieces: &[usize]) -> Result<Vec<Message>, ChunkError> {
    let mut reader = Reader::default();
    let mut messages = Vec::new();
    let mut rest = bytes;
    let mut sizes = pieces.iter().copied().chain(std::iter::repeat(usize::MAX));
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len());
        let (mut piece, after) = rest.split_at(size);
        rest = after;
        while let Some(message) = reader.read(&mut piece)? {
            messages.push(message);
        }
    }
    Ok(messages)
}

fn message(kind: u8, timestamp_ms: u32, payload: Vec<u8>) -> Message {
    Message { kind, timestamp_ms, stream_id: 1, payload: payload.into() }
}

/// The chunks of `message`, one by one, as a peer with a chunk size of 128 sends them.
fn chunks(message: &Message, csid: u8) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    write(message, csid, INITIAL_CHUNK_BYTES, &mut whole);
    let extension = if message.timestamp_ms >= EXTENDED { 4 } else { 0 };
    let mut out = Vec::new();
    let mut rest = &whole[..];
    let mut size = 12 + extension + message.payload.len().min(INITIAL_CHUNK_BYTES);
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(size);
        out.push(chunk.to_vec());
        rest = after;
        size = (1 + extension + INITIAL_CHUNK_BYTES).min(rest.len());
    }
    out
}

fn any_message() -> impl Strategy<Value = Message> {
    let timestamp = prop_oneof![0u32..100_000, EXTENDED - 2..EXTENDED + 2, any::<u32>()];
    let payload = proptest::collection::vec(any::<u8>(), 1..700);
    (prop_oneof![Just(8u8), Just(9), Just(18), Just(20)], timestamp, payload)
        .prop_map(|(kind, timestamp_ms, payload)| message(kind, timestamp_ms, payload))
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_messages(
        messages in proptest::collection::vec(any_message(), 1..12),
        pieces in proptest::collection::vec(1usize..300, 0..60),
    ) {
        let mut bytes = Vec::new();
        for message in &messages {
            write(message, message.kind, INITIAL_CHUNK_BYTES, &mut bytes);
        }
        prop_assert_eq!(read_in_pieces(&bytes, &pieces).unwrap(), messages.clone());
        prop_assert_eq!(read_in_pieces(&bytes, &vec![1; bytes.len()]).unwrap(), messages);
    }

    #[test]
    fn interleaved_audio_and_video_stay_intact(
        video in proptest::collection::vec(any::<u8>(), 1..3000),
        audio in proptest::collection::vec(any::<u8>(), 1..900),
        order in proptest::collection::vec(any::<bool>(), 0..40),
        timestamps: (u32, u32),
    ) {
        let video = message(kind::VIDEO, timestamps.0, video);
        let audio = message(kind::AUDIO, timestamps.1, audio);
        let mut queues = [chunks(&video, 6).into_iter(), chunks(&audio, 4).into_iter()];
        let mut bytes = Vec::new();
        for first in order.into_iter().chain(std::iter::repeat(true)) {
            let (a, b) = if first { (0, 1) } else { (1, 0) };
            let Some(chunk) = queues[a].next().or_else(|| queues[b].next()) else { break };
            bytes.extend(chunk);
        }
        let read = read_in_pieces(&bytes, &[]).unwrap();
        prop_assert_eq!(read.len(), 2);
        prop_assert!(read.contains(&video) && read.contains(&audio));
    }

    #[test]
    fn what_rml_rtmp_serialises_is_read(
        steps in proptest::collection::vec((any_message(), any::<bool>(), 0u32..50), 1..20),
        chunk_size in 1u32..5000,
    ) {
        let mut theirs = ChunkSerializer::new();
        let mut bytes = theirs.set_max_chunk_size(chunk_size, RtmpTimestamp::new(0)).unwrap().bytes;
        let mut timestamp = 1000u32;
        let mut expected = Vec::new();
        for (mut message, droppable, step) in steps {
            timestamp += step;
            message.timestamp_ms = timestamp;
            let payload = MessagePayload {
                timestamp: RtmpTimestamp::new(timestamp),
                type_id: message.kind,
                message_stream_id: message.stream_id,
                data: message.payload.clone(),
            };
            bytes.extend(theirs.serialize(&payload, false, droppable).unwrap().bytes);
            expected.push(message);
        }
        prop_assert_eq!(read_in_pieces(&bytes, &[7, 300, 1]).unwrap(), expected);
    }

    #[test]
    fn random_bytes_never_panic_and_keep_the_limits(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let _ = read_in_pieces(&bytes, &[1, 2, 3, 500]);
    }
}

#[test]
fn a_compressed_header_on_a_new_chunk_stream_is_an_error() {
    for format in 1..4u8 {
        let error = read_in_pieces(&[format << 6 | 7, 0, 0, 0, 0, 0, 1, 9, 0], &[]).unwrap_err();
        assert_eq!(error, ChunkError::UnknownStream { csid: 7, format, offset: 0 });
    }
}

#[test]
fn librtmps_ping_answer_on_a_fresh_control_stream_is_read() {
    let bytes = [0x42, 0, 0, 0, 0, 0, 6, 4, 0, 7, 0, 0, 0, 1];
    let read = read_in_pieces(&bytes, &[]).unwrap();
    assert_eq!((read[0].kind, read[0].stream_id), (kind::USER_CONTROL, 0));
}

#[test]
fn an_encoder_that_omits_the_extended_timestamp_in_type_3_is_understood() {
    let mut bytes = vec![4, 0xff, 0xff, 0xff, 0, 1, 0x2c, 9, 1, 0, 0, 0, 0x01, 0x02, 0x03, 0x04];
    for piece in [7u8; 300].chunks(128).enumerate() {
        if piece.0 > 0 {
            bytes.push(0xc4);
        }
        bytes.extend(piece.1);
    }
    let read = read_in_pieces(&bytes, &[]).unwrap();
    assert_eq!(read[0].timestamp_ms, 0x0102_0304);
    assert_eq!(read[0].payload[..], [7u8; 300]);
    // Which bytes come together does not matter, although those that look like a timestamp are read ahead.
    for size in 1..20 {
        assert_eq!(read_in_pieces(&bytes, &vec![size; bytes.len()]).unwrap(), read, "in pieces of {size}");
    }
}

#[test]
fn deltas_add_up_and_type_3_repeats_the_last_one() {
    let mut bytes = vec![4, 0, 0, 100, 0, 0, 1, 8, 1, 0, 0, 0, 0xaa];
    bytes.extend([0x44, 0, 0, 23, 0, 0, 1, 8, 0xbb]);
    bytes.extend([0x84, 0, 0, 20, 0xcc]);
    bytes.extend([0xc4, 0xdd]);
    let times: Vec<_> = read_in_pieces(&bytes, &[]).unwrap().iter().map(|m| m.timestamp_ms).collect();
    assert_eq!(times, [100, 123, 143, 163]);
}

#[test]
fn abort_discards_the_unfinished_message() {
    let lost = chunks(&message(kind::VIDEO, 0, vec![1; 300]), 6);
    let kept = message(kind::VIDEO, 5, vec![2; 200]);
    let mut bytes = lost[0].clone();
    write(
        &Message {
            kind: kind::ABORT,
            timestamp_ms: 0,
            stream_id: 0,
            payload: Bytes::from_static(&[0, 0, 0, 6]),
        },
        2,
        128,
        &mut bytes,
    );
    write(&kept, 6, 128, &mut bytes);
    assert_eq!(read_in_pieces(&bytes, &[]).unwrap(), [kept]);
}

#[test]
fn limits_on_length_streams_and_buffered_bytes_hold() {
    let too_long = [4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0];
    assert!(matches!(read_in_pieces(&too_long, &[]), Err(ChunkError::MessageTooLong { .. })));

    let mut many = Vec::new();
    for id in 0..=u8::try_from(MAX_CHUNK_STREAMS).unwrap() {
        many.extend([0, id, 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, 0]);
    }
    assert!(matches!(read_in_pieces(&many, &[]), Err(ChunkError::TooManyStreams { .. })));

    let mut reader = Reader::default();
    let size = u32::try_from(MAX_MESSAGE_BYTES).unwrap();
    let mut set = vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
    set.extend((size - 1).to_be_bytes());
    assert_eq!(reader.read(&mut &set[..]), Ok(None));
    let unfinished = vec![0u8; MAX_MESSAGE_BYTES - 1];
    for csid in [4u8, 5] {
        let mut header = vec![csid, 0, 0, 0];
        header.extend(&size.to_be_bytes()[1..]);
        header.extend([9, 1, 0, 0, 0]);
        let result = reader.read(&mut &header[..]);
        if csid == 5 {
            assert!(matches!(result, Err(ChunkError::TooMuchBuffered { .. })));
        } else {
            assert_eq!(result, Ok(None));
            assert_eq!(reader.read(&mut &unfinished[..]), Ok(None));
        }
    }
}

#[test]
fn a_chunk_size_of_zero_is_an_error() {
    for size in [[0u8, 0, 0, 0], [0x80, 0, 0, 1]] {
        let mut bytes = vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
        bytes.extend(size);
        assert!(matches!(read_in_pieces(&bytes, &[]), Err(ChunkError::Control { kind: 1, .. })));
    }
}

#[test]
fn another_message_inside_an_unfinished_one_is_an_error_but_its_own_header_is_not() {
    let first = message(kind::VIDEO, 9, vec![3; 200]);
    let mut bytes = chunks(&first, 6)[0].clone();
    let mut repeated = bytes.clone();
    repeated.truncate(12);
    repeated.extend([3; 72]);
    let repeated = [&bytes[..], &repeated].concat();
    assert_eq!(read_in_pieces(&repeated, &[]).unwrap(), [first]);
    bytes.extend(&chunks(&message(kind::VIDEO, 9, vec![4; 10]), 6)[0]);
    assert!(matches!(read_in_pieces(&bytes, &[]), Err(ChunkError::HeaderInsideMessage { csid: 6, .. })));
}
