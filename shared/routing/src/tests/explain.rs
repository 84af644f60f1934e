use serde_json::json;

use super::world::{FRANKFURT, NOW, id, live, snapshot, viewer, world};
use crate::{Announced, rank};

#[test]
fn golden_explanation() {
    let mut edges = world();
    edges[1].state = Announced::Draining;
    edges[1].connections.1 = 9_700;
    let ranking = rank(&snapshot(&edges), &viewer(FRANKFURT), &live(), 1, &[&id("iad")], NOW);
    let mut shown = serde_json::to_value(&ranking).unwrap();
    for place in ["/places/0", "/others/0"] {
        assert!(shown.pointer_mut(place).unwrap()["draw"].take().as_f64().unwrap() > 0.0);
    }
    let expected = json!({
        "edges": 4,
        "pinned": null,
        "places": [{
            "edge": "fra", "faults": [], "total": 5,
            "cost": { "distance": 0, "load": 0, "cold": 5, "lag": 0, "health": 0 },
            "distance": { "kilometres": 0 }, "level": "light", "health": "good", "lagMs": 40, "viewers": 1000,
            "weight": 10000, "draw": null, "url": "https://fra.example"
        }],
        "others": [{
            "edge": "iad", "faults": ["full", "draining"], "total": 80,
            "cost": { "distance": 60, "load": 15, "cold": 5, "lag": 0, "health": 0 },
            "distance": { "kilometres": 6546 }, "level": "full", "health": "good", "lagMs": 40, "viewers": 1000,
            "weight": 10000, "draw": null, "url": "https://iad.example"
        }]
    });
    assert_eq!(shown, expected);
}
