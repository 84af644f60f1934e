//! Sending spans to the collector.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_telemetry::make::Make as _;
use farcast_telemetry::throttle::Throttle;
use http::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request as HttpRequest};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use prometheus::Registry;
use prost::Message as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::{Endpoint, Share};
use crate::otlp::{Request, Response, Sender};
use crate::tracer::{Metrics, Span, Tracer};

/// Spans that wait for the collector, of some 200 bytes each.
const QUEUE: usize = 4096;

/// Most spans of a request.
const BATCH: usize = 512;

/// Longest wait of a span for others of its request.
const GATHER: Duration = Duration::from_secs(1);

/// Longest time for a request, from the name's resolution to the answer's last byte.
const DEADLINE: Duration = Duration::from_secs(5);

/// Longest time for what is left when the program stops.
const LAST: Duration = Duration::from_secs(2);

/// Largest answer of a collector.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Least time between two lines of the log about a collector that does not take spans.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// What of and where to.
#[derive(Clone, Debug)]
pub struct Config {
    /// The collector.
    pub endpoint: Endpoint,
    /// Share of the parts that are traced.
    pub share: Share,
    /// Name of the program: `service.name`.
    pub program: &'static str,
    /// Its version: `service.version`.
    pub version: &'static str,
    /// A name that tells it from others of its kind: `service.instance.id`.
    pub instance: String,
}

/// The reason why there can be no traces.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The counters are registered already.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Takes spans from its [`Tracer`] and sends them.
#[derive(Debug)]
pub struct Exporter {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Endpoint,
    sender: Sender,
    spans: mpsc::Receiver<Span>,
    metrics: Metrics,
    warned: Throttle,
}

/// Opens traces, which need their [`Exporter`] to run; none where there is no configuration. The counters are registered in
/// any case.
///
/// # Errors
/// When the counters are registered already, or TLS cannot be set up.
pub fn open(config: Option<Config>, registry: &Registry) -> Result<Option<(Tracer, Exporter)>, OpenError> {
    let metrics = Metrics::new(registry)?;
    let Some(Config { endpoint, share, program, version, instance }) = config else { return Ok(None) };
    let (queue, spans) = mpsc::channel(QUEUE);
    let tracer = Tracer::new(share, format!("{program} {instance}"), queue, metrics.clone());
    let sender = Sender { program, version, instance };
    let client = client()?;
    Ok(Some((
        tracer,
        Exporter { client, endpoint, sender, spans, metrics, warned: Throttle::new(WARN_EVERY) },
    )))
}

impl Metrics {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            sent: registry.counter("farcast_trace_spans_total", "Spans that the collector of traces took.")?,
            dropped: registry.counters_of(
                "farcast_trace_dropped_total",
                "Spans that did not reach the collector: more than are sent in a second (rate), it was too slow (queue), it was \
                 not reached or did not take them (export).",
                "reason",
                &["rate", "queue", "export"],
            )?,
        })
    }
}

fn client() -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(DEADLINE));
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(1)
        .build(connector))
}

impl Exporter {
    /// Sends spans until `shutdown`, then what is left.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        while shutdown.run_until_cancelled(self.gather(&mut batch)).await == Some(true) {
            self.send(std::mem::take(&mut batch), DEADLINE).await;
        }
        let waiting = self.spans.len().min(BATCH - batch.len());
        for _ in 0..waiting {
            batch.extend(self.spans.try_recv().ok());
        }
        if !batch.is_empty() {
            self.send(batch, LAST).await;
        }
    }

    /// Fills the batch, for [`GATHER`] at most; false when nobody gives spans any more. When it is dropped the batch has what
    /// was taken.
    async fn gather(&mut self, batch: &mut Vec<Span>) -> bool {
        if self.spans.recv_many(batch, 1).await == 0 {
            return false;
        }
        let fill = async {
            while batch.len() < BATCH {
                if self.spans.recv_many(batch, BATCH - batch.len()).await == 0 {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(GATHER, fill).await;
        true
    }

    async fn send(&mut self, spans: Vec<Span>, deadline: Duration) {
        let count = spans.len();
        let outcome = tokio::time::timeout(deadline, self.ask(&spans)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(format!("no answer within {deadline:?}").into()));
        let dropped = match &outcome {
            Ok(rejected) => (*rejected).min(count),
            Err(_) => count,
        };
        self.metrics.dropped("export", dropped);
        self.metrics.sent.inc_by(u64::try_from(count - dropped).unwrap_or_default());
        if let Err(error) = outcome
            && let Some(suppressed) = self.warned.admit(Instant::now())
        {
            let cause = std::iter::successors(Some(&*error as &dyn Error), |&error| error.source()).last();
            let cause = cause.map(ToString::to_string).unwrap_or_default();
            let endpoint = self.endpoint.traces();
            tracing::warn!(%endpoint, cause, suppressed, "the collector takes no traces; they are dropped");
        }
    }

    /// Sends one request; returns how many spans the collector did not take.
    async fn ask(&self, spans: &[Span]) -> Result<usize, Box<dyn Error + Send + Sync>> {
        let body = Request::new(&self.sender, spans).encode_to_vec();
        let mut request = HttpRequest::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(self.endpoint.traces());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("Farcast/", env!("CARGO_PKG_VERSION"))));
        let answer = self.client.request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("it answers {status}").into());
        }
        // What cannot be read is no refusal.
        Ok(Response::decode(body).map(|response| response.rejected()).unwrap_or_default())
    }
}

#[cfg(test)]
#[path = "exporter_tests.rs"]
mod tests;
