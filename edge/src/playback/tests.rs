//! Tests of hearing as a whole.

use std::net::Ipv4Addr;
use std::time::Duration;

use http::HeaderValue;
use prometheus::Registry;

use super::*;

const VIEWER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct Rig {
    playback: Playback,
    registry: Registry,
    now: Instant,
}

impl Rig {
    fn new() -> Self {
        let (registry, now) = (Registry::new(), Instant::now());
        Self { playback: Playback::new(Metrics::new(&registry).unwrap(), now), registry, now }
    }

    fn hear(&self, query: Option<&str>, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let headers = HeaderMap::from_iter(headers);
        let told = Told::of(query, &headers);
        if let Some(told) = &told {
            self.playback.hear(told, VIEWER, self.now);
        }
        told.is_some()
    }

    fn reports(&self, outcome: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == "farcast_playback_reports_total");
        let metrics = family.map(|family| family.get_metric()).unwrap_or_default();
        let of_it = metrics.iter().filter(|metric| metric.get_label()[0].value() == outcome);
        of_it.map(|metric| metric.get_counter().get_value()).sum()
    }
}

#[test]
fn queries_and_headers_are_heard_alike() {
    let rig = Rig::new();
    assert!(rig.hear(Some("CMCD=bs%2Cinternal.farcast-start%3D900%2Csid%3D%22a%22"), &[]));
    assert!(rig.hear(Some("_HLS_msn=7&CMCD=bl=100&_HLS_part=1"), &[]));
    assert!(rig.hear(
        None,
        &[("cmcd-object", "br=3200,d=500"), ("cmcd-session", "sid=\"b\",sf=h"), ("cmcd-status", "bs")]
    ));
    assert_eq!(rig.reports("heard"), 3.0);
    let summary = rig.playback.summary(rig.now);
    assert_eq!((summary.viewers, summary.stalled_viewers, summary.stalls), (2, 2, 2));
    assert!((summary.starts.median().unwrap().as_millis().abs_diff(900)) < 50);
}

#[test]
fn requests_that_tell_nothing_are_not_read() {
    let rig = Rig::new();
    for query in [None, Some(""), Some("_HLS_msn=7&_HLS_part=1"), Some("cmcd=bl"), Some("xCMCD=bl=1")] {
        assert!(!rig.hear(query, &[("accept", "*/*"), ("cmcd-other", "bl=1")]), "{query:?}");
    }
    assert_eq!(rig.reports("heard"), 0.0);
}

#[test]
fn what_is_malformed_is_counted_and_nothing_of_it_kept() {
    let rig = Rig::new();
    let long = format!("CMCD=bs,x=\"{}\"", "x".repeat(MAX_BYTES));
    for query in ["CMCD=bs,bl=-1", "CMCD=%", "CMCD=bs;x", long.as_str()] {
        assert!(rig.hear(Some(query), &[]));
    }
    assert!(rig.hear(None, &[("cmcd-status", "bs"), ("cmcd-object", "(")]));
    assert_eq!((rig.reports("malformed"), rig.reports("heard")), (5.0, 0.0));
    assert_eq!(rig.playback.summary(rig.now), Summary::default());
}

#[test]
fn headers_are_bounded_together() {
    let rig = Rig::new();
    let half: &'static str = format!("x=\"{}\"", "x".repeat(MAX_BYTES / 2 - 12)).leak();
    assert!(rig.hear(None, &[("cmcd-object", half), ("cmcd-status", half)]));
    assert!(rig.hear(None, &[("cmcd-object", half), ("cmcd-status", half), ("cmcd-session", half)]));
    assert_eq!((rig.reports("malformed"), rig.reports("heard")), (1.0, 1.0));
}

#[test]
fn a_flood_is_a_sample() {
    let rig = Rig::new();
    for _ in 0..500 {
        rig.hear(Some("CMCD=bs"), &[]);
    }
    assert_eq!(rig.reports("heard") + rig.reports("passed_over"), 500.0);
    assert!(rig.reports("heard") < 100.0);
    let later = rig.now + Duration::from_secs(5);
    rig.playback.hear(&Told::of(Some("CMCD=bs"), &HeaderMap::new()).unwrap(), VIEWER, later);
    assert_eq!(rig.reports("heard"), 61.0);
}
