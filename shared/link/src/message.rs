//! Messages of the control stream and of a fetch.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::forward::ForwardedRequest;
use super::frame::FrameError;
use super::media::StreamHeader;
use farcast_feed::feed::{
    Format, MAX_VARIANTS, Presentation, SegmentEnd, SegmentSnapshot, SegmentStart, Snapshot,
};
use farcast_feed::name::{Epoch, Msn, ObjectName, StreamName, VariantId};

/// Longest name of an edge in bytes: a host name (RFC 1035 §2.3.4).
pub const MAX_NAME_BYTES: usize = 255;

/// Segments in one [`ToEdge::SnapshotSegments`]: keeps it far below the frame limit.
pub const SEGMENTS_PER_MESSAGE: usize = 16;

/// Messages of an edge on a control stream, after the [`Call::Subscribe`] that made it one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ToOrigin {
    /// All parts of the stream's segment below `parts` are on the edge.
    Received {
        /// The stream that brought them.
        stream: StreamHeader,
        /// Index of the last complete part, plus one.
        parts: u32,
    },
}

/// An edge's wish for the feed of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subscribe {
    /// The edge's name, for people; at most [`MAX_NAME_BYTES`] bytes.
    pub name: String,
    /// The number that marks segments of this stream; another for each subscription of a link.
    pub number: u16,
    /// The name of the stream.
    pub stream: StreamName,
    /// The part of it that the edge has already.
    pub have: Option<Have>,
}

/// An edge's position in a feed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Have {
    /// The epoch it is in.
    pub epoch: Epoch,
    /// The next position of each variant, in order; at most [`MAX_VARIANTS`].
    pub variants: Vec<Position>,
}

/// Everything before this part has been received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    /// Segment.
    pub msn: Msn,
    /// Part within it.
    pub part: u32,
}

impl Subscribe {
    /// Checks that all fields are within their bounds.
    ///
    /// # Errors
    /// [`FrameError::OutOfBounds`] with the field's name.
    pub fn check(&self) -> Result<(), FrameError> {
        if self.name.len() > MAX_NAME_BYTES {
            return Err(FrameError::OutOfBounds("name"));
        }
        if self.have.as_ref().is_some_and(|have| have.variants.len() > MAX_VARIANTS) {
            return Err(FrameError::OutOfBounds("have.variants"));
        }
        Ok(())
    }
}

/// Messages of the origin on the control stream: the feed without the parts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ToEdge {
    /// The answer to a subscription is complete and there is nothing live.
    Idle,
    /// A snapshot begins.
    SnapshotBegin {
        /// The constants of the epoch.
        presentation: Arc<Presentation>,
        /// True if the broadcast is over.
        ended: bool,
    },
    /// An initialisation section of the snapshot.
    SnapshotInit {
        /// Variant that it belongs to.
        variant: VariantId,
        /// Its number.
        number: u32,
        /// The properties of its media.
        format: Format,
        /// `ftyp` + `moov`.
        bytes: Bytes,
    },
    /// Segments of the snapshot, oldest first; several messages continue one another.
    SnapshotSegments {
        /// Variant that they belong to.
        variant: VariantId,
        /// At most [`SEGMENTS_PER_MESSAGE`].
        segments: Vec<SegmentSnapshot>,
    },
    /// The snapshot is complete; the feed goes on from here.
    SnapshotEnd,
    /// [`farcast_feed::feed::FeedEvent::Started`].
    Started(Arc<Presentation>),
    /// [`farcast_feed::feed::FeedEvent::Init`].
    Init {
        /// Epoch that it belongs to.
        epoch: Epoch,
        /// Variant that it belongs to.
        variant: VariantId,
        /// Its number.
        number: u32,
        /// The properties of its media.
        format: Format,
        /// `ftyp` + `moov`.
        bytes: Bytes,
    },
    /// [`farcast_feed::feed::FeedEvent::SegmentOpened`].
    Opened {
        /// Epoch that it belongs to.
        epoch: Epoch,
        /// Variant that it belongs to.
        variant: VariantId,
        /// Its metadata.
        start: SegmentStart,
    },
    /// [`farcast_feed::feed::FeedEvent::SegmentClosed`].
    Closed {
        /// Epoch that it belongs to.
        epoch: Epoch,
        /// Variant that it belongs to.
        variant: VariantId,
        /// Its metadata.
        end: SegmentEnd,
    },
    /// [`farcast_feed::feed::FeedEvent::SegmentLost`]; also of a segment that was opened, and even closed,
    /// before the queue to this edge dropped it.
    Lost {
        /// Epoch that it belongs to.
        epoch: Epoch,
        /// Variant that it belongs to.
        variant: VariantId,
        /// Its start.
        start: SegmentStart,
        /// Its duration.
        duration: Duration,
    },
    /// [`farcast_feed::feed::FeedEvent::Ended`].
    Ended {
        /// Epoch that ended.
        epoch: Epoch,
    },
}

/// A snapshot as messages, in the order in which they are sent.
#[must_use]
pub fn snapshot_messages(snapshot: &Snapshot) -> Vec<ToEdge> {
    let presentation = Arc::clone(&snapshot.presentation);
    let mut messages = vec![ToEdge::SnapshotBegin { presentation, ended: snapshot.ended }];
    for (variant, state) in (0..).map(VariantId).zip(&snapshot.variants) {
        messages.extend(state.inits.iter().map(|(number, format, bytes)| ToEdge::SnapshotInit {
            variant,
            number: *number,
            format: format.clone(),
            bytes: bytes.clone(),
        }));
        messages.extend(
            state
                .segments
                .chunks(SEGMENTS_PER_MESSAGE)
                .map(|segments| ToEdge::SnapshotSegments { variant, segments: segments.to_vec() }),
        );
    }
    messages.push(ToEdge::SnapshotEnd);
    messages
}

/// First message of every bidirectional stream of an edge.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Call {
    /// Asks for the feed of a stream. This is its control stream from here on, for as long as the link lives. A stream that
    /// the origin does not have, one that is followed already, or more than [`crate::MAX_SUBSCRIPTIONS`] end the link.
    Subscribe(Subscribe),
    /// Asks for an object; nothing follows.
    Fetch(FetchRequest),
    /// A call of the store follows, up to the end of the stream: [`farcast_store::wire`].
    Store,
    /// An HTTP request, whose body follows up to the end of the stream. The answer is a [`super::ForwardedReply`] and its body.
    Forward(ForwardedRequest),
    /// Asks for the newest picture of the broadcast; nothing follows. Answered as a fetch. An origin that does not know it
    /// yet closes the stream without an answer.
    Picture(Picture),
    /// Asks for the certificate of all edges with its private key; nothing follows. Answered as a fetch, with JSON. An origin that
    /// does not know it yet closes the stream without an answer.
    Certificate,
}

/// Longest certificate with its chain and key, in bytes.
pub const MAX_CERTIFICATE_BYTES: u64 = 256 << 10;

/// Longest picture of a broadcast, in bytes.
pub const MAX_PICTURE_BYTES: u64 = 4 << 20;

/// Pictures of a broadcast, which origins make.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Picture {
    /// A still, JPEG.
    Thumbnail,
    /// The last stills in small, GIF.
    Preview,
}

/// Asks for an object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FetchRequest {
    /// Stream that it belongs to.
    pub stream: StreamName,
    /// The object.
    pub name: ObjectName,
}

/// Answers a [`FetchRequest`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FetchReply {
    /// The object's bytes follow, then the stream ends.
    Found {
        /// Number of bytes.
        len_bytes: u64,
    },
    /// There is no such object, or no longer, or not yet all of it.
    NotFound,
}

#[cfg(test)]
mod tests {
    use super::super::frame;
    use super::*;

    #[test]
    fn a_subscription_out_of_bounds_is_named() {
        let mut wish = Subscribe { name: "e".repeat(256), number: 0, stream: StreamName::live(), have: None };
        assert_eq!(wish.check(), Err(FrameError::OutOfBounds("name")));
        wish.name.truncate(3);
        wish.have = Some(Have { epoch: Epoch(1), variants: vec![Position::default(); MAX_VARIANTS + 1] });
        assert_eq!(wish.check(), Err(FrameError::OutOfBounds("have.variants")));
    }

    #[test]
    fn messages_survive_the_wire() {
        let message = ToOrigin::Received {
            stream: StreamHeader { epoch: Epoch(1), variant: VariantId(2), msn: Msn(3), backlog: true },
            parts: 4,
        };
        let bytes = frame::encode(&message).unwrap();
        assert_eq!(frame::decode::<ToOrigin>(&bytes[4..]), Ok(message));
    }
}
