//! A feed event as it goes to every edge: encoded once, shared by all.

use bytes::Bytes;
use farcast_feed::feed::FeedEvent;
use farcast_feed::feed::MAX_PART_BYTES;

use crate::{FrameError, PartHeader, ToEdge, encode};

/// An encoded feed event.
#[derive(Clone, Debug)]
pub enum Record {
    /// A message for the control stream.
    Control(Bytes),
    /// A part for its segment's stream: frame, then bytes.
    Part([Bytes; 2]),
}

impl Record {
    /// Encodes an event.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when an initialisation section or a part exceeds its limit.
    pub fn new(event: &FeedEvent) -> Result<Self, FrameError> {
        let message = match event.clone() {
            FeedEvent::Part { meta, bytes, .. } => {
                let too_long = FrameError::TooLong { len: bytes.len(), limit: MAX_PART_BYTES };
                if bytes.len() > MAX_PART_BYTES {
                    return Err(too_long);
                }
                let len_bytes = u32::try_from(bytes.len()).map_err(|_| too_long)?;
                return Ok(Self::Part([encode(&PartHeader { meta, len_bytes })?, bytes]));
            }
            FeedEvent::Started(presentation) => ToEdge::Started(presentation),
            FeedEvent::Init { epoch, variant, number, format, bytes } => {
                ToEdge::Init { epoch, variant, number, format, bytes }
            }
            FeedEvent::SegmentOpened { epoch, variant, start } => ToEdge::Opened { epoch, variant, start },
            FeedEvent::SegmentClosed { epoch, variant, end } => ToEdge::Closed { epoch, variant, end },
            FeedEvent::SegmentLost { epoch, variant, start, duration } => {
                ToEdge::Lost { epoch, variant, start, duration }
            }
            FeedEvent::Ended { epoch } => ToEdge::Ended { epoch },
        };
        Ok(Self::Control(encode(&message)?))
    }
}
