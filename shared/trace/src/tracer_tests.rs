use std::time::Duration;

use farcast_config::Value as _;
use farcast_telemetry::make::Make as _;
use prometheus::Registry;

use super::*;

const CLOSED: WallTime = WallTime(1_700_000_000_000_000);

fn metrics() -> Metrics {
    let registry = Registry::new();
    Metrics {
        sent: registry.counter("a", "a").unwrap(),
        dropped: registry.counters("b", "b", &["reason"]).unwrap(),
    }
}

fn tracer(share: &str, instance: &str, room: usize) -> (Tracer, mpsc::Receiver<Span>) {
    let (queue, spans) = mpsc::channel(room);
    (Tracer::new(Share::parse(share).unwrap(), instance.to_owned(), queue, metrics()), spans)
}

fn part(tracer: &Tracer, stream: &str, msn: u64, closed_at: WallTime) -> Option<Traced> {
    let name = format!("0/1/{msn}.3.m4s").parse().unwrap();
    tracer.part(&stream.to_owned().try_into().unwrap(), &name, closed_at)
}

#[test]
fn origin_and_edges_choose_the_same_parts_and_know_the_same_ids() {
    let (origin, mut of_origin) = tracer("0.5", "farcast-origin a", 8);
    let (edge, mut of_edge) = tracer("0.5", "farcast-edge b", 8);
    let (rare, _) = tracer("0.1", "farcast-edge c", 8);
    let mut chosen = 0;
    for msn in 0..100 {
        let [here, there, seldom] = [&origin, &edge, &rare].map(|tracer| part(tracer, "live", msn, CLOSED));
        assert_eq!(here.is_some(), there.is_some());
        assert!(seldom.is_none() || here.is_some(), "a smaller share is a part of a greater one");
        let (Some(here), Some(there)) = (here, there) else { continue };
        chosen += 1;
        here.step(Step::Part, CLOSED, CLOSED);
        there.step(Step::Receive, CLOSED, CLOSED);
        let (root, receive) = (of_origin.try_recv().unwrap(), of_edge.try_recv().unwrap());
        assert_eq!((root.parent, receive.parent), (None, Some(root.id)));
        assert_eq!((root.trace, &*root.part), (receive.trace, format!("live/0/1/{msn}.3.m4s").as_str()));
    }
    assert!((30..70).contains(&chosen), "{chosen}");
}

#[test]
fn traces_of_other_parts_and_steps_have_other_ids() {
    let (tracer, mut spans) = tracer("1", "farcast-origin a", 64);
    let later = CLOSED.after(Duration::from_micros(1));
    for (stream, msn, closed_at) in
        [("live", 1, CLOSED), ("live", 2, CLOSED), ("live", 1, later), ("b", 1, CLOSED)]
    {
        let traced = part(&tracer, stream, msn, closed_at).unwrap();
        traced.step(Step::Part, CLOSED, CLOSED);
        for edge in ["a", "b"] {
            traced.step_to(&edge.into(), Step::Queue, CLOSED, CLOSED);
            traced.step_to(&edge.into(), Step::Send, CLOSED, CLOSED);
        }
    }
    let all: Vec<Span> = std::iter::from_fn(|| spans.try_recv().ok()).collect();
    let distinct = |ids: Vec<Vec<u8>>| ids.into_iter().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(distinct(all.iter().map(|span| span.trace.to_vec()).collect()), 4);
    assert_eq!(distinct(all.iter().map(|span| span.id.to_vec()).collect()), 20);
}

#[test]
fn a_share_is_kept_and_none_and_all_are_exact() {
    for (share, least, most) in [("0", 0, 0), ("0.01", 60, 140), ("1", 10_000, 10_000)] {
        let (tracer, _) = tracer(share, "a", 1);
        let chosen = (0..10_000).filter(|msn| part(&tracer, "live", *msn, CLOSED).is_some()).count();
        assert!((least..=most).contains(&chosen), "{share}: {chosen}");
    }
}

#[test]
fn what_does_not_fit_is_dropped_and_counted() {
    let (tracer, mut spans) = tracer("1", "a", 1);
    let traced = part(&tracer, "live", 1, CLOSED).unwrap();
    let dropped = |reason| tracer.0.metrics.dropped.with_label_values(&[reason]).get();
    traced.step(Step::Part, CLOSED.after(Duration::from_secs(1)), CLOSED);
    let span = spans.try_recv().unwrap();
    assert_eq!(span.from, span.to, "a clock that was set back makes no time before it began");
    traced.step(Step::Part, CLOSED, CLOSED);
    traced.step(Step::Part, CLOSED, CLOSED);
    assert_eq!((dropped("queue"), dropped("rate")), (1, 0));
    drop(spans);
    traced.step(Step::Part, CLOSED, CLOSED);
    assert_eq!(dropped("queue"), 2);
}

#[test]
fn so_many_spans_a_second_and_no_more() {
    let (budget, now) = (AtomicU64::new(0), CLOSED);
    let taken = |at: WallTime| (0..5000).filter(|_| is_within(&budget, at)).count();
    assert_eq!(taken(now), 2000);
    assert_eq!(taken(now.after(Duration::from_millis(999))), 0);
    assert_eq!(taken(now.after(Duration::from_secs(1))), 2000);
}
