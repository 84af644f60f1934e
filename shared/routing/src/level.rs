//! How loaded an edge is, in three levels, each left only well below where it was entered: an edge near a threshold does
//! not change its level with each report.

use serde::Serialize;

use crate::record::{Capacity, Load};

/// Share of its capacity, in thousandths, at which an edge is [`Level::Busy`], and below which it is no more.
const BUSY: Threshold = Threshold { up: 700, down: 600 };

/// The same for [`Level::Full`]. Room is left for viewers who come before other machines have read of it.
const FULL: Threshold = Threshold { up: 950, down: 850 };

struct Threshold {
    up: u64,
    down: u64,
}

impl Threshold {
    fn holds(&self, held: bool, share: u64) -> bool {
        share >= if held { self.down } else { self.up }
    }
}

/// How loaded an edge is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Below 70 % of its capacity; below 60 % once it was busier. So is one whose capacity is unknown.
    #[default]
    Light,
    /// From 70 % on; below 85 % once it was full.
    Busy,
    /// From 95 % on: it takes no more viewers.
    Full,
}

impl Level {
    /// The level after a report of load: of connections or egress, whichever is nearer to its capacity. More load, less
    /// capacity or a higher level before never give a lower one.
    #[must_use]
    pub fn after(self, load: &Load, capacity: &Capacity) -> Self {
        let share = share(load, capacity);
        if FULL.holds(self == Self::Full, share) {
            Self::Full
        } else if BUSY.holds(self >= Self::Busy, share) {
            Self::Busy
        } else {
            Self::Light
        }
    }
}

/// Load by capacity in thousandths: the greater of connections and egress; 0 where capacity is unknown.
fn share(load: &Load, capacity: &Capacity) -> u64 {
    let one = |load: u64, capacity: Option<u64>| match capacity {
        None => 0,
        Some(0) => u64::MAX,
        Some(capacity) => u64::try_from(u128::from(load) * 1000 / u128::from(capacity)).unwrap_or(u64::MAX),
    };
    one(load.connections, capacity.connections).max(one(load.egress_bps, capacity.egress_bps))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(connections: u64) -> Load {
        Load { connections, ..Load::default() }
    }

    const CAPACITY: Capacity = Capacity { connections: Some(1000), egress_bps: None };

    #[test]
    fn a_level_is_left_only_well_below_where_it_was_entered() {
        let mut level = Level::default();
        let steps = [
            (699, Level::Light),
            (700, Level::Busy),
            (601, Level::Busy),
            (599, Level::Light),
            (950, Level::Full),
            (851, Level::Full),
            (849, Level::Busy),
            (949, Level::Busy),
            (2000, Level::Full),
            (0, Level::Light),
        ];
        for (connections, expected) in steps {
            level = level.after(&load(connections), &CAPACITY);
            assert_eq!(level, expected, "{connections}");
        }
    }

    #[test]
    fn the_scarcer_of_connections_and_egress_counts() {
        let capacity = Capacity { connections: Some(1000), egress_bps: Some(1_000_000_000) };
        let load = Load { viewers: 1, connections: 10, egress_bps: 960_000_000 };
        assert_eq!(Level::Light.after(&load, &capacity), Level::Full);
        assert_eq!(Level::Full.after(&load, &Capacity::default()), Level::Light, "unknown");
        let none = Capacity { connections: Some(0), egress_bps: None };
        assert_eq!(Level::Light.after(&Load::default(), &none), Level::Full, "it is to take nobody");
        let huge = Load { connections: u64::MAX, ..load };
        assert_eq!(
            Level::Light.after(&huge, &Capacity { connections: Some(1), egress_bps: None }),
            Level::Full
        );
    }

    proptest! {
        #[test]
        fn more_load_never_gives_a_lower_level(steps in proptest::collection::vec((0u64..1500, 0u64..500), 0..20)) {
            let (mut lighter, mut heavier) = (Level::Light, Level::Light);
            for (connections, more) in steps {
                lighter = lighter.after(&load(connections), &CAPACITY);
                heavier = heavier.after(&load(connections + more), &CAPACITY);
                prop_assert!(lighter <= heavier);
            }
        }
    }
}
