//! Edges as tests describe them, and the directory that has seen all that.

use std::net::IpAddr;
use std::time::Duration;

use farcast_feed::name::StreamName;

use crate::{
    Announced, BaseUrl, Capacity, Carried, Coordinates, Directory, EdgeId, EdgeRecord, Load, Ranking,
    Snapshot, Timing, Viewer, rank,
};

pub(crate) const FRANKFURT: (f64, f64) = (50.03, 8.57);
pub(crate) const AMSTERDAM: (f64, f64) = (52.31, 4.76);
pub(crate) const VIRGINIA: (f64, f64) = (39.04, -77.49);
pub(crate) const SINGAPORE: (f64, f64) = (1.36, 103.99);
pub(crate) const SAO_PAULO: (f64, f64) = (-23.43, -46.47);

/// The moment of all rankings. What happened before is fed with earlier times.
pub(crate) const NOW: Duration = Duration::from_secs(10_000);

pub(crate) const TIMING: Timing = Timing {
    late_after: Duration::from_secs(12),
    lost_after: Duration::from_secs(20),
    damp_first: Duration::from_secs(60),
    damp_most: Duration::from_secs(600),
    forget_after: Duration::from_secs(1200),
};

/// An edge and its past.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) id: String,
    pub(crate) at: Option<(f64, f64)>,
    pub(crate) capacity: Option<u64>,
    /// Its connections before, and now: what the level's hysteresis has seen.
    pub(crate) connections: (u64, u64),
    pub(crate) state: Announced,
    /// Its lag in milliseconds, where it has the channel.
    pub(crate) lag_ms: Option<u32>,
    pub(crate) viewers: u64,
    /// Seconds since its last renewal.
    pub(crate) silent_s: u64,
    /// How often it was started again within the last minute.
    pub(crate) restarts: u64,
    pub(crate) url: Option<String>,
    /// Its address for DNS.
    pub(crate) address: Option<IpAddr>,
}

/// An edge with room, well, with the channel and a thousand of its viewers, so neither cold nor warm.
pub(crate) fn edge(id: &str, at: (f64, f64)) -> Edge {
    Edge {
        id: id.to_owned(),
        at: Some(at),
        capacity: Some(10_000),
        connections: (1_000, 1_000),
        state: Announced::Ready,
        lag_ms: Some(40),
        viewers: 1_000,
        silent_s: 1,
        restarts: 0,
        url: Some(format!("https://{id}.example")),
        address: None,
    }
}

/// An edge in each of four places.
pub(crate) fn world() -> Vec<Edge> {
    vec![edge("fra", FRANKFURT), edge("iad", VIRGINIA), edge("sin", SINGAPORE), edge("gru", SAO_PAULO)]
}

pub(crate) fn live() -> StreamName {
    StreamName::live()
}

pub(crate) fn id(text: &str) -> EdgeId {
    EdgeId::new(text).unwrap()
}

pub(crate) fn coordinates((latitude, longitude): (f64, f64)) -> Coordinates {
    Coordinates::new(latitude, longitude).unwrap()
}

pub(crate) fn viewer(at: (f64, f64)) -> Viewer {
    Viewer { coordinates: Some(coordinates(at)), ..Viewer::at("192.0.2.7".parse().unwrap()) }
}

impl Edge {
    pub(crate) fn record(&self, run: u64, renewal: u64, connections: u64) -> EdgeRecord {
        let carried = |lag_ms| (live(), Carried { lag_ms, viewers: self.viewers });
        EdgeRecord {
            id: id(&self.id),
            name: String::new(),
            version: "0.1.0".to_owned(),
            region: String::new(),
            coordinates: self.at.map(coordinates),
            urls: self.url.iter().map(|url| BaseUrl::new(url).unwrap()).collect(),
            addresses: self.address.into_iter().collect(),
            capacity: Capacity { connections: self.capacity, egress_bps: None },
            load: Load { viewers: self.viewers, connections, egress_bps: 0 },
            state: self.state,
            channels: self.lag_ms.map(carried).into_iter().collect(),
            run,
            renewal,
        }
    }

    /// Tells a directory all that has happened to it.
    fn happen(&self, directory: &mut Directory) {
        let mut read = |record, at| directory.read(record, at).unwrap();
        let ago = |secs: u64| NOW - Duration::from_secs(secs);
        let steady = Edge { state: Announced::Ready, ..self.clone() };
        read(steady.record(0, 0, self.connections.0), ago(60));
        for run in 1..=self.restarts {
            read(steady.record(run, 0, self.connections.0), ago(59));
        }
        read(self.record(self.restarts, 1, self.connections.0), ago(50));
        for renewal_ago in [40, 30, 20, 10].into_iter().filter(|secs| *secs > self.silent_s) {
            read(self.record(self.restarts, 100 - renewal_ago, self.connections.0), ago(renewal_ago));
        }
        read(self.record(self.restarts, 100, self.connections.1), ago(self.silent_s.min(49)));
    }
}

pub(crate) fn directory(edges: &[Edge]) -> Directory {
    let mut directory = Directory::new(TIMING);
    edges.iter().for_each(|edge| edge.happen(&mut directory));
    directory
}

pub(crate) fn snapshot(edges: &[Edge]) -> Snapshot {
    directory(edges).snapshot(NOW)
}

/// All edges for a viewer, the best first.
pub(crate) fn ranked(edges: &[Edge], viewer: &Viewer) -> Ranking {
    rank(&snapshot(edges), viewer, &live(), usize::MAX, &[], NOW)
}

pub(crate) fn order(ranking: &Ranking) -> Vec<String> {
    ranking.places.iter().map(|place| place.edge.to_string()).collect()
}
