//! QUIC settings that both ends share, each with its reason.

use std::sync::Arc;
use std::time::Duration;

use quinn::{IdleTimeout, TransportConfig, VarInt};

use super::congestion::HyStartConfig;

/// Interval of probes on a quiet connection.
pub const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// A connection from which nothing came for so long is dead: four lost probes, and still less than
/// the buffer of a player at the usual latency.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Unidirectional streams that an origin may have open to an edge.
pub const MAX_PUSH_STREAMS: u32 = 128;

/// Streams that one link may carry, each with a control stream.
pub const MAX_SUBSCRIPTIONS: u32 = 16;

/// Fetches that an edge may have open, control streams not counted.
pub const MAX_FETCHES: u32 = 64;

/// Calls of the store that an edge may have open, those that watch included.
pub const MAX_STORE_CALLS: u32 = 64;

/// HTTP requests that an edge may pass on at once.
pub const MAX_FORWARDED: u32 = 16;

/// Streams of events (`farcast_api::events`) that an edge may pass on at once: a few open admin pages.
pub const MAX_EVENT_STREAMS: u32 = 8;

/// Most bytes in flight on one stream: a whole part of the largest size.
const STREAM_WINDOW_BYTES: u32 = 34 * 1024 * 1024;

/// Most bytes in flight and unread on one connection, over all its streams: bounds an edge's memory.
const CONNECTION_WINDOW_BYTES: u32 = 96 * 1024 * 1024;

/// Settings for one connection; `incoming_uni` and `incoming_bidi` are the streams the peer may open.
///
/// quinn's `send_fairness` stays on: without it a stream that was begun is sent to its end whatever the
/// priority of others, and one that is refilled all the time never ends.
#[must_use]
pub fn transport(incoming_uni: u32, incoming_bidi: u32) -> TransportConfig {
    let mut config = TransportConfig::default();
    let idle_ms = u32::try_from(IDLE_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    config
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(idle_ms))))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_uni_streams(VarInt::from_u32(incoming_uni))
        .max_concurrent_bidi_streams(VarInt::from_u32(incoming_bidi))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .datagram_receive_buffer_size(None)
        .congestion_controller_factory(Arc::new(HyStartConfig::default()));
    config
}
