//! Viewers between two edges that serve the same broadcast: one is preferred, one dies, one lies. Time is virtual, so that
//! a stall is one of the viewer and not of the machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Response, StatusCode};
use http_body_util::Full;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http::connection::Dialer;
use crate::watch::fake::{self, Defect, HEAD_START, Log, Media, PART};
use crate::watch::report::{Limits, Report};
use crate::watch::run::{Plan, run};
use crate::watch::viewer::Choice;

/// PART-HOLD-BACK of the fake edges.
const HOLD_BACK: Duration = PART.saturating_mul(3);
/// A part that there will be some seconds into a test.
const LATER: u64 = HEAD_START + 10;
/// Nothing is wrong with what viewers are told, whatever happens to their connections.
const OUTAGE: Limits = Limits { stalls: 0, late_parts: None, errors: u64::MAX, breaches: 0, latency: None };

/// What a steering server answers; the last answer is given for good.
type Script = Vec<(StatusCode, String)>;

fn good(json: &str) -> (StatusCode, String) {
    (StatusCode::OK, json.to_owned())
}

/// A manifest with the Pathway `b` as a clone of `a`, on the second edge.
fn manifest(priority: &str) -> (StatusCode, String) {
    let clone = r#"{"BASE-ID":"a","ID":"b","URI-REPLACEMENT":{"HOST":"127.0.0.2"}}"#;
    good(&format!(r#"{{"VERSION":1,"TTL":1,"PATHWAY-PRIORITY":{priority},"PATHWAY-CLONES":[{clone}]}}"#))
}

/// Two edges, `a` and `b`, on one port of two addresses of this machine, and a steering server.
struct Scene {
    port: u16,
    a: Log,
    b: Log,
    asked: Log,
}

impl Scene {
    async fn new(defects: [Defect; 2], script: Script) -> Self {
        let (asked, steering) = steering(script).await;
        let tag =
            format!("#EXT-X-CONTENT-STEERING:SERVER-URI=\"http://{steering}/s?k=1\",PATHWAY-ID=\"a\"\n");
        let playlist = fake::multivariant(&tag, ",PATHWAY-ID=\"a\",STABLE-VARIANT-ID=\"v#\"");
        let [first, second] = listeners().await;
        let port = first.local_addr().unwrap().port();
        let media = Media::on_air();
        let a = fake::edge(first, media, defects[0], playlist);
        let b = fake::edge(second, media, defects[1], String::new());
        Self { port, a, b, asked }
    }

    async fn watched(&self, seconds: u64, steering: bool, limits: Limits) -> Report {
        let server = format!("http://127.0.0.1:{}/hls/stream.m3u8", self.port).parse().unwrap();
        let plan = Plan {
            edges: vec![Dialer { server, http2: false, tls: None }],
            clients: 1,
            // Not at the same moment as a request.
            length: Duration::from_secs(seconds) - PART / 2,
            ramp: Duration::ZERO,
            choice: Choice::Only(0),
            steering,
            compare: true,
            limits,
            progress: false,
        };
        run(plan).await
    }

    /// Parts that came from each edge, which together must be all from the first to the last, each once, until the end of
    /// a run of `seconds`.
    fn parts(&self, seconds: u64) -> (Vec<u64>, Vec<u64>) {
        let of = |log: &Log| -> Vec<u64> {
            log.lock().unwrap().iter().filter_map(|uri| fake::part_of(uri)).collect()
        };
        let (a, b) = (of(&self.a), of(&self.b));
        let mut all = [a.clone(), b.clone()].concat();
        all.sort_unstable();
        let whole: Vec<_> = (all[0]..all[0] + all.len() as u64).collect();
        assert_eq!(all, whole, "a part was fetched twice or left out: {a:?} {b:?}");
        let due = HEAD_START + seconds * 4;
        assert!(all.last().unwrap() + 3 >= due, "the viewer fell behind {due}: {all:?}");
        (a, b)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Two listeners on one port, so that HOST alone leads from one to the other.
async fn listeners() -> [TcpListener; 2] {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        // Somebody else may have the port on the other address.
        if let Ok(second) = TcpListener::bind(("127.0.0.2", port)).await {
            return [first, second];
        }
    }
    panic!("no port is free on both addresses");
}

async fn steering(script: Script) -> (Log, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Log::default();
    let (kept, count) = (Arc::clone(&log), Arc::new(Mutex::new(0)));
    let script = Arc::new(script);
    fake::serve(listener, CancellationToken::new(), move |request| {
        let mut count = count.lock().unwrap();
        let (status, body) = script.get(*count).or(script.last()).unwrap().clone();
        *count += 1;
        log.lock().unwrap().push(request.uri().to_string());
        let response = Response::builder().status(status).header("content-type", "application/json");
        let response = response.body(Full::from(body)).unwrap();
        async move { response }
    });
    (kept, address)
}

fn show(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_is_steered_away_goes_on_at_the_same_part() {
    let script = vec![manifest(r#"["a","b"]"#), manifest(r#"["a","b"]"#), manifest(r#"["b","a"]"#)];
    let scene = Scene::new([Defect::None; 2], script).await;
    let report = scene.watched(6, true, Limits::default()).await;
    assert!(report.is_good(), "{}", show(&report));
    let (a, b) = scene.parts(6);
    assert!(a.len() > 4 && b.len() > 4 && a.iter().max() < b.iter().min(), "{a:?} {b:?}");
    // The first playlist of the other server: what is due next, and all of it.
    let first = scene.b.lock().unwrap().iter().find(|uri| uri.contains("stream.m3u8")).cloned();
    assert!(first.is_some_and(|uri| uri.contains("?_HLS_msn=") && !uri.contains("_HLS_skip")));
    let steering = &report.steering;
    assert_eq!((steering.viewers, steering.switches_by_steering, steering.switches_by_failure), (1, 1, 0));
    assert_eq!((steering.failures, steering.requests), (0, scene.asked().len() as u64));
    assert!(steering.longest_gap_s == 0.0, "{}", show(&report));
    let requests: BTreeMap<_, _> =
        steering.pathways.iter().map(|(id, t)| (id.as_str(), t.requests)).collect();
    let log = |log: &Log| log.lock().unwrap().len() as u64;
    // The multivariant playlist is of no Pathway.
    assert_eq!((requests["a"], requests["b"]), (log(&scene.a) - 1, log(&scene.b)), "{requests:?}");
    assert!(steering.pathways["b"].bytes > 1000);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_tells_the_steering_server_where_it_is_and_how_fast() {
    let scene = Scene::new([Defect::None; 2], vec![manifest(r#"["b"]"#)]).await;
    let report = scene.watched(4, true, Limits::default()).await;
    assert!(report.is_good(), "{}", show(&report));
    let asked = scene.asked();
    assert_eq!(asked.len(), 4, "once, then each second: {asked:?}");
    assert!(asked[0].starts_with("/s?k=1&_HLS_pathway=%22a%22"), "{asked:?}");
    assert!(asked[1..].iter().all(|uri| uri.starts_with("/s?k=1&_HLS_pathway=%22b%22")), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_viewer_whose_edge_dies_plays_on_from_the_next_one() {
    let scene = Scene::new([Defect::DiesAt(LATER), Defect::None], vec![manifest(r#"["a","b"]"#)]).await;
    let report = scene.watched(6, true, OUTAGE).await;
    assert!(report.is_good(), "{}", show(&report));
    let (a, b) = scene.parts(6);
    assert_eq!((a.iter().max(), b.iter().min()), (Some(&(LATER - 1)), Some(&LATER)));
    let steering = &report.steering;
    assert_eq!((steering.switches_by_failure, steering.switches_by_steering), (1, 0), "{}", show(&report));
    assert!(steering.longest_gap_s <= HOLD_BACK.as_secs_f64(), "{}", show(&report));
    assert!(!report.errors.is_empty() && report.missed_parts == 0, "{}", show(&report));
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_answers_with_errors_is_left_as_one_that_is_dead() {
    for status in [StatusCode::NOT_FOUND, StatusCode::BAD_GATEWAY] {
        let defects = [Defect::FailsAt(LATER, status), Defect::None];
        let scene = Scene::new(defects, vec![manifest(r#"["a","b"]"#)]).await;
        let report = scene.watched(6, true, OUTAGE).await;
        assert!(report.is_good() && report.missed_parts == 0, "{}", show(&report));
        scene.parts(6);
        assert_eq!(report.steering.switches_by_failure, 1, "{}", show(&report));
        // A second try, and no third.
        assert_eq!(report.errors.values().sum::<u64>(), 2, "{}", show(&report));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pathway_that_does_not_answer_is_tried_and_left_again() {
    let scene = Scene::new([Defect::None, Defect::DiesAt(0)], vec![manifest(r#"["b","a"]"#)]).await;
    let report = scene.watched(6, true, OUTAGE).await;
    assert!(report.is_good(), "{}", show(&report));
    let (_, b) = scene.parts(6);
    assert!(b.is_empty(), "{b:?}");
    let steering = &report.steering;
    assert_eq!((steering.switches_by_steering, steering.switches_by_failure), (1, 1), "{}", show(&report));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_without_another_pathway_goes_on_trying() {
    let only = good(r#"{"VERSION":1,"TTL":1,"PATHWAY-PRIORITY":["a"]}"#);
    let scene = Scene::new([Defect::DiesAt(LATER), Defect::None], vec![only]).await;
    let report = scene.watched(6, true, OUTAGE).await;
    assert!(report.stalls == 1 && !report.is_good(), "{}", show(&report));
    assert!(report.errors.values().sum::<u64>() >= 3, "{}", show(&report));
    assert_eq!(report.steering.switches_by_failure, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stall_across_a_change_is_measured() {
    let stalled = Limits { stalls: 1, ..OUTAGE };
    // An edge that hangs costs a timeout, and no second one.
    let defects = [Defect::HangsAt(LATER), Defect::None];
    let scene = Scene::new(defects, vec![manifest(r#"["a","b"]"#)]).await;
    let report = scene.watched(16, true, stalled).await;
    assert!(report.is_good() && report.stalls == 1, "{}", show(&report));
    assert!((9.0..10.0).contains(&report.steering.longest_gap_s), "{}", show(&report));
    // The other one is dead as well: the stall lasts until the end.
    let defects = [Defect::DiesAt(LATER), Defect::DiesAt(0)];
    let scene = Scene::new(defects, vec![manifest(r#"["a","b"]"#)]).await;
    let report = scene.watched(8, true, stalled).await;
    assert_eq!(report.steering.switches_by_failure, 1, "{}", show(&report));
    assert!(report.steering.longest_gap_s > 2.0, "{}", show(&report));
    assert!((report.steering.longest_gap_s - report.stalled_s).abs() < 0.01, "{}", show(&report));
}

#[tokio::test(start_paused = true)]
async fn a_steering_server_that_fails_is_no_failure_of_the_playback() {
    let down = (StatusCode::SERVICE_UNAVAILABLE, String::new());
    let scene = Scene::new([Defect::None; 2], vec![manifest(r#"["b"]"#), down]).await;
    let report = scene.watched(5, true, Limits::default()).await;
    assert!(report.is_good(), "{}", show(&report));
    let (_, b) = scene.parts(5);
    assert!(b.len() > 12, "it stays where it was sent: {b:?}");
    assert_eq!((report.steering.requests, report.steering.failures), (5, 4), "{}", show(&report));
    assert_eq!(report.steering.errors.keys().collect::<Vec<_>>(), ["status 503 Service Unavailable"]);
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_breaks_a_rule_is_found_once_and_what_is_right_in_it_is_obeyed() {
    let (status, text) = manifest(r#"["rom","b"]"#);
    let broken = text.replace("\"TTL\":1", "\"TTL\":1,\"RELOAD-URI\":7");
    let scene = Scene::new([Defect::None; 2], vec![(status, broken)]).await;
    let report = scene.watched(4, true, Limits::default()).await;
    let rules: Vec<_> = report.rules.iter().map(|(rule, count)| (*rule, *count)).collect();
    assert_eq!(
        rules,
        [("C5-steering-priority-unknown", 1), ("C5-steering-reload-uri", 1)],
        "{}",
        show(&report)
    );
    assert!(!report.is_good(), "{}", show(&report));
    assert_eq!((report.steering.requests, report.steering.switches_by_steering), (4, 1), "{}", show(&report));
}

#[tokio::test(start_paused = true)]
async fn a_manifest_of_another_version_is_ignored() {
    let (status, text) = manifest(r#"["b"]"#);
    let later = text.replace("\"VERSION\":1", "\"VERSION\":2");
    let scene = Scene::new([Defect::None; 2], vec![(status, later)]).await;
    let report = scene.watched(4, true, Limits { breaches: 1, ..Limits::default() }).await;
    assert!(report.is_good(), "{}", show(&report));
    assert_eq!(report.rules.keys().collect::<Vec<_>>(), [&"C5-steering-version"]);
    assert_eq!((report.steering.switches_by_steering, report.steering.failures), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_is_told_to_ignores_steering() {
    let scene = Scene::new([Defect::None; 2], vec![manifest(r#"["b"]"#)]).await;
    let report = scene.watched(4, false, Limits::default()).await;
    assert!(report.is_good() && report.steering.viewers == 0, "{}", show(&report));
    assert!(scene.asked().is_empty() && scene.parts(4).1.is_empty());
    assert_eq!(report.steering.pathways.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn other_bytes_under_one_name_are_found() {
    for (defect, rules) in [(Defect::None, vec![]), (Defect::OtherBytes, vec!["C4-bytes-differ"])] {
        let media = Media::on_air();
        let mut edges = Vec::new();
        for defect in [Defect::None, defect] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            fake::edge(listener, media, defect, fake::multivariant("", ""));
            let server = format!("http://{address}/hls/stream.m3u8").parse().unwrap();
            edges.push(Dialer { server, http2: false, tls: None });
        }
        let plan = Plan {
            edges,
            clients: 2,
            length: Duration::from_secs(3),
            ramp: Duration::ZERO,
            choice: Choice::Only(0),
            steering: true,
            compare: true,
            limits: Limits::default(),
            progress: false,
        };
        let report = run(plan).await;
        assert_eq!(report.rules.keys().copied().collect::<Vec<_>>(), rules, "{}", show(&report));
        assert!(report.steering.compared > 6, "{}", show(&report));
    }
}
