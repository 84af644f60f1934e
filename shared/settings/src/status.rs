//! The public state of the broadcast: written by the origin, followed by edges.

use serde::{Deserialize, Serialize};

use farcast_feed::time::WallTime;
use farcast_store::{Record, Tuple, TypedKey};

/// The state of the broadcast and its audience.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveStatus {
    /// True if there is something to watch.
    pub online: bool,
    /// Viewers on all edges; 0 while offline.
    pub viewers: u64,
    /// Most viewers of this broadcast.
    pub session_peak: u64,
    /// Most viewers ever.
    pub overall_peak: u64,
    /// Time at which the encoder connected; none while offline.
    pub connected_at: Option<WallTime>,
    /// End of the last broadcast; none while one runs.
    pub disconnected_at: Option<WallTime>,
}

impl Record for LiveStatus {
    const VERSION: u8 = 1;
}

/// The key of the status.
#[must_use]
pub fn status_key() -> TypedKey<LiveStatus> {
    TypedKey::new(Tuple::new().text("status").key())
}
