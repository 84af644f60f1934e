//! The policy of overload, without a clock: what is near its limit, and since when.
//!
//! Each reason has two thresholds and two times. It begins to hold when its measure has stood at the upper one for a while,
//! and ceases when it has stood below the lower one for longer: an edge near a threshold does not change its mind with each
//! reading, and those who are turned away do not all come back at once.

use std::time::{Duration, Instant};

/// A reason for turning newcomers away; a label. The order is that in which they are named where several hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Memory of the control group is nearly used up.
    Memory,
    /// Tasks get their turn late: the machine cannot keep up.
    Lateness,
    /// The machine sends nearly what it can.
    Egress,
    /// Nearly all connections are being answered.
    Connections,
}

impl Reason {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Memory, Self::Lateness, Self::Egress, Self::Connections];

    /// Its name in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Lateness => "lateness",
            Self::Egress => "egress",
            Self::Connections => "connections",
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Memory => 0,
            Self::Lateness => 1,
            Self::Egress => 2,
            Self::Connections => 3,
        }
    }

    const fn threshold(self) -> Threshold {
        match self {
            // What is left has to do for those who watch: a cache that fills, buffers of a slow minute.
            Self::Memory => Threshold::new((940, 900), (1_000, 10_000)),
            // A turn half a second late again and again; a machine that is busy for a moment is not overloaded.
            Self::Lateness => Threshold::new((1_000, 400), (1_500, 10_000)),
            // Segments are sent in bursts, which fit into what is left.
            Self::Egress => Threshold::new((920, 850), (1_000, 10_000)),
            // Every viewer takes up to seven; they come within a moment.
            Self::Connections => Threshold::new((900, 800), (0, 5_000)),
        }
    }
}

/// In thousandths of a limit, and how long a measure has to stand there.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    up: u32,
    down: u32,
    rise: Duration,
    fall: Duration,
}

impl Threshold {
    const fn new((up, down): (u32, u32), (rise_ms, fall_ms): (u64, u64)) -> Self {
        Self { up, down, rise: Duration::from_millis(rise_ms), fall: Duration::from_millis(fall_ms) }
    }
}

/// How near an edge is to its limits, in thousandths of each; none where there is no such limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reading([Option<u32>; 4]);

impl Reading {
    /// The same with one more measure: so much of a limit; a limit of 0 is none.
    #[must_use]
    pub fn with(mut self, reason: Reason, used: u64, limit: u64) -> Self {
        if limit > 0 {
            let share = u128::from(used) * 1000 / u128::from(limit);
            self.0[reason.index()] = Some(u32::try_from(share).unwrap_or(u32::MAX));
        }
        self
    }

    /// A measure, in thousandths of its limit.
    #[must_use]
    pub fn of(&self, reason: Reason) -> Option<u32> {
        self.0[reason.index()]
    }
}

/// The state of all reasons.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    held: [Held; 4],
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    holds: bool,
    /// Since when the measure has asked for the other state.
    since: Option<Instant>,
}

impl Policy {
    /// Takes a reading; `now` never goes back. Returns the reason for which newcomers are to be turned away, if there is one.
    pub fn look(&mut self, reading: Reading, now: Instant) -> Option<Reason> {
        for reason in Reason::ALL {
            let threshold = reason.threshold();
            let share = reading.of(reason).unwrap_or(0);
            let held = &mut self.held[reason.index()];
            let (changes, after) = if held.holds {
                (share < threshold.down, threshold.fall)
            } else {
                (share >= threshold.up, threshold.rise)
            };
            if !changes {
                held.since = None;
            } else if now.saturating_duration_since(*held.since.get_or_insert(now)) >= after {
                *held = Held { holds: !held.holds, since: None };
            }
        }
        Reason::ALL.into_iter().find(|reason| self.holds(*reason))
    }

    /// True while a reason holds.
    #[must_use]
    pub fn holds(&self, reason: Reason) -> bool {
        self.held[reason.index()].holds
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOOK: Duration = Duration::from_millis(250);

    /// What is decided at each of these readings of one reason, a look apart.
    fn decided(reason: Reason, shares: &[u32]) -> Vec<bool> {
        let (mut policy, start) = (Policy::default(), Instant::now());
        let looks = shares.iter().zip(0..).map(|(share, look)| {
            let reading = Reading::default().with(reason, u64::from(*share), 1000);
            policy.look(reading, start + LOOK * look).is_some()
        });
        looks.collect()
    }

    #[test]
    fn full_connections_count_at_once_and_a_late_turn_only_when_it_goes_on() {
        assert_eq!(decided(Reason::Connections, &[899, 900, 850, 800]), [false, true, true, true]);
        let late = [2000, 2000, 300, 2000, 2000, 2000, 2000, 2000, 2000, 2000];
        let first = decided(Reason::Lateness, &late).iter().position(|sheds| *sheds);
        assert_eq!(first, Some(9), "1.5 s after the turn that was in time");
    }

    #[test]
    fn it_ends_when_there_has_been_room_for_a_while() {
        let mut shares = vec![950];
        shares.extend([799; 20]);
        shares.push(801);
        shares.extend([799; 21]);
        let sheds = decided(Reason::Connections, &shares);
        assert!(sheds[..sheds.len() - 1].iter().all(|sheds| *sheds), "{sheds:?}");
        assert_eq!(sheds.last(), Some(&false));
    }

    #[test]
    fn what_has_no_limit_is_never_near_it() {
        let reading = Reading::default().with(Reason::Egress, 5, 0).with(Reason::Memory, u64::MAX, 1);
        assert_eq!((reading.of(Reason::Egress), reading.of(Reason::Memory)), (None, Some(u32::MAX)));
        let mut policy = Policy::default();
        assert_eq!(policy.look(Reading::default(), Instant::now()), None);
    }

    fn shares() -> impl Strategy<Value = Vec<u32>> {
        // Long stretches at one height, near the thresholds and far from them.
        let height = prop_oneof![0..500_u32, 350..1100_u32, Just(u32::MAX)];
        prop::collection::vec((height, 1..60_usize), 1..12)
            .prop_map(|runs| runs.into_iter().flat_map(|(share, times)| vec![share; times]).collect())
    }

    fn reasons() -> impl Strategy<Value = Reason> {
        prop::sample::select(Reason::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn nothing_changes_between_the_thresholds_or_before_its_time(reason in reasons(), shares in shares()) {
            let Threshold { up, down, rise, fall } = reason.threshold();
            let sheds = decided(reason, &shares);
            for at in 0..sheds.len() {
                let before = at > 0 && sheds[at - 1];
                if sheds[at] == before { continue; }
                let (looks, asks): (_, &dyn Fn(u32) -> bool) = if sheds[at] {
                    (rise.as_millis() / LOOK.as_millis(), &|share| share >= up)
                } else {
                    (fall.as_millis() / LOOK.as_millis(), &|share| share < down)
                };
                let from = at - usize::try_from(looks).unwrap();
                prop_assert!(shares[from..=at].iter().all(|share| asks(*share)), "at {} of {:?}", at, shares);
            }
        }

        #[test]
        fn more_load_never_lets_somebody_in(reason in reasons(), shares in shares(), more in shares()) {
            let loaded: Vec<_> = shares.iter().zip(more.iter().chain(std::iter::repeat(&0)))
                .map(|(share, more)| share.saturating_add(*more)).collect();
            for (less, more) in decided(reason, &shares).into_iter().zip(decided(reason, &loaded)) {
                prop_assert!(more >= less);
            }
        }

        #[test]
        fn an_edge_at_rest_lets_everybody_in_and_one_at_its_limit_nobody(reason in reasons(), shares in shares()) {
            let mut rests = shares.clone();
            rests.extend([0; 60]);
            prop_assert_eq!(decided(reason, &rests).last().copied(), Some(false));
            let mut full = shares;
            full.extend([1000; 60]);
            prop_assert_eq!(decided(reason, &full).last().copied(), Some(true));
        }
    }
}
