//! Edges, a store and a clock: what readers see, and what viewers are told.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_dns::records::{Client, Family, Found, Records as _};
use farcast_feed::name::{StreamName, VariantId};
use farcast_geo::Geo;
use farcast_routing::{Announced, BaseUrl, Capacity, Carried, Coordinates, EdgeId, EdgeRecord, Load, State};
use farcast_settings::{EdgeOrders, OperatorSettings, Snapshot as Settings};
use farcast_store::memory::Memory;
use farcast_store::{Batch, Key, Store, Tuple};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;

const VIEWER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn id(text: &str) -> EdgeId {
    EdgeId::new(text).unwrap()
}

fn record(name: &str, renewal: u64) -> EdgeRecord {
    EdgeRecord {
        id: id(name),
        name: String::new(),
        version: String::new(),
        region: "eu".to_owned(),
        coordinates: Coordinates::new(50.0, 8.0).ok(),
        urls: vec![BaseUrl::new(&format!("https://{name}.example")).unwrap()],
        addresses: vec![IpAddr::from([192, 0, 2, name.len() as u8])],
        capacity: Capacity::default(),
        load: Load::default(),
        state: Announced::Ready,
        channels: BTreeMap::from([(StreamName::live(), Carried { lag_ms: 0, viewers: 1 })]),
        run: 1,
        renewal,
    }
}

fn nothing_announced() -> farcast_certificates::Following {
    watch::channel(None).1
}

#[test]
fn dns_answers_an_authority_for_the_zone_and_its_hosts() {
    let challenge = |domain: &str, text: &str| farcast_certificates::Challenge {
        domain: domain.to_owned().try_into().unwrap(),
        answer: farcast_certificates::Answer::Dns { text: text.to_owned() },
    };
    let challenges = vec![challenge("live.example.org", "a"), challenge("www.live.example.org", "b")];
    let announced = farcast_certificates::Announced { number: 1, certificate: None, challenges };
    let (_announce, following) = watch::channel(Some(Arc::new(announced)));
    let router = Router::new(views().subscribe(), None, Arc::new(Geo::none()), StreamName::live());
    let records = DnsRecords::new(Arc::new(router), "live.example.org.", [], following);
    assert_eq!(records.challenges(""), ["a"]);
    assert_eq!(records.challenges("www"), ["b"]);
    assert!(records.challenges("other").is_empty());
}

struct Reading {
    store: Store,
    engine: Arc<Memory>,
    settings: watch::Sender<Option<Settings>>,
    view: watch::Receiver<Arc<View>>,
    task: JoinHandle<()>,
}

impl Reading {
    fn start(sweeps: bool) -> Self {
        let (store, engine) = Memory::store();
        let (settings, orders) = watch::channel(None);
        let (sender, followed) = (views(), store.clone());
        let view = sender.subscribe();
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let task = tokio::spawn(async move {
            if sweeps {
                follow_and_sweep(&followed, orders, &sender, &metrics).await;
            } else {
                follow(&followed, orders, &sender, &metrics).await;
            }
        });
        Self { store, engine, settings, view, task }
    }

    /// Announces edges for so long, each second, with a renewal that grows from `from`.
    async fn announce(&self, names: &[&str], from: u64, seconds: u64) {
        for second in 0..seconds {
            for name in names {
                let _ = publish(&self.store, &record(name, from + second)).await;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    fn states(&self) -> Vec<(String, State)> {
        let view = self.view.borrow();
        let seen = view.snapshot.edges().iter();
        seen.map(|edge| (String::from(edge.record.id.clone()), view.snapshot.state(edge, view.now())))
            .collect()
    }

    fn order(&self, edge: &str, drained: bool, display_name: &str) {
        let orders = EdgeOrders { drained, display_name: display_name.to_owned() };
        let runtime =
            OperatorSettings { edges: [(edge.to_owned(), orders)].into(), ..OperatorSettings::default() };
        self.settings.send_replace(Some(Settings { runtime: Arc::new(runtime), tip: Bytes::new() }));
    }

    fn router(&self, own: Option<&str>) -> Router {
        let own = own.map(|own| Own {
            name: watch::Sender::new(Some(own.to_owned())).subscribe(),
            urls: vec![BaseUrl::new(&format!("https://{own}.example")).unwrap()],
        });
        Router::new(self.view.clone(), own, Arc::new(Geo::none()), StreamName::live())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn are(states: &[(&str, State)]) -> Vec<(String, State)> {
    states.iter().map(|(name, state)| ((*name).to_owned(), *state)).collect()
}

#[tokio::test(start_paused = true)]
async fn edges_are_seen_are_lost_when_they_are_silent_and_come_back() {
    let reading = Reading::start(false);
    assert!(!reading.view.borrow().was_read);
    reading.announce(&["a", "b"], 1, 6).await;
    assert_eq!(reading.states(), are(&[("a", State::Ready), ("b", State::Ready)]));
    reading.announce(&["b"], 7, 22).await;
    assert_eq!(reading.states(), are(&[("a", State::Lost), ("b", State::Ready)]));
    reading.announce(&["a", "b"], 100, 4).await;
    assert_eq!(reading.states(), are(&[("a", State::Ready), ("b", State::Ready)]));
    withdraw(&reading.store, &id("a")).await.unwrap();
    reading.announce(&["b"], 200, 3).await;
    assert_eq!(reading.states(), are(&[("b", State::Ready)]));
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_nobody_is_lost() {
    let reading = Reading::start(false);
    reading.announce(&["a"], 1, 4).await;
    reading.engine.fail(true);
    sleep(Duration::from_secs(300)).await;
    assert_eq!(reading.states(), are(&[("a", State::Ready)]));
    reading.engine.fail(false);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(reading.states(), are(&[("a", State::Ready)]), "it may have gone on all the time");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(reading.states(), are(&[("a", State::Lost)]));
}

#[tokio::test(start_paused = true)]
async fn orders_hold_at_once_whatever_an_edge_says() {
    let reading = Reading::start(false);
    reading.announce(&["a"], 1, 4).await;
    reading.order("a", true, "Frankfurt");
    sleep(Duration::from_millis(10)).await;
    assert_eq!(reading.states(), are(&[("a", State::Draining)]));
    assert_eq!(reading.view.borrow().snapshot.edges()[0].record.shown_name(), "Frankfurt");
    reading.announce(&["a"], 5, 3).await;
    assert_eq!(reading.states(), are(&[("a", State::Draining)]));
    reading.order("a", false, "");
    sleep(Duration::from_millis(10)).await;
    assert_eq!(reading.states(), are(&[("a", State::Ready)]));
    assert_eq!(reading.view.borrow().snapshot.edges()[0].record.shown_name(), "a");
}

#[tokio::test(start_paused = true)]
async fn records_that_are_damaged_or_speak_for_another_are_no_edges() {
    let reading = Reading::start(false);
    let good = records::key(&id("a"));
    publish(&reading.store, &record("a", 1)).await.unwrap();
    let bytes = reading.store.get(&good).await.unwrap().unwrap();
    let key = |name: &str| Tuple::new().text("edges").text(name).key();
    let nested: Key = Tuple::new().text("edges").text("b").text("c").key();
    for (key, value) in [
        (key("b"), bytes.clone()),
        (nested, bytes.clone()),
        (key("with space"), bytes.clone()),
        (key("damaged"), Bytes::from_static(b"\x01{")),
        (key("newer"), Bytes::from_static(b"\x02{}")),
        (key("empty"), Bytes::new()),
    ] {
        reading.store.commit(Batch::new().set(key, value)).await.unwrap();
    }
    sleep(Duration::from_secs(3)).await;
    assert_eq!(reading.states(), are(&[("a", State::Ready)]));
}

#[tokio::test(start_paused = true)]
async fn the_origin_clears_what_is_silent_for_ten_minutes_and_nothing_else() {
    let reading = Reading::start(true);
    reading.announce(&["a", "b"], 1, 4).await;
    for round in 0..58 {
        reading.announce(&["b"], 10 + round, 1).await;
        sleep(Duration::from_secs(9)).await;
    }
    assert_eq!(reading.states(), are(&[("a", State::Lost), ("b", State::Ready)]));
    for round in 0..6 {
        reading.announce(&["b"], 100 + round, 1).await;
        sleep(Duration::from_secs(9)).await;
    }
    assert_eq!(reading.states(), are(&[("b", State::Ready)]));
    assert!(reading.store.get(&records::key(&id("a"))).await.unwrap().is_none());
    // While nothing can be read nothing is known to be silent.
    reading.engine.fail(true);
    sleep(Duration::from_secs(900)).await;
    reading.engine.fail(false);
    sleep(Duration::from_secs(30)).await;
    assert!(reading.store.get(&records::key(&id("b"))).await.unwrap().is_some());
}

#[test]
fn the_origin_writes_for_an_edge_its_own_record_alone() {
    let bytes_of = |record: &EdgeRecord| {
        let mut bytes = vec![1];
        bytes.extend(record.to_json().unwrap());
        bytes
    };
    let (own, value) = (records::key(&id("a")), bytes_of(&record("a", 1)));
    let (key, written) = lawful("a", &own, &value).unwrap();
    assert_eq!((key, &written[..]), (own.clone(), &value[..]));
    // What this version does not know is not written.
    let mut more: Value = serde_json::from_slice(&value[1..]).unwrap();
    more["added"] = "x".repeat(100).into();
    let padded = [b"\x01".as_slice(), more.to_string().as_bytes()].concat();
    assert_eq!(lawful("a", &own, &padded).unwrap().1, written);
    for (edge, key, value) in [
        ("b", own.clone(), value.clone()),
        ("a", records::key(&id("b")), value.clone()),
        ("a", own.clone(), bytes_of(&record("b", 1))),
        ("a", own.clone(), b"\x02{}".to_vec()),
        ("a", own.clone(), Vec::new()),
        ("a b", own.clone(), value.clone()),
        ("a", prefix(), value.clone()),
    ] {
        assert!(lawful(edge, &key, &value).is_err(), "{edge} {key:?}");
    }
    assert!(own_key("a", &own) && !own_key("b", &own) && !own_key("a", &prefix()));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_is_led_away_from_an_edge_that_drains_and_nowhere_else() {
    let reading = Reading::start(false);
    reading.announce(&["a", "bb"], 1, 6).await;
    let router = reading.router(Some("a"));
    assert_eq!(router.redirect("", VIEWER, true), None);
    reading.order("a", true, "");
    sleep(Duration::from_millis(10)).await;
    let target = router.redirect("", VIEWER, true).unwrap();
    assert_eq!(target.edge, id("bb"));
    assert_eq!(target.location("/watch", ""), "https://bb.example/watch?edge=bb");
    assert_eq!(target.location("/", "x=1&edge=a&y&edge"), "https://bb.example/?edge=bb&x=1&y");
    assert_eq!(router.redirect("x&edge=a", VIEWER, true), None, "who is pinned to this edge stays");
    assert!(router.redirect("edge=bb", VIEWER, true).is_some(), "a pin to another edge is none to this one");
    assert_eq!(reading.router(Some("bb")).redirect("", VIEWER, true), None);
    assert_eq!(reading.router(Some("unknown")).redirect("", VIEWER, true), None);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_came_by_https_is_left_by_https_alone() {
    let reading = Reading::start(false);
    let plain = EdgeRecord { urls: vec![BaseUrl::new("http://bb.example:8080").unwrap()], ..record("bb", 1) };
    publish(&reading.store, &plain).await.unwrap();
    reading.announce(&["a"], 1, 6).await;
    publish(&reading.store, &EdgeRecord { renewal: 2, ..plain }).await.unwrap();
    reading.order("a", true, "");
    sleep(Duration::from_millis(10)).await;
    let router = reading.router(Some("a"));
    assert_eq!(router.redirect("", VIEWER, true), None);
    assert_eq!(router.redirect("", VIEWER, false).unwrap().url.as_str(), "http://bb.example:8080");
}

#[tokio::test(start_paused = true)]
async fn edges_behind_one_address_send_viewers_to_each_other_never() {
    let reading = Reading::start(false);
    let same = |name: &str| EdgeRecord {
        urls: vec![BaseUrl::new("https://live.example").unwrap()],
        ..record(name, 1)
    };
    publish(&reading.store, &same("a")).await.unwrap();
    publish(&reading.store, &same("bb")).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    reading.order("a", true, "");
    sleep(Duration::from_millis(10)).await;
    assert_eq!(reading.router(Some("a")).redirect("", VIEWER, true), None);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_told_its_edge_and_the_best_others() {
    let reading = Reading::start(false);
    let router = reading.router(Some("a"));
    let nothing = router.for_viewer(VIEWER, Measured::default(), true);
    assert_eq!((nothing.edge, nothing.others, nothing.better), (None, vec![], None));
    assert_eq!(router.pathway().map(String::from), Some("e-a".to_owned()), "others may join");
    assert_eq!(router.sites().len(), 1);
    assert_eq!((reading.router(None).pathway(), reading.router(None).sites()), (None, vec![]));
    let names = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff", "ggggggg"];
    reading.announce(&names, 1, 6).await;
    reading.order("ccc", true, "");
    sleep(Duration::from_millis(10)).await;
    let told = router.for_viewer(VIEWER, Measured::default(), true);
    assert_eq!(told.edge.map(|edge| edge.id), Some(id("a")));
    assert_eq!((told.others.len(), told.better), (5, None));
    assert!(
        told.others.iter().all(|other| other.id != id("a") && other.id != id("ccc")),
        "{:?}",
        told.others
    );
    // Who measured that another is much nearer is told so.
    let measured = Measured::of("measured=bb:4,a:120").unwrap();
    assert_eq!(router.for_viewer(VIEWER, measured, true).better, Some(id("bb")));
    assert_eq!(router.pathway().map(String::from), Some("e-a".to_owned()));
    assert_eq!(router.sites().len(), 7);
}

#[test]
fn measured_round_trips_are_read_or_refused_as_a_whole() {
    let of = |query: &str| Measured::of(query).map(|measured| measured.0);
    assert_eq!(of(""), Ok(vec![]));
    assert_eq!(of("measured="), Ok(vec![]));
    assert_eq!(of("x=1&measured=a:12,b%3A1:7"), Ok(vec![(id("a"), 12), (id("b:1"), 7)]));
    let many: Vec<String> = (0..17).map(|edge| format!("e{edge}:1")).collect();
    for wrong in ["a", "a:", "a:x", "a:-1", ":1", "a:1,,b:2", "a b:1", &many.join(",")] {
        assert_eq!(of(&format!("measured={wrong}")), Err(Unreadable), "{wrong}");
    }
}

fn manifest(router: &Router, query: &str) -> Option<Value> {
    let variants = [VariantId(0), VariantId(1)];
    let json = router.steering(query, VIEWER, "https://a.example", &variants, 1_000_000)?;
    Some(serde_json::from_slice(&json).unwrap())
}

#[tokio::test(start_paused = true)]
async fn players_stay_until_their_edge_drains_and_then_ask_where_they_have_gone() {
    let reading = Reading::start(false);
    let router = reading.router(Some("a"));
    assert_eq!(manifest(&router, ""), None);
    reading.announce(&["a"], 1, 6).await;
    let alone = manifest(&router, "").unwrap();
    assert_eq!(
        (&alone["PATHWAY-PRIORITY"], alone.get("PATHWAY-CLONES")),
        (&serde_json::json!(["e-a"]), None)
    );
    reading.announce(&["a", "bb"], 10, 6).await;
    let told = manifest(&router, "_HLS_pathway=%22e-a%22&_HLS_throughput=5000000").unwrap();
    assert_eq!(told["PATHWAY-PRIORITY"], serde_json::json!(["e-a", "e-bb"]));
    assert_eq!(told["PATHWAY-CLONES"][0]["URI-REPLACEMENT"]["HOST"], "bb.example");
    assert_eq!((told.get("RELOAD-URI"), &told["TTL"]), (None, &Value::from(10)));
    // Two edges that are alike: the draw is for newcomers, whoever is somewhere stays.
    for own in ["a", "bb"] {
        let at_own = reading.router(Some(own));
        assert_eq!(manifest(&at_own, "").unwrap()["PATHWAY-PRIORITY"][0], format!("e-{own}"));
    }
    reading.order("a", true, "");
    sleep(Duration::from_millis(10)).await;
    let told = manifest(&router, "_HLS_pathway=%22e-a%22").unwrap();
    assert_eq!(told["PATHWAY-PRIORITY"], serde_json::json!(["e-bb"]));
    // Now it is there, and the edge of its playlist may go.
    let told = manifest(&router, "_HLS_pathway=%22e-bb%22").unwrap();
    let next = "https://bb.example/hls/steering.json?base=e-a&at=https%3A%2F%2Fa.example";
    assert_eq!(told["RELOAD-URI"], next);
    let other = reading.router(Some("bb"));
    let query = format!("{}&_HLS_pathway=%22e-bb%22", next.split_once('?').unwrap().1);
    let variants = [VariantId(0)];
    let there: Value =
        serde_json::from_slice(&other.steering(&query, VIEWER, "https://bb.example", &variants, 1).unwrap())
            .unwrap();
    assert_eq!(there["PATHWAY-CLONES"][0]["BASE-ID"], "e-a", "{there}");
    assert_eq!(there["PATHWAY-CLONES"][0]["ID"], "e-bb");
}

#[tokio::test(start_paused = true)]
async fn dns_leads_to_the_best_edges_and_to_each_by_its_name() {
    let reading = Reading::start(false);
    let records = DnsRecords::new(
        Arc::new(reading.router(None)),
        "live.example.org",
        ["www".to_owned()],
        nothing_announced(),
    );
    let client = Client { address: VIEWER, prefix_len: 24 };
    let ask = |host: &str, family| records.addresses(host, client, family);
    assert_eq!(ask("", Family::V4), Found::NotReady);
    reading.announce(&["a", "bb"], 1, 6).await;
    let Found::Host(both) = ask("", Family::V4) else { panic!("there is no host") };
    let mut found = both.addresses.clone();
    found.sort();
    assert_eq!(found, [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])]);
    assert_eq!(both.scope_prefix_len, 24);
    assert_eq!(ask("www", Family::V4), Found::Host(both), "the same client, the same answer");
    let Found::Host(none) = ask("", Family::V6) else { panic!("there is no host") };
    assert_eq!(none.addresses, Vec::<IpAddr>::new());
    let Found::Host(one) = ask("bb", Family::V4) else { panic!("there is no host") };
    assert_eq!((one.addresses, one.scope_prefix_len), (vec![IpAddr::from([192, 0, 2, 2])], 0));
    assert_eq!(ask("unknown", Family::V4), Found::NoHost);
    reading.order("a", true, "");
    sleep(Duration::from_millis(10)).await;
    let Found::Host(left) = ask("", Family::V4) else { panic!("there is no host") };
    assert_eq!(left.addresses, [IpAddr::from([192, 0, 2, 2])]);
    reading.announce(&[], 0, 30).await;
    let Found::Host(last) = ask("", Family::V4) else { panic!("there is no host") };
    assert_eq!(last.addresses.len(), 2, "edges that are lost are better than none: {last:?}");
}

#[tokio::test(start_paused = true)]
async fn an_explanation_has_all_edges_and_where_a_player_would_go() {
    let reading = Reading::start(false);
    reading.announce(&["a", "bb"], 1, 6).await;
    reading.order("a", true, "");
    sleep(Duration::from_millis(10)).await;
    let router = reading.router(None);
    let explained = router.explain(VIEWER, Some(&id("a")));
    assert_eq!((explained.edges, explained.places.len()), (2, 2));
    assert_eq!(explained.stays_at, Some(id("bb")));
    assert_eq!(router.explain(VIEWER, None).stays_at, None);
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!(json["places"][1]["faults"], serde_json::json!(["draining"]), "{json}");
}

#[tokio::test(start_paused = true)]
async fn the_origin_leads_to_no_edge_that_is_dead() {
    let reading = Reading::start(false);
    let router = reading.router(None);
    assert_eq!(router.lead(VIEWER, true), None);
    reading.announce(&["a"], 1, 6).await;
    assert_eq!(router.lead(VIEWER, true).map(|target| target.edge), Some(id("a")));
    reading.order("a", true, "");
    sleep(Duration::from_millis(10)).await;
    assert!(router.lead(VIEWER, true).is_some(), "one that drains is better than none");
    sleep(Duration::from_secs(30)).await;
    assert_eq!(router.lead(VIEWER, true), None);
}

#[tokio::test(start_paused = true)]
async fn edges_that_a_viewer_cannot_reach_take_no_place_of_others() {
    let reading = Reading::start(false);
    let names: Vec<String> = (0..20).map(|number| format!("near{number:02}")).collect();
    let plain = |name: &str, renewal| EdgeRecord {
        urls: vec![BaseUrl::new(&format!("http://{name}.example")).unwrap()],
        addresses: Vec::new(),
        ..record(name, renewal)
    };
    for renewal in 0..6 {
        for name in &names {
            publish(&reading.store, &plain(name, renewal)).await.unwrap();
        }
        reading.announce(&["own", "zz"], renewal + 1, 1).await;
    }
    reading.order("own", true, "");
    sleep(Duration::from_millis(10)).await;
    let router = reading.router(Some("own"));
    assert_eq!(router.redirect("", VIEWER, true).map(|target| target.edge), Some(id("zz")));
    assert_eq!(router.for_viewer(VIEWER, Measured::default(), true).others.len(), 1);
    let records =
        DnsRecords::new(Arc::new(reading.router(None)), "live.example.org", [], nothing_announced());
    let client = Client { address: VIEWER, prefix_len: 24 };
    let Found::Host(found) = records.addresses("", client, Family::V4) else { panic!("there is no host") };
    assert_eq!(found.addresses, [IpAddr::from([192, 0, 2, 2])]);
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_was_stopped_in_order_is_no_flapping_one() {
    let reading = Reading::start(false);
    for start in 0..4 {
        let run = |renewal| EdgeRecord { run: start, ..record("a", renewal) };
        for renewal in 0..4 {
            publish(&reading.store, &run(renewal)).await.unwrap();
            sleep(Duration::from_secs(2)).await;
        }
        let health = reading.router(None).explain(VIEWER, None).places[0].health;
        assert_eq!(health, farcast_routing::Health::Good, "start {start}");
        withdraw(&reading.store, &id("a")).await.unwrap();
        sleep(Duration::from_secs(4)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_differ_by_case_alone_have_no_host() {
    let reading = Reading::start(false);
    reading.announce(&["edge-b", "EDGE-B", "edge-c"], 1, 4).await;
    let records =
        DnsRecords::new(Arc::new(reading.router(None)), "live.example.org", [], nothing_announced());
    let client = Client { address: VIEWER, prefix_len: 24 };
    assert_eq!(records.addresses("edge-b", client, Family::V4), Found::NoHost);
    assert!(matches!(records.addresses("edge-c", client, Family::V4), Found::Host(_)));
}
