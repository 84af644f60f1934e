//! The ranking: which edges are best for a viewer, and why.
//!
//! Place in the flow: called per request, with a [`Snapshot`] that all requests share. Edges are ordered by their faults,
//! then by their [`Cost`], then by weighted rendezvous hash, so that equals share the viewers by capacity.
//!
//! Invariants (README.md has them all, each with its test): an edge that becomes worse never gains a place; one that goes
//! moves only its own viewers; who follows a redirect is not redirected again.

use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::time::Duration;

use farcast_feed::name::StreamName;
use serde::Serialize;

use crate::base_url::BaseUrl;
use crate::coordinates::{Coordinates, Direction};
use crate::cost::{self, Bands, Cost, Distance, Fault, Faults, Health, MAX_LAG_MS, REDIRECT_MARGIN};
use crate::edge_id::EdgeId;
use crate::level::Level;
use crate::record::{Carried, EdgeRecord};
use crate::rendezvous;
use crate::snapshot::{Seen, Snapshot, State};

/// Most measured latencies of a viewer that count; more are ignored.
pub const MAX_MEASURED: usize = 16;

/// Whom an edge is sought for.
#[derive(Clone, PartialEq, Debug)]
pub struct Viewer {
    /// Whence the viewer comes: the address, or that of a DNS resolver or of its client's network.
    pub address: IpAddr,
    /// Where the viewer is, if that is known.
    pub coordinates: Option<Coordinates>,
    /// Round trips to edges in milliseconds, as the viewer's page measured them. Of two for an edge the first counts.
    pub measured: Vec<(EdgeId, u32)>,
    /// The edge that the viewer, or a redirect, chose: first if it has no fault, and never redirected from.
    pub pinned: Option<EdgeId>,
    /// What an edge needs so that the viewer can reach it.
    pub reach: Reach,
}

/// What an edge needs so that a viewer can reach it; without that it has [`Fault::Unreachable`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reach {
    /// A URL or an address.
    #[default]
    Any,
    /// A URL.
    Url,
    /// A URL of https: what a page needs that came by https.
    SecureUrl,
    /// An IP address.
    Address,
}

impl Reach {
    /// The URL by which such a viewer reaches an edge: the first that suits.
    #[must_use]
    pub fn url(self, record: &EdgeRecord) -> Option<&BaseUrl> {
        record.urls.iter().find(|url| url.is_secure() || self != Self::SecureUrl)
    }

    fn has(self, record: &EdgeRecord) -> bool {
        match self {
            Self::Any => !record.urls.is_empty() || !record.addresses.is_empty(),
            Self::Url | Self::SecureUrl => self.url(record).is_some(),
            Self::Address => !record.addresses.is_empty(),
        }
    }
}

impl Viewer {
    /// Of whom only the address is known.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        Self { address, coordinates: None, measured: Vec::new(), pinned: None, reach: Reach::Any }
    }
}

/// An edge's place for a viewer, with everything that decided it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Which edge.
    pub edge: EdgeId,
    /// Why it takes no viewers; empty if it does.
    pub faults: Faults,
    /// The sum of `cost`.
    pub total: u16,
    /// Its cost by parts.
    pub cost: Cost,
    /// How far it is.
    pub distance: Distance,
    /// How loaded.
    pub level: Level,
    /// How reliable.
    pub health: Health,
    /// How far behind the origin, in milliseconds, where it has the broadcast.
    pub lag_ms: Option<u32>,
    /// The channel's viewers there.
    pub viewers: u64,
    /// Its weight among equals, in viewers.
    pub weight: u32,
    /// Its draw among equals, by weight: the least comes first.
    pub draw: f64,
    /// Where viewers reach it: its first URL.
    pub url: Option<BaseUrl>,
}

/// Edges for a viewer, the best first.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ranking {
    /// The best, as many as were asked for. Those without fault come first.
    pub places: Vec<Place>,
    /// Further edges that were asked for and are not among the best.
    pub others: Vec<Place>,
    /// How many edges were ranked.
    pub edges: usize,
    /// The edge that the viewer is pinned to.
    pub pinned: Option<EdgeId>,
}

impl Ranking {
    /// The best edge. It may have a fault, if all have.
    #[must_use]
    pub fn best(&self) -> Option<&Place> {
        self.places.first()
    }

    /// The place of an edge, if it is among the best or was asked for by name.
    #[must_use]
    pub fn place(&self, edge: &EdgeId) -> Option<&Place> {
        self.places.iter().chain(&self.others).find(|place| place.edge == *edge)
    }

    /// Whether the best edge was taken only because all have a fault.
    #[must_use]
    pub fn is_fallback(&self) -> bool {
        self.best().is_some_and(|best| !best.faults.is_empty())
    }

    /// Where a new viewer who came to `this` edge is to be redirected to: the best edge that has a URL, if it is better by
    /// [`REDIRECT_MARGIN`] or `this` has worse faults; nowhere if the viewer is pinned. `this` is to be one of those that
    /// the ranking was asked for; it is nothing for a process that serves no viewers itself, which redirects always.
    ///
    /// Whoever arrives is at the best edge and stays, for all who share the directory. Since directories may differ for
    /// some seconds, the redirect also pins the viewer to its target.
    #[must_use]
    pub fn better_than(&self, this: Option<&EdgeId>) -> Option<&Place> {
        if self.pinned.is_some() {
            return None;
        }
        let best = self.places.iter().find(|place| place.url.is_some())?;
        let Some(this) = this else { return Some(best) };
        // Nobody is sent to an edge with a fault, but that it lacks a broadcast which nobody has, or lags as all do.
        let takes_viewers = best.faults.without(Fault::LacksBroadcast).without(Fault::Lagging).is_empty();
        if best.edge == *this || !takes_viewers {
            return None;
        }
        let Some(own) = self.place(this) else { return Some(best) };
        // Whoever is here has reached it, whatever it says of its addresses.
        let own_faults = own.faults.without(Fault::Unreachable);
        let is_better = own_faults > best.faults
            || own_faults == best.faults && own.total >= best.total.saturating_add(REDIRECT_MARGIN);
        is_better.then_some(best)
    }
}

/// Ranks all edges of the snapshot for a viewer of a channel, and gives the `most` best and those of `also`, which
/// influence nothing. `now` is by the directory's clock.
#[must_use]
pub fn rank(
    snapshot: &Snapshot,
    viewer: &Viewer,
    channel: &StreamName,
    most: usize,
    also: &[&EdgeId],
    now: Duration,
) -> Ranking {
    let judge = Judge::new(snapshot, viewer, channel, now);
    let best = judge.best(most);
    let places: Vec<_> = best.into_iter().filter_map(|at| judge.place(at)).collect();
    let mut others: Vec<Place> = Vec::new();
    for &edge in also {
        let is_there = places.iter().chain(&others).any(|place| place.edge == *edge);
        if let (false, Some(at)) = (is_there, snapshot.position(edge)) {
            others.extend(judge.place(at));
        }
    }
    Ranking { places, others, edges: snapshot.edges().len(), pinned: viewer.pinned.clone() }
}

/// What orders edges, in one number: faults, whether it is not the pinned edge, cost, draw, position in the snapshot. The
/// position decides between draws that are the same, and says which edge it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey(u128);

impl SortKey {
    fn position(self) -> u32 {
        // The lowest 32 bits.
        self.0 as u32
    }
}

/// A viewer's question, prepared for looking at many edges.
struct Judge<'a> {
    snapshot: &'a Snapshot,
    carrying: &'a [(u32, Carried)],
    viewer_hash: u64,
    viewer: Option<Direction>,
    coordinates: Option<Coordinates>,
    /// By position in the snapshot.
    measured: Vec<(u32, u32)>,
    pinned: Option<u32>,
    reach: Reach,
    bands: Bands,
    now: Duration,
}

/// What [`Judge`] finds of one edge.
struct Judged {
    faults: Faults,
    cost: Cost,
    health: Health,
}

impl<'a> Judge<'a> {
    fn new(snapshot: &'a Snapshot, viewer: &Viewer, channel: &StreamName, now: Duration) -> Self {
        let counted = viewer.measured.iter().take(MAX_MEASURED);
        let mut measured: Vec<_> =
            counted.filter_map(|(edge, rtt_ms)| Some((snapshot.position(edge)?, *rtt_ms))).collect();
        // Stable, so that the first of one edge stays.
        measured.sort_by_key(|(at, _)| *at);
        measured.dedup_by_key(|(at, _)| *at);
        Self {
            snapshot,
            carrying: snapshot.carrying(channel),
            viewer_hash: rendezvous::of_viewer(viewer.address),
            viewer: viewer.coordinates.map(Coordinates::direction),
            coordinates: viewer.coordinates,
            measured,
            pinned: viewer.pinned.as_ref().and_then(|edge| snapshot.position(edge)),
            reach: viewer.reach,
            bands: Bands::new(),
            now,
        }
    }

    /// The positions of the best edges, in order. Looks at each edge once, and keeps no more than are wanted.
    fn best(&self, most: usize) -> Vec<u32> {
        let edges = self.snapshot.edges();
        let most = most.min(edges.len());
        let mut best = BinaryHeap::with_capacity(most);
        let mut carrying = self.carrying.iter().copied().peekable();
        let mut measured = self.measured.iter().copied().peekable();
        for (seen, at) in edges.iter().zip(0..) {
            // Both lists are in the order of the edges.
            let carried = carrying.next_if(|(of, _)| *of == at).map(|(_, carried)| carried);
            let rtt_ms = measured.next_if(|(of, _)| *of == at).map(|(_, rtt_ms)| rtt_ms);
            let key = self.key(at, seen, carried, rtt_ms);
            if best.len() < most {
                best.push(key);
            } else if let Some(mut worst) = best.peek_mut()
                && key < *worst
            {
                *worst = key;
            }
        }
        best.into_sorted_vec().into_iter().map(SortKey::position).collect()
    }

    fn key(&self, at: u32, seen: &Seen, carried: Option<Carried>, rtt_ms: Option<u32>) -> SortKey {
        let Judged { faults, cost, .. } = self.judge(seen, carried, rtt_ms);
        let is_pinned = faults.is_empty() && self.pinned == Some(at);
        let draw = rendezvous::draw(self.viewer_hash, seen.hash, seen.weight);
        SortKey(
            u128::from(faults.bits()) << 113
                | u128::from(!is_pinned) << 112
                | u128::from(cost.total()) << 96
                | u128::from(draw.to_bits()) << 32
                | u128::from(at),
        )
    }

    fn judge(&self, seen: &Seen, carried: Option<Carried>, rtt_ms: Option<u32>) -> Judged {
        let state = self.snapshot.state(seen, self.now);
        let health = self.snapshot.health(seen, self.now);
        let record = &seen.record;
        let faults = Faults::NONE
            .with(Fault::Full, seen.level == Level::Full)
            .with(Fault::Lagging, carried.is_some_and(|carried| carried.lag_ms > MAX_LAG_MS))
            .with(Fault::LacksBroadcast, carried.is_none())
            .with(Fault::Draining, state == State::Draining)
            .with(Fault::Joining, state == State::Joining)
            .with(Fault::Lost, state == State::Lost)
            .with(Fault::Unreachable, !self.reach.has(record));
        let cost = Cost {
            distance: self.distance_points(seen, rtt_ms),
            load: cost::of_level(seen.level),
            cold: cost::of_cold(carried),
            lag: cost::of_lag(carried),
            health: cost::of_health(health),
        };
        Judged { faults, cost, health }
    }

    fn distance_points(&self, seen: &Seen, rtt_ms: Option<u32>) -> u16 {
        match (rtt_ms, self.viewer, seen.direction) {
            (Some(rtt_ms), _, _) => cost::of_rtt(rtt_ms),
            (None, Some(viewer), Some(edge)) => self.bands.points(viewer, edge),
            (None, None, _) if self.measured.is_empty() => 0,
            (None, _, _) => cost::of_unknown_position(),
        }
    }

    fn distance(&self, seen: &Seen, rtt_ms: Option<u32>) -> Distance {
        match (rtt_ms, self.coordinates, seen.record.coordinates) {
            (Some(rtt_ms), _, _) => Distance::MeasuredMs(rtt_ms),
            (None, Some(viewer), Some(edge)) => Distance::Kilometres(viewer.km(edge).round() as u32),
            (None, Some(_), None) => Distance::EdgeUnknown,
            (None, None, _) => Distance::ViewerUnknown,
        }
    }

    fn place(&self, at: u32) -> Option<Place> {
        let seen = self.snapshot.edges().get(at as usize)?;
        let carried = found(self.carrying, at);
        let rtt_ms = found(&self.measured, at);
        let Judged { faults, cost, health } = self.judge(seen, carried, rtt_ms);
        Some(Place {
            edge: seen.record.id.clone(),
            faults,
            total: cost.total(),
            cost,
            distance: self.distance(seen, rtt_ms),
            level: seen.level,
            health,
            lag_ms: carried.map(|carried| carried.lag_ms),
            viewers: carried.map_or(0, |carried| carried.viewers),
            weight: seen.weight,
            draw: rendezvous::draw(self.viewer_hash, seen.hash, seen.weight),
            url: seen.record.urls.first().cloned(),
        })
    }
}

fn found<T: Copy>(sorted: &[(u32, T)], at: u32) -> Option<T> {
    let index = sorted.binary_search_by_key(&at, |(of, _)| *of).ok()?;
    sorted.get(index).map(|(_, value)| *value)
}
