use std::net::IpAddr;

use super::world::{
    AMSTERDAM, Edge, FRANKFURT, NOW, SAO_PAULO, SINGAPORE, VIRGINIA, edge, id, live, order, ranked, snapshot,
    viewer, world,
};
use crate::{Announced, Distance, Fault, Faults, Health, Viewer, rank};

fn first(edges: &[Edge], viewer: &Viewer) -> String {
    ranked(edges, viewer).best().unwrap().edge.to_string()
}

/// How often each edge is first, for many viewers of one place.
fn shares(edges: &[Edge], at: (f64, f64)) -> Vec<usize> {
    let snapshot = snapshot(edges);
    let mut first = vec![0; edges.len()];
    for number in 0..2_000_u32 {
        let viewer = Viewer { address: IpAddr::from(number.to_be_bytes()), ..viewer(at) };
        let best = rank(&snapshot, &viewer, &live(), 1, &[], NOW).places.remove(0).edge;
        first[edges.iter().position(|edge| edge.id == best.as_str()).unwrap()] += 1;
    }
    first
}

#[test]
fn each_viewer_gets_the_nearest_edge() {
    const LOS_ANGELES: (f64, f64) = (34.05, -118.24);
    const TOKYO: (f64, f64) = (35.68, 139.69);
    const BUENOS_AIRES: (f64, f64) = (-34.6, -58.38);
    for (at, expected) in [
        (FRANKFURT, &["fra", "iad"][..]),
        (VIRGINIA, &["iad"]),
        (LOS_ANGELES, &["iad"]),
        (TOKYO, &["sin"]),
        (BUENOS_AIRES, &["gru", "iad"]),
    ] {
        let order = order(&ranked(&world(), &viewer(at)));
        assert_eq!(order[..expected.len()], *expected, "{at:?}: {order:?}");
    }
}

#[test]
fn what_the_viewer_measured_counts_more_than_the_map() {
    let mut viewer = viewer(FRANKFURT);
    viewer.measured = vec![(id("fra"), 300), (id("iad"), 24), (id("fra"), 1), (id("nobody"), 1)];
    let ranking = ranked(&world(), &viewer);
    assert_eq!(order(&ranking)[0], "iad");
    assert_eq!(ranking.place(&id("fra")).unwrap().distance, Distance::MeasuredMs(300));
    let nowhere = Viewer { coordinates: None, ..viewer };
    assert_eq!(order(&ranked(&world(), &nowhere))[0], "iad", "also where nothing else is known");
}

#[test]
fn of_a_viewer_of_whom_nothing_is_known_all_edges_are_alike() {
    let ranking = ranked(&world(), &Viewer::at("192.0.2.9".parse().unwrap()));
    assert!(
        ranking
            .places
            .iter()
            .all(|place| place.cost.distance == 0 && place.distance == Distance::ViewerUnknown)
    );
}

#[test]
fn an_edge_of_unknown_position_lies_in_the_middle() {
    let mut edges = world();
    edges.push(Edge { at: None, ..edge("somewhere", FRANKFURT) });
    assert_eq!(order(&ranked(&edges, &viewer(FRANKFURT)))[..3], ["fra", "somewhere", "iad"]);
}

#[test]
fn a_busy_edge_is_left_for_one_nearby_but_not_for_one_across_an_ocean() {
    let mut edges = vec![edge("fra", FRANKFURT), edge("ams", AMSTERDAM), edge("iad", VIRGINIA)];
    edges[0].connections.1 = 7_500;
    assert_eq!(first(&edges, &viewer(FRANKFURT)), "ams");
    edges[1].connections.1 = 7_500;
    assert_eq!(first(&edges, &viewer(FRANKFURT)), "fra");
}

#[test]
fn each_fault_excludes_and_is_named() {
    type Change = fn(&mut Edge);
    let changes: [(Fault, Change); 7] = [
        (Fault::Full, |edge| edge.connections.1 = 9_600),
        (Fault::Lagging, |edge| edge.lag_ms = Some(4_001)),
        (Fault::Draining, |edge| edge.state = Announced::Draining),
        (Fault::LacksBroadcast, |edge| edge.lag_ms = None),
        (Fault::Joining, |edge| edge.state = Announced::Joining),
        (Fault::Lost, |edge| edge.silent_s = 20),
        (Fault::Unreachable, |edge| edge.url = None),
    ];
    for (fault, change) in changes {
        let mut edges = world();
        change(&mut edges[0]);
        let ranking = ranked(&edges, &viewer(FRANKFURT));
        let last = ranking.places.last().unwrap();
        assert_eq!((last.edge.as_str(), last.faults), ("fra", Faults::NONE.with(fault, true)), "{fault:?}");
        assert!(!ranking.is_fallback());
    }
}

#[test]
fn where_every_edge_has_a_fault_the_least_fault_comes_first() {
    let mut edges = world();
    edges[0].silent_s = 20;
    edges[1].state = Announced::Draining;
    edges[2].connections.1 = 9_999;
    edges[3].lag_ms = None;
    let ranking = ranked(&edges, &viewer(FRANKFURT));
    assert_eq!(order(&ranking), ["sin", "iad", "gru", "fra"]);
    assert!(ranking.is_fallback());
    edges.truncate(1);
    assert_eq!(first(&edges, &viewer(FRANKFURT)), "fra", "a lost one before none");
    assert_eq!(ranked(&[], &viewer(FRANKFURT)).best(), None);
}

#[test]
fn few_viewers_share_the_edge_that_has_them_and_many_are_spread_by_capacity() {
    let mut edges = vec![edge("a", FRANKFURT), edge("b", FRANKFURT), edge("c", FRANKFURT)];
    (edges[0].viewers, edges[1].viewers, edges[2].viewers) = (0, 3, 0);
    assert_eq!(shares(&edges, FRANKFURT), [0, 2_000, 0]);
    edges[1].viewers = 200;
    edges[2].capacity = Some(20_000);
    let [a, b, c] = shares(&edges, FRANKFURT)[..] else { panic!("three edges") };
    assert!(a.abs_diff(500) < 90 && b.abs_diff(500) < 90 && c.abs_diff(1_000) < 90, "{a} {b} {c}");
    edges[1].viewers = 3;
    let beyond = edge("near-by", AMSTERDAM);
    assert_eq!(
        first(&[edge("x", FRANKFURT), Edge { viewers: 3, ..beyond }], &viewer(FRANKFURT)),
        "x",
        "within a band"
    );
}

#[test]
fn an_edge_that_flaps_comes_after_all_that_do_not_and_before_none() {
    let mut edges = world();
    edges[0].restarts = 1;
    assert_eq!(first(&edges, &viewer(FRANKFURT)), "fra", "once is no flapping");
    edges[0].restarts = 3;
    let ranking = ranked(&edges, &viewer(FRANKFURT));
    assert_eq!(order(&ranking)[3], "fra");
    assert_eq!(ranking.places[3].health, Health::Flapping);
    edges.truncate(1);
    assert_eq!(first(&edges, &viewer(FRANKFURT)), "fra");
}

#[test]
fn a_pinned_edge_comes_first_unless_it_has_a_fault() {
    let mut edges = world();
    let pinned = Viewer { pinned: Some(id("sin")), ..viewer(FRANKFURT) };
    let ranking = ranked(&edges, &pinned);
    assert_eq!(order(&ranking)[..2], ["sin", "fra"]);
    assert_eq!(ranking.better_than(Some(&id("gru"))), None, "nobody who is pinned is redirected");
    edges[2].state = Announced::Draining;
    let ranking = ranked(&edges, &pinned);
    assert_eq!(order(&ranking)[0], "fra");
    assert_eq!(
        ranking.better_than(Some(&id("sin"))),
        None,
        "nor away from an edge that drains: steering moves them"
    );
}

#[test]
fn a_redirect_needs_a_margin() {
    let target = |edges: &[Edge], at, this: Option<&str>| {
        let this = this.map(id);
        let also: Vec<_> = this.iter().collect();
        let ranking = rank(&snapshot(edges), &viewer(at), &live(), 3, &also, NOW);
        ranking.better_than(this.as_ref()).map(|place| place.edge.to_string())
    };
    let mut edges = world();
    edges.push(edge("ams", AMSTERDAM));
    let to = |text: &str| Some(text.to_owned());
    assert_eq!(target(&edges, FRANKFURT, Some("sin")), to("fra"));
    assert_eq!(target(&edges, FRANKFURT, Some("fra")), None);
    assert_eq!(target(&edges, FRANKFURT, Some("ams")), None, "one band is not enough");
    assert_eq!(target(&edges, FRANKFURT, None), to("fra"), "who serves nobody redirects always");
    assert_eq!(target(&edges, FRANKFURT, Some("new")), to("fra"), "who is not known yet, too");
    edges[0].connections.1 = 9_999;
    assert_eq!(target(&edges, FRANKFURT, Some("fra")), to("ams"), "a full edge takes no new viewers");
    edges.iter_mut().for_each(|edge| edge.lag_ms = None);
    edges[0].connections.1 = 0;
    assert_eq!(target(&edges, FRANKFURT, Some("sin")), to("fra"), "also while nobody has a broadcast");
    edges.iter_mut().for_each(|edge| edge.state = Announced::Draining);
    assert_eq!(target(&edges, FRANKFURT, Some("sin")), None, "but not from one that drains to another");
    assert_eq!(target(&edges, FRANKFURT, None), to("fra"));
    edges.iter_mut().for_each(|edge| edge.state = Announced::Ready);
    edges[0].url = None;
    assert_eq!(target(&edges, FRANKFURT, Some("sin")), to("ams"), "nobody is sent where there is no URL");
}

#[test]
fn an_edge_with_an_address_and_no_url_is_for_dns_alone() {
    let mut edges = world();
    edges.truncate(2);
    (edges[0].url, edges[0].address) = (None, Some("192.0.2.1".parse().unwrap()));
    let ranking = ranked(&edges, &viewer(FRANKFURT));
    assert_eq!((order(&ranking)[0].as_str(), ranking.best().unwrap().faults), ("fra", Faults::NONE));
    assert_eq!(ranking.better_than(None).unwrap().edge, id("iad"), "redirects need a URL");
    edges[1].lag_ms = Some(9_000);
    let ranking = ranked(&edges, &viewer(FRANKFURT));
    assert_eq!(ranking.better_than(Some(&id("fra"))), None, "but not at any price");
}

#[test]
fn no_more_places_are_given_than_were_asked_for_beside_those_by_name() {
    let snapshot = snapshot(&world());
    let all = ranked(&world(), &viewer(SAO_PAULO));
    let also = [&id("sin"), &id("gru"), &id("nobody"), &id("sin")];
    let ranking = rank(&snapshot, &viewer(SAO_PAULO), &live(), 2, &also, NOW);
    assert_eq!(ranking.places, all.places[..2]);
    assert_eq!(ranking.others.iter().map(|place| place.edge.as_str()).collect::<Vec<_>>(), ["sin"]);
    assert_eq!(ranking.place(&id("sin")), all.place(&id("sin")));
    assert_eq!(ranking.edges, 4);
    assert!(rank(&snapshot, &viewer(SINGAPORE), &live(), 0, &[], NOW).places.is_empty());
}
