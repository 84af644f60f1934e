//! An origin, edges and a feed for the tests of the link.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::feed::{FeedEvent, Format, PartMeta, Presentation, SegmentEnd, SegmentStart, Variant};
use farcast_feed::name::{Epoch, Msn, StreamName, VariantId};
use farcast_feed::time::WallTime;
use farcast_link::JoinToken;
use farcast_link::receiver::{Client, ClientConfig, Fetcher, Forwarder, LinkEvent, Metrics as EdgeMetrics};
use farcast_link::roster::{self, Roster};
use farcast_link::sender::{
    Api, Channels, Hub, HubConfig, Identity, Metrics as OriginMetrics, Server, ServerConfig, StoreAccess,
};
use farcast_origin::edge_access::{self, EdgeAccess};
use farcast_origin::store::{Embedded, Metrics as StoreMetrics};
use farcast_store::Store;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// No test waits longer for anything; all that they wait for takes a few seconds at most.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

pub(crate) const PARTS: u32 = 4;

/// What stands between edges and the store.
pub(crate) enum Door {
    /// Nothing, but that private keys are refused: to test what the link does, with any keys.
    Open,
    /// What programs have.
    AsInPrograms,
}

pub(crate) struct Origin {
    pub(crate) hub: Hub,
    channels: Channels,
    pub(crate) metrics: OriginMetrics,
    pub(crate) address: SocketAddr,
    pub(crate) identity: Arc<Identity>,
    pub(crate) roster: Arc<Roster>,
    /// Its own store.
    pub(crate) store: Store,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Origin {
    pub(crate) async fn start(dir: &Path) -> Self {
        Self::start_at(dir, "127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(dir: &Path, address: SocketAddr) -> Self {
        Self::start_with(dir, address, Door::Open, None).await
    }

    pub(crate) async fn start_with(
        dir: &Path,
        address: SocketAddr,
        door: Door,
        api: Option<Arc<dyn Api>>,
    ) -> Self {
        let identity = Arc::new(Identity::load_or_create(dir).unwrap());
        let metrics = OriginMetrics::new(&prometheus::Registry::new()).unwrap();
        let hub = Hub::new(HubConfig::default(), &metrics);
        let second = HubConfig { stream: "second".to_owned().try_into().unwrap(), ..HubConfig::default() };
        let channels = Channels::new([hub.clone(), Hub::new(second, &metrics)], metrics.clone());
        let embedded = Embedded::open(dir, StoreMetrics::new(&prometheus::Registry::new()).unwrap()).unwrap();
        let store = Store::new(Arc::new(embedded));
        let endpoint = bind(&identity, address).await;
        let address = endpoint.local_addr().unwrap();
        let config = roster::Config {
            dir: dir.to_owned(),
            token_file: dir.join("join-token"),
            advertise: address.to_string(),
            token_lifetime: None,
        };
        let roster = Roster::open(Arc::clone(&identity), config).unwrap();
        let door: Arc<dyn StoreAccess> = match door {
            Door::Open => Arc::new(store.clone()),
            Door::AsInPrograms => {
                let metrics = edge_access::Metrics::new(&prometheus::Registry::new()).unwrap();
                let (_, runtime) = tokio::sync::watch::channel(None);
                Arc::new(EdgeAccess::new(store.clone(), runtime, metrics))
            }
        };
        let server = Server::new(ServerConfig::default(), Arc::clone(&roster), channels.clone(), door, api);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(server.run(endpoint, shutdown.clone()));
        Self { hub, channels, metrics, address, identity, roster, store, shutdown, task }
    }

    /// The hub of a stream: `live` or `second`.
    pub(crate) fn hub_of(&self, stream: &str) -> Hub {
        self.channels.hub(&stream.to_owned().try_into().unwrap()).unwrap().clone()
    }

    pub(crate) fn token(&self) -> JoinToken {
        self.token_for(self.address)
    }

    pub(crate) fn token_for(&self, address: SocketAddr) -> JoinToken {
        let tokens = self.roster.tokens();
        let standing = tokens.iter().find(|token| token.standing).unwrap();
        self.identity.join_token(&address.to_string(), standing.secret().unwrap())
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

/// Binds; waits for the port while the last origin's socket goes.
async fn bind(identity: &Identity, address: SocketAddr) -> quinn::Endpoint {
    let bound = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            match quinn::Endpoint::server(identity.server_config().unwrap(), address) {
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
                endpoint => return endpoint.unwrap(),
            }
        }
    };
    tokio::time::timeout(DEADLINE, bound).await.expect("the port is free again")
}

#[derive(Default)]
struct Seen {
    events: Mutex<Vec<LinkEvent>>,
    changed: Notify,
}

pub(crate) struct Edge {
    seen: Arc<Seen>,
    pub(crate) fetcher: Fetcher,
    /// What passes requests on to the origin.
    pub(crate) forwarder: Forwarder,
    /// The origin's store, as this edge reaches it.
    pub(crate) store: Store,
    pub(crate) metrics: EdgeMetrics,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Edge {
    pub(crate) fn start(dir: &Path, token: JoinToken) -> Self {
        Self::start_with(dir, Some(token))
    }

    pub(crate) fn start_with(dir: &Path, token: Option<JoinToken>) -> Self {
        let metrics = EdgeMetrics::new(&prometheus::Registry::new()).unwrap();
        let config = ClientConfig { data_dir: dir.to_owned(), token, name: "test edge".to_owned() };
        let client = Client::new(config, metrics.clone());
        let (fetcher, forwarder) = (client.fetcher(), client.forwarder());
        let store = Store::new(Arc::new(client.origin_engine()));
        let shutdown = CancellationToken::new();
        let (sink, mut events) = mpsc::channel(16);
        let seen = Arc::new(Seen::default());
        let (told, stop) = (Arc::clone(&seen), shutdown.clone());
        let task = tokio::spawn(async move {
            let client = tokio::spawn(client.run([(StreamName::live(), sink)], stop));
            while let Some(event) = events.recv().await {
                told.events.lock().unwrap().push(event);
                told.changed.notify_one();
            }
            client.await.unwrap();
        });
        Self { seen, fetcher, forwarder, store, metrics, shutdown, task }
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&[LinkEvent]) -> T) -> T {
        look(&self.seen.events.lock().unwrap())
    }

    /// Waits until the events so far satisfy `condition`.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&[LinkEvent]) -> bool) {
        let reached = async {
            while !self.with(&condition) {
                self.seen.changed.notified().await;
            }
        };
        if tokio::time::timeout(DEADLINE, reached).await.is_err() {
            panic!(
                "waited in vain for {what}; last events: {:?}",
                self.words().iter().rev().take(30).collect::<Vec<_>>()
            );
        }
    }

    pub(crate) async fn until_up(&self) {
        self.until("the link", |events| events.contains(&LinkEvent::Up)).await;
    }

    pub(crate) async fn until_down(&self) {
        self.until("the link's loss", |events| events.contains(&LinkEvent::Down)).await;
    }

    pub(crate) async fn until_dials_fail(&self, count: u64) {
        let reached = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            while self.metrics.dial_failures() < count {
                ticks.tick().await;
            }
        };
        tokio::time::timeout(DEADLINE, reached).await.expect("so many dials fail");
    }

    pub(crate) async fn until_word(&self, word: &str) {
        self.until(word, |events| events.iter().any(|event| self::word(event) == word)).await;
    }

    pub(crate) fn words(&self) -> Vec<String> {
        self.with(|events| events.iter().map(word).collect())
    }

    /// All parts' bytes so far by (epoch, variant, segment, index).
    pub(crate) fn parts(&self) -> std::collections::BTreeMap<(u64, u16, u64, u32), Bytes> {
        self.with(|events| {
            let part = |event: &LinkEvent| match event {
                LinkEvent::Feed(FeedEvent::Part { epoch, variant, msn, meta, bytes }) => {
                    Some(((epoch.0, variant.0, msn.0, meta.index), bytes.clone()))
                }
                _ => None,
            };
            events.iter().filter_map(part).collect()
        })
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(DEADLINE, self.task).await.expect("the client stops").unwrap();
    }
}

/// An event as a short word, such as `part v1 5.0`.
pub(crate) fn word(event: &LinkEvent) -> String {
    match event {
        LinkEvent::Up => "up".to_owned(),
        LinkEvent::Down => "down".to_owned(),
        LinkEvent::Snapshot(snapshot) => format!("snapshot {}", snapshot.presentation.epoch),
        LinkEvent::Feed(event) => match event {
            FeedEvent::Started(presentation) => format!("started {}", presentation.epoch),
            FeedEvent::Init { variant, number, .. } => format!("init v{variant} {number}"),
            FeedEvent::SegmentOpened { variant, start, .. } => format!("opened v{variant} {}", start.msn),
            FeedEvent::Part { variant, msn, meta, .. } => format!("part v{variant} {msn}.{}", meta.index),
            FeedEvent::SegmentClosed { variant, end, .. } => format!("closed v{variant} {}", end.msn),
            FeedEvent::SegmentLost { variant, start, .. } => format!("lost v{variant} {}", start.msn),
            FeedEvent::Ended { epoch } => format!("ended {epoch}"),
        },
    }
}

/// Two variants of a broadcast with a target duration of one second.
#[derive(Clone, Copy)]
pub(crate) struct Broadcast {
    pub(crate) epoch: u64,
    /// Bytes of a part, per variant; variant 0 is the higher.
    pub(crate) part_bytes: [usize; 2],
}

impl Broadcast {
    pub(crate) fn start(&self, hub: &Hub, continues: bool) {
        let variant = |id: u16, name: &str, nominal_bps| Variant {
            id: VariantId(id),
            name: name.to_owned(),
            nominal_bps,
        };
        hub.publish(FeedEvent::Started(Arc::new(Presentation {
            stream: StreamName::live(),
            epoch: Epoch(self.epoch),
            continues,
            started_at: WallTime::now(),
            part_target: Duration::from_millis(250),
            target_duration_s: 1,
            keyed: true,
            window: Duration::from_secs(6),
            variants: vec![variant(0, "Source", 4_000_000), variant(1, "low", 400_000)],
        })));
        for id in 0..2 {
            let format = Format {
                codecs: "avc1.640028".to_owned(),
                resolution: Some((16, 9)),
                frame_rate: None,
                video_range: None,
            };
            let bytes = Bytes::from(format!("init {} {id}", self.epoch));
            let variant = VariantId(id);
            hub.publish(FeedEvent::Init { epoch: Epoch(self.epoch), variant, number: 0, format, bytes });
        }
    }

    pub(crate) fn bytes(&self, variant: u16, msn: u64, index: u32) -> Bytes {
        let text = format!("{}/{variant}/{msn}.{index};", self.epoch);
        Bytes::from(
            text.into_bytes()
                .into_iter()
                .cycle()
                .take(self.part_bytes[usize::from(variant)])
                .collect::<Vec<_>>(),
        )
    }

    pub(crate) fn open(&self, hub: &Hub, msn: u64) {
        for id in 0..2 {
            let start = SegmentStart {
                msn: Msn(msn),
                init: 0,
                program_date_time: WallTime::now(),
                discontinuity: false,
                discontinuity_sequence: 0,
                independent: true,
            };
            hub.publish(FeedEvent::SegmentOpened { epoch: Epoch(self.epoch), variant: VariantId(id), start });
        }
    }

    pub(crate) fn part(&self, hub: &Hub, msn: u64, index: u32) {
        for id in 0..2 {
            let now = WallTime::now();
            let duration = Duration::from_millis(250);
            let meta = PartMeta {
                index,
                duration,
                independent: index == 0,
                arrived_at: now,
                closed_at: now,
                closes: None,
            };
            let bytes = self.bytes(id, msn, index);
            hub.publish(FeedEvent::Part {
                epoch: Epoch(self.epoch),
                variant: VariantId(id),
                msn: Msn(msn),
                meta,
                bytes,
            });
        }
    }

    pub(crate) fn close(&self, hub: &Hub, msn: u64) {
        for id in 0..2 {
            let duration = Duration::from_secs(1);
            let end = SegmentEnd { msn: Msn(msn), duration, parts: PARTS, peak_bps: 1, average_bps: 1 };
            hub.publish(FeedEvent::SegmentClosed { epoch: Epoch(self.epoch), variant: VariantId(id), end });
        }
    }

    /// Whole segments, at once.
    pub(crate) fn segments(&self, hub: &Hub, msns: std::ops::Range<u64>) {
        for msn in msns {
            self.open(hub, msn);
            (0..PARTS).for_each(|index| self.part(hub, msn, index));
            self.close(hub, msn);
        }
    }

    /// Whole segments in real time.
    pub(crate) async fn live(&self, hub: &Hub, msns: std::ops::Range<u64>) {
        let mut clock = tokio::time::interval(Duration::from_millis(250));
        for msn in msns {
            self.open(hub, msn);
            for index in 0..PARTS {
                clock.tick().await;
                self.part(hub, msn, index);
            }
            self.close(hub, msn);
        }
    }
}
