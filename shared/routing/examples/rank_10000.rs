//! How long it takes to rank 10,000 edges for one viewer, on one core: `make bench-ranking`.
//!
//! Edges stand all over the globe, in all levels and states; each has the channel and a few others. A ranking gives the
//! eight best, as for content steering. Beside it: making the snapshot that all rankings share.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on ends, and prints"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use farcast_feed::name::StreamName;
use farcast_routing::{
    Announced, BaseUrl, Capacity, Carried, Coordinates, Directory, EdgeId, EdgeRecord, Load, Timing, Viewer,
    rank,
};

const EDGES: u32 = 10_000;
const RANKINGS: u32 = 2_000;
const BEST: usize = 8;
/// The median must keep it, or the program fails.
const BOUND: Duration = Duration::from_millis(1);
const NOW: Duration = Duration::from_secs(100);

/// A sequence that looks random and is the same each time.
fn noise(number: u32, of: u32) -> u32 {
    (number ^ of << 20).wrapping_mul(0x9e37_79b1).rotate_left(15).wrapping_mul(0x85eb_ca6b) >> 8
}

fn anywhere(number: u32) -> Coordinates {
    let degrees = |of, range: u32| f64::from(noise(number, of) % (2 * range)) - f64::from(range);
    Coordinates::new(degrees(1, 90), degrees(2, 180)).unwrap()
}

fn record(number: u32, renewal: u64) -> EdgeRecord {
    let channel = |name: String| StreamName::try_from(name).unwrap();
    let carried = Carried { lag_ms: noise(number, 3) % 5_000, viewers: u64::from(noise(number, 4) % 1_000) };
    let others = (0..3).map(|more| (channel(format!("other-{}", noise(number, 5 + more) % 50)), carried));
    let state = if noise(number, 9).is_multiple_of(10) { Announced::Draining } else { Announced::Ready };
    EdgeRecord {
        id: EdgeId::new(&format!("edge-{number}")).unwrap(),
        name: String::new(),
        version: "0.1.0".to_owned(),
        region: String::new(),
        coordinates: Some(anywhere(number)),
        urls: vec![BaseUrl::new(&format!("https://edge-{number}.example")).unwrap()],
        addresses: Vec::new(),
        capacity: Capacity { connections: Some(10_000), egress_bps: Some(10_000_000_000) },
        load: Load { viewers: 0, connections: u64::from(noise(number, 8) % 10_000), egress_bps: 0 },
        state,
        channels: others.chain([(StreamName::live(), carried)]).collect::<BTreeMap<_, _>>(),
        run: 0,
        renewal,
    }
}

/// The sorted durations of calls of `work`.
fn timed<T>(times: u32, mut work: impl FnMut(u32) -> T) -> Vec<Duration> {
    let one = |number| {
        let start = Instant::now();
        black_box(work(number));
        start.elapsed()
    };
    let mut all: Vec<_> = (0..times).map(one).collect();
    all.sort();
    all
}

fn main() {
    let mut directory = Directory::new(Timing::default());
    for renewal in 0..2 {
        (0..EDGES).for_each(|number| directory.read(record(number, renewal), NOW).unwrap());
    }
    let snapshots = timed(20, |_| directory.snapshot(NOW));
    let snapshot = directory.snapshot(NOW);
    let live = StreamName::live();
    let rankings = timed(RANKINGS, |number| {
        let address = IpAddr::from(number.to_be_bytes());
        let viewer = Viewer { coordinates: Some(anywhere(number)), ..Viewer::at(address) };
        rank(&snapshot, &viewer, &live, BEST, &[], NOW)
    });
    let [median, p99, most] =
        [500, 990, 1000].map(|share| rankings[(rankings.len() * share / 1000).min(rankings.len() - 1)]);
    println!("{EDGES} edges ranked for one viewer: median {median:.0?}, p99 {p99:.0?}, at most {most:.0?}");
    println!("a snapshot of {EDGES} edges: median {:.1?}", snapshots[snapshots.len() / 2]);
    if median >= BOUND {
        println!("the bound is {BOUND:?}");
        std::process::exit(1);
    }
}
