use serde_json::{Value, json};

use super::*;
use crate::tests::world::{AMSTERDAM, Edge, FRANKFURT, NOW, edge, id, live, snapshot, viewer, world};
use crate::{Announced, rank};

struct Player {
    asked: Asked,
    params: BTreeMap<String, String>,
    paths: Paths,
    ttl_s: u32,
    base_url: &'static str,
}

impl Default for Player {
    fn default() -> Self {
        Self {
            asked: Asked { current: Some(id("fra")), throughput_bps: None },
            params: BTreeMap::new(),
            paths: Paths::default(),
            ttl_s: 20,
            base_url: "https://fra.example",
        }
    }
}

fn of(edges: &[Edge], player: &Player) -> Manifest {
    let snapshot = snapshot(edges);
    let also: Vec<_> = player.asked.current.iter().collect();
    let ranking = rank(&snapshot, &viewer(FRANKFURT), &live(), 8, &also, NOW);
    let steering = Steering {
        base: &id("fra"),
        base_url: &BaseUrl::new(player.base_url).unwrap(),
        asked: &player.asked,
        needed_bps: 1_000_000,
        ttl_s: player.ttl_s,
        reload_uri: None,
        params: &player.params,
        paths: &player.paths,
    };
    manifest(&ranking, &snapshot, &steering)
}

fn priority(manifest: &Manifest) -> Vec<&str> {
    manifest.pathway_priority.iter().map(PathwayId::as_str).collect()
}

#[test]
fn golden_manifest() {
    let player = Player { params: [("token".to_owned(), "a&b".to_owned())].into(), ..Player::default() };
    let edges = [edge("fra", FRANKFURT), edge("ams", AMSTERDAM)];
    let mut manifest = of(&edges, &player);
    manifest.reload_uri = Some("/hls/steering.json?base=fra".to_owned());
    let json = String::from_utf8(manifest.to_json().unwrap()).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"VERSION":1,"TTL":20,"RELOAD-URI":"/hls/steering.json?base=fra","PATHWAY-PRIORITY":["e-fra","e-ams"],"#,
            r#""PATHWAY-CLONES":[{"BASE-ID":"e-fra","ID":"e-ams","#,
            r#""URI-REPLACEMENT":{"HOST":"ams.example","PARAMS":{"token":"a&b"}}}]}"#
        )
    );
}

#[test]
fn at_most_five_are_listed_each_once_and_each_of_them_can_be_found() {
    let mut edges: Vec<_> = (0..9).map(|number| edge(&format!("e{number}"), AMSTERDAM)).collect();
    edges.extend(world());
    let manifest = of(&edges, &Player::default());
    assert_eq!((priority(&manifest)[0], manifest.pathway_priority.len()), ("e-fra", MAX_PATHWAYS));
    let mut known: Vec<_> = manifest.pathway_clones.iter().map(|clone| clone.id.clone()).collect();
    assert!(manifest.pathway_clones.iter().all(|clone| clone.base_id.as_str() == "e-fra"));
    known.push(PathwayId::of(&id("fra")));
    let mut listed = manifest.pathway_priority.clone();
    known.sort();
    listed.sort();
    assert_eq!(known, listed);
}

#[test]
fn the_edge_that_is_used_stays_first_and_the_best_comes_behind() {
    let edges = [edge("fra", FRANKFURT), edge("ams", AMSTERDAM)];
    let asked = Asked { current: Some(id("ams")), throughput_bps: Some(1_000_000) };
    assert_eq!(
        priority(&of(&edges, &Player { asked: asked.clone(), ..Player::default() })),
        ["e-ams", "e-fra"]
    );
    let starved = Asked { throughput_bps: Some(999_999), ..asked };
    assert_eq!(priority(&of(&edges, &Player { asked: starved, ..Player::default() })), ["e-fra", "e-ams"]);
}

#[test]
fn no_edge_with_a_fault_is_listed_but_a_full_one_at_the_end() {
    let mut edges = world();
    edges[0].state = Announced::Draining;
    edges[2].lag_ms = None;
    edges[3].connections.1 = 9_999;
    assert_eq!(priority(&of(&edges, &Player::default())), ["e-iad", "e-gru"]);
    edges.iter_mut().for_each(|edge| edge.state = Announced::Draining);
    assert_eq!(priority(&of(&edges, &Player::default())), ["e-fra", "e-iad", "e-gru", "e-sin"], "all drain");
}

#[test]
fn a_player_without_any_edge_stays_where_it_is() {
    assert_eq!(priority(&of(&[], &Player::default())), ["e-fra"]);
}

#[test]
fn an_edge_on_another_port_is_cloned_by_full_addresses_or_not_at_all() {
    let mut edges = [edge("fra", FRANKFURT), edge("ams", AMSTERDAM)];
    edges[1].url = Some("https://ams.example:8443".to_owned());
    assert_eq!(priority(&of(&edges, &Player::default())), ["e-fra"]);
    let paths = Paths {
        variants: [("v0".to_owned(), "/hls/0/stream.m3u8".to_owned())].into(),
        renditions: [("c1".to_owned(), "/hls/captions/1.m3u8".to_owned())].into(),
    };
    let player = Player { paths: paths.clone(), ..Player::default() };
    let replacement = serde_json::to_value(&of(&edges, &player).pathway_clones[0].uri_replacement).unwrap();
    let expected: Value = json!({
        "PER-VARIANT-URIS": { "v0": "https://ams.example:8443/hls/0/stream.m3u8" },
        "PER-RENDITION-URIS": { "c1": "https://ams.example:8443/hls/captions/1.m3u8" }
    });
    assert_eq!(replacement, expected);
    edges[1].url = Some("http://ams.example".to_owned());
    assert_eq!(priority(&of(&edges, &player)), ["e-fra"], "https leads to no http");
    let plain = Player { base_url: "http://fra.example:8080", paths, ..Player::default() };
    assert_eq!(priority(&of(&edges, &plain)), ["e-fra", "e-ams"]);
}

#[test]
fn the_time_to_live_is_bounded() {
    let ttl = |ttl_s| of(&world(), &Player { ttl_s, ..Player::default() }).ttl;
    assert_eq!([0, 20, 301].map(ttl), [1, 20, 300]);
}
