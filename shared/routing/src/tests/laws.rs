//! The laws of README.md, for worlds of all kinds.

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::world::{Edge, NOW, coordinates, directory, edge, id, live, order, ranked, snapshot};
use crate::steering::first;
use crate::{Announced, Ranking, Reach, Viewer, rank};

fn any_place() -> impl Strategy<Value = (f64, f64)> {
    (-90.0..=90.0, -180.0..=180.0)
}

fn any_state() -> impl Strategy<Value = Announced> {
    prop_oneof![6 => Just(Announced::Ready), 1 => Just(Announced::Draining), 1 => Just(Announced::Joining)]
}

fn any_edge() -> impl Strategy<Value = Edge> {
    let position =
        (proptest::option::weighted(0.8, any_place()), proptest::option::weighted(0.8, 1u64..20_000));
    let load = ((0u64..20_000, 0u64..20_000), prop_oneof![Just(0u64), 1u64..200, 200u64..9_999]);
    let health = (
        prop_oneof![6 => 0u64..12, 1 => 12u64..20, 1 => 20u64..40],
        prop_oneof![6 => Just(0u64), 1 => 1u64..9],
    );
    let rest = (any_state(), proptest::option::weighted(0.9, 0u32..6_000), any::<bool>());
    (position, load, health, rest).prop_map(
        |((at, capacity), (connections, viewers), (silent_s, restarts), (state, lag_ms, has_url))| {
            let url = has_url.then(|| "https://e.example".to_owned());
            let plain = edge("", (0.0, 0.0));
            Edge { at, capacity, connections, state, lag_ms, viewers, silent_s, restarts, url, ..plain }
        },
    )
}

/// Up to a dozen edges; in half of the worlds all in one place, so that hashing decides.
fn any_world() -> impl Strategy<Value = Vec<Edge>> {
    (vec(any_edge(), 1..12), proptest::option::of(any_place())).prop_map(|(mut edges, together)| {
        for (number, edge) in edges.iter_mut().enumerate() {
            edge.id = format!("edge-{number}");
            edge.at = together.or(edge.at);
        }
        edges
    })
}

/// A viewer: an address, perhaps a place, perhaps some measurements and a pin, by numbers of edges.
fn any_viewer() -> impl Strategy<Value = Viewer> {
    let measured = vec((0usize..12, 0u32..400), 0..4);
    let place = proptest::option::weighted(0.8, any_place());
    let reach = proptest::sample::select(vec![Reach::Any, Reach::Url, Reach::SecureUrl, Reach::Address]);
    (any::<u32>(), place, measured, proptest::option::weighted(0.1, 0usize..12), reach).prop_map(
        |(address, place, measured, pinned, reach)| Viewer {
            address: IpAddr::from(address.to_be_bytes()),
            coordinates: place.map(coordinates),
            measured: measured
                .into_iter()
                .map(|(number, rtt)| (id(&format!("edge-{number}")), rtt))
                .collect(),
            pinned: pinned.map(|number| id(&format!("edge-{number}"))),
            reach,
        },
    )
}

/// Ways in which an edge becomes worse.
#[derive(Clone, Debug)]
enum Worse {
    Connections(u64),
    LessCapacity(u64),
    Lag(u32),
    LosesBroadcast,
    Drains,
    Joins,
    Silent(u64),
    Restarts(u64),
    Crowded,
    LosesUrl,
    /// Another place; it counts if it is farther from the viewer.
    Moves((f64, f64)),
    /// A measurement becomes greater by so much.
    Rtt(u32),
}

fn any_worse() -> impl Strategy<Value = Worse> {
    prop_oneof![
        (1u64..20_000).prop_map(Worse::Connections),
        (1u64..20_000).prop_map(Worse::LessCapacity),
        (1u32..6_000).prop_map(Worse::Lag),
        Just(Worse::LosesBroadcast),
        Just(Worse::Drains),
        Just(Worse::Joins),
        (1u64..40).prop_map(Worse::Silent),
        (1u64..9).prop_map(Worse::Restarts),
        Just(Worse::Crowded),
        Just(Worse::LosesUrl),
        any_place().prop_map(Worse::Moves),
        (1u32..400).prop_map(Worse::Rtt),
    ]
}

/// Makes an edge worse for a viewer. False where it would become no worse.
fn worsen(edge: &mut Edge, viewer: &mut Viewer, worse: &Worse) -> bool {
    match *worse {
        Worse::Connections(more) => edge.connections.1 += more,
        Worse::LessCapacity(less) => match &mut edge.capacity {
            Some(capacity) => *capacity = capacity.saturating_sub(less),
            None => return false,
        },
        Worse::Lag(more) => match &mut edge.lag_ms {
            Some(lag_ms) => *lag_ms += more,
            None => return false,
        },
        Worse::LosesBroadcast => edge.lag_ms = None,
        Worse::Drains if edge.state == Announced::Ready => edge.state = Announced::Draining,
        Worse::Joins => edge.state = Announced::Joining,
        Worse::Drains => return false,
        Worse::Silent(more) => edge.silent_s += more,
        Worse::Restarts(more) => edge.restarts += more,
        Worse::Crowded if (1..200).contains(&edge.viewers) => edge.viewers = 5_000,
        Worse::Crowded => return false,
        Worse::LosesUrl => edge.url = None,
        Worse::Moves(to) => {
            let (Some(at), Some(from)) = (edge.at, viewer.coordinates) else { return false };
            if coordinates(to).km(from) <= coordinates(at).km(from) + 1.0 {
                return false;
            }
            edge.at = Some(to);
        }
        Worse::Rtt(more) => {
            let measured = viewer.measured.iter_mut().filter(|(of, _)| of.as_str() == edge.id);
            measured.for_each(|(_, rtt_ms)| *rtt_ms += more);
        }
    }
    true
}

fn position(ranking: &Ranking, edge: &Edge) -> usize {
    ranking.places.iter().position(|place| place.edge.as_str() == edge.id).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn an_edge_that_becomes_worse_gains_no_place_and_changes_nothing_between_the_others(
        edges in any_world(), viewer in any_viewer(), which: prop::sample::Index, worse in any_worse()
    ) {
        let which = which.index(edges.len());
        let (mut after, mut viewer_after) = (edges.clone(), viewer.clone());
        prop_assume!(worsen(&mut after[which], &mut viewer_after, &worse));
        let (old, new) = (ranked(&edges, &viewer), ranked(&after, &viewer_after));
        prop_assert!(position(&new, &after[which]) >= position(&old, &edges[which]), "{old:?} {new:?}");
        let others = |ranking| {
            let mut order = order(ranking);
            order.retain(|edge| *edge != edges[which].id);
            order
        };
        // A place that was measured for the first time changes what is known of the viewer: not here.
        prop_assert_eq!(others(&old), others(&new));
    }

    #[test]
    fn an_edge_that_becomes_worse_draws_no_viewers_by_redirect_or_steering(
        edges in any_world(), viewer in any_viewer(), which: prop::sample::Index, from: prop::sample::Index,
        is_starved: bool, worse in any_worse()
    ) {
        prop_assume!(edges.len() > 1);
        let which = which.index(edges.len());
        let from = (which + 1 + from.index(edges.len() - 1)) % edges.len();
        let (mut after, mut viewer_after) = (edges.clone(), viewer.clone());
        prop_assume!(worsen(&mut after[which], &mut viewer_after, &worse));
        let (old, new) = (ranked(&edges, &viewer), ranked(&after, &viewer_after));
        let (from, which) = (id(&edges[from].id), id(&edges[which].id));
        let redirected = |ranking: &Ranking| ranking.better_than(Some(&from)).is_some_and(|to| to.edge == which);
        let steered = |ranking: &Ranking| first(ranking, Some(&from), is_starved).is_some_and(|to| to.edge == which);
        // An edge without a URL is passed over by redirects, whoever comes next is drawn to instead.
        prop_assert!(!redirected(&new) || redirected(&old));
        prop_assert!(!steered(&new) || steered(&old));
    }

    #[test]
    fn an_edge_that_goes_moves_only_its_own_viewers(
        edges in any_world(), viewer in any_viewer(), which: prop::sample::Index
    ) {
        let which = which.index(edges.len());
        let mut order_before = order(&ranked(&edges, &Viewer { measured: Vec::new(), ..viewer.clone() }));
        let mut left = edges.clone();
        let gone = left.remove(which);
        order_before.retain(|edge| *edge != gone.id);
        prop_assert_eq!(order_before, order(&ranked(&left, &Viewer { measured: Vec::new(), ..viewer })));
    }

    #[test]
    fn who_follows_redirects_is_redirected_at_most_once(
        edges in any_world(), viewer in any_viewer(), from: prop::sample::Index
    ) {
        let snapshot = snapshot(&edges);
        let mut here = id(&edges[from.index(edges.len())].id);
        let mut hops = 0;
        loop {
            // As an edge asks: few places, and its own.
            let ranking = rank(&snapshot, &viewer, &live(), 5, &[&here], NOW);
            let Some(there) = ranking.better_than(Some(&here)) else { break };
            here = there.edge.clone();
            hops += 1;
            prop_assert!(hops <= 1, "{ranking:?}");
        }
    }

    #[test]
    fn a_player_that_is_steered_stays_where_it_was_sent(
        edges in any_world(), viewer in any_viewer(), from: prop::sample::Index, is_starved: bool
    ) {
        let ranking = ranked(&edges, &viewer);
        let from = id(&edges[from.index(edges.len())].id);
        let to = &first(&ranking, Some(&from), is_starved).unwrap().edge;
        prop_assert_eq!(&first(&ranking, Some(to), is_starved).unwrap().edge, to);
    }

    #[test]
    fn all_who_have_the_same_records_rank_alike(edges in any_world(), viewer in any_viewer(), most in 0usize..12) {
        let all = ranked(&edges, &viewer);
        let mut other_way: Vec<_> = edges;
        other_way.reverse();
        let some = rank(&directory(&other_way).snapshot(NOW), &viewer, &live(), most, &[], NOW);
        prop_assert_eq!(&some.places[..], &all.places[..most.min(all.places.len())]);
        let keys: Vec<_> = all.places.iter().map(|place| (place.faults, place.total)).collect();
        if viewer.pinned.is_none() {
            prop_assert!(keys.is_sorted(), "faults come before cost");
        }
    }
}
