use std::convert::Infallible;
use std::net::SocketAddr;

use farcast_config::Value as _;
use farcast_feed::name::StreamName;
use farcast_feed::time::WallTime;
use http::{Response as HttpResponse, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1 as judge;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::tracer::Step;

const LONG: Duration = Duration::from_secs(20);

/// A collector, which answers each request so.
async fn collector(
    status: StatusCode,
    rejected: i64,
) -> (SocketAddr, mpsc::Receiver<judge::ExportTraceServiceRequest>, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, requests) = mpsc::channel(16);
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let told = told.clone();
            let service = service_fn(move |request: HttpRequest<Incoming>| {
                let told = told.clone();
                async move {
                    assert_eq!(request.uri().path(), "/v1/traces");
                    assert_eq!(request.headers()[CONTENT_TYPE], "application/x-protobuf");
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    told.send(judge::ExportTraceServiceRequest::decode(body).unwrap()).await.unwrap();
                    let partial =
                        judge::ExportTracePartialSuccess { rejected_spans: rejected, ..Default::default() };
                    let answer = judge::ExportTraceServiceResponse { partial_success: Some(partial) };
                    let mut answer = HttpResponse::new(Full::new(Bytes::from(answer.encode_to_vec())));
                    *answer.status_mut() = status;
                    Ok::<_, Infallible>(answer)
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (address, requests, AbortOnDropHandle::new(serving))
}

struct Running {
    tracer: Tracer,
    registry: Registry,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(address: SocketAddr) -> Self {
        let registry = Registry::new();
        let config = Config {
            endpoint: Endpoint::parse(&format!("http://{address}")).unwrap(),
            share: Share::parse("1").unwrap(),
            program: "farcast-origin",
            version: "1.2.3",
            instance: "a".to_owned(),
        };
        let (tracer, exporter) = open(Some(config), &registry).unwrap().unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(exporter.run(shutdown.clone()));
        Self { tracer, registry, shutdown, task }
    }

    fn give(&self, index: u32) {
        let name = format!("1/7/9.{index}.m4s").parse().unwrap();
        let traced = self.tracer.part(&StreamName::live(), &name, WallTime(2)).unwrap();
        traced.step(Step::Part, WallTime(1_000_001), WallTime(2_000_002));
        traced.step_to(&"ber".into(), Step::Send, WallTime(2_000_002), WallTime(2_000_003));
    }

    async fn stop(self) -> impl Fn(&str) -> u64 {
        self.shutdown.cancel();
        tokio::time::timeout(LONG, self.task).await.unwrap().unwrap();
        let families = self.registry.gather();
        move |name| {
            let of_name = families.iter().filter(|family| family.name() == name);
            let counts =
                of_name.flat_map(|family| family.get_metric()).map(|metric| metric.get_counter().get_value());
            let sum: f64 = counts.sum();
            sum as u64
        }
    }
}

#[tokio::test]
async fn spans_are_read_by_a_collector_as_they_are_meant() {
    let (address, mut requests, _serving) = collector(StatusCode::OK, 0).await;
    let running = Running::start(address);
    running.give(3);
    let request = tokio::time::timeout(LONG, requests.recv()).await.unwrap().unwrap();
    let [resource] = &request.resource_spans[..] else { panic!("{request:?}") };
    let text = |attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue], key: &str| {
        let found = attributes.iter().find(|attribute| attribute.key == key)?;
        match found.value.clone()?.value? {
            Value::StringValue(text) => Some(text),
            _ => None,
        }
    };
    let of_program = &resource.resource.as_ref().unwrap().attributes;
    for (key, value) in
        [("service.name", "farcast-origin"), ("service.version", "1.2.3"), ("service.instance.id", "a")]
    {
        assert_eq!(text(of_program, key).as_deref(), Some(value));
    }
    let [part, send] = &resource.scope_spans[0].spans[..] else { panic!("{request:?}") };
    assert_eq!((part.trace_id.len(), part.span_id.len(), part.parent_span_id.len()), (16, 8, 0));
    assert_eq!((&send.trace_id, &send.parent_span_id), (&part.trace_id, &part.span_id));
    assert_eq!((&*part.name, &*send.name, part.kind), ("part", "send", 1));
    assert_eq!((part.start_time_unix_nano, part.end_time_unix_nano), (1_000_001_000, 2_000_002_000));
    assert_eq!(text(&part.attributes, "farcast.part").as_deref(), Some("live/1/7/9.3.m4s"));
    assert_eq!(text(&part.attributes, "farcast.edge"), None);
    assert_eq!(text(&send.attributes, "farcast.edge").as_deref(), Some("ber"));
    let count = running.stop().await;
    assert_eq!((count("farcast_trace_spans_total"), count("farcast_trace_dropped_total")), (2, 0));
}

#[tokio::test]
async fn what_is_left_is_sent_at_the_end() {
    let (address, mut requests, _serving) = collector(StatusCode::OK, 0).await;
    let running = Running::start(address);
    running.give(0);
    running.give(1);
    let count = running.stop().await;
    assert_eq!(count("farcast_trace_spans_total"), 4);
    let mut spans = 0;
    while let Ok(request) = requests.try_recv() {
        spans += request.resource_spans[0].scope_spans[0].spans.len();
    }
    assert_eq!(spans, 4);
}

#[tokio::test]
async fn spans_that_a_collector_does_not_take_are_counted() {
    // Nobody listens at the last one.
    let (refusing, _refused, _serving) = collector(StatusCode::SERVICE_UNAVAILABLE, 0).await;
    let (choosy, _chosen, _serving) = collector(StatusCode::OK, 1).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (address, sent) in [(refusing, 0), (choosy, 1), (gone, 0)] {
        let running = Running::start(address);
        running.give(0);
        let count = running.stop().await;
        assert_eq!(
            (count("farcast_trace_spans_total"), count("farcast_trace_dropped_total")),
            (sent, 2 - sent)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_is_silent_is_given_up() {
    // It accepts, since the kernel does, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = Running::start(listener.local_addr().unwrap());
    for index in 0..2500 {
        running.give(index);
    }
    let count = running.stop().await;
    assert_eq!(count("farcast_trace_spans_total"), 0);
    assert!(count("farcast_trace_dropped_total") >= 5000 - 4096, "what did not fit, and what was sent");
}

#[test]
fn without_an_endpoint_there_is_no_tracer_and_its_counters_are_zero() {
    let registry = Registry::new();
    assert!(open(None, &registry).unwrap().is_none());
    assert_eq!(registry.gather().len(), 2);
}
