//! The retention of bytes in a window.

use std::time::Duration;

/// Segments whose bytes an origin keeps beyond the window, in target durations: a player may still ask for a segment
/// one target duration after it left the playlist (RFC 8216bis §6.2.2), and edges lag.
const MARGIN_TARGETS: u32 = 3;

/// The bytes that a window keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// The bytes of the parts that playlists list; an edge's cache has the others.
    Listed,
    /// The bytes of the whole window and a margin of three target durations, as long as they are no more than
    /// `max_bytes`: the oldest segments of all variants go first, each variant's last one never.
    Window {
        /// Most bytes of parts.
        max_bytes: usize,
    },
}

impl Keep {
    /// Length of the media at the window's end whose bytes are kept.
    pub(super) fn length(self, target: Duration, listed: Duration, window: Duration) -> Duration {
        match self {
            Self::Listed => listed,
            Self::Window { .. } => window + target * MARGIN_TARGETS,
        }
    }
}
