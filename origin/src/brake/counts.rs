//! Failed logins per network, edge and login, and the networks that logged in before: bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use farcast_link::sender::EdgeId;
use farcast_service::fading::Fading;

use super::Door;

/// First wait after the free failures; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Most counts that are remembered, 200 bytes each. Beyond it the lowest are forgotten.
pub(super) const MAX_COUNTS: usize = 20_000;
/// Networks that are remembered because somebody got in; the one that did longest ago is forgotten.
pub(super) const MAX_FAMILIAR: usize = 512;
/// Time after the last failure within which several callers may compete for the next try.
const FAIR_SECONDS: u64 = 60;
/// Different guesses of a network that are remembered: a household's programs with an old password.
const GUESSES: usize = 4;

/// The keys by which failures are counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Key {
    /// A network, at both listeners together.
    Network(IpAddr),
    /// A network at one listener.
    AtDoor(Door, IpAddr),
    /// A /48 of IPv6.
    Site(IpAddr),
    /// A network that an edge names.
    Claimed(EdgeId, IpAddr),
    /// An edge.
    Edge(EdgeId),
    /// All edges.
    AllEdges,
    /// A login.
    Exemption([u8; 16]),
    /// A network from which somebody logged in at this listener, or through that edge.
    Allowance(Door, Option<EdgeId>, IpAddr),
}

/// The rate limit of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Failures that cost nothing, the last of them excepted.
    pub(super) free: u32,
    /// Longest wait between two tries. One failure is forgotten in each such time, so that a party that never stops
    /// guessing has one try in each.
    pub(super) longest: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    failures: Fading,
    /// The last different guesses, the newest first.
    guesses: [Option<u64>; GUESSES],
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Counts {
    counts: HashMap<Key, Count>,
    familiar: HashMap<Key, Instant>,
    chance: RandomState,
}

impl Pace {
    fn wait_after(self, failures: f64) -> Duration {
        // No more than some hundreds.
        let failures = failures.ceil() as u32;
        match failures.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(beyond) => FIRST_WAIT.saturating_mul(1 << beyond.min(10)).min(self.longest),
        }
    }

    /// Most failures that are counted: more make no longer wait.
    fn most(self) -> f64 {
        f64::from(self.free) + 8.0
    }
}

impl Counts {
    /// The time that this key has to wait, if it has to.
    pub(super) fn wait(&self, key: Key, now: Instant) -> Option<Duration> {
        let pace = key.pace();
        let failures = self.counts.get(&key)?.failures;
        let last = failures.last();
        let free_at = last + pace.wait_after(failures.count(pace.longest, last));
        let left = free_at.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// The same where several compete for the next try: half of those that need not wait have to, another half each
    /// second.
    pub(super) fn wait_by_chance(&self, key: Key, guess: u64, now: Instant) -> Option<Duration> {
        if let Some(wait) = self.wait(key, now) {
            return Some(wait);
        }
        let last = self.counts.get(&key)?.failures.last();
        let second = now.saturating_duration_since(last).as_secs();
        let unlucky = second < FAIR_SECONDS && self.chance.hash_one((key, guess, last, second)) % 2 == 0;
        unlucky.then_some(FIRST_WAIT)
    }

    /// A failure. A `guess` counts once while it is remembered.
    pub(super) fn failed(&mut self, key: Key, guess: Option<u64>, now: Instant) {
        if self.counts.len() >= MAX_COUNTS && !self.counts.contains_key(&key) {
            self.forget(now);
        }
        let pace = key.pace();
        let count = self
            .counts
            .entry(key)
            .or_insert_with(|| Count { failures: Fading::new(now), guesses: [None; GUESSES] });
        if let Some(guess) = guess {
            if count.guesses.contains(&Some(guess)) {
                return;
            }
            count.guesses.rotate_right(1);
            count.guesses[0] = Some(guess);
        }
        count.failures.add(1.0, pace.most(), pace.longest, now);
    }

    /// Somebody logged in at this allowance's listener.
    pub(super) fn remember(&mut self, key: Key, now: Instant) {
        if self.familiar.len() >= MAX_FAMILIAR && !self.familiar.contains_key(&key) {
            let oldest = self.familiar.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                self.familiar.remove(&oldest);
            }
        }
        self.familiar.insert(key, now);
    }

    /// True if somebody logged in at this allowance's listener.
    pub(super) fn is_familiar(&self, key: Key) -> bool {
        self.familiar.contains_key(&key)
    }

    /// Forgets a tenth at least, the lowest: keys with more failures are remembered longer.
    fn forget(&mut self, now: Instant) {
        let left = |key: &Key, count: &Count| count.failures.count(key.pace().longest, now);
        let mut all: Vec<f64> = self.counts.iter().map(|(key, count)| left(key, count)).collect();
        let (_, least, _) = all.select_nth_unstable_by(MAX_COUNTS / 10, f64::total_cmp);
        let least = *least;
        self.counts.retain(|key, count| left(key, count) > least);
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.counts.len(), self.familiar.len())
    }
}
