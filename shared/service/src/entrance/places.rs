//! The policy of places, without a clock: a limit for all and one for each network, and which connection goes when all
//! are taken.
//!
//! Idle connections never keep viewers out: when all places are taken, the network with the most connections that came
//! over [`ASKS_WITHIN`] ago and never asked for anything loses the oldest of these; where there are none, the network
//! with the most connections that rest loses the one that has rested longest. Where there are none either, a connection
//! that came, or asked for the first time, a moment ago goes: the oldest of the network with the most of these if those
//! are more than the newcomer's network has, else one of the newcomer's own network, if that has a great part of all
//! places by such. Any other connection that is being answered is never ended for another.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use farcast_config::network;

/// The limits of connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most connections in all.
    pub total: usize,
    /// Most connections of one network; 0 is no limit.
    pub per_network: usize,
}

/// Time within which an honest client asks for something: until then a connection does not count as silent, or floods
/// of newcomers would drive out those who are about to ask.
pub(super) const ASKS_WITHIN: Duration = Duration::from_secs(1);

/// A network that has this part of all places, and at least [`LEAST_GREAT`], by connections that came, or asked for the
/// first time, a moment ago makes room for its own newcomers: they would keep everybody else waiting.
const GREAT_PART: usize = 16;
const LEAST_GREAT: usize = 16;

/// The state of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Accepted a moment ago, no request yet; becomes silent by itself.
    Arrived,
    /// Has never sent a request.
    Silent,
    /// Sent its first request a moment ago.
    Fresh,
    /// A request is being answered, or was a moment ago.
    Busy,
    /// Its requests were answered, and it has sent none since.
    Resting,
}

/// The reason why a connection gets no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Its network has as many as one may have.
    Network,
    /// All places are taken by connections that are being answered; it may wait.
    Full,
}

impl Refused {
    /// Its name in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Full => "full",
        }
    }
}

/// All places of a listener, or of several that share them; a connection is ended by its `H`.
#[derive(Debug)]
pub struct Places<H> {
    limits: Limits,
    next: u64,
    taken: HashMap<u64, Place<H>>,
    networks: HashMap<IpAddr, usize>,
    /// Connections that came a moment ago and have not asked, the oldest first.
    arrived: BTreeSet<(Instant, u64)>,
    silent: Ranking,
    resting: Ranking,
    /// Connections that came, or asked for the first time, a moment ago.
    fresh: Ranking,
}

#[derive(Debug)]
struct Place<H> {
    handle: H,
    network: IpAddr,
    /// True for a trusted proxy, which brings the requests of many people.
    is_proxy: bool,
    state: State,
    since: Instant,
}

impl<H> Places<H> {
    /// Places of which none is taken.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            next: 0,
            taken: HashMap::new(),
            networks: HashMap::new(),
            arrived: BTreeSet::new(),
            silent: Ranking::default(),
            resting: Ranking::default(),
            fresh: Ranking::default(),
        }
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// A place for a connection of `peer`, by its number; and the handle of the connection that has to go for it.
    /// `is_proxy`: it is a trusted proxy's, which no limit of a network holds for.
    ///
    /// # Errors
    /// Why it gets none.
    pub fn enter(
        &mut self,
        peer: IpAddr,
        is_proxy: bool,
        handle: H,
        now: Instant,
    ) -> Result<(u64, Option<H>), Refused> {
        let network = network::of(peer);
        let is_limited = self.limits.per_network > 0 && !is_proxy && !network::is_this_machine(peer);
        let of_network = self.networks.get(&network).copied().unwrap_or(0);
        if is_limited && of_network >= self.limits.per_network {
            return Err(Refused::Network);
        }
        let gone = if self.taken.len() < self.limits.total {
            None
        } else {
            self.silence(now);
            let goes = self.silent.oldest_of_most().or_else(|| self.resting.oldest_of_most());
            let great = (self.limits.total / GREAT_PART).max(LEAST_GREAT);
            let fresh = || {
                let of_most = self.fresh.oldest_of_more_than(of_network + 1);
                of_most.or_else(|| self.fresh.oldest_of(network, great))
            };
            self.remove(goes.or_else(fresh).ok_or(Refused::Full)?)
        };
        let number = self.next;
        self.next += 1;
        *self.networks.entry(network).or_default() += 1;
        self.taken.insert(number, Place { handle, network, is_proxy, state: State::Arrived, since: now });
        self.rank(number);
        Ok((number, gone))
    }

    /// Connections that came over [`ASKS_WITHIN`] ago and have not asked are silent from now on.
    fn silence(&mut self, now: Instant) {
        while let Some((since, number)) = self.arrived.first().copied() {
            if now.saturating_duration_since(since) < ASKS_WITHIN {
                return;
            }
            // As old as they are: the oldest goes first.
            self.note(number, State::Silent, since);
        }
    }

    /// Places of connections that make no room for others: they are being answered, or were a moment ago.
    #[must_use]
    pub fn in_use(&self) -> usize {
        let may_go = self.silent.count + self.resting.count + self.fresh.count;
        self.taken.len().saturating_sub(may_go)
    }

    /// The connection is somebody else's than the party from whose address it came; from now on the limits of that one's
    /// network hold for it. One that has lost its place is not known any more.
    ///
    /// # Errors
    /// [`Refused::Network`]: that network has as many as it may have. The connection is to be ended.
    pub fn belongs_to(&mut self, number: u64, peer: IpAddr, is_proxy: bool) -> Result<(), Refused> {
        let network = network::of(peer);
        let is_limited = self.limits.per_network > 0 && !is_proxy && !network::is_this_machine(peer);
        if is_limited && self.networks.get(&network).copied().unwrap_or(0) >= self.limits.per_network {
            return Err(Refused::Network);
        }
        self.unrank(number);
        if let Some(place) = self.taken.get_mut(&number) {
            let former = std::mem::replace(&mut place.network, network);
            place.is_proxy = is_proxy;
            self.leave_network(former);
            *self.networks.entry(network).or_default() += 1;
        }
        self.rank(number);
        Ok(())
    }

    /// Notes the new state of a connection. One that has lost its place is not known any more.
    pub fn note(&mut self, number: u64, state: State, now: Instant) {
        self.unrank(number);
        let Some(place) = self.taken.get_mut(&number) else { return };
        (place.state, place.since) = (state, now);
        self.rank(number);
    }

    /// Enters it into the list of connections that may have to go.
    fn rank(&mut self, number: u64) {
        let Some(Place { network, is_proxy, state, since, .. }) = self.taken.get(&number) else { return };
        if *state == State::Arrived {
            self.arrived.insert((*since, number));
        }
        match state {
            State::Silent => self.silent.insert(*network, *since, number),
            // Connections of a proxy rest between the requests of many people.
            State::Resting if !is_proxy => self.resting.insert(*network, *since, number),
            State::Arrived | State::Fresh if !is_proxy => self.fresh.insert(*network, *since, number),
            State::Arrived | State::Resting | State::Fresh | State::Busy => {}
        }
    }

    fn unrank(&mut self, number: u64) {
        let Some(Place { network, since, .. }) = self.taken.get(&number) else { return };
        self.arrived.remove(&(*since, number));
        for ranking in [&mut self.silent, &mut self.resting, &mut self.fresh] {
            ranking.remove(*network, *since, number);
        }
    }

    /// A connection has ended.
    pub fn leave(&mut self, number: u64) {
        self.remove(number);
    }

    fn remove(&mut self, number: u64) -> Option<H> {
        self.unrank(number);
        let place = self.taken.remove(&number)?;
        self.leave_network(place.network);
        Some(place.handle)
    }

    fn leave_network(&mut self, network: IpAddr) {
        if let Some(of_network) = self.networks.get_mut(&network) {
            *of_network = of_network.saturating_sub(1);
            if *of_network == 0 {
                self.networks.remove(&network);
            }
        }
    }
}

/// The number of a network's connections, and its oldest one.
type Rank = (usize, Reverse<(Instant, u64)>, IpAddr);

/// Connections by network, so that the oldest one of the network with the most is found at once.
#[derive(Debug, Default)]
struct Ranking {
    count: usize,
    networks: HashMap<IpAddr, BTreeSet<(Instant, u64)>>,
    /// The last is that of the most, among equals that of the oldest.
    order: BTreeSet<Rank>,
}

impl Ranking {
    fn oldest_of_most(&self) -> Option<u64> {
        self.order.last().map(|(_, Reverse((_, number)), _)| *number)
    }

    fn oldest_of_more_than(&self, count: usize) -> Option<u64> {
        self.order.last().filter(|(most, ..)| *most > count).map(|(_, Reverse((_, number)), _)| *number)
    }

    /// The oldest of a network, if it has at least `count`.
    fn oldest_of(&self, network: IpAddr, count: usize) -> Option<u64> {
        let all = self.networks.get(&network).filter(|all| all.len() >= count)?;
        all.first().map(|(_, number)| *number)
    }

    fn insert(&mut self, network: IpAddr, since: Instant, number: u64) {
        if self.change(network, |of_network| of_network.insert((since, number))) {
            self.count += 1;
        }
    }

    fn remove(&mut self, network: IpAddr, since: Instant, number: u64) {
        if self.networks.get(&network).is_some_and(|of_network| of_network.contains(&(since, number))) {
            self.change(network, |of_network| of_network.remove(&(since, number)));
            self.count -= 1;
        }
    }

    /// True if the change was one.
    fn change(
        &mut self,
        network: IpAddr,
        change: impl FnOnce(&mut BTreeSet<(Instant, u64)>) -> bool,
    ) -> bool {
        let of_network = self.networks.entry(network).or_default();
        if let Some(oldest) = of_network.first() {
            self.order.remove(&(of_network.len(), Reverse(*oldest), network));
        }
        let is_changed = change(of_network);
        match of_network.first() {
            Some(oldest) => {
                self.order.insert((of_network.len(), Reverse(*oldest), network));
            }
            None => {
                self.networks.remove(&network);
            }
        }
        is_changed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn places(total: usize, per_network: usize) -> Places<u64> {
        Places::new(Limits { total, per_network })
    }

    #[test]
    fn a_network_has_its_limit_and_proxies_and_this_machine_have_none() {
        let (mut places, now) = (places(100, 2), Instant::now());
        let (first, _) = places.enter(address(1), false, 0, now).unwrap();
        places.enter(address(1), false, 0, now).unwrap();
        assert_eq!(places.enter(address(1), false, 0, now), Err(Refused::Network));
        places.enter(address(2), false, 0, now).unwrap();
        for _ in 0..9 {
            places.enter(address(7), true, 0, now).unwrap();
            places.enter(IpAddr::from([127, 0, 0, 1]), false, 0, now).unwrap();
        }
        places.leave(first);
        assert!(places.enter(address(1), false, 0, now).is_ok());
    }

    #[test]
    fn a_connection_that_a_proxy_brings_counts_for_whom_it_is() {
        let (mut places, now) = (places(100, 2), Instant::now());
        let numbers = [0; 4].map(|_| places.enter(address(7), true, 0, now).unwrap().0);
        assert_eq!(places.belongs_to(numbers[0], address(1), false), Ok(()));
        assert_eq!(places.belongs_to(numbers[1], address(1), false), Ok(()));
        assert_eq!(places.belongs_to(numbers[2], address(1), false), Err(Refused::Network));
        assert_eq!(places.belongs_to(numbers[2], address(2), false), Ok(()));
        assert_eq!(places.enter(address(1), false, 0, now), Err(Refused::Network));
        places.leave(numbers[0]);
        assert_eq!(places.belongs_to(numbers[3], address(1), false), Ok(()));
        assert_eq!(places.belongs_to(numbers[0], address(3), false), Ok(()), "it has gone");
        assert_eq!(places.networks.len(), 2);
    }

    #[test]
    fn idle_strangers_make_room_the_busiest_network_first_and_whoever_is_answered_never_does() {
        let (mut places, start) = (places(5, 0), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        // A viewer who is being answered, one who has just come, and three silent connections of another client.
        let (answered, _) = places.enter(address(1), false, 10, at(0)).unwrap();
        places.note(answered, State::Busy, at(0));
        places.enter(address(2), false, 20, at(1)).unwrap();
        for number in 30..33 {
            places.enter(address(3), false, number, at(2)).unwrap();
        }
        // The other client's oldest go, as long as it has the most; then the oldest of all.
        let mut gone = |peer, second| places.enter(address(peer), false, 0, at(second)).unwrap().1;
        assert_eq!((gone(4, 3), gone(5, 4), gone(6, 5)), (Some(30), Some(31), Some(20)));
    }

    #[test]
    fn who_has_just_come_and_not_asked_yet_goes_after_those_who_rest_and_only_for_networks_with_less() {
        let (mut places, start) = (places(20, 0), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        // Another client's connections that were answered and are kept, one that rests, and a newcomer.
        for handle in 0..18 {
            let (number, _) = places.enter(address(3), false, handle, at(0)).unwrap();
            places.note(number, State::Fresh, at(1));
        }
        let (rests, _) = places.enter(address(4), false, 18, at(0)).unwrap();
        places.note(rests, State::Resting, at(1));
        places.enter(address(1), false, 100, at(500)).unwrap();
        let mut gone = |peer, ms| places.enter(address(peer), false, 200 + ms, at(ms)).map(|(_, gone)| gone);
        assert_eq!(gone(2, 600), Ok(Some(18)), "who rests goes first");
        assert_eq!(gone(5, 700), Ok(Some(0)), "then the stranger's, who has more of them than anybody");
        assert_eq!(gone(3, 800), Ok(Some(1)), "the stranger takes places of the stranger's");
        // A connection that did not ask within a second is silent.
        assert_eq!(gone(6, 500 + 1000), Ok(Some(100)));
    }

    #[test]
    fn who_asked_once_a_moment_ago_makes_room_for_networks_with_less_and_for_its_own() {
        let (mut places, start) = (places(20, 0), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let enter = |places: &mut Places<u64>, last: u8, handle: u64| {
            let (number, gone) = places.enter(address(last), false, handle, at(handle))?;
            places.note(number, State::Fresh, at(handle));
            Ok::<_, Refused>((number, gone))
        };
        for handle in 0..20 {
            enter(&mut places, if handle < 19 { 3 } else { 1 }, handle).unwrap();
        }
        // A viewer takes the other client's oldest; the other client only a place of its own.
        assert_eq!(enter(&mut places, 2, 20).unwrap().1, Some(0));
        assert_eq!(enter(&mut places, 3, 21).unwrap().1, Some(1));
        // When the other client's are in use, viewers do not lose their places to each other.
        for number in (2..19).chain([21]) {
            places.note(number, State::Busy, at(30));
        }
        assert_eq!(enter(&mut places, 9, 40), Err(Refused::Full));
        assert_eq!(enter(&mut places, 3, 41), Err(Refused::Full));
    }

    #[test]
    fn who_rests_makes_room_where_nobody_is_silent_but_a_proxy_does_not() {
        let (mut places, start) = (places(3, 0), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for (handle, last, is_proxy) in [(100, 1, true), (101, 2, false), (102, 2, false)] {
            let (entered, _) = places.enter(address(last), is_proxy, handle, at(0)).unwrap();
            places.note(entered, State::Busy, at(0));
        }
        assert_eq!(places.enter(address(9), false, 0, at(1)), Err(Refused::Full), "all are being answered");
        places.note(0, State::Resting, at(1));
        assert_eq!(places.enter(address(9), false, 0, at(1)), Err(Refused::Full), "a proxy rests for others");
        places.note(2, State::Resting, at(2));
        places.note(1, State::Resting, at(3));
        assert_eq!(places.enter(address(9), false, 0, at(4)).unwrap().1, Some(102));
        // It is known no more, whatever it says.
        places.note(2, State::Busy, at(5));
        places.leave(2);
        assert_eq!(places.taken.len(), 3);
    }

    proptest! {
        #[test]
        fn whatever_happens_no_more_than_the_limits_are_there(
            steps in prop::collection::vec((0_u8..5, 0_u8..6, 0_u64..40), 0..200),
        ) {
            let (mut places, start) = (places(8, 5), Instant::now());
            for (second, (what, network, number)) in steps.into_iter().enumerate() {
                let now = start + Duration::from_secs(second.try_into().unwrap());
                match what {
                    0 => drop(places.enter(address(network), false, 0, now)),
                    1 => places.note(number, State::Busy, now),
                    2 => places.note(number, State::Resting, now),
                    3 => drop(places.belongs_to(number, address(network), false)),
                    _ => places.leave(number),
                }
                prop_assert!(places.taken.len() <= 8);
                prop_assert!(places.networks.values().all(|count| *count <= 5));
                prop_assert_eq!(places.networks.values().sum::<usize>(), places.taken.len());
                let in_state = |state| places.taken.values().filter(|place| place.state == state).count();
                let ranked = |ranking: &Ranking| ranking.networks.values().map(BTreeSet::len).sum::<usize>();
                prop_assert_eq!(ranked(&places.silent), in_state(State::Silent));
                prop_assert_eq!(ranked(&places.resting), in_state(State::Resting));
                prop_assert_eq!(places.arrived.len(), in_state(State::Arrived));
                prop_assert_eq!(ranked(&places.fresh), in_state(State::Arrived));
                prop_assert_eq!(places.fresh.count, ranked(&places.fresh));
                prop_assert_eq!(places.in_use(), in_state(State::Busy));
                prop_assert_eq!(places.silent.order.len(), places.silent.networks.len());
            }
        }
    }
}
