//! The rate limit on guessing: a caller who keeps sending wrong passwords, stream keys or tokens has to wait. Sans-IO.
//!
//! Place in the flow: [`crate::credentials`] has one for both listeners (RTMP and HTTP), since the admin password is
//! the stream key until it is set apart; [`crate::integrations`] has one for access tokens. A secret is checked only if
//! the limit lets its sender try, also a right one: otherwise there would be no limit. So the right one must not be
//! locked out by others:
//!
//! - Failures fade. Nothing else takes them away: a success says nothing of the others behind the same address.
//! - A caller with the cookie of an earlier login ([`Caller::exemption`]) is counted apart from everybody.
//! - A network from which somebody logged in at a listener before has a small allowance of its own there, which is used
//!   when its other tries are used up. Chance decides which of its callers gets it: one who never stops guessing must
//!   not have every try just because he knows when the next one is due.
//! - The same wrong secret again counts only for the listener at which it is given. A program with an old password does
//!   not lock an encoder out, nor the other way round.
//! - Tries that an edge passes on are counted apart from those at the origin's own listeners, and per edge as well as
//!   per address that the edge claims: an edge can name any address.

mod counts;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use farcast_api::{Reply, reply};
use farcast_config::network;
use farcast_link::sender::EdgeId;
use farcast_service::site;
use http::StatusCode;
use http::header::RETRY_AFTER;

use self::counts::{Counts, Key, Pace};

/// The sender of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Its address; if an edge passed the request on, the one that the edge claims.
    pub address: IpAddr,
    /// The edge that passed it on.
    pub edge: Option<EdgeId>,
    /// The login that the caller's exemption cookie belongs to, if it has a valid one.
    pub exemption: Option<[u8; 16]>,
}

impl From<IpAddr> for Caller {
    /// A caller at a listener of the origin.
    fn from(address: IpAddr) -> Self {
        Self { address, edge: None, exemption: None }
    }
}

/// The listener at which a secret is given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Door {
    /// Encoders' stream keys.
    Rtmp,
    /// Passwords and access tokens.
    Http,
}

/// Recent wrong secrets per caller.
#[derive(Debug, Default)]
pub(crate) struct Brake {
    counts: Counts,
}

impl Brake {
    /// The time for which a caller with this guess has to wait, if it has to.
    pub(crate) fn must_wait(
        &self,
        caller: &Caller,
        door: Door,
        guess: u64,
        now: Instant,
    ) -> Option<Duration> {
        let ordinary = ordinary(caller, door).filter_map(|(key, _)| self.counts.wait(key, now)).max()?;
        if caller.exemption.is_none() && self.is_familiar(caller, door) {
            return self.counts.wait_by_chance(allowance(caller, door), guess, now);
        }
        Some(ordinary)
    }

    /// True if somebody logged in before: by the same login, or from the same network at the same listener.
    pub(crate) fn is_familiar(&self, caller: &Caller, door: Door) -> bool {
        caller.exemption.is_some() || self.counts.is_familiar(allowance(caller, door))
    }

    /// A caller that did not have to wait was wrong. `guess` tells guesses apart.
    pub(crate) fn failed(&mut self, caller: &Caller, door: Door, guess: u64, now: Instant) {
        let by_allowance = ordinary(caller, door).any(|(key, _)| self.counts.wait(key, now).is_some());
        for (key, repeats_count) in ordinary(caller, door) {
            self.counts.failed(key, (!repeats_count).then_some(guess), now);
        }
        if by_allowance {
            self.counts.failed(allowance(caller, door), None, now);
        }
    }

    /// A caller was right. That takes back nothing.
    pub(crate) fn succeeded(&mut self, caller: &Caller, door: Door, now: Instant) {
        self.counts.remember(allowance(caller, door), now);
    }
}

/// The keys by which a caller's failures are counted, and whether repetitions of an earlier guess count.
fn ordinary(caller: &Caller, door: Door) -> impl Iterator<Item = (Key, bool)> {
    let network = network::of(caller.address);
    let keys = match (caller.exemption, caller.edge) {
        (Some(exemption), _) => [Some((Key::Exemption(exemption), true)), None, None],
        (None, Some(edge)) => [
            Some((Key::Claimed(edge, network), true)),
            Some((Key::Edge(edge), true)),
            Some((Key::AllEdges, true)),
        ],
        (None, None) => [
            Some((Key::Network(network), false)),
            Some((Key::AtDoor(door, network), true)),
            // Of IPv4 it is the network itself.
            network.is_ipv6().then(|| (Key::Site(site::of(network)), true)),
        ],
    };
    keys.into_iter().flatten()
}

/// The allowance beyond that for a network that logged in before.
fn allowance(caller: &Caller, door: Door) -> Key {
    Key::Allowance(door, caller.edge, network::of(caller.address))
}

impl Key {
    fn pace(self) -> Pace {
        let (free, longest_s) = match self {
            // People mistype; then one guess a minute, 1,440 a day.
            Self::Network(_) | Self::AtDoor(..) | Self::Claimed(..) => (5, 60),
            // As many as 32 networks at once; then 8,640 a day.
            Self::Site(_) => (160, 10),
            // Strangers of many networks may come by one edge; then 8,640 a day, whatever addresses it claims.
            Self::Edge(_) => (20, 10),
            // A party with the join token may have many edges: 86,400 tries a day for all of them.
            Self::AllEdges => (100, 1),
            // A cookie may have been stolen.
            Self::Exemption(_) => (5, 10),
            // Few people who share a network with an owner guess, and an owner who shares it with one must get in:
            // 43,200 a day.
            Self::Allowance(..) => (5, 2),
        };
        Pace { free, longest: Duration::from_secs(longest_s) }
    }
}

/// The reply to a caller who has to wait.
pub(crate) fn refused(wait: Duration) -> Reply {
    let mut refused = reply::refused(StatusCode::TOO_MANY_REQUESTS, "too many failed logins, wait a little");
    refused.headers_mut().insert(RETRY_AFTER, (wait.as_secs() + 1).into());
    refused
}

#[cfg(test)]
mod tests;
