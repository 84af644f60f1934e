//! The directory at one moment, as rankings read it: shared by all requests, never changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use farcast_feed::name::StreamName;
use serde::Serialize;

use crate::coordinates::Direction;
use crate::cost::Health;
use crate::edge_id::EdgeId;
use crate::level::Level;
use crate::record::{Announced, Carried, EdgeRecord};
use crate::rendezvous;

/// All edges that have a record, in the order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    edges: Vec<Seen>,
    /// Where each edge stands in `edges`.
    index: HashMap<EdgeId, u32>,
    /// For each channel the edges that have it, in the order of `edges`.
    channels: HashMap<StreamName, Vec<(u32, Carried)>>,
    /// When the reader lost sight of the store: nobody has become silent since.
    blind_since: Option<Duration>,
}

/// An edge as a reader sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it announced.
    pub record: Arc<EdgeRecord>,
    /// How loaded it is.
    pub level: Level,
    pub(crate) direction: Option<Direction>,
    pub(crate) hash: u64,
    pub(crate) weight: u32,
    pub(crate) times: Times,
}

/// From when on something is true of an edge, if its record does not change again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Times {
    pub(crate) proven: bool,
    pub(crate) late_at: Duration,
    pub(crate) lost_at: Duration,
    pub(crate) damped_until: Duration,
}

/// What an edge is for those who route.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It takes viewers.
    Ready,
    /// It takes no more.
    Draining,
    /// Not ready yet.
    Joining,
    /// Nothing was heard of it for too long.
    Lost,
}

impl Seen {
    pub(crate) fn new(record: Arc<EdgeRecord>, level: Level, times: Times) -> Self {
        let (id, capacity) = (record.id.as_str(), &record.capacity);
        let hash = rendezvous::of_edge(id);
        let weight = rendezvous::weight(capacity.connections, capacity.egress_bps);
        let direction = record.coordinates.map(|coordinates| coordinates.direction());
        Self { record, level, direction, hash, weight, times }
    }

    fn state(&self, now: Duration) -> State {
        if now >= self.times.lost_at {
            return State::Lost;
        }
        match self.record.state {
            Announced::Ready => State::Ready,
            Announced::Draining => State::Draining,
            Announced::Joining => State::Joining,
        }
    }

    fn health(&self, now: Duration) -> Health {
        if now < self.times.damped_until {
            Health::Flapping
        } else if now >= self.times.late_at {
            Health::Late
        } else if self.times.proven {
            Health::Good
        } else {
            Health::Unproven
        }
    }
}

impl Snapshot {
    /// Of edges in the order of their ids, each once.
    pub(crate) fn new(edges: Vec<Seen>, blind_since: Option<Duration>) -> Self {
        let mut index = HashMap::with_capacity(edges.len());
        let mut channels: HashMap<StreamName, Vec<(u32, Carried)>> = HashMap::new();
        for (seen, at) in edges.iter().zip(0..) {
            index.insert(seen.record.id.clone(), at);
            for (channel, carried) in &seen.record.channels {
                match channels.get_mut(channel) {
                    Some(all) => all.push((at, *carried)),
                    None => drop(channels.insert(channel.clone(), vec![(at, *carried)])),
                }
            }
        }
        Self { edges, index, channels, blind_since }
    }

    /// All edges that have a record, in the order of their ids.
    #[must_use]
    pub fn edges(&self) -> &[Seen] {
        &self.edges
    }

    /// One edge.
    #[must_use]
    pub fn edge(&self, id: &EdgeId) -> Option<&Seen> {
        self.edges.get(self.position(id)? as usize)
    }

    /// What an edge is at `now`.
    #[must_use]
    pub fn state(&self, edge: &Seen, now: Duration) -> State {
        edge.state(self.seen_at(now))
    }

    /// How reliable an edge is at `now`.
    #[must_use]
    pub fn health(&self, edge: &Seen, now: Duration) -> Health {
        edge.health(self.seen_at(now))
    }

    pub(crate) fn position(&self, id: &EdgeId) -> Option<u32> {
        self.index.get(id).copied()
    }

    /// The edges that have a channel.
    pub(crate) fn carrying(&self, channel: &StreamName) -> &[(u32, Carried)] {
        self.channels.get(channel).map_or(&[], Vec::as_slice)
    }

    /// The last moment up to `now` at which records could be read.
    fn seen_at(&self, now: Duration) -> Duration {
        self.blind_since.map_or(now, |since| since.min(now))
    }
}
