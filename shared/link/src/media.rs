//! The contents of a segment's stream: a header, then parts with their metadata ahead of the bytes.

use bytes::{Buf as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::frame::{self, FrameError};
use farcast_feed::feed::{MAX_PART_BYTES, PartMeta};
use farcast_feed::name::{Epoch, Msn, VariantId};

/// First frame of a segment's stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SegmentHeader {
    /// Number of the subscription that it is for ([`crate::Subscribe`]).
    pub subscription: u16,
    /// The segment.
    pub stream: StreamHeader,
}

/// A segment, as one of a subscription's streams brings it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct StreamHeader {
    /// Epoch that the segment belongs to.
    pub epoch: Epoch,
    /// Variant that the segment belongs to.
    pub variant: VariantId,
    /// The segment.
    pub msn: Msn,
    /// True for parts that the snapshot announced already: they bring only their bytes.
    pub backlog: bool,
}

/// Frame ahead of a part's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartHeader {
    /// Its metadata.
    pub meta: PartMeta,
    /// Number of bytes that follow, at most [`MAX_PART_BYTES`].
    pub len_bytes: u32,
}

/// The items of a segment's stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MediaItem {
    /// The segment's header; first and once.
    Header(SegmentHeader),
    /// A part, complete.
    Part(PartMeta, Bytes),
}

#[derive(Debug)]
enum State {
    Header,
    Part,
    Body(PartMeta, usize),
}

/// Decodes a segment's stream. Holds at most one incomplete part beyond the bytes of the last call.
#[derive(Debug)]
pub struct MediaDecoder {
    buffer: BytesMut,
    state: State,
}

impl Default for MediaDecoder {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), state: State::Header }
    }
}

impl MediaDecoder {
    /// One at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of the stream. Call [`Self::next_item`] until it returns `None` before feeding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// True between parts: the stream may end here.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.buffer.is_empty() && matches!(self.state, State::Part)
    }

    /// The next complete item.
    ///
    /// # Errors
    /// Any [`FrameError`]; the stream is lost then.
    pub fn next_item(&mut self) -> Result<Option<MediaItem>, FrameError> {
        loop {
            match self.state {
                State::Header => {
                    let Some(bytes) = frame::take(&mut self.buffer)? else { return Ok(None) };
                    self.state = State::Part;
                    return Ok(Some(MediaItem::Header(frame::decode(&bytes)?)));
                }
                State::Part => {
                    let Some(bytes) = frame::take(&mut self.buffer)? else { return Ok(None) };
                    let header: PartHeader = frame::decode(&bytes)?;
                    let len = usize::try_from(header.len_bytes).unwrap_or(usize::MAX);
                    if len > MAX_PART_BYTES {
                        return Err(FrameError::TooLong { len, limit: MAX_PART_BYTES });
                    }
                    self.state = State::Body(header.meta, len);
                }
                State::Body(meta, len) => {
                    let Some(bytes) = self.buffer.get(..len) else { return Ok(None) };
                    // A copy: parts are kept for minutes, and a piece of the buffer would keep all of its memory, up to twice as
                    // much.
                    let bytes = Bytes::copy_from_slice(bytes);
                    self.buffer.advance(len);
                    self.state = State::Part;
                    return Ok(Some(MediaItem::Part(meta, bytes)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use farcast_feed::time::WallTime;

    fn meta(index: u32) -> PartMeta {
        let at = WallTime(7);
        PartMeta {
            index,
            duration: Duration::from_millis(500),
            independent: true,
            arrived_at: at,
            closed_at: at,
            closes: None,
        }
    }

    proptest! {
        #[test]
        fn any_split_of_a_segment_gives_the_same_parts(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6),
            cut in 1_usize..50,
        ) {
            let stream = StreamHeader { epoch: Epoch(1), variant: VariantId(2), msn: Msn(3), backlog: false };
            let header = SegmentHeader { subscription: 4, stream };
            let mut stream = frame::encode(&header).unwrap().to_vec();
            let mut want = vec![MediaItem::Header(header)];
            for (index, bytes) in (0..).zip(&parts) {
                let len_bytes = u32::try_from(bytes.len()).unwrap();
                frame::encode_into(&PartHeader { meta: meta(index), len_bytes }, &mut stream).unwrap();
                stream.extend_from_slice(bytes);
                want.push(MediaItem::Part(meta(index), Bytes::copy_from_slice(bytes)));
            }
            let (mut decoder, mut got) = (MediaDecoder::new(), Vec::new());
            for piece in stream.chunks(cut) {
                decoder.feed(piece);
                while let Some(item) = decoder.next_item().unwrap() {
                    got.push(item);
                }
            }
            prop_assert_eq!(got, want);
            prop_assert!(decoder.at_boundary());
        }
    }

    #[test]
    fn a_part_over_the_limit_is_refused_before_its_bytes_arrive() {
        let stream = StreamHeader { epoch: Epoch(1), variant: VariantId(2), msn: Msn(3), backlog: true };
        let header = SegmentHeader { subscription: 0, stream };
        let mut stream = frame::encode(&header).unwrap().to_vec();
        frame::encode_into(&PartHeader { meta: meta(0), len_bytes: u32::MAX }, &mut stream).unwrap();
        let mut decoder = MediaDecoder::new();
        decoder.feed(&stream);
        assert!(decoder.next_item().unwrap().is_some());
        assert!(matches!(decoder.next_item(), Err(FrameError::TooLong { .. })));
    }

    #[test]
    fn a_part_keeps_no_more_memory_than_it_has_bytes() {
        let stream = StreamHeader { epoch: Epoch(1), variant: VariantId(2), msn: Msn(3), backlog: false };
        let mut stream = frame::encode(&SegmentHeader { subscription: 0, stream }).unwrap().to_vec();
        for index in 0..3 {
            frame::encode_into(&PartHeader { meta: meta(index), len_bytes: 70_000 }, &mut stream).unwrap();
            stream.extend_from_slice(&[7; 70_000]);
        }
        let (mut decoder, mut parts) = (MediaDecoder::new(), Vec::new());
        for piece in stream.chunks(1000) {
            decoder.feed(piece);
            while let Some(item) = decoder.next_item().unwrap() {
                if let MediaItem::Part(_, bytes) = item {
                    parts.push(bytes);
                }
            }
        }
        let held = parts.into_iter().map(|part| part.try_into_mut().map(|memory| memory.capacity()));
        assert_eq!(held.collect::<Vec<_>>(), [Ok(70_000), Ok(70_000), Ok(70_000)]);
    }
}
