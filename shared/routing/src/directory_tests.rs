use super::*;
use crate::tests::world::{Edge, FRANKFURT, TIMING, edge, id};
use crate::{Health, State};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

struct Watched {
    directory: Directory,
    edge: Edge,
    renewal: u64,
}

impl Watched {
    fn new() -> Self {
        Self { directory: Directory::new(TIMING), edge: edge("fra", FRANKFURT), renewal: 0 }
    }

    fn renew(&mut self, at: u64) {
        self.renewal += 1;
        self.read_again(at);
    }

    fn read_again(&mut self, at: u64) {
        let record = self.edge.record(1, self.renewal, self.edge.connections.1);
        self.directory.read(record, secs(at)).unwrap();
    }

    fn now(&mut self, at: u64) -> Option<(State, Health)> {
        let snapshot = self.directory.snapshot(secs(at));
        let seen = snapshot.edge(&id("fra"))?;
        Some((snapshot.state(seen, secs(at)), snapshot.health(seen, secs(at))))
    }
}

#[test]
fn an_edge_is_judged_by_the_readers_clock_from_changes_of_its_renewal() {
    let mut watched = Watched::new();
    watched.renew(100);
    assert_eq!(watched.now(100), Some((State::Ready, Health::Unproven)), "it may be a dead edge's");
    watched.renew(105);
    assert_eq!(watched.now(105), Some((State::Ready, Health::Good)));
    watched.read_again(116);
    assert_eq!(
        watched.now(117),
        Some((State::Ready, Health::Late)),
        "the same record again is no sign of life"
    );
    assert_eq!(watched.now(125), Some((State::Lost, Health::Late)));
    watched.renew(126);
    assert_eq!(watched.now(126), Some((State::Ready, Health::Good)));
}

#[test]
fn an_edge_becomes_lost_in_a_snapshot_that_was_taken_before() {
    let mut watched = Watched::new();
    watched.renew(100);
    let snapshot = watched.directory.snapshot(secs(100));
    let seen = &snapshot.edges()[0];
    assert_eq!(snapshot.state(seen, secs(119)), State::Ready);
    assert_eq!(snapshot.state(seen, secs(120)), State::Lost);
}

#[test]
fn nobody_becomes_lost_while_the_store_cannot_be_read() {
    let mut watched = Watched::new();
    watched.renew(100);
    watched.renew(105);
    watched.directory.blind(secs(110));
    watched.directory.blind(secs(500));
    assert_eq!(watched.now(10_000), Some((State::Ready, Health::Good)));
    watched.directory.sees(secs(1_110));
    assert_eq!(watched.now(1_110), Some((State::Ready, Health::Good)));
    assert_eq!(watched.now(1_125), Some((State::Lost, Health::Late)), "five seconds before count, and these");
    let mut late = Watched::new();
    late.directory.blind(secs(10));
    late.renew(15);
    late.directory.sees(secs(20));
    assert_eq!(late.now(40), Some((State::Lost, Health::Late)), "no edge was seen in the future");
}

#[test]
fn an_edge_that_takes_its_record_back_is_gone_and_its_returns_are_no_flapping() {
    let mut watched = Watched::new();
    watched.renew(100);
    for at in [200, 300] {
        watched.directory.removed(&id("fra"), secs(at - 1));
        assert_eq!(watched.now(at - 1), None);
        watched.renew(at);
    }
    assert_eq!(watched.now(300), Some((State::Ready, Health::Good)));
    watched.directory.removed(&id("fra"), secs(320));
    watched.now(320 + 1_200);
    assert!(watched.directory.edges.is_empty(), "it is remembered, but not for ever");
    watched.directory.removed(&id("nobody"), secs(1));
}

#[test]
fn a_record_that_changes_without_a_renewal_is_taken() {
    let mut watched = Watched::new();
    watched.renew(100);
    watched.edge.connections.1 = 9_999;
    watched.read_again(101);
    assert_eq!(watched.directory.snapshot(secs(101)).edges()[0].level, Level::Full);
}

#[test]
fn there_is_room_for_many_edges_and_only_those_that_are_gone_or_lost_give_way() {
    let mut directory = Directory::new(TIMING);
    let record = |number: usize| edge(&format!("edge-{number}"), FRANKFURT).record(0, 0, 0);
    for number in 0..MAX_EDGES {
        directory.read(record(number), secs(100)).unwrap();
    }
    assert_eq!(directory.read(record(MAX_EDGES), secs(119)), Err(TooManyEdges));
    directory.removed(&id("edge-7"), secs(119));
    assert_eq!(directory.read(record(MAX_EDGES), secs(119)), Ok(()));
    assert!(!directory.edges.contains_key("edge-7"));
    assert_eq!(directory.read(record(MAX_EDGES + 1), secs(119)), Err(TooManyEdges));
    assert_eq!(directory.read(record(MAX_EDGES + 1), secs(120)), Ok(()), "all others are lost now");
    assert_eq!(directory.edges.len(), MAX_EDGES);
}

#[test]
fn an_edge_that_is_lost_and_comes_back_twice_is_not_believed_at_once() {
    let mut watched = Watched::new();
    watched.renew(1);
    watched.renew(100);
    assert_eq!(watched.now(100), Some((State::Ready, Health::Good)), "once may happen");
    watched.renew(200);
    assert_eq!(watched.now(200), Some((State::Ready, Health::Flapping)));
}
