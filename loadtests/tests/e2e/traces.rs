//! Traces of parts, from the encoder's message to the first byte to a viewer, as a collector gets them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use farcast_loadtests::harness::metrics::Metrics;
use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::harness::wait;
use farcast_loadtests::publish::encoder::Content;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::viewers::{FLAWLESS, assert_good, watch};

const START: Duration = Duration::from_secs(30);

/// Spans by trace, each with the program that sent it.
type Traces = BTreeMap<Vec<u8>, Vec<(String, Span)>>;

/// A collector as OpenTelemetry's own is: it takes protobuf by HTTP.
struct Collector {
    address: SocketAddr,
    traces: Arc<Mutex<Traces>>,
    _serving: AbortOnDropHandle<()>,
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    match attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let traces: Arc<Mutex<Traces>> = Arc::default();
        let taken = Arc::clone(&traces);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let taken = Arc::clone(&taken);
                let service = service_fn(move |request: Request<Incoming>| {
                    let taken = Arc::clone(&taken);
                    async move {
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        take(&taken, ExportTraceServiceRequest::decode(body).unwrap());
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
                    }
                });
                let serving = hyper::server::conn::http1::Builder::new();
                tokio::spawn(serving.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, traces, _serving: AbortOnDropHandle::new(serving) }
    }

    /// A trace that has all of these spans, and fulfils a condition besides.
    fn with(
        &self,
        names: &[(&str, &str)],
        fulfils: impl Fn(&Vec<(String, Span)>) -> bool,
    ) -> Option<Vec<(String, Span)>> {
        let has = |spans: &Vec<(String, Span)>| {
            let is = |wanted: &(&str, &str)| spans.iter().any(|(of, span)| (&**of, &*span.name) == *wanted);
            names.iter().all(is)
        };
        self.traces.lock().unwrap().values().find(|spans| has(spans) && fulfils(spans)).cloned()
    }
}

fn take(traces: &Mutex<Traces>, request: ExportTraceServiceRequest) {
    for of in request.resource_spans {
        let attributes = of.resource.map(|resource| resource.attributes).unwrap_or_default();
        let service = text(&attributes, "service.name").unwrap();
        for span in of.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            traces.lock().unwrap().entry(span.trace_id.clone()).or_default().push((service.clone(), span));
        }
    }
}

/// All steps, with the program that takes each.
const STEPS: [(&str, &str); 10] = [
    ("farcast-origin", "part"),
    ("farcast-origin", "ingest"),
    ("farcast-origin", "ladder"),
    ("farcast-origin", "package"),
    ("farcast-origin", "queue"),
    ("farcast-origin", "send"),
    ("farcast-edge", "receive"),
    ("farcast-edge", "window"),
    ("farcast-edge", "playlist"),
    ("farcast-edge", "first byte"),
];

#[tokio::test]
async fn a_part_is_one_trace_from_the_encoder_to_the_first_byte_to_a_viewer() {
    let collector = Collector::start().await;
    let traced = format!("otlp_endpoint = \"http://{}\"\notlp_sample = 1", collector.address);
    let settings = Settings { origin: traced.clone(), edge: traced, edges: 2, ..Settings::default() };
    let mut stage = Stage::start(settings).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    for edge in 0..2 {
        stage.edge(edge).playable(0, 3, START).await.unwrap();
    }
    let viewers = watch(&stage, &[0, 1], 2, 8, FLAWLESS);
    let whole = wait::until("a whole trace", START, || async {
        let queued =
            |spans: &Vec<(String, Span)>| spans.iter().filter(|(_, span)| span.name == "queue").count();
        collector.with(&STEPS, |spans| queued(spans) == 2)
    });
    let spans = whole.await.unwrap();
    assert_good(&viewers.await.unwrap());

    let of = |name: &str| {
        let found = spans.iter().find(|(_, span)| span.name == name).map(|(_, span)| span.clone());
        found.unwrap_or_else(|| panic!("no span {name}"))
    };
    // All clocks are this machine's. A step begins where another ends, or later.
    let order = [
        ("part", "ladder"),
        ("ladder", "package"),
        ("package", "queue"),
        ("queue", "send"),
        ("queue", "receive"),
        ("receive", "window"),
        ("window", "playlist"),
        ("window", "first byte"),
    ];
    for (before, after) in order {
        let (before, after) = (of(before), of(after));
        let (first, second) = (before.start_time_unix_nano, after.start_time_unix_nano);
        assert!(first <= second, "{} begins {first}, {} {second}", before.name, after.name);
    }
    let root = of("part");
    assert_eq!((root.parent_span_id.len(), root.span_id.len()), (0, 8));
    assert!(root.end_time_unix_nano > root.start_time_unix_nano, "a part takes a while to be made");
    let part = text(&root.attributes, "farcast.part").unwrap();
    assert!(part.starts_with("live/") && part.ends_with(".m4s"), "{part}");
    let mut ids = std::collections::BTreeSet::new();
    for (_, span) in &spans {
        assert!(ids.insert(span.span_id.clone()), "an id is there twice: {span:?}");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        assert_eq!(text(&span.attributes, "farcast.part").as_ref(), Some(&part));
        assert!(span.name == "part" || span.parent_span_id == root.span_id, "{span:?}");
    }
    // The origin sends to both edges, each under its name.
    let mut edges: Vec<_> = spans
        .iter()
        .filter(|(_, span)| span.name == "queue")
        .filter_map(|(_, span)| text(&span.attributes, "farcast.edge"))
        .collect();
    edges.sort_unstable();
    assert_eq!(edges, ["edge-0", "edge-1"]);
    let metrics = stage.origin().unwrap().address("metrics");
    let counted = Metrics::scrape(metrics).await.unwrap();
    assert_eq!(counted.sum("farcast_trace_dropped_total"), 0.0);
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_nobody_anything_but_counted_spans() {
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let traced = format!("otlp_endpoint = \"http://{gone}\"\notlp_sample = 1");
    let settings = Settings { origin: traced.clone(), edge: traced, ..Settings::default() };
    let mut stage = Stage::start(settings).await.unwrap();
    let _encoder = stage.encoder(Content::Both).unwrap();
    stage.edge(0).playable(0, 3, START).await.unwrap();
    assert_good(&watch(&stage, &[0], 4, 8, FLAWLESS).await.unwrap());
    for address in [stage.origin().unwrap().address("metrics"), stage.edge_metrics(0).unwrap()] {
        let counted = Metrics::scrape(address).await.unwrap();
        assert!(counted.sum_of("farcast_trace_dropped_total", &[("reason", "export")]) > 0.0);
        assert_eq!(counted.sum("farcast_trace_spans_total"), 0.0);
    }
}
