//! Response rate limiting: this server is no amplifier for attacks on others, whose address a query pretends to come from.
//! Sans-IO.
//!
//! Replies are counted for each client's network and kind of reply. Of those beyond the limit every second one is sent
//! without records and with TC set, which is no larger than the query and lets an honest resolver go on over TCP, where
//! addresses cannot be forged; the others are not sent.
//!
//! The table has a fixed size. A network's place in it is one of four, chosen by a hash with a secret; of these the one
//! that counts the least gives way, so that a network which is being flooded keeps its place.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use farcast_service::fading::Fading;

use crate::limits::Limits;

/// Groups of places: 65,536 networks, 4 MB at most.
const SETS: usize = 16_384;
/// Places in a group.
const WAYS: usize = 4;
/// How many seconds' worth of replies may be sent at once.
const BURST_SECONDS: f64 = 2.0;
/// Every how many of the replies beyond the limit one is sent truncated.
const SLIP: u8 = 2;

/// Kinds of replies that are counted apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Kind {
    /// With records.
    Positive,
    /// That there is nothing.
    Negative,
    /// Refusals and errors.
    Refusal,
}

/// What becomes of a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It is sent.
    Send,
    /// It is sent without records.
    Truncate,
    /// It is not sent.
    Drop,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    of: (IpAddr, Kind),
    replies: Fading,
    beyond: u8,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    places: Vec<[Option<Place>; WAYS]>,
    secret: RandomState,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, places: vec![[None; WAYS]; SETS], secret: RandomState::new() }
    }

    /// Counts a reply to a client.
    pub(crate) fn judge(&mut self, peer: IpAddr, kind: Kind, now: Instant) -> Verdict {
        let per_second = match kind {
            Kind::Positive => self.limits.answers_per_second,
            Kind::Negative | Kind::Refusal => self.limits.refusals_per_second,
        };
        if per_second == 0 {
            return Verdict::Send;
        }
        let period = Duration::from_secs(1) / per_second;
        let most = f64::from(per_second) * BURST_SECONDS;
        let Some(place) = self.place((network(peer), kind), period, now) else { return Verdict::Drop };
        if place.replies.count(period, now) + 1.0 <= most {
            place.replies.add(1.0, most, period, now);
            place.beyond = 0;
            return Verdict::Send;
        }
        place.beyond = (place.beyond + 1) % SLIP;
        if place.beyond == 0 { Verdict::Truncate } else { Verdict::Drop }
    }

    /// The place of a network, or one that it takes.
    fn place(&mut self, of: (IpAddr, Kind), period: Duration, now: Instant) -> Option<&mut Place> {
        let hash = self.secret.hash_one(of);
        // The remainder is less than the number of sets.
        let set = self.places.get_mut((hash % SETS as u64) as usize)?;
        let way = match set.iter().position(|place| place.is_some_and(|place| place.of == of)) {
            Some(way) => way,
            None => {
                let count =
                    |way: &usize| set[*way].map_or(-1.0, |place: Place| place.replies.count(period, now));
                let least = (0..WAYS).min_by(|a, b| count(a).total_cmp(&count(b)))?;
                set[least] = Some(Place { of, replies: Fading::new(now), beyond: 0 });
                least
            }
        };
        set.get_mut(way)?.as_mut()
    }
}

/// The network that is counted together: what one victim is taken to have.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (!0 << 72))),
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
