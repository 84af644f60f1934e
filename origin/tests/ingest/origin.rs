//! A server on a free port, and what its owner sees.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use farcast_feed::name::StreamName;
use farcast_origin::ingest::StreamKey;
use farcast_origin::ingest::rtmp::server::{Config, Server};
use farcast_origin::ingest::{Checked, EndReason, Gate, Keys, Metrics, OneKey, Publisher, PublisherEvent};
use farcast_origin::media::{AudioConfig, Frame, MediaEvent, Track, VideoConfig};
use farcast_telemetry::health::Health;
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How long anything here may take at most. Only a failure waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) const KEY: &str = "one/two-three";
/// The key of the stream `second`.
pub(crate) const SECOND_KEY: &str = "four";

/// Both keys, each of its stream.
#[derive(Debug)]
struct BothKeys(OneKey);

impl Keys for BothKeys {
    fn check<'a>(
        &'a self,
        key: &'a StreamKey,
        from: IpAddr,
    ) -> Pin<Box<dyn Future<Output = Checked<StreamName>> + Send + 'a>> {
        if key.candidates().any(|text| text == SECOND_KEY) {
            return Box::pin(std::future::ready(Checked::Right(second())));
        }
        self.0.check(key, from)
    }
}

fn second() -> StreamName {
    "second".to_owned().try_into().unwrap()
}

pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    pub(crate) publishers: mpsc::Receiver<Publisher>,
    /// Those of the stream `second`.
    seconds: mpsc::Receiver<Publisher>,
    pub(crate) registry: Registry,
    pub(crate) shutdown: CancellationToken,
    pub(crate) running: JoinHandle<()>,
}

impl Origin {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default(), None).await
    }

    pub(crate) async fn start_with(config: Config, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let registry = Registry::new();
        let (sender, publishers) = mpsc::channel(4);
        let (second_sender, seconds) = mpsc::channel(4);
        let gate = Arc::new(Gate::new(Arc::new(BothKeys(OneKey::new(&StreamKey::new(KEY))))));
        let owners = BTreeMap::from([(StreamName::live(), sender), (second(), second_sender)]);
        let server = Server::new(config, gate, Metrics::new(&registry).unwrap(), owners);
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(server.run(listener, tls, Health::new().beat("rtmp"), shutdown.clone()));
        Self { address, publishers, seconds, registry, shutdown, running }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("rtmp://{}/{path}", self.address)
    }

    pub(crate) async fn publisher(&mut self) -> Publisher {
        timeout(PATIENCE, self.publishers.recv()).await.expect("no publisher came").expect("server ended")
    }

    /// The next publisher of the stream `second`.
    pub(crate) async fn second_publisher(&mut self) -> Publisher {
        timeout(PATIENCE, self.seconds.recv()).await.expect("no publisher came").expect("server ended")
    }

    /// The value of a counter with one label.
    pub(crate) fn count(&self, name: &str, label: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.map(|family| family.get_metric()).unwrap_or_default();
        let of_label =
            |m: &&prometheus::proto::Metric| m.get_label().iter().any(|pair| pair.value() == label);
        metrics.iter().find(of_label).map_or(0.0, |metric| metric.get_counter().get_value())
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.running).await.expect("the server does not stop").unwrap();
    }
}

/// What a publisher sent.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) video: Option<Arc<VideoConfig>>,
    pub(crate) audio: Option<Arc<AudioConfig>>,
    pub(crate) metadata_encoder: Option<String>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) end: Option<EndReason>,
}

impl Seen {
    pub(crate) fn take(&mut self, event: PublisherEvent) {
        match event {
            PublisherEvent::Metadata(metadata) => self.metadata_encoder = metadata.encoder,
            PublisherEvent::Media(MediaEvent::Video(config)) => self.video = Some(config),
            PublisherEvent::Media(MediaEvent::Audio(config)) => self.audio = Some(config),
            PublisherEvent::Media(MediaEvent::Frame(frame)) => self.frames.push(frame),
            PublisherEvent::Media(_) => {}
            PublisherEvent::End(reason) => self.end = Some(reason),
        }
    }

    pub(crate) fn of(&self, track: Track) -> impl Iterator<Item = &Frame> {
        self.frames.iter().filter(move |frame| frame.track == track)
    }
}

/// Takes events until `enough`, or the end.
pub(crate) async fn watch(publisher: &mut Publisher, enough: impl Fn(&Seen) -> bool) -> Seen {
    let mut seen = Seen::default();
    while !enough(&seen) && seen.end.is_none() {
        let event = timeout(PATIENCE, publisher.events.recv()).await.expect("no event came");
        seen.take(event.expect("a queue ends with End"));
    }
    seen
}

pub(crate) async fn watch_to_end(publisher: &mut Publisher) -> Seen {
    let seen = watch(publisher, |_| false).await;
    let after = timeout(PATIENCE, publisher.events.recv()).await.expect("the queue stays open");
    assert!(after.is_none(), "nothing follows End");
    seen
}
