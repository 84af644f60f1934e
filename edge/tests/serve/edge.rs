//! An edge with a make-believe broadcast.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcast_api::budget::{self, Budget, MIN_BUDGET};
use farcast_audience::viewers::Active;
use farcast_certificates::Announced;
use farcast_edge::api::{self, Api};
use farcast_edge::chat::{self, Chat};
use farcast_edge::live::{self, Input, Live};
use farcast_edge::playback::{self, Playback};
use farcast_edge::serve::{self, Server};
use farcast_edge_directory::{Own, Router, View, views};
use farcast_feed::feed::{FeedEvent, Format, PartMeta, Presentation, SegmentEnd, SegmentStart, Variant};
use farcast_feed::name::{Epoch, Msn, StreamName, VariantId};
use farcast_feed::time::WallTime;
use farcast_geo::Geo;
use farcast_link::Picture;
use farcast_settings::{LiveStatus, OperatorSettings, Snapshot};
use farcast_store::{Engine, Store};
use farcast_telemetry::health::Health;
use http::Method;
use prometheus::Registry;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, PATIENCE, Reply};
use crate::held::Held;

pub(crate) const EPOCH: Epoch = Epoch(1);
/// Most connections of the chat.
pub(crate) const CHATTERS: usize = 4;

/// An origin's pictures of the broadcast.
#[derive(Debug, Default)]
pub(crate) struct Stills {
    pub(crate) newest: Mutex<Option<Bytes>>,
    pub(crate) asked: AtomicUsize,
}

impl api::Stills for Stills {
    fn newest(&self, picture: Picture) -> api::StillFuture {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let newest = self.newest.lock().unwrap().clone();
        Box::pin(std::future::ready(newest.filter(|_| picture == Picture::Thumbnail)))
    }
}

pub(crate) struct Edge {
    pub(crate) health: Health,
    pub(crate) live: Arc<Live>,
    pub(crate) store: Store,
    pub(crate) held: Arc<Held>,
    pub(crate) stills: Arc<Stills>,
    pub(crate) set: watch::Sender<Option<Snapshot>>,
    pub(crate) status: watch::Sender<Option<Arc<LiveStatus>>>,
    pub(crate) viewers: Arc<Active>,
    /// The directory, and this edge's name in it.
    pub(crate) view: watch::Sender<Arc<View>>,
    _name: watch::Sender<Option<String>>,
    /// The origin's announcements about certificates.
    pub(crate) announce_certificates: watch::Sender<Option<Arc<Announced>>>,
    registry: Registry,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    root: CertificateDer<'static>,
    pub(crate) shutdown: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

impl Edge {
    pub(crate) async fn new(inputs: Vec<Input>) -> Self {
        Self::with(serve::Config::default(), inputs).await
    }

    pub(crate) async fn with(config: serve::Config, inputs: Vec<Input>) -> Self {
        Self::crowded(config, inputs, CHATTERS, chat::Limits::default()).await
    }

    /// With so many seats in the chat, and what networks may do there.
    pub(crate) async fn crowded(
        config: serve::Config,
        inputs: Vec<Input>,
        chatters: usize,
        limits: chat::Limits,
    ) -> Self {
        let registry = Registry::new();
        let live_metrics = live::Metrics::new(&registry).unwrap();
        let cache = live::ObjectCache::new(512 << 20, &registry).unwrap().of_channel(0);
        let live = Arc::new(Live::new(live::Config::default(), cache, Arc::new(()), live_metrics));
        live.apply(inputs).await;
        let held = Arc::new(Held::default());
        let stills = Arc::new(Stills::default());
        let store = Store::new(Arc::clone(&held) as Arc<dyn Engine>);
        let (set, runtime) = watch::channel(None);
        let (status, told) = watch::channel(None);
        let viewers = Arc::new(Active::new(Instant::now()));
        let chat = Arc::new(Chat::new(chat::Config {
            store: store.clone(),
            runtime: runtime.clone(),
            status: told.clone(),
            geo: Arc::new(Geo::none()),
            metrics: chat::Metrics::new(&registry).unwrap(),
            max_connections: chatters,
            limits: chat::Limits { proxies: config.trusted_proxies.clone(), ..limits },
        }));
        let view = views();
        let urls = vec![farcast_routing::BaseUrl::new("http://own.example").unwrap()];
        let (name, given_name) = watch::channel(Some("own".to_owned()));
        let (announce_certificates, certificates) = watch::channel(None);
        let api = Arc::new(Api::new(api::Sources {
            certificates,
            store: store.clone(),
            runtime,
            status: told,
            chat: Arc::clone(&chat),
            viewers: Arc::clone(&viewers),
            playback: Arc::new(Playback::new(playback::Metrics::new(&registry).unwrap(), Instant::now())),
            bodies: Budget::new(MIN_BUDGET, budget::Metrics::new(&registry).unwrap()),
            forwarder: None,
            router: Arc::new(Router::new(
                view.subscribe(),
                Some(Own { name: given_name, urls }),
                Arc::new(Geo::none()),
                StreamName::live(),
            )),
            stills: Arc::clone(&stills) as Arc<dyn api::Stills>,
        }));
        let metrics = serve::Metrics::new(&registry).unwrap();
        let health = Health::new();
        let server = Server::new(config, Arc::clone(&live), api, health.clone(), metrics);
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let certified = farcast_service::tls::certified_key(chain.as_bytes(), key.as_bytes()).unwrap();
        let single = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
        let tls =
            farcast_service::tls::server_config(single, farcast_service::tls::ALPN_HTTP).unwrap().into();
        let root = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
        let shutdown = CancellationToken::new();
        let mut running = vec![tokio::spawn(chat.run(shutdown.clone()))];
        let mut addresses = Vec::new();
        for tls in [None, Some(tls)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            let (server, shutdown) = (server.clone(), shutdown.clone());
            running.push(tokio::spawn(async move { server.run(listener, tls, shutdown).await }));
        }
        let [http, https] = [addresses[0], addresses[1]];
        Self {
            health,
            live,
            store,
            held,
            stills,
            set,
            status,
            viewers,
            view,
            _name: name,
            announce_certificates,
            registry,
            http,
            https,
            root,
            shutdown,
            running,
        }
    }

    /// What the origin's store would say.
    pub(crate) fn inform(&self, runtime: OperatorSettings) {
        self.set.send_replace(Some(Snapshot { runtime: Arc::new(runtime), tip: Bytes::new() }));
        self.status.send_replace(Some(Arc::default()));
    }

    pub(crate) async fn plain(&self) -> Client {
        Client::plain(TcpStream::connect(self.http).await.unwrap()).await
    }

    /// Trusts this edge.
    pub(crate) fn connector(&self) -> TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    pub(crate) async fn secure(&self) -> Client {
        let socket = TcpStream::connect(self.https).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = self.connector().connect(name, socket).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Client::secure(stream).await
    }

    /// A request over each protocol; both must be answered alike.
    pub(crate) async fn ask(&self, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Reply {
        let one = self.plain().await.ask(method.clone(), path, headers).await;
        let two = self.secure().await.ask(method, path, headers).await;
        assert_eq!((one.status, &one.body), (two.status, &two.body), "{path}");
        for (name, value) in one.headers.iter().filter(|(name, _)| *name != "date") {
            assert_eq!(two.headers.get(name), Some(value), "{name} of {path}");
        }
        two
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, &[]).await
    }

    /// The answer over one protocol, for who waits for another one: between the two requests of
    /// [`Edge::ask`] it may change.
    pub(crate) async fn now(&self, path: &str) -> Reply {
        self.plain().await.get(path).await
    }

    pub(crate) async fn until_waiters(&self, count: i64) {
        until(|| self.live.waiters() == count, "the number of waiters").await;
    }

    /// Value of a gauge, or of a counter over all of its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).expect("the metric");
        family.get_metric().iter().map(|m| m.get_gauge().get_value() + m.get_counter().get_value()).sum()
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        for task in self.running {
            tokio::time::timeout(PATIENCE, task).await.expect("the server stops").unwrap();
        }
    }
}

pub(crate) async fn until(condition: impl Fn() -> bool, what: &str) {
    let reached = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect(what);
}

fn presentation(target_duration_s: u32) -> Arc<Presentation> {
    let variant =
        |id, name: &str, nominal_bps| Variant { id: VariantId(id), name: name.to_owned(), nominal_bps };
    Arc::new(Presentation {
        stream: StreamName::live(),
        epoch: EPOCH,
        continues: false,
        started_at: WallTime(0),
        part_target: Duration::from_millis(500),
        target_duration_s,
        keyed: true,
        window: Duration::from_secs(120),
        variants: vec![variant(0, "Source", 6_000_000), variant(1, "480p", 800_000)],
    })
}

pub(crate) fn opened(variant: u16, msn: u64) -> Input {
    let start = SegmentStart {
        msn: Msn(msn),
        init: 0,
        program_date_time: WallTime(msn * 4_000_000),
        discontinuity: false,
        discontinuity_sequence: 0,
        independent: true,
    };
    Input::Feed(FeedEvent::SegmentOpened { epoch: EPOCH, variant: VariantId(variant), start })
}

pub(crate) fn part(variant: u16, msn: u64, index: u32) -> Input {
    part_of(variant, msn, index, Bytes::from(format!("<{msn}.{index}>")))
}

pub(crate) fn part_of(variant: u16, msn: u64, index: u32, bytes: Bytes) -> Input {
    let at = WallTime::now();
    let duration = Duration::from_millis(500);
    let meta =
        PartMeta { index, duration, independent: index == 0, arrived_at: at, closed_at: at, closes: None };
    Input::Feed(FeedEvent::Part { epoch: EPOCH, variant: VariantId(variant), msn: Msn(msn), meta, bytes })
}

pub(crate) fn closed(variant: u16, msn: u64, parts: u32) -> Input {
    let duration = Duration::from_millis(500) * parts;
    let end = SegmentEnd { msn: Msn(msn), duration, parts, peak_bps: 7_000_000, average_bps: 5_000_000 };
    Input::Feed(FeedEvent::SegmentClosed { epoch: EPOCH, variant: VariantId(variant), end })
}

pub(crate) fn ended() -> Input {
    Input::Feed(FeedEvent::Ended { epoch: EPOCH })
}

/// Segments 10 to 29 of four seconds are complete, 30 has two parts.
pub(crate) fn playing() -> Vec<Input> {
    playing_with_target(4)
}

pub(crate) fn playing_with_target(target_duration_s: u32) -> Vec<Input> {
    let mut inputs = vec![Input::Up, Input::Feed(FeedEvent::Started(presentation(target_duration_s)))];
    let parts = target_duration_s * 2;
    for id in [0, 1] {
        let format = Format {
            codecs: "avc1.640028,mp4a.40.2".to_owned(),
            resolution: Some((1280, 720)),
            frame_rate: Some(30.0),
            video_range: Some(farcast_feed::feed::VideoRange::Sdr),
        };
        let (variant, bytes) = (VariantId(id), Bytes::from_static(b"init"));
        inputs.push(Input::Feed(FeedEvent::Init { epoch: EPOCH, variant, number: 0, format, bytes }));
        for msn in 10..30 {
            inputs.push(opened(id, msn));
            inputs.extend((0..parts).map(|index| part(id, msn, index)));
            inputs.push(closed(id, msn, parts));
        }
        inputs.extend([opened(id, 30), part(id, 30, 0), part(id, 30, 1)]);
    }
    inputs
}
