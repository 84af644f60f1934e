//! The link between origin and edges over QUIC (RFC 9000): the protocol, and both ends of it.
//!
//! Place in the flow: [`sender`] speaks one side, [`receiver`] the other; both use only the types of this module, which do
//! no input or output themselves. [`roster`] has the edges that may connect.
//!
//! One connection per edge, dialled by the edge, ALPN [`ALPN_FEED`], mutual TLS 1.3:
//!
//! - For each stream that it follows the edge opens one bidirectional **control stream** by [`Call::Subscribe`]: [`ToOrigin`]
//!   in one direction, [`ToEdge`] in the other, each a length-prefixed [`frame`]. Everything that orders the feed travels
//!   here: what opened, closed, was lost, started, ended, and the initialisation sections.
//! - The origin opens a **unidirectional stream per (subscription, variant, segment)** with a [`SegmentHeader`] and
//!   then parts, each a [`PartHeader`] followed by its bytes. Such streams may overtake the control
//!   stream and each other; the edge puts parts where the control stream says that they belong.
//! - Every other bidirectional stream is another [`Call`]: a **fetch** ([`FetchRequest`] or [`Picture`], [`FetchReply`], bytes), a call of
//!   the **store** ([`store_call`]), or an HTTP request that is passed on ([`ForwardedRequest`]).
//! - Every bidirectional stream of the origin is a question to the edge: [`Ask`].
//!
//! An edge without a certificate gets one on a connection of its own with ALPN [`ALPN_ENROL`]
//! ([`enrol`]). Invariants: no input reaches a panic, every length is checked before anything is
//! allocated for it, and how the bytes were split on the way never matters.

mod ask;
#[cfg(test)]
mod both_ends_tests;
mod close;
mod congestion;
pub mod enrol;
mod forward;
mod frame;
mod media;
mod message;
#[cfg(test)]
mod pair_tests;
pub mod receiver;
pub mod roster;
pub mod sender;
pub mod store_call;
mod token;
mod transport;

pub use ask::{Ask, EdgeReport, MAX_ANSWER_BYTES, MAX_ASKS, MAX_REPORT_BYTES};
pub use close::CloseCode;
pub use forward::{
    FORWARDED_LENGTH_BYTES, ForwardAnswer, ForwardedReply, ForwardedRequest, MAX_FORWARDED_BYTES,
    MAX_REPLY_BYTES, forwarded_length,
};
pub use frame::{FrameError, Frames, MAX_FRAME_BYTES, decode, encode, encode_into};
pub use media::{MediaDecoder, MediaItem, PartHeader, SegmentHeader, StreamHeader};
pub use message::{
    Call, FetchReply, FetchRequest, Have, MAX_CERTIFICATE_BYTES, MAX_NAME_BYTES, MAX_PICTURE_BYTES, Picture,
    Position, SEGMENTS_PER_MESSAGE, Subscribe, ToEdge, ToOrigin, snapshot_messages,
};
pub use token::{InvalidToken, JoinToken};
pub use transport::{
    IDLE_TIMEOUT, KEEP_ALIVE, MAX_EVENT_STREAMS, MAX_FETCHES, MAX_FORWARDED, MAX_PUSH_STREAMS,
    MAX_STORE_CALLS, MAX_SUBSCRIPTIONS, transport,
};

/// ALPN of the feed: carries the protocol's version, so that two that do not fit never talk.
pub const ALPN_FEED: &[u8] = b"farcast/4";

/// ALPN of enrolment.
pub const ALPN_ENROL: &[u8] = b"farcast-enrol/2";

/// Name in the origin's server certificate. Edges pin the fingerprint of its authority, so the
/// address they dial need not be in it.
pub const SERVER_NAME: &str = "origin.farcast.internal";

/// Feeds hostile bytes to every decoder of this module: what a fuzz target calls.
pub fn fuzz(data: &[u8]) {
    let mut frames = Frames::new();
    frames.feed(data);
    while let Ok(Some(frame)) = frames.next_frame() {
        let _ = frame::decode::<ToOrigin>(&frame);
        let _ = frame::decode::<ToEdge>(&frame);
        let _ = frame::decode::<Ask>(&frame);
        if let Ok(Call::Forward(head)) = frame::decode::<Call>(&frame) {
            let _ = head.into_request(());
        }
        if let Ok(ForwardAnswer::Reply(head)) = frame::decode::<ForwardAnswer>(&frame) {
            let _ = head.into_reply(());
        }
        let _ = frame::decode::<farcast_store::wire::Request>(&frame);
        let _ = frame::decode::<farcast_store::wire::Reply>(&frame);
        let _ = frame::decode::<enrol::Reply>(&frame);
        let _ = frame::decode::<enrol::Request>(&frame);
    }
    let mut media = MediaDecoder::new();
    media.feed(data);
    while let Ok(Some(_)) = media.next_item() {}
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = text.parse::<JoinToken>();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_reach_a_panic(data: Vec<u8>) {
            super::fuzz(&data);
        }

        #[test]
        fn no_framed_bytes_reach_a_panic(data: Vec<u8>) {
            let mut framed = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
            framed.extend_from_slice(&data);
            super::fuzz(&framed);
        }
    }
}
