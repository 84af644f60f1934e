//! Places for connections that have not proved yet who they are, and the choice of the one that gives way when all are
//! taken. Sans-IO.
//!
//! Nobody is refused while a place is free, whatever the network: many honest people may share one address. When all
//! are taken, the network that takes the most gives way: either its oldest connection goes, or the newcomer does not
//! get in if it is of that network. A network takes as much as it has connections waiting, and had connections
//! lately that proved nothing. So a client who comes once wins over one who comes all the time, and an attacker
//! needs as many networks as there are places to do harm. Networks of one site ([`crate::site`]) share what they
//! take, and compete among themselves.
//!
//! Networks that proved themselves before keep some places, which other connections cannot take: up to [`Config::kept`]
//! of their connections never give way to other networks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use farcast_config::network;

use crate::fading::Fading;
use crate::site;

/// A connection that came to nothing is forgiven after this: an encoder that tries every ten seconds is never
/// counted twice.
const FORGIVEN_AFTER: Duration = Duration::from_secs(10);
/// Most of those that count for a network: all is forgiven within eleven minutes.
const MOST_FRUITLESS: f64 = 64.0;
/// Networks and sites that are remembered for connections that came to nothing, 100 bytes each. Beyond it those with the fewest
/// are forgotten.
const MAX_FRUITLESS: usize = 8192;
/// Networks that are remembered because they proved themselves; the one that did longest ago is forgotten. There are a few
/// publishers, and at most some hundred edges.
const MAX_PROVED_NETWORKS: usize = 2048;

/// Number of places.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The number of places.
    pub places: usize,
    /// Of these, places reserved for networks that proved themselves before; fewer than all.
    pub kept: usize,
}

/// A place; grows with time.
pub(super) type Id = u64;

/// The result for a newcomer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    /// A place, for which somebody else may have to go.
    In {
        /// The id of the place.
        id: Id,
        /// The connection whose place it was.
        evicted: Option<Id>,
    },
    /// None: its own network takes more than any other.
    Full,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Places {
    config: Config,
    /// The oldest first.
    waiting: BTreeMap<Id, Waiting>,
    fruitless: HashMap<Group, Fading>,
    proved: HashMap<IpAddr, Instant>,
    next: Id,
}

/// The unit in which connections are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Group {
    Network(IpAddr),
    Site(IpAddr),
}

/// The places that a group takes, and its oldest connection; none if that is the newcomer.
type Share = (u64, Option<Id>);

#[derive(Clone, Copy, Debug)]
struct Waiting {
    network: IpAddr,
    /// True if its address is surely its own.
    validated: bool,
}

impl Places {
    /// All are free.
    pub(super) fn new(config: Config) -> Self {
        Self { config, waiting: BTreeMap::new(), fruitless: HashMap::new(), proved: HashMap::new(), next: 0 }
    }

    /// Number of places that are taken.
    pub(super) fn taken(&self) -> usize {
        self.waiting.len()
    }

    /// A connection came. Nothing is held against the network of one that is not `validated`: its address may be
    /// another's.
    pub(super) fn enter(&mut self, address: IpAddr, validated: bool, now: Instant) -> Entry {
        let network = network::of(address);
        let evicted = if self.waiting.len() < self.config.places {
            None
        } else {
            let victim = self.victim(network, now);
            if let Some(id) = victim {
                self.leave(id, now);
            } else {
                self.was_fruitless(network, validated, now);
                return Entry::Full;
            }
            victim
        };
        let id = self.next;
        self.next += 1;
        self.waiting.insert(id, Waiting { network, validated });
        Entry::In { id, evicted }
    }

    /// The connection that goes for a newcomer of this network; none, if it is the newcomer that has to.
    fn victim(&self, newcomer: IpAddr, now: Instant) -> Option<Id> {
        let newcomer_proved = self.proved.contains_key(&newcomer);
        let of_proved = self.waiting.values().filter(|one| self.proved.contains_key(&one.network)).count();
        let only_strangers = of_proved + usize::from(newcomer_proved) <= self.config.kept;
        let waiting = self.waiting.iter().map(|(id, one)| (Some(*id), one.network));
        let candidates: Vec<(Option<Id>, IpAddr)> = waiting
            .chain(std::iter::once((None, newcomer)))
            .filter(|(_, network)| !(only_strangers && self.proved.contains_key(network)))
            .collect();
        let (site, _) =
            self.busiest(candidates.iter().map(|(id, network)| (*id, Group::Site(site::of(*network)))), now)?;
        let of_site = candidates.iter().filter(|(_, network)| Group::Site(site::of(*network)) == site);
        self.busiest(of_site.map(|(id, network)| (*id, Group::Network(*network))), now)?.1
    }

    /// The group that takes the most, and its oldest connection. Of those that take as much, the one whose connection has
    /// waited longest, and the newcomer's last.
    fn busiest(
        &self,
        connections: impl Iterator<Item = (Option<Id>, Group)>,
        now: Instant,
    ) -> Option<(Group, Option<Id>)> {
        let mut groups: HashMap<Group, Share> = HashMap::new();
        for (id, group) in connections {
            // The oldest comes first, the newcomer last.
            groups.entry(group).or_insert((self.fruitless_of(group, now), id)).0 += 1;
        }
        let key = |(_, (takes, oldest)): &(Group, Share)| (*takes, Reverse(oldest.unwrap_or(Id::MAX)));
        groups.into_iter().max_by_key(key).map(|(group, (_, oldest))| (group, oldest))
    }

    /// A connection went without proving anything, or had to give way.
    pub(super) fn leave(&mut self, id: Id, now: Instant) {
        if let Some(Waiting { network, validated }) = self.waiting.remove(&id) {
            self.was_fruitless(network, validated, now);
        }
    }

    /// A connection needs its place no longer, and nothing is held against its network. Returns whether it still had
    /// it.
    pub(super) fn release(&mut self, id: Id) -> bool {
        self.waiting.remove(&id).is_some()
    }

    /// A network proved itself: it keeps places from now on.
    pub(super) fn remember(&mut self, address: IpAddr, now: Instant) {
        let network = network::of(address);
        if self.proved.len() >= MAX_PROVED_NETWORKS && !self.proved.contains_key(&network) {
            let oldest = self.proved.iter().min_by_key(|(_, at)| **at).map(|(network, _)| *network);
            if let Some(oldest) = oldest {
                self.proved.remove(&oldest);
            }
        }
        self.proved.insert(network, now);
    }

    fn fruitless_of(&self, group: Group, now: Instant) -> u64 {
        let count = self.fruitless.get(&group).map_or(0.0, |fading| fading.count(FORGIVEN_AFTER, now));
        // Whole ones only, at most MOST_FRUITLESS.
        count as u64
    }

    fn was_fruitless(&mut self, network: IpAddr, validated: bool, now: Instant) {
        if !validated {
            return;
        }
        for group in [Group::Network(network), Group::Site(site::of(network))] {
            if self.fruitless.len() >= MAX_FRUITLESS && !self.fruitless.contains_key(&group) {
                self.forget(now);
            }
            let fading = self.fruitless.entry(group).or_insert_with(|| Fading::new(now));
            fading.add(1.0, MOST_FRUITLESS, FORGIVEN_AFTER, now);
        }
    }

    /// Forgets a tenth at least, those with the fewest.
    fn forget(&mut self, now: Instant) {
        let mut counts: Vec<f64> =
            self.fruitless.values().map(|fading| fading.count(FORGIVEN_AFTER, now)).collect();
        let (_, least, _) = counts.select_nth_unstable_by(MAX_FRUITLESS / 10, f64::total_cmp);
        let least = *least;
        self.fruitless.retain(|_, fading| fading.count(FORGIVEN_AFTER, now) > least);
    }
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
