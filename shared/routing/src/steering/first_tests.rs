use super::*;
use crate::Announced;
use crate::tests::world::{AMSTERDAM, Edge, FRANKFURT, VIRGINIA, edge, id, ranked, viewer};

fn world() -> Vec<Edge> {
    vec![edge("fra", FRANKFURT), edge("ams", AMSTERDAM), edge("iad", VIRGINIA)]
}

fn chosen(edges: &[Edge], current: &str, is_starved: bool) -> String {
    let ranking = ranked(edges, &viewer(FRANKFURT));
    first(&ranking, Some(&id(current)), is_starved).unwrap().edge.to_string()
}

#[test]
fn a_player_stays_unless_another_edge_is_much_better() {
    let mut edges = world();
    assert_eq!(chosen(&edges, "ams", false), "ams", "one band is not enough");
    assert_eq!(chosen(&edges, "iad", false), "fra");
    assert_eq!(chosen(&edges, "nobody", false), "fra");
    assert_eq!(first(&ranked(&edges, &viewer(FRANKFURT)), None, false).unwrap().edge, id("fra"));
    edges[1].connections.1 = 8_000;
    assert_eq!(chosen(&edges, "ams", false), "ams", "an edge that is busy keeps its players");
    edges[1].connections.1 = 9_999;
    assert_eq!(chosen(&edges, "ams", false), "ams", "also one that is full");
}

#[test]
fn a_player_leaves_an_edge_with_a_fault() {
    let changes: [fn(&mut Edge); 4] = [
        |edge| edge.state = Announced::Draining,
        |edge| edge.silent_s = 30,
        |edge| edge.lag_ms = None,
        |edge| edge.lag_ms = Some(5_000),
    ];
    for change in changes {
        let mut edges = world();
        change(&mut edges[0]);
        assert_eq!(chosen(&edges, "fra", false), "ams");
        edges.iter_mut().for_each(change);
        assert_eq!(chosen(&edges, "ams", false), "ams", "not if all have it");
    }
    let mut edges = world();
    edges[0].restarts = 4;
    assert_eq!(chosen(&edges, "fra", false), "ams", "or if it flaps");
}

#[test]
fn a_starved_player_takes_any_edge_that_is_better() {
    let mut edges = world();
    assert_eq!(chosen(&edges, "ams", true), "fra");
    assert_eq!(chosen(&edges, "fra", true), "fra", "it has the best");
    edges[0].connections.1 = 9_999;
    assert_eq!(chosen(&edges, "fra", true), "ams");
}

#[test]
fn a_pinned_player_goes_where_it_is_pinned() {
    let mut pinned = viewer(FRANKFURT);
    pinned.pinned = Some(id("iad"));
    let ranking = ranked(&world(), &pinned);
    assert_eq!(first(&ranking, Some(&id("fra")), false).unwrap().edge, id("iad"));
    assert_eq!(first(&ranked(&[], &pinned), None, false), None);
}
