//! Rate limits on the chat messages of each network, and of all together: they stand behind the limits of one user
//! ([`super::flood`]), since anybody can be many users.
//!
//! A network may send so many messages a second, and for a moment six times as many: a class that cheers is heard. One
//! that goes on far beyond that is a flood, and is slowed down for a minute. All together may say what can still be
//! read and sent to everybody; when that is used up, a network that was silent is heard nevertheless, from a reserve of
//! the same size. Messages are checked when they arrive, not when the store takes them: a pause of the store makes
//! nobody a flooder.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::bucket::{Bucket, Rate};

/// Burst of a network, in seconds of its rate.
const NETWORK_BURST_S: u32 = 6;
/// Burst of all together, in seconds of their rate.
const ROOM_BURST_S: u32 = 4;
/// Messages beyond its limit that a network may try before it counts as a flood: people stop when they are warned.
const REFUSALS: Rate = Rate { burst: 100, each: Duration::from_millis(100) };
/// Time for which a flood is slowed down, from its last excess on.
const SLOW_FOR: Duration = Duration::from_secs(60);
/// A network that tried nothing for so long was silent.
const SILENT_FOR: Duration = Duration::from_secs(5);
/// The rate to which a flood is slowed down.
const SLOW: Rate = Rate { burst: 1, each: Duration::from_secs(1) };

/// The decision on a chat message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Accepted.
    Heard,
    /// Rejected: its network is over its rate limit.
    Network,
    /// Rejected: all together are over their rate limit.
    Room,
}

/// The recent messages of a network. There are as many at most as tags of networks, 65,536.
#[derive(Clone, Copy, Debug, Default)]
struct Network {
    lines: Bucket,
    refusals: Bucket,
    slow_until: Option<Instant>,
    tried_at: Option<Instant>,
}

impl Network {
    fn is_silent(&self, now: Instant) -> bool {
        self.tried_at.is_none_or(|at| now.saturating_duration_since(at) >= SILENT_FOR)
    }

    fn is_slow(&self, now: Instant) -> bool {
        self.slow_until.is_some_and(|until| now < until)
    }
}

/// Counts chat messages. Sans-IO.
#[derive(Debug)]
pub(super) struct Crowd {
    per_network: Option<Rate>,
    together: Option<Rate>,
    networks: HashMap<u16, Network>,
    all: Bucket,
    reserve: Bucket,
}

/// A rate per second with a burst of some seconds; none is no limit.
fn rate(lines: u32, burst_s: u32) -> Option<Rate> {
    let each = Duration::from_secs(1).checked_div(lines)?;
    Some(Rate { burst: lines.saturating_mul(burst_s), each })
}

impl Crowd {
    /// Limits in messages a second, of a network and of all; 0 is no limit.
    pub(super) fn new(lines_per_network: u32, lines: u32) -> Self {
        Self {
            per_network: rate(lines_per_network, NETWORK_BURST_S),
            together: rate(lines, ROOM_BURST_S),
            networks: HashMap::new(),
            all: Bucket::default(),
            reserve: Bucket::default(),
        }
    }

    /// Counts a message from a network; without a network, only all together are limited.
    pub(super) fn line(&mut self, network: Option<u16>, now: Instant) -> Verdict {
        let mut was_silent = false;
        if let Some(rate) = self.per_network
            && let Some(tag) = network
        {
            let network = self.networks.entry(tag).or_default();
            was_silent = network.is_silent(now);
            network.tried_at = Some(now);
            if !network.lines.take(if network.is_slow(now) { SLOW } else { rate }, now) {
                if !network.refusals.take(REFUSALS, now) {
                    network.slow_until = Some(now + SLOW_FOR);
                }
                return Verdict::Network;
            }
        }
        let Some(rate) = self.together else { return Verdict::Heard };
        if self.all.take(rate, now) || (was_silent && self.reserve.take(rate, now)) {
            Verdict::Heard
        } else {
            Verdict::Room
        }
    }

    /// Counts a message that was accepted on another edge.
    pub(super) fn elsewhere(&mut self, network: Option<u16>, at: Instant) {
        if let Some(rate) = self.per_network
            && let Some(tag) = network
        {
            self.networks.entry(tag).or_default().lines.take(rate, at);
        }
        if let Some(rate) = self.together {
            self.all.take(rate, at);
        }
    }

    /// Forgets networks that have been silent for long.
    pub(super) fn forget(&mut self, now: Instant) {
        self.networks.retain(|_, network| {
            !network.lines.is_full(now) || network.is_slow(now) || !network.is_silent(now)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAT: Option<u16> = Some(1);
    const OTHER: Option<u16> = Some(2);

    fn crowd() -> (Crowd, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        (Crowd::new(20, 50), move |ms| start + Duration::from_millis(ms))
    }

    #[test]
    fn fifty_honest_people_behind_one_address_notice_nothing() {
        let (mut crowd, at) = crowd();
        // Each sends a message every five seconds for ten minutes, and every half minute all cheer at once.
        for second in 0..600 {
            for n in 0..10 {
                assert_eq!(crowd.line(NAT, at(second * 1000 + n * 100)), Verdict::Heard);
            }
            for n in 0..if second % 30 == 0 { 50 } else { 0 } {
                assert_eq!(crowd.line(NAT, at(second * 1000 + 900 + n)), Verdict::Heard);
            }
        }
    }

    #[test]
    fn many_users_of_one_address_are_a_flood_and_nobody_else_suffers() {
        let (mut crowd, at) = crowd();
        let mut heard = 0;
        // Two hundred users, each as fast as a user may, for a minute.
        for tick in 0..90 {
            for n in 0..200 {
                heard += u32::from(crowd.line(NAT, at(tick * 667 + n * 3)) == Verdict::Heard);
            }
            assert_eq!(crowd.line(OTHER, at(tick * 667 + 600)), Verdict::Heard);
        }
        assert!((120..220).contains(&heard), "{heard} of 18,000");
        // When they have stopped for a minute, they are as all others.
        let later = (0..120).map(|n| crowd.line(NAT, at(125_000 + n)));
        assert_eq!(later.filter(|verdict| *verdict == Verdict::Heard).count(), 120);
    }

    #[test]
    fn whom_all_together_leave_no_room_is_heard_when_they_were_silent() {
        let (mut crowd, at) = crowd();
        let (mut heard, mut refused) = (0, 0);
        // Floods of a hundred networks, each within its own limit.
        for tick in 0..200_u64 {
            for n in 0..100 {
                match crowd.line(Some(100 + n), at(tick * 100)) {
                    Verdict::Heard => heard += 1,
                    Verdict::Room => refused += 1,
                    Verdict::Network => panic!("ten lines a second are allowed"),
                }
            }
            if tick % 60 == 0 {
                assert_eq!(crowd.line(OTHER, at(tick * 100)), Verdict::Heard);
            }
        }
        assert!(heard < 1300 && refused > 18_000, "{heard}, {refused}");
    }

    #[test]
    fn what_is_heard_elsewhere_counts_and_what_is_over_is_forgotten() {
        let (mut crowd, at) = crowd();
        for _ in 0..120 {
            crowd.elsewhere(NAT, at(0));
        }
        assert_eq!((crowd.line(NAT, at(0)), crowd.line(OTHER, at(0))), (Verdict::Network, Verdict::Heard));
        crowd.forget(at(4_000));
        assert_eq!(crowd.networks.len(), 2);
        crowd.forget(at(10_000));
        assert!(crowd.networks.is_empty());
    }

    #[test]
    fn without_limits_all_is_heard() {
        let mut crowd = Crowd::new(0, 0);
        let now = Instant::now();
        assert!((0..10_000).all(|_| crowd.line(NAT, now) == Verdict::Heard));
    }
}
