//! The link between origin and edge, over real QUIC on the loopback: joining, order, losses, resumption.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod channels;
mod forward;
mod proxy;
mod rig;
mod store;

use std::time::Duration;

use farcast_feed::feed::FeedEvent;
use farcast_feed::name::{Epoch, Msn, ObjectKind, ObjectName, StreamName, VariantId};
use farcast_feed::time::WallTime;
use farcast_link::receiver::tls::client_config;
use farcast_link::receiver::{FetchError, LinkEvent};
use farcast_link::{ALPN_FEED, CloseCode, SERVER_NAME};
use quinn::ConnectionError;

use proxy::Proxy;
use rig::{Broadcast, Edge, Origin, PARTS};

const SMALL: Broadcast = Broadcast { epoch: 1, part_bytes: [20_000, 2_000] };

/// Words of one variant in order, without what concerns others.
fn lane(edge: &Edge, variant: u16) -> Vec<String> {
    let tag = format!(" v{variant} ");
    edge.words().into_iter().filter(|word| word.contains(&tag)).collect()
}

fn full_segment(variant: u16, msn: u64) -> Vec<String> {
    let mut words = vec![format!("opened v{variant} {msn}")];
    words.extend((0..PARTS).map(|index| format!("part v{variant} {msn}.{index}")));
    words.push(format!("closed v{variant} {msn}"));
    words
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edges_join_with_a_token_and_get_the_same_bytes_in_order() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let edges = [1, 2].map(|n: usize| Edge::start(dirs[n].path(), origin.token()));
    for edge in &edges {
        edge.until_up().await;
    }
    SMALL.start(&origin.hub, false);
    SMALL.segments(&origin.hub, 5..9);
    origin.hub.publish(FeedEvent::Ended { epoch: Epoch(1) });
    for edge in &edges {
        edge.until_word("ended 1").await;
        for variant in 0..2 {
            let want: Vec<_> = std::iter::once(format!("init v{variant} 0"))
                .chain((5..9).flat_map(|msn| full_segment(variant, msn)))
                .collect();
            assert_eq!(lane(edge, variant), want);
        }
        assert_eq!(edge.words().last().unwrap(), "ended 1");
        assert_eq!(edge.metrics.enrolments(), 1);
    }
    assert_eq!(edges[0].parts(), edges[1].parts());
    assert_eq!(edges[0].parts()[&(1, 0, 7, 2)], SMALL.bytes(0, 7, 2));
    for edge in edges {
        edge.stop().await;
    }
    // The identity alone is enough from now on.
    let again = Edge::start_with(dirs[1].path(), None);
    again.until_word("snapshot 1").await;
    assert_eq!(again.metrics.enrolments(), 0);
    again.stop().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_does_not_join_and_neither_does_a_token_of_another_origin() {
    let dirs = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let mut wrong_secret = origin.token();
    wrong_secret.secret = [0; 32];
    let mut wrong_origin = origin.token();
    wrong_origin.fingerprint = [0; 32];
    let refused = [Edge::start(dirs[1].path(), wrong_secret), Edge::start(dirs[2].path(), wrong_origin)];
    // One that joins later, after both have tried.
    let attempts = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while refused.iter().any(|edge| edge.metrics.dial_failures() == 0) {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), attempts).await.expect("both are refused");
    let good = Edge::start(dirs[3].path(), origin.token());
    good.until_up().await;
    for edge in refused {
        assert_eq!(edge.words(), [""; 0]);
        assert_eq!(edge.metrics.enrolments(), 0);
        edge.stop().await;
    }
    good.stop().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_whose_certificate_is_refused_or_garbled_enrols_again() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let (origin, other) = (Origin::start(dirs[0].path()).await, Origin::start(dirs[1].path()).await);
    let edge_dir = dirs[2].path();
    let edge = Edge::start(edge_dir, other.token());
    edge.until_up().await;
    edge.stop().await;
    // The certificate of the other origin, presented as if it were of this one.
    let file = edge_dir.join("edge-identity.json");
    let mut identity: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    identity["fingerprint"] = serde_json::to_value(origin.token().fingerprint).unwrap();
    std::fs::write(&file, serde_json::to_vec(&identity).unwrap()).unwrap();
    let edge = Edge::start(edge_dir, origin.token());
    edge.until_up().await;
    assert_eq!(edge.metrics.enrolments(), 1);
    edge.stop().await;
    std::fs::write(&file, b"garbage").unwrap();
    let edge = Edge::start(edge_dir, origin.token());
    edge.until_up().await;
    assert_eq!(edge.metrics.enrolments(), 1);
    edge.stop().await;
    origin.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_there_is_no_feed() {
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::start(dir.path()).await;
    SMALL.start(&origin.hub, false);
    let config = client_config(ALPN_FEED, origin.token().fingerprint, None).unwrap();
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connecting = endpoint.connect_with(config, origin.address, SERVER_NAME).unwrap();
    // Without a certificate one may only enrol, so the handshake itself succeeds.
    let reason = connecting.await.unwrap().closed().await;
    let ConnectionError::ApplicationClosed(close) = reason else { panic!("{reason:?}") };
    assert_eq!(CloseCode::from_code(close.error_code), Some(CloseCode::NotEnrolled));
    assert_eq!(origin.hub.edges(), 0);
    origin.stop().await;
}

/// By its certificate it loses its links, and by the token that it knows it gets no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_is_revoked_is_cut_off_and_cannot_return() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let token = origin.token();
    let bad = Edge::start(dirs[1].path(), token.clone());
    bad.until_up().await;
    let good = Edge::start(dirs[2].path(), token.clone());
    good.until_up().await;
    let names: Vec<_> = origin.roster.edges().into_iter().map(|edge| edge.name).collect();
    assert_eq!(names, ["testedge", "testedge-2"], "two of one name are told apart");
    origin.roster.revoke_edge("testedge", WallTime::now()).unwrap();
    bad.until_down().await;
    // It tries with its token, then with its certificate, and again.
    bad.until_dials_fail(2).await;
    assert_eq!(bad.metrics.enrolments(), 1);
    let connected = |name: &str| {
        let edges = origin.roster.edges();
        edges.iter().any(|edge| edge.name == name && edge.connected.is_some())
    };
    assert!(!connected("testedge") && connected("testedge-2") && !good.words().contains(&"down".to_owned()));
    // Who starts anew needs the token that has taken the place of that one.
    bad.stop().await;
    good.stop().await;
    let again = Edge::start(dirs[1].path(), origin.token());
    again.until_up().await;
    assert!(connected("testedge-3"));
    again.stop().await;
    origin.stop().await;
}

/// A token is needed to join, not to stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_renewed_by_itself_under_the_same_name() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let edge = Edge::start(dirs[1].path(), origin.token());
    edge.until_up().await;
    edge.stop().await;
    let file = dirs[1].path().join("edge-identity.json");
    let read = || serde_json::from_slice::<serde_json::Value>(&std::fs::read(&file).unwrap()).unwrap();
    let mut identity = read();
    let soon = WallTime::now().0 / 1_000_000 + 24 * 3600;
    identity["expires_at_s"] = soon.into();
    std::fs::write(&file, serde_json::to_vec(&identity).unwrap()).unwrap();
    for token in &origin.roster.tokens() {
        origin.roster.revoke_token(&token.id, false, WallTime::now()).unwrap();
    }
    let edge = Edge::start_with(dirs[1].path(), None);
    edge.until_up().await;
    assert_eq!(edge.metrics.enrolments(), 1);
    assert!(
        read()["expires_at_s"].as_u64().unwrap() > soon && read()["certificate"] != identity["certificate"]
    );
    let names: Vec<_> = origin.roster.edges().into_iter().map(|edge| edge.name).collect();
    assert_eq!(names, ["testedge"]);
    edge.stop().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_joiner_gets_the_state_then_the_feed_and_the_newest_parts_again() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    SMALL.start(&origin.hub, false);
    SMALL.segments(&origin.hub, 0..20);
    SMALL.open(&origin.hub, 20);
    SMALL.part(&origin.hub, 20, 0);
    let edge = Edge::start(dirs[1].path(), origin.token());
    edge.until_word("snapshot 1").await;
    SMALL.part(&origin.hub, 20, 1);
    edge.until_word("part v0 20.1").await;
    edge.until("the backlog", |events| {
        let part = |variant: u16, msn: u64| {
            events.iter().any(|e| rig::word(e) == format!("part v{variant} {msn}.{}", PARTS - 1))
        };
        (17..20).all(|msn| part(0, msn) && part(1, msn))
    })
    .await;
    let snapshot = edge.with(|events| {
        events.iter().find_map(|event| match event {
            LinkEvent::Snapshot(snapshot) => Some(snapshot.clone()),
            _ => None,
        })
    });
    let lane = &snapshot.unwrap().variants[0];
    assert_eq!(lane.segments.first().unwrap().start.msn, Msn(14));
    assert_eq!(lane.segments.last().unwrap().parts.len(), 1);
    assert_eq!(lane.inits.len(), 1);
    // What the newcomer still lacks is there for the asking.
    let name = |kind| ObjectName { epoch: Epoch(1), variant: VariantId(0), kind };
    let live = StreamName::live();
    let whole = edge.fetcher.fetch(&live, name(ObjectKind::Segment(Msn(14)))).await.unwrap();
    let parts: Vec<_> = (0..PARTS).map(|index| SMALL.bytes(0, 14, index)).collect();
    assert_eq!(whole, parts.concat());
    let missing = edge.fetcher.fetch(&live, name(ObjectKind::Segment(Msn(3)))).await;
    assert_eq!(missing, Err(FetchError::NotFound));
    let elsewhere = StreamName::try_from("other".to_owned()).unwrap();
    let missing = edge.fetcher.fetch(&elsewhere, name(ObjectKind::Segment(Msn(14)))).await;
    assert_eq!(missing, Err(FetchError::NotFound));
    origin.stop().await;
    edge.until_word("down").await;
    let down = edge.fetcher.fetch(&live, name(ObjectKind::Segment(Msn(14)))).await;
    assert_eq!(down, Err(FetchError::LinkDown));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_link_is_noticed_and_resumed_without_a_loss() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let proxy = Proxy::start(origin.address, 0, Duration::from_millis(10)).await;
    let edge = Edge::start(dirs[1].path(), origin.token_for(proxy.address));
    edge.until_up().await;
    SMALL.start(&origin.hub, false);
    SMALL.segments(&origin.hub, 0..2);
    edge.until_word("closed v0 1").await;
    edge.until_word("closed v1 1").await;
    proxy.cut(true);
    edge.until_word("down").await;
    SMALL.segments(&origin.hub, 2..4);
    proxy.cut(false);
    edge.until("a second link", |events| {
        events.iter().filter(|event| matches!(event, LinkEvent::Snapshot(_))).count() == 1
    })
    .await;
    let all = |edge: &Edge| (0..4).all(|msn| (0..PARTS).all(|p| edge.parts().contains_key(&(1, 0, msn, p))));
    edge.until("what was missed", |events| {
        let have = |msn: u64, index: u32| {
            events.iter().any(|event| rig::word(event) == format!("part v0 {msn}.{index}"))
        };
        (0..4).all(|msn| (0..PARTS).all(|index| have(msn, index)))
    })
    .await;
    assert!(all(&edge));
    // What it had is not sent again.
    let again = edge.words().iter().filter(|word| *word == "part v0 1.0").count();
    assert_eq!(again, 1);
    assert_eq!(edge.metrics.links(), 2);
    edge.stop().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_the_low_variant_overtakes_a_large_one_that_is_being_sent() {
    let broadcast = Broadcast { epoch: 1, part_bytes: [150_000, 5_000] };
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    // The large part takes 1.25 s.
    let proxy = Proxy::start(origin.address, 120_000, Duration::from_millis(5)).await;
    let edge = Edge::start(dirs[1].path(), origin.token_for(proxy.address));
    edge.until_up().await;
    broadcast.start(&origin.hub, false);
    broadcast.open(&origin.hub, 0);
    broadcast.part(&origin.hub, 0, 0);
    edge.until_word("part v1 0.0").await;
    assert!(lane(&edge, 0).iter().all(|word| !word.starts_with("part")), "the large part is under way");
    broadcast.part(&origin.hub, 0, 1);
    edge.until_word("part v1 0.1").await;
    assert!(lane(&edge, 0).iter().all(|word| !word.starts_with("part")), "the large part is still under way");
    edge.stop().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_edge_loses_the_highest_variant_and_slows_nobody() {
    let broadcast = Broadcast { epoch: 1, part_bytes: [150_000, 5_000] };
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    // 620 kB/s are published; 120 kB/s pass.
    let proxy = Proxy::start(origin.address, 120_000, Duration::from_millis(5)).await;
    let slow = Edge::start(dirs[1].path(), origin.token_for(proxy.address));
    let fast = Edge::start(dirs[2].path(), origin.token());
    slow.until_up().await;
    fast.until_up().await;
    broadcast.start(&origin.hub, false);
    broadcast.live(&origin.hub, 0..8).await;
    origin.hub.publish(FeedEvent::Ended { epoch: Epoch(1) });
    fast.until_word("ended 1").await;
    slow.until_word("ended 1").await;
    for variant in 0..2 {
        let want: Vec<_> = std::iter::once(format!("init v{variant} 0"))
            .chain((0..8).flat_map(|msn| full_segment(variant, msn)))
            .collect();
        assert_eq!(lane(&fast, variant), want, "the fast edge has everything");
    }
    let low = lane(&slow, 1);
    assert!(!low.iter().any(|word| word.starts_with("lost")), "the low variant is whole: {low:?}");
    let high = lane(&slow, 0);
    let ends: Vec<_> =
        high.iter().filter(|word| word.starts_with("lost") || word.starts_with("closed")).collect();
    assert_eq!(ends.len(), 8, "every segment of the high variant is closed or lost: {high:?}");
    let lost = high.iter().filter(|word| word.starts_with("lost")).count();
    assert!(lost >= 4, "{high:?}");
    assert!(origin.metrics.late_segments(&StreamName::live()) >= 4);
    assert_eq!(slow.metrics.links(), 1);
    slow.stop().await;
    fast.stop().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_origin_goes_on_with_its_edges_in_a_new_epoch() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let address = origin.address;
    let edge = Edge::start(dirs[1].path(), origin.token());
    edge.until_up().await;
    SMALL.start(&origin.hub, false);
    SMALL.segments(&origin.hub, 0..2);
    edge.until_word("closed v0 1").await;
    origin.stop().await;
    edge.until_word("down").await;
    let origin = Origin::start_at(dirs[0].path(), address).await;
    let next = Broadcast { epoch: 2, ..SMALL };
    next.start(&origin.hub, true);
    next.segments(&origin.hub, 2..4);
    edge.until_word("part v0 3.3").await;
    assert_eq!(edge.parts()[&(2, 0, 3, 3)], next.bytes(0, 3, 3));
    assert_eq!(edge.metrics.enrolments(), 1);
    assert!(!edge.words().iter().any(|word| word.starts_with("ended")));
    edge.stop().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_broadcast_that_the_restarted_origin_never_saw_reaches_the_edge() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let address = origin.address;
    let edge = Edge::start(dirs[1].path(), origin.token());
    edge.until_up().await;
    let proxy = Proxy::start(address, 0, Duration::ZERO).await;
    let away = Edge::start(dirs[2].path(), origin.token_for(proxy.address));
    away.until_up().await;
    SMALL.start(&origin.hub, false);
    SMALL.segments(&origin.hub, 0..2);
    edge.until_word("closed v0 1").await;
    away.until_word("closed v0 1").await;
    proxy.cut(true);
    origin.stop().await;
    edge.until_word("down").await;
    away.until_word("down").await;
    let origin = Origin::start_at(dirs[0].path(), address).await;
    edge.until("the second link", |events| events.iter().filter(|e| **e == LinkEvent::Up).count() == 2).await;
    assert!(!edge.words().contains(&"ended 1".to_owned()));
    origin.hub.publish(FeedEvent::Ended { epoch: Epoch(1) });
    edge.until_word("ended 1").await;
    edge.stop().await;
    // An edge that comes back only now hears of it as well: it says what it has.
    proxy.cut(false);
    away.until_word("ended 1").await;
    away.stop().await;
    origin.stop().await;
}
