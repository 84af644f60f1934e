//! What becomes of packets on their way: lost by a draw, delayed, or lost since too many are on that way already.
//!
//! It has no devices and no clock: packets and times go in, packets that have arrived come out. Invariants: packets of one
//! way keep their order; the queues are bounded; the same seed and the same packets give the same losses.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::Serialize;

use crate::map::{Map, Quality};

/// Most packets on the way from one host to another: some 100 Mbit/s at 160 ms. One more is lost.
pub(crate) const MAX_ON_THE_WAY: usize = 4096;

/// Packets that were counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// Those that arrived.
    pub(crate) carried: u64,
    /// Those that the draw lost.
    pub(crate) lost: u64,
    /// Those that found a full way.
    pub(crate) overflowed: u64,
    /// Those to or from a host that is cut off.
    pub(crate) cut: u64,
    /// Those to an address that no host has, and those that are no IPv4.
    pub(crate) unknown: u64,
}

/// A packet that has arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Arrived {
    /// The number of the host that it is for.
    pub(crate) to: usize,
    /// Its bytes.
    pub(crate) packet: Vec<u8>,
}

/// All ways between the hosts of a map.
#[derive(Debug)]
pub(crate) struct Line {
    addresses: HashMap<Ipv4Addr, usize>,
    qualities: Vec<Vec<Quality>>,
    /// Packets on the way, from each host to each.
    on_the_way: Vec<Vec<usize>>,
    cut: Vec<bool>,
    queue: BinaryHeap<Reverse<Travelling>>,
    offered: u64,
    random: StdRng,
    counts: Counts,
}

/// A packet on its way, in the order of arrivals.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Travelling {
    due: Instant,
    /// Packets that are due at once keep their order.
    number: u64,
    from: usize,
    to: usize,
    packet: Vec<u8>,
}

impl Line {
    /// The ways of a map.
    ///
    /// # Errors
    /// Names two places between which there is no way.
    pub(crate) fn new(map: &Map, seed: u64) -> anyhow::Result<Self> {
        let hosts = map.hosts.len();
        Ok(Self {
            addresses: map.hosts.iter().map(|host| host.address).zip(0..).collect(),
            qualities: map.qualities()?,
            on_the_way: vec![vec![0; hosts]; hosts],
            cut: vec![false; hosts],
            queue: BinaryHeap::new(),
            offered: 0,
            random: StdRng::seed_from_u64(seed),
            counts: Counts::default(),
        })
    }

    /// Takes a packet that a host sent. True if it is the next to arrive.
    pub(crate) fn offer(&mut self, from: usize, packet: Vec<u8>, now: Instant) -> bool {
        let to = destination(&packet).and_then(|address| self.addresses.get(&address).copied());
        let Some(to) = to else {
            self.counts.unknown += 1;
            return false;
        };
        if self.cut[from] || self.cut[to] {
            self.counts.cut += 1;
            return false;
        }
        let quality = self.qualities[from][to];
        if quality.loss > 0.0 && self.random.random::<f64>() < quality.loss {
            self.counts.lost += 1;
            return false;
        }
        if self.on_the_way[from][to] == MAX_ON_THE_WAY {
            self.counts.overflowed += 1;
            return false;
        }
        self.on_the_way[from][to] += 1;
        self.offered += 1;
        let due = now + quality.delay;
        let is_first = self.due().is_none_or(|first| due < first);
        self.queue.push(Reverse(Travelling { due, number: self.offered, from, to, packet }));
        is_first
    }

    /// When the next packet arrives.
    #[must_use]
    pub(crate) fn due(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(first)| first.due)
    }

    /// The next packet, if it has arrived by `now`.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<Arrived> {
        while self.due().is_some_and(|due| due <= now) {
            let Reverse(Travelling { from, to, packet, .. }) = self.queue.pop()?;
            self.on_the_way[from][to] -= 1;
            if !self.cut[from] && !self.cut[to] {
                self.counts.carried += 1;
                return Some(Arrived { to, packet });
            }
            self.counts.cut += 1;
        }
        None
    }

    /// Cuts a host off, or connects it again. What is on its way to or from it is lost.
    pub(crate) fn set_cut(&mut self, host: usize, is_cut: bool) {
        self.cut[host] = is_cut;
    }

    /// What became of all packets until now.
    #[must_use]
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }
}

/// The address that a packet is for; none if it is no IPv4.
fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let is_v4 = packet.len() >= 20 && packet.first().is_some_and(|first| first >> 4 == 4);
    let bytes: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    is_v4.then(|| bytes.into())
}

/// The time until a packet arrives, for a wait.
#[must_use]
pub(crate) fn wait(due: Option<Instant>, now: Instant) -> Option<Duration> {
    due.map(|due| due.saturating_duration_since(now))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Two hosts 10 ms apart, and a third that is 100 ms away and loses `loss`.
    fn line(loss: f64) -> Line {
        let host = |name: &str, last: u8, place: &str| json!({ "name": name, "namespace": name, "address": format!("10.0.0.{last}"), "place": place });
        let map = json!({
            "hosts": [host("a", 1, "x"), host("b", 2, "y"), host("c", 3, "z")],
            "ways": [
                { "between": ["x", "y"], "delay_ms": 10 },
                { "between": ["x", "z"], "delay_ms": 100, "loss": loss },
                { "between": ["y", "z"], "delay_ms": 100, "loss": loss },
            ],
        });
        Line::new(&Map::parse(&map.to_string()).unwrap(), 7).unwrap()
    }

    fn packet(last: u8, content: u8) -> Vec<u8> {
        let mut packet = vec![0; 21];
        packet[0] = 0x45;
        packet[16..20].copy_from_slice(&[10, 0, 0, last]);
        packet[20] = content;
        packet
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn packets_arrive_in_order_after_the_delay_of_their_way() {
        let (mut line, start) = (line(0.0), Instant::now());
        assert!(line.offer(0, packet(3, 1), start));
        assert!(line.offer(0, packet(2, 2), start), "the near one arrives first");
        assert!(!line.offer(0, packet(2, 3), start));
        assert_eq!(line.due(), Some(start + ms(10)));
        assert_eq!(line.arrived(start + ms(9)), None);
        let content = |line: &mut Line, at| line.arrived(start + ms(at)).map(|it| (it.to, it.packet[20]));
        assert_eq!(content(&mut line, 10), Some((1, 2)));
        assert_eq!(content(&mut line, 10), Some((1, 3)));
        assert_eq!(content(&mut line, 99), None);
        assert_eq!(content(&mut line, 100), Some((2, 1)));
        assert_eq!((line.counts().carried, line.due()), (3, None));
    }

    #[test]
    fn the_draw_loses_the_share_of_the_way_and_the_same_packets_each_time() {
        let arrived = || {
            let (mut line, start) = (line(0.05), Instant::now());
            for number in 0..4000_u32 {
                line.offer(0, packet(3, u8::try_from(number % 251).unwrap()), start);
            }
            std::iter::from_fn(|| line.arrived(start + ms(100))).map(|it| it.packet[20]).collect::<Vec<_>>()
        };
        let first = arrived();
        assert!((3720..3880).contains(&first.len()), "{}", first.len());
        assert_eq!(first, arrived());
    }

    #[test]
    fn a_full_way_loses_what_comes_and_leaves_the_others_alone() {
        let (mut line, start) = (line(0.0), Instant::now());
        for _ in 0..=MAX_ON_THE_WAY {
            line.offer(0, packet(3, 0), start);
        }
        assert!(line.offer(0, packet(2, 0), start));
        assert_eq!(line.counts().overflowed, 1);
        while line.arrived(start + ms(100)).is_some() {}
        assert_eq!(line.counts().carried, MAX_ON_THE_WAY as u64 + 1);
        assert!(line.offer(0, packet(3, 0), start), "there is room again");
    }

    #[test]
    fn nothing_reaches_a_host_that_is_cut_off_nor_leaves_it() {
        let (mut line, start) = (line(0.0), Instant::now());
        line.offer(0, packet(2, 0), start);
        line.set_cut(1, true);
        line.offer(0, packet(2, 0), start);
        line.offer(1, packet(1, 0), start);
        assert_eq!(line.arrived(start + ms(10)), None, "not even what was on its way");
        line.set_cut(1, false);
        line.offer(0, packet(2, 0), start);
        assert!(line.arrived(start + ms(10)).is_some());
        assert_eq!(line.counts(), Counts { carried: 1, cut: 3, ..Counts::default() });
    }

    #[test]
    fn what_is_for_nobody_is_counted() {
        let (mut line, start) = (line(0.0), Instant::now());
        for packet in [packet(9, 0), vec![0x60; 40], vec![0x45; 3], Vec::new()] {
            assert!(!line.offer(0, packet, start));
        }
        assert_eq!(line.counts().unknown, 4);
    }
}
