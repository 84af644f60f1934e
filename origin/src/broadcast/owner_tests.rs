//! Tests of the owner: the beginnings and ends that edges are sent.

use farcast_feed::time::MediaTime;
use farcast_link::ToEdge;
use farcast_link::sender::{self, HubConfig, tests::Listener};
use farcast_service::tasks::Part;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::ingest::PublisherInfo;
use crate::media::{AudioCodec, AudioConfig, Frame, MediaEvent, Track};
use crate::state::State;
use crate::transcode::{EncoderKind, VariantSpec};

/// Longest wait for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Grace that no test waits for.
const LONG: Duration = Duration::from_secs(600);

struct Rig {
    folder: TempDir,
    saver: Arc<Saver>,
    edge: Listener,
    publishers: mpsc::Sender<Publisher>,
    chosen: watch::Sender<Settings>,
    on_air: watch::Receiver<Air>,
    disconnect: mpsc::Sender<Disconnect>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

/// The messages to an edge that these tests check.
#[derive(Debug, PartialEq)]
enum Told {
    Started { epoch: u64, continues: bool },
    Ended { epoch: u64 },
}

struct Sender {
    events: mpsc::Sender<PublisherEvent>,
    close: CancellationToken,
}

fn specs() -> Vec<VariantSpec> {
    vec![VariantSpec { video_passthrough: true, audio_passthrough: true, ..VariantSpec::default() }]
}

/// A cursor as a killed origin leaves it.
fn interrupted(target_duration_s: u32, ago: Duration) -> Cursor {
    Cursor {
        epoch: Epoch(7),
        next_msn: Msn(40),
        discontinuity_sequence: 3,
        target_duration_s,
        part_target_ms: 500,
        latency_level: LatencyLevel::Medium as u8,
        ladder_fingerprint: fingerprint(&specs()),
        live: true,
        last_media_wall_time: WallTime(WallTime::now().0 - u64::try_from(ago.as_micros()).unwrap()),
    }
}

impl Rig {
    fn start(grace: Duration, cursor: Option<Cursor>) -> Self {
        Self::with(grace, cursor, LadderConfig::new)
    }

    fn with(
        grace: Duration,
        cursor: Option<Cursor>,
        open_ladder: fn(Vec<VariantSpec>, EncoderKind) -> LadderConfig,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::load_or_create(folder.path()).unwrap();
        if let Some(cursor) = cursor {
            state.set_cursor(StreamName::live(), cursor);
            state.write().unwrap();
        }
        let saver = Arc::new(Saver::start(state).unwrap());
        let registry = prometheus::Registry::new();
        let hub = Hub::new(HubConfig::default(), &sender::Metrics::new(&registry).unwrap());
        let edge = Listener::new(&hub);
        let (chosen, settings) = watch::channel(Settings {
            level: LatencyLevel::Medium,
            specs: specs(),
            encoder: EncoderKind::X264,
        });
        let (air, on_air) = watch::channel(Air::default());
        let (disconnect, disconnects) = mpsc::channel(1);
        let owner = Owner::new(Config {
            stream: StreamName::live(),
            settings,
            air,
            disconnects,
            reconnect_grace: grace,
            hub,
            saver: Arc::clone(&saver),
            open_ladder: Arc::new(open_ladder),
            panics: Contained::new(Part::Broadcast, &registry).unwrap(),
            metrics: Metrics::new(&registry).unwrap(),
            ingest_metrics: ingest::Metrics::new(&registry).unwrap(),
            plan_metrics: plan::Metrics::new(&registry).unwrap(),
            transcode_metrics: transcode::Metrics::new(&registry).unwrap(),
            package_metrics: package::Metrics::new(&registry).unwrap(),
            pictures: Pictures::none(),
        });
        let (publishers, arrivals) = mpsc::channel(1);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(owner.run(arrivals, shutdown.clone()));
        Self { folder, saver, edge, publishers, chosen, on_air, disconnect, shutdown, task }
    }

    /// A publisher arrives.
    async fn publisher(&self) -> Sender {
        let (events, receiver) = mpsc::channel(4096);
        let close = CancellationToken::new();
        let info = PublisherInfo {
            remote: "127.0.0.1:1".parse().unwrap(),
            encoder: "test".to_owned(),
            application: "live".to_owned(),
            secure: false,
            connected_at: WallTime::now(),
        };
        let publisher = Publisher { info, events: receiver, close: close.clone() };
        self.publishers.send(publisher).await.unwrap();
        Sender { events, close }
    }

    /// Waits until the edge was told what is expected, and nothing else of its kind.
    async fn told(&mut self, expected: &[Told]) {
        let mut told = Vec::new();
        let reached = async {
            let mut tick = interval(Duration::from_millis(5));
            while told.len() < expected.len() {
                tick.tick().await;
                told.extend(self.edge.told().into_iter().filter_map(|message| match message {
                    ToEdge::Started(it) => Some(Told::Started { epoch: it.epoch.0, continues: it.continues }),
                    ToEdge::Ended { epoch } => Some(Told::Ended { epoch: epoch.0 }),
                    _ => None,
                }));
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, reached).await.is_ok();
        assert!(in_time && told == expected, "{told:?} and not {expected:?}");
    }

    /// Stops the owner; nothing may be told any more. Returns the cursor.
    async fn stop(mut self) -> Option<Cursor> {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, &mut self.task).await.unwrap().unwrap();
        self.told(&[]).await;
        assert!(self.saver.flush(PATIENCE));
        drop(self.folder);
        self.saver.cursor(&StreamName::live())
    }
}

impl Sender {
    /// Sends `seconds` of sound from the beginning of a session.
    async fn sound(&self, seconds: u32) {
        let config = AudioConfig {
            codec: AudioCodec::Aac,
            record: bytes::Bytes::from_static(&[0x11, 0x90]),
            sample_rate_hz: 48_000,
            channels: 2,
            frame_samples: 1024,
        };
        self.say(PublisherEvent::Media(MediaEvent::Audio(Arc::new(config)))).await;
        for index in 0..i64::from(seconds) * 48_000 / 1024 {
            let dts = MediaTime::from_millis(index * 1024 / 48);
            let frame = Frame {
                track: Track::Audio,
                dts,
                pts: dts,
                key: true,
                data: bytes::Bytes::from_static(&[0x21; 200]),
                arrived_at: WallTime::now(),
                mark: None,
            };
            self.say(PublisherEvent::Media(MediaEvent::Frame(frame))).await;
        }
    }

    async fn say(&self, event: PublisherEvent) {
        self.events.send(event).await.unwrap();
    }

    async fn leave(self, reason: EndReason) {
        self.say(PublisherEvent::End(reason)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_ends_the_broadcast_once() {
    let mut rig = Rig::start(LONG, None);
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    publisher.leave(EndReason::Unpublished).await;
    rig.told(&[Told::Started { epoch: 1, continues: false }, Told::Ended { epoch: 1 }]).await;
    assert!(!rig.stop().await.unwrap().live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_ends_nothing_before_the_grace_is_over() {
    let mut rig = Rig::start(LONG, None);
    let first = rig.publisher().await;
    first.sound(20).await;
    first.leave(EndReason::Disconnected).await;
    rig.told(&[Told::Started { epoch: 1, continues: false }]).await;
    let second = rig.publisher().await;
    second.sound(20).await;
    second.leave(EndReason::Unpublished).await;
    rig.told(&[Told::Ended { epoch: 1 }]).await;
    rig.stop().await;

    let mut rig = Rig::start(Duration::from_millis(50), None);
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    publisher.leave(EndReason::Disconnected).await;
    rig.told(&[Told::Started { epoch: 1, continues: false }, Told::Ended { epoch: 1 }]).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_who_shows_nothing_begins_nothing() {
    let mut rig = Rig::start(LONG, None);
    rig.publisher().await.leave(EndReason::Unpublished).await;
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    publisher.leave(EndReason::Unpublished).await;
    rig.told(&[Told::Started { epoch: 1, continues: false }, Told::Ended { epoch: 1 }]).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_counts_although_the_next_publisher_is_there_already() {
    let mut rig = Rig::start(LONG, None);
    let first = rig.publisher().await;
    first.sound(20).await;
    rig.told(&[Told::Started { epoch: 1, continues: false }]).await;
    // The goodbye is there before the next publisher, as the gate has it; the owner may look at either first.
    let ((), second) = tokio::join!(first.leave(EndReason::Unpublished), rig.publisher());
    second.sound(20).await;
    rig.told(&[Told::Ended { epoch: 1 }, Told::Started { epoch: 2, continues: false }]).await;
    assert!(!second.close.is_cancelled());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_broadcast_is_continued() {
    let mut rig = Rig::start(LONG, Some(interrupted(4, Duration::from_secs(5))));
    assert!(rig.on_air.borrow().online, "it is on air while it waits, from the first moment");
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    rig.told(&[Told::Started { epoch: 8, continues: true }]).await;
    publisher.leave(EndReason::Unpublished).await;
    rig.told(&[Told::Ended { epoch: 8 }]).await;
    let cursor = rig.stop().await.unwrap();
    assert!(cursor.epoch == Epoch(8) && cursor.next_msn > Msn(40) && !cursor.live, "{cursor:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_broadcast_ends_when_it_is_not_continued() {
    // By one of another target duration.
    let mut rig = Rig::start(LONG, Some(interrupted(9, Duration::from_secs(5))));
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    rig.told(&[Told::Ended { epoch: 7 }, Told::Started { epoch: 8, continues: false }]).await;
    rig.stop().await;
    // By a publisher who leaves before there is anything to see.
    let mut rig = Rig::start(LONG, Some(interrupted(4, Duration::from_secs(5))));
    rig.publisher().await.leave(EndReason::Unpublished).await;
    rig.told(&[Told::Ended { epoch: 7 }]).await;
    let cursor = rig.stop().await.unwrap();
    assert_eq!((cursor.epoch, cursor.next_msn, cursor.live), (Epoch(7), Msn(40), false));
    // After the grace.
    let mut rig = Rig::start(Duration::from_millis(50), Some(interrupted(4, Duration::from_secs(5))));
    rig.told(&[Told::Ended { epoch: 7 }]).await;
    rig.stop().await;
    // Because it was too long ago.
    let mut rig = Rig::start(LONG, Some(interrupted(4, CONTINUE_WITHIN + Duration::from_secs(5))));
    rig.told(&[Told::Ended { epoch: 7 }]).await;
    assert!(!rig.stop().await.unwrap().live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_ends_a_broadcast_and_is_told_when_there_is_none() {
    let mut rig = Rig::start(LONG, None);
    let disconnect = async |rig: &Rig| {
        let (answer, answered) = oneshot::channel();
        rig.disconnect.send(answer).await.unwrap();
        answered.await.unwrap()
    };
    assert!(!disconnect(&rig).await);
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    rig.told(&[Told::Started { epoch: 1, continues: false }]).await;
    assert!(disconnect(&rig).await);
    rig.told(&[Told::Ended { epoch: 1 }]).await;
    assert!(publisher.close.is_cancelled());
    assert!(!disconnect(&rig).await);
    // One that waits for its encoder is a broadcast too.
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    publisher.leave(EndReason::Disconnected).await;
    rig.told(&[Told::Started { epoch: 2, continues: false }]).await;
    assert!(disconnect(&rig).await);
    rig.told(&[Told::Ended { epoch: 2 }]).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_what_is_on_air() {
    let mut rig = Rig::start(LONG, None);
    let until = async |rig: &mut Rig, condition: fn(&Air) -> bool| {
        let reached = tokio::time::timeout(PATIENCE, rig.on_air.wait_for(condition)).await;
        reached.unwrap().unwrap().clone()
    };
    let publisher = rig.publisher().await;
    let air = until(&mut rig, |air| air.broadcaster.is_some() && air.output.is_some()).await;
    assert!(!air.online && air.connected_at.is_some() && air.output.unwrap().specs == specs());
    publisher.sound(20).await;
    until(&mut rig, |air| air.online).await;
    publisher.leave(EndReason::Disconnected).await;
    let away = until(&mut rig, |air| air.broadcaster.is_none()).await;
    assert!(away.online, "a broadcast whose encoder is away is still there");
    rig.publisher().await.leave(EndReason::Unpublished).await;
    let ended = until(&mut rig, |air| !air.online).await;
    assert!(ended.ended_at.is_some() && ended.connected_at.is_none() && ended.output.is_none());
    rig.told(&[Told::Started { epoch: 1, continues: false }, Told::Ended { epoch: 1 }]).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_hold_from_the_next_broadcast_on() {
    let mut rig = Rig::start(LONG, None);
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    rig.told(&[Told::Started { epoch: 1, continues: false }]).await;
    rig.chosen.send_modify(|settings| settings.level = LatencyLevel::Highest);
    publisher.leave(EndReason::Unpublished).await;
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    rig.told(&[Told::Ended { epoch: 1 }, Told::Started { epoch: 2, continues: false }]).await;
    publisher.leave(EndReason::Unpublished).await;
    rig.told(&[Told::Ended { epoch: 2 }]).await;
    assert_eq!(rig.stop().await.unwrap().latency_level, LatencyLevel::Highest as u8);
}

/// The status names the ladder that the broadcast is really made with, before and after a driver broke.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_panics_is_left_out_and_what_is_set_holds_all_the_same() {
    fn open(specs: Vec<VariantSpec>, encoder: EncoderKind) -> LadderConfig {
        assert!(specs.len() < 2, "the driver breaks");
        LadderConfig::new(specs, encoder)
    }
    let mut rig = Rig::with(LONG, None, open);
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    rig.told(&[Told::Started { epoch: 1, continues: false }]).await;
    publisher.leave(EndReason::Unpublished).await;
    rig.told(&[Told::Ended { epoch: 1 }]).await;
    let two = [specs(), specs()].concat();
    rig.chosen.send_modify(|settings| settings.specs.clone_from(&two));
    let publisher = rig.publisher().await;
    publisher.sound(20).await;
    let started = async {
        let mut tick = interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            let started = rig.edge.told().into_iter().find_map(|message| match message {
                ToEdge::Started(it) => Some(it.variants.len()),
                _ => None,
            });
            if let Some(variants) = started {
                return variants;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, started).await.unwrap(), 2);
    assert_eq!(rig.on_air.borrow().output.as_ref().map(|output| output.specs.clone()), Some(two));
    publisher.leave(EndReason::Unpublished).await;
    rig.told(&[Told::Ended { epoch: 2 }]).await;
    rig.stop().await;
}
