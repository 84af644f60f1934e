//! The messages of OTLP's trace service that are sent, by hand: the generated ones bring a gRPC stack with them. Numbers of
//! fields are those of `opentelemetry/proto/{collector/trace,trace,common,resource}/v1` 1.10; the tests read what is written
//! here by the generated ones.

use prost::Message;

use crate::tracer::Span as Given;

/// `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    /// Of the values' kinds a text is the only one that is sent.
    #[prost(string, optional, tag = "1")]
    string_value: Option<String>,
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
}

/// `SPAN_KIND_INTERNAL`.
const INTERNAL: i32 = 1;

/// Who sends spans.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) program: &'static str,
    pub(crate) version: &'static str,
    pub(crate) instance: String,
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { string_value: Some(value.to_owned()) }) }
}

impl Request {
    /// A request with these spans.
    pub(crate) fn new(sender: &Sender, spans: &[Given]) -> Self {
        let attributes = vec![
            attribute("service.name", sender.program),
            attribute("service.version", sender.version),
            attribute("service.instance.id", &sender.instance),
        ];
        let scope = Scope { name: "farcast".to_owned(), version: sender.version.to_owned() };
        let scope_spans =
            vec![ScopeSpans { scope: Some(scope), spans: spans.iter().map(Span::from).collect() }];
        let resource = Some(Resource { attributes });
        Self { resource_spans: vec![ResourceSpans { resource, scope_spans }] }
    }
}

impl From<&Given> for Span {
    fn from(given: &Given) -> Self {
        let mut attributes = vec![attribute("farcast.part", &given.part)];
        attributes.extend(given.edge.as_deref().map(|edge| attribute("farcast.edge", edge)));
        Self {
            trace_id: given.trace.to_vec(),
            span_id: given.id.to_vec(),
            parent_span_id: given.parent.map(Vec::from).unwrap_or_default(),
            name: given.step.name().to_owned(),
            kind: INTERNAL,
            start_time_unix_nano: given.from.0.saturating_mul(1000),
            end_time_unix_nano: given.to.0.saturating_mul(1000),
            attributes,
        }
    }
}

impl Response {
    /// Number of spans that the collector did not take.
    pub(crate) fn rejected(&self) -> usize {
        let rejected = self.partial_success.as_ref().map_or(0, |partial| partial.rejected_spans);
        usize::try_from(rejected).unwrap_or_default()
    }
}
