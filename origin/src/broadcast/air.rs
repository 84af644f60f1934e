//! The state of the broadcast: for the status page, the admin API and the directory.

use std::net::SocketAddr;

use farcast_feed::time::WallTime;
use farcast_settings::VariantSpec;

use crate::ingest::StreamMetadata;
use crate::package::LatencyLevel;

/// The state of the broadcast, as its owner has it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Air {
    /// True if there is something to watch: from the announcement to the end, an encoder's absence included.
    pub online: bool,
    /// Time at which the encoder that began the broadcast connected; kept over its absences.
    pub connected_at: Option<WallTime>,
    /// End of the last broadcast of this run.
    pub ended_at: Option<WallTime>,
    /// The current publisher.
    pub broadcaster: Option<Broadcaster>,
    /// The settings of the broadcast.
    pub output: Option<Output>,
}

/// A publisher.
#[derive(Clone, PartialEq, Debug)]
pub struct Broadcaster {
    /// Its address.
    pub remote: SocketAddr,
    /// Time at which it connected.
    pub connected_at: WallTime,
    /// Its own description of its stream.
    pub metadata: StreamMetadata,
}

/// The settings of a broadcast.
#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    /// Parts and segments.
    pub level: LatencyLevel,
    /// The ladder.
    pub specs: Vec<VariantSpec>,
}
