//! What an edge costs a viewer, in points, and what excludes it: all constants of the ranking are here.
//!
//! Each part depends on one edge alone and never falls when the edge becomes worse in that respect. So an edge that
//! becomes worse never gains a place, and one that goes changes nothing between the others.

use serde::{Serialize, Serializer};

use crate::coordinates::{Direction, cosine_of_km};
use crate::level::Level;
use crate::record::Carried;

/// Points by which another edge must be cheaper for a new viewer to be sent there: two of the near bands of distance, or
/// a busy edge in place of one that is not. Warmth or one band is not enough.
pub const REDIRECT_MARGIN: u16 = 15;

/// Lag from which on an edge is excluded, in milliseconds: a player at the live edge would stall.
pub const MAX_LAG_MS: u32 = 4_000;

/// A band of distance: up to so many kilometres, or a round trip of so many milliseconds, it costs so much.
struct Band {
    km: u32,
    rtt_ms: u32,
    points: u16,
}

/// The bands. Kilometres and milliseconds of one band go together on networks as they are.
const BANDS: [Band; 5] = [
    Band { km: 300, rtt_ms: 10, points: 0 },
    Band { km: 1_000, rtt_ms: 25, points: 10 },
    Band { km: 2_500, rtt_ms: 50, points: 20 },
    Band { km: 5_000, rtt_ms: 90, points: 40 },
    Band { km: 9_000, rtt_ms: 150, points: 60 },
];

/// Farther than all bands.
const FARTHEST: u16 = 80;

/// An edge whose position is unknown, for a viewer whose position is known: a middle band.
const UNKNOWN_POSITION: u16 = 40;

const BUSY: u16 = 15;

/// An edge that does not have the channel's viewers yet costs a pull of all media.
const COLD: u16 = 5;

/// Viewers of a channel on one edge from which on it is no more preferred for having them: then load is to spread.
const WARM_VIEWERS: u64 = 200;

/// Lag up to so many milliseconds costs so much.
const LAGS: [(u32, u16); 3] = [(250, 0), (1_000, 5), (2_000, 12)];

/// More than that, up to [`MAX_LAG_MS`] and beyond.
const LAG_MOST: u16 = 20;

/// More than all other parts together: a flapping edge comes after all that are not.
const FLAPPING: u16 = 200;
const LATE: u16 = 20;
const UNPROVEN: u16 = 10;

/// The parts of an edge's cost, in points. The least total is best.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// 0 to 80 by distance or measured latency.
    pub distance: u16,
    /// 15 for an edge that is busy or full.
    pub load: u16,
    /// 5 unless the edge has a few of the channel's viewers already.
    pub cold: u16,
    /// 0 to 20 by how far it is behind the origin.
    pub lag: u16,
    /// 10 for an edge not seen to live yet, 20 for one that is late, 200 for one that flaps.
    pub health: u16,
}

impl Cost {
    /// All parts together.
    #[must_use]
    pub fn total(&self) -> u16 {
        self.distance + self.load + self.cold + self.lag + self.health
    }
}

/// How far an edge is from a viewer, and how that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Distance {
    /// A round trip in milliseconds, as the viewer's page measured it.
    MeasuredMs(u32),
    /// Kilometres along a great circle.
    Kilometres(u32),
    /// The edge says not where it is.
    EdgeUnknown,
    /// Nobody knows where the viewer is, and this edge was not measured.
    ViewerUnknown,
}

/// How reliable an edge is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// Its renewals come in time.
    Good,
    /// Its record was there when the reader came, and has not changed since.
    Unproven,
    /// Its renewal is late.
    Late,
    /// It has gone and come back several times.
    Flapping,
}

/// Why an edge takes no viewers. The order is that of the fallback: where every edge has a fault, one with the least comes
/// first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Fault {
    /// It is full.
    Full = 1,
    /// It is more than [`MAX_LAG_MS`] behind the origin.
    Lagging = 2,
    /// It drains.
    Draining = 4,
    /// It does not have the broadcast.
    LacksBroadcast = 8,
    /// It is not ready yet.
    Joining = 16,
    /// Nothing was heard of it for too long.
    Lost = 32,
    /// It has neither a URL nor an address.
    Unreachable = 64,
}

impl Fault {
    const ALL: [Self; 7] = [
        Self::Full,
        Self::Lagging,
        Self::Draining,
        Self::LacksBroadcast,
        Self::Joining,
        Self::Lost,
        Self::Unreachable,
    ];
}

/// A set of faults. Sets are ordered by their worst fault, then the next: another fault always makes a set greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Faults(u8);

impl Faults {
    /// No fault.
    pub const NONE: Self = Self(0);

    /// With a fault if `is_so`.
    #[must_use]
    pub fn with(self, fault: Fault, is_so: bool) -> Self {
        if is_so { Self(self.0 | fault as u8) } else { self }
    }

    /// Whether a fault is among them.
    #[must_use]
    pub fn has(self, fault: Fault) -> bool {
        self.0 & fault as u8 != 0
    }

    /// Without a fault.
    #[must_use]
    pub fn without(self, fault: Fault) -> Self {
        Self(self.0 & !(fault as u8))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// Each, the least first.
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.into_iter().filter(move |fault| self.has(*fault))
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }
}

impl Serialize for Faults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// The bands of kilometres as cosines, computed once for a ranking.
pub(crate) struct Bands([i64; BANDS.len()]);

impl Bands {
    pub(crate) fn new() -> Self {
        Self(BANDS.map(|band| cosine_of_km(band.km)))
    }

    pub(crate) fn points(&self, viewer: Direction, edge: Direction) -> u16 {
        let cosine = viewer.cosine(edge);
        let band = self.0.iter().zip(&BANDS).find(|(least, _)| cosine >= **least);
        band.map_or(FARTHEST, |(_, band)| band.points)
    }
}

pub(crate) fn of_rtt(rtt_ms: u32) -> u16 {
    BANDS.iter().find(|band| rtt_ms <= band.rtt_ms).map_or(FARTHEST, |band| band.points)
}

pub(crate) fn of_unknown_position() -> u16 {
    UNKNOWN_POSITION
}

pub(crate) fn of_level(level: Level) -> u16 {
    if level == Level::Light { 0 } else { BUSY }
}

pub(crate) fn of_cold(carried: Option<Carried>) -> u16 {
    let is_warm = carried.is_some_and(|carried| (1..WARM_VIEWERS).contains(&carried.viewers));
    if is_warm { 0 } else { COLD }
}

pub(crate) fn of_lag(carried: Option<Carried>) -> u16 {
    let Some(carried) = carried else { return LAG_MOST };
    LAGS.iter().find(|(most, _)| carried.lag_ms <= *most).map_or(LAG_MOST, |(_, points)| *points)
}

pub(crate) fn of_health(health: Health) -> u16 {
    match health {
        Health::Good => 0,
        Health::Unproven => UNPROVEN,
        Health::Late => LATE,
        Health::Flapping => FLAPPING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cost_more_the_farther_they_are() {
        let rising = |values: Vec<u32>| values.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(rising(BANDS.iter().map(|band| band.km).collect()));
        assert!(rising(BANDS.iter().map(|band| band.rtt_ms).collect()));
        assert!(rising(
            BANDS.iter().map(|band| u32::from(band.points)).chain([u32::from(FARTHEST)]).collect()
        ));
        assert_eq!([of_rtt(0), of_rtt(10), of_rtt(11), of_rtt(151)], [0, 0, 10, 80]);
    }

    #[test]
    fn a_flapping_edge_costs_more_than_all_else_together() {
        const { assert!(FLAPPING > FARTHEST + BUSY + COLD + LAG_MOST + LATE) };
    }

    #[test]
    fn warmth_never_moves_a_viewer_and_never_outweighs_a_band() {
        const { assert!(COLD < REDIRECT_MARGIN) };
        assert!(BANDS.windows(2).all(|pair| pair[1].points - pair[0].points > COLD));
    }

    #[test]
    fn another_fault_always_makes_a_set_greater() {
        for bits in 0..128_u8 {
            for fault in Fault::ALL {
                let set = Faults(bits);
                assert_eq!(set.with(fault, true) > set, !set.has(fault));
            }
        }
        let set = Faults::NONE.with(Fault::Lost, true).with(Fault::Full, true);
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["full","lost"]"#);
    }

    #[test]
    fn what_lacks_the_broadcast_is_no_cheaper_than_what_lags() {
        assert_eq!(of_lag(None), of_lag(Some(Carried { lag_ms: u32::MAX, viewers: 0 })));
        assert_eq!(of_cold(None), of_cold(Some(Carried { lag_ms: 0, viewers: 0 })));
        assert_eq!(of_cold(Some(Carried { lag_ms: 0, viewers: 199 })), 0);
        assert_eq!(of_cold(Some(Carried { lag_ms: 0, viewers: 200 })), COLD);
    }
}
