//! `openapi.yaml` against the programs' tables of routes, both ways: what is described is answered, what is answered is
//! described, by the program that is named.

#![expect(clippy::unwrap_used, reason = "a test ends where something cannot be had")]

use std::collections::BTreeSet;

use farcast_api::Method;
use saphyr::{LoadableYamlNode as _, Yaml};

type Operation = (&'static str, String);

/// What is answered without a table: media, page, health.
const ELSEWHERE: [(&str, &str); 22] = [
    ("get", "/"),
    ("get", "/watch"),
    ("get", "/embed/video"),
    ("get", "/embed/chat"),
    ("get", "/embed/chat/readonly"),
    ("get", "/embed/chat/readwrite"),
    ("get", "/manifest.webmanifest"),
    ("get", "/assets/{file}"),
    ("get", "/admin/"),
    ("get", "/admin/assets/{file}"),
    ("get", "/hls/stream.m3u8"),
    ("get", "/hls/steering.json"),
    ("get", "/hls/{variant}/stream.m3u8"),
    ("get", "/hls/{variant}/{epoch}/init-{number}.mp4"),
    ("get", "/hls/{variant}/{epoch}/{msn}.m4s"),
    ("get", "/hls/{variant}/{epoch}/{msn}.{part}.m4s"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/readyz/media"),
    ("get", "/readyz/chat"),
    ("get", "/metrics"),
    ("get", "/metrics/edges"),
];

const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml");

const VERBS: [&str; 4] = ["get", "post", "put", "delete"];

/// Operations that the contract has for a program.
fn described(program: &str) -> BTreeSet<Operation> {
    let text = std::fs::read_to_string(CONTRACT).unwrap();
    let document = Yaml::load_from_str(&text).unwrap().remove(0);
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_mapping().unwrap() {
        let path = path.as_str().unwrap();
        for (verb, operation) in item.as_mapping().unwrap() {
            let Some(verb) = VERBS.into_iter().find(|known| verb.as_str() == Some(known)) else { continue };
            let fields = operation.as_mapping().unwrap();
            let field = |name: &'static str| fields.get(&Yaml::value_from_str(name));
            if ELSEWHERE.contains(&(verb, path)) {
                continue;
            }
            let served = field("x-served-by").and_then(Yaml::as_sequence).unwrap();
            if served.iter().any(|name| name.as_str() == Some(program)) {
                operations.insert((verb, path.to_owned()));
            }
        }
    }
    operations
}

fn table(listed: impl Iterator<Item = (Method, &'static str)>) -> BTreeSet<Operation> {
    let verbs = |method| match method {
        Method::Get => &["get"][..],
        Method::Post => &["post"],
        Method::Act => &["get", "post"],
    };
    listed.flat_map(|(method, path)| verbs(method).iter().map(move |verb| (*verb, path.to_owned()))).collect()
}

#[test]
fn an_edge_answers_what_is_described_and_nothing_else() {
    assert_eq!(table(farcast_edge::api::listed()), described("edge"));
}

#[test]
fn an_origin_answers_what_is_described_and_nothing_else() {
    assert_eq!(table(farcast_origin::api::listed()), described("origin"));
}

fn member<'a, 'i>(node: &'a Yaml<'i>, name: &str) -> Option<&'a Yaml<'i>> {
    node.as_mapping()?.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

/// A shared cache between viewers and an edge does what it is told, and only if it is told something for every reply: some
/// errors are kept where nothing is said (RFC 9110 §15.1).
#[test]
fn every_reply_says_what_caches_may_do_and_no_error_may_be_kept() {
    const NO_STORE: &str = "#/components/headers/NoStore";
    let text = std::fs::read_to_string(CONTRACT).unwrap();
    let document = Yaml::load_from_str(&text).unwrap().remove(0);
    let replies = &document["components"]["responses"];
    let mut count = 0;
    for (path, item) in document["paths"].as_mapping().unwrap() {
        for (verb, operation) in item.as_mapping().unwrap() {
            if !VERBS.iter().any(|known| verb.as_str() == Some(known)) {
                continue;
            }
            for (status, reply) in member(operation, "responses").unwrap().as_mapping().unwrap() {
                let at = format!("{verb:?} {path:?} {status:?}");
                let reply = match member(reply, "$ref") {
                    Some(to) => {
                        let name = to.as_str().unwrap().rsplit('/').next().unwrap();
                        member(replies, name).unwrap()
                    }
                    None => reply,
                };
                let said = member(reply, "headers").and_then(|headers| member(headers, "Cache-Control"));
                let said = said.unwrap_or_else(|| panic!("{at} says nothing of caches"));
                let is_error = status.as_str().unwrap().parse::<u16>().unwrap() >= 400;
                let is_kept = member(said, "$ref").is_none_or(|to| to.as_str() != Some(NO_STORE));
                assert!(!(is_error && is_kept), "{at} may be kept");
                count += 1;
            }
        }
    }
    assert!(count > 800, "{count} replies were found");
}
