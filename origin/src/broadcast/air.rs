//! What is on air: for the status page, the admin API and the directory.

use std::net::SocketAddr;

use farcast_shared::runtime::VariantSpec;
use farcast_shared::time::WallTime;

use crate::ingest::flv::StreamMetadata;
use crate::package::LatencyLevel;

/// The state of the broadcast, as its owner has it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Air {
    /// True if there is something to watch: from the announcement to the end, an encoder's absence included.
    pub online: bool,
    /// When the encoder that began the broadcast connected; kept over its absences.
    pub connected_at: Option<WallTime>,
    /// When the last broadcast of this run ended.
    pub ended_at: Option<WallTime>,
    /// Who publishes now.
    pub broadcaster: Option<Broadcaster>,
    /// What the broadcast is made with.
    pub output: Option<Output>,
}

/// Who publishes.
#[derive(Clone, PartialEq, Debug)]
pub struct Broadcaster {
    /// Its address.
    pub remote: SocketAddr,
    /// When it connected.
    pub connected_at: WallTime,
    /// What it says of its stream.
    pub metadata: StreamMetadata,
}

/// What a broadcast is made with.
#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    /// Parts and segments.
    pub level: LatencyLevel,
    /// The ladder.
    pub specs: Vec<VariantSpec>,
}
