//! Both ends of the link, over QUIC on the loopback, in one process.
//!
//! Several channels share a link and nothing else. A relay is both ends put together: a receiver's events go into a
//! hub, whose sender serves edges further on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::feed::{FeedEvent, Format, PartMeta, Presentation, SegmentEnd, SegmentStart, Variant};
use farcast_feed::hls::Form;
use farcast_feed::name::{Epoch, Msn, ObjectKind, ObjectName, StreamName, VariantId};
use farcast_feed::time::WallTime;
use farcast_feed::window::{Keep, StreamWindow};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::receiver::{Client, ClientConfig, Fetcher, LinkEvent, Metrics};
use crate::sender::Hub;
use crate::sender::tests::Origin;
use crate::{Call, CloseCode, JoinToken, Subscribe};

/// Nothing takes so long.
const LONG: Duration = Duration::from_secs(20);
const EPOCH: Epoch = Epoch(1);
const V0: VariantId = VariantId(0);
const PART: Duration = Duration::from_millis(500);
const PARTS: u32 = 4;

fn second() -> StreamName {
    "second".to_owned().try_into().unwrap()
}

/// A receiver of `live`, and what came to it.
struct Receiver {
    events: mpsc::Receiver<LinkEvent>,
    fetcher: Fetcher,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Receiver {
    /// A connected receiver. Nothing is broadcast yet.
    async fn start(token: JoinToken) -> Self {
        let mut receiver = Self::connect(token);
        while receiver.next().await != LinkEvent::Up {}
        receiver
    }

    fn connect(token: JoinToken) -> Self {
        Self::connect_beside(token, [])
    }

    /// A receiver that follows other streams too.
    fn connect_beside<const N: usize>(
        token: JoinToken,
        others: [(StreamName, mpsc::Sender<LinkEvent>); N],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config =
            ClientConfig { data_dir: folder.path().to_owned(), token: Some(token), name: "test".to_owned() };
        let client = Client::new(config, Metrics::new(&prometheus::Registry::new()).unwrap());
        let (fetcher, stop) = (client.fetcher(), CancellationToken::new());
        let (sink, events) = mpsc::channel(64);
        let task =
            tokio::spawn(client.run([(StreamName::live(), sink)].into_iter().chain(others), stop.clone()));
        Self { events, fetcher, stop, task, _folder: folder }
    }

    async fn next(&mut self) -> LinkEvent {
        tokio::time::timeout(LONG, self.events.recv()).await.expect("something comes").expect("it goes on")
    }

    /// Takes what comes until the broadcast is over: the window of one that serves viewers.
    async fn window(&mut self) -> StreamWindow {
        let mut window: Option<StreamWindow> = None;
        let empty = |presentation: &Arc<_>| StreamWindow::new(Arc::clone(presentation), Keep::Listed);
        loop {
            match self.next().await {
                LinkEvent::Snapshot(snapshot) => {
                    window.get_or_insert_with(|| empty(&snapshot.presentation)).merge(&snapshot);
                }
                LinkEvent::Feed(FeedEvent::Started(presentation)) => window = Some(empty(&presentation)),
                LinkEvent::Feed(event) => {
                    window.as_mut().unwrap().apply(&event);
                }
                LinkEvent::Up | LinkEvent::Down => {}
            }
            if let Some(window) = window.take_if(|window| window.has_ended()) {
                return window;
            }
        }
    }

    async fn stop(self) {
        drop(self.events);
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn bytes(stream: &StreamName, msn: u64, index: u32) -> Bytes {
    Bytes::from(format!("{stream}: part {index} of {msn}").repeat(1000))
}

fn segment(stream: &StreamName, msn: u64) -> Vec<u8> {
    (0..PARTS).flat_map(|index| bytes(stream, msn, index)).collect()
}

fn name(kind: ObjectKind) -> ObjectName {
    ObjectName { epoch: EPOCH, variant: V0, kind }
}

fn presentation(stream: &StreamName) -> Arc<Presentation> {
    let variant = Variant { id: V0, name: "source".to_owned(), nominal_bps: 1_000_000 };
    Arc::new(Presentation {
        stream: stream.clone(),
        epoch: EPOCH,
        continues: false,
        started_at: WallTime(1),
        part_target: PART,
        target_duration_s: 2,
        keyed: true,
        window: Duration::from_secs(60),
        variants: vec![variant],
    })
}

/// A broadcast of one variant and two segments, from its beginning to its end.
fn broadcast(stream: &StreamName) -> Vec<FeedEvent> {
    let format = Format {
        codecs: "avc1.640028,mp4a.40.2".to_owned(),
        resolution: Some((640, 360)),
        frame_rate: Some(30.0),
        video_range: None,
    };
    let init = Bytes::from_static(b"init");
    let mut events = vec![
        FeedEvent::Started(presentation(stream)),
        FeedEvent::Init { epoch: EPOCH, variant: V0, number: 0, format, bytes: init },
    ];
    for msn in 0..2 {
        let begins_at = WallTime(1 + msn * 2_000_000);
        let start = SegmentStart {
            msn: Msn(msn),
            init: 0,
            program_date_time: begins_at,
            discontinuity: false,
            discontinuity_sequence: 0,
            independent: true,
        };
        events.push(FeedEvent::SegmentOpened { epoch: EPOCH, variant: V0, start });
        for index in 0..PARTS {
            let meta = PartMeta {
                index,
                duration: PART,
                independent: index == 0,
                arrived_at: begins_at,
                closed_at: begins_at,
                closes: None,
            };
            let bytes = bytes(stream, msn, index);
            events.push(FeedEvent::Part { epoch: EPOCH, variant: V0, msn: Msn(msn), meta, bytes });
        }
        let end = SegmentEnd {
            msn: Msn(msn),
            duration: PART * PARTS,
            parts: PARTS,
            peak_bps: 1_000_000,
            average_bps: 900_000,
        };
        events.push(FeedEvent::SegmentClosed { epoch: EPOCH, variant: V0, end });
    }
    events.push(FeedEvent::Ended { epoch: EPOCH });
    events
}

/// The playlist of one who has heard of all of it.
fn playlist(events: &[FeedEvent]) -> String {
    let Some(FeedEvent::Started(presentation)) = events.first() else { panic!("no start") };
    let mut window = StreamWindow::new(Arc::clone(presentation), Keep::Listed);
    for event in events {
        window.apply(event);
    }
    window.render_media(V0, Form::Full).unwrap()
}

/// The whole of a relay: what comes from above goes on below, to the end of the broadcast.
fn relay_on(mut upstream: Receiver, hub: Hub) -> JoinHandle<Receiver> {
    tokio::spawn(async move {
        loop {
            match upstream.next().await {
                LinkEvent::Snapshot(snapshot) => hub.merge(&snapshot),
                LinkEvent::Feed(event) => {
                    let is_last = matches!(event, FeedEvent::Ended { .. });
                    hub.publish(event);
                    if is_last {
                        return upstream;
                    }
                }
                LinkEvent::Up | LinkEvent::Down => {}
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_gives_goes_through_a_hub_to_edges_further_on_unchanged() {
    let (origin, relay) = (Origin::start(), Origin::start());
    let upstream = Receiver::start(origin.token()).await;
    let mut edge = Receiver::start(relay.token()).await;
    let relaying = relay_on(upstream, relay.hub.clone());

    let sent = broadcast(&StreamName::live());
    for event in &sent {
        origin.hub.publish(event.clone());
    }
    let mut got = Vec::new();
    while got.len() < sent.len() {
        if let LinkEvent::Feed(event) = edge.next().await {
            got.push(event);
        }
    }
    assert_eq!(got, sent);

    let upstream = relaying.await.unwrap();
    for fetcher in [&upstream.fetcher, &edge.fetcher] {
        let fetch = async |kind| fetcher.fetch(&StreamName::live(), name(kind)).await.unwrap();
        assert_eq!(fetch(ObjectKind::Part(Msn(1), 2)).await, bytes(&StreamName::live(), 1, 2));
        assert_eq!(fetch(ObjectKind::Segment(Msn(1))).await, segment(&StreamName::live(), 1));
        assert_eq!(fetch(ObjectKind::Init(0)).await, "init");
    }
    edge.stop().await;
    upstream.stop().await;
    relay.stop(Vec::new()).await;
    origin.stop(Vec::new()).await;
}

/// The relay comes in the middle of a segment. One edge was there before it, one comes after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_joins_late_gives_on_what_it_was_brought_and_the_rest_of_the_broadcast() {
    let (origin, relay) = (Origin::start(), Origin::start());
    let mut early = Receiver::start(relay.token()).await;
    let sent = broadcast(&StreamName::live());
    let middle = sent.len() - usize::try_from(PARTS).unwrap();
    for event in &sent[..middle] {
        origin.hub.publish(event.clone());
    }
    let relaying = relay_on(Receiver::connect(origin.token()), relay.hub.clone());
    // The newest segments are brought first.
    let brought = [ObjectKind::Part(Msn(1), 1), ObjectKind::Segment(Msn(0))].map(name);
    let is_here = async {
        while brought.iter().any(|name| relay.hub.object(name).is_none()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, is_here).await.expect("the relay is brought up to date");
    let mut late = Receiver::connect(relay.token());
    for event in &sent[middle..] {
        origin.hub.publish(event.clone());
    }

    let want = playlist(&sent);
    assert_eq!(late.window().await.render_media(V0, Form::Full).unwrap(), want);
    // It heard of the relay's broadcast when nothing of it was there yet: of what began later it has all.
    let early_window = early.window().await;
    assert!(early_window.is_settled());
    for edge in [&early, &late] {
        for msn in 0..2 {
            let got =
                edge.fetcher.fetch(&StreamName::live(), name(ObjectKind::Segment(Msn(msn)))).await.unwrap();
            assert_eq!(got, segment(&StreamName::live(), msn));
        }
    }
    early.stop().await;
    late.stop().await;
    relaying.await.unwrap().stop().await;
    relay.stop(Vec::new()).await;
    origin.stop(Vec::new()).await;
}

/// The objects of both have the same names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_channels_share_a_link_and_nothing_else() {
    let origin = Origin::start();
    let (sink, events) = mpsc::channel(64);
    let mut live = Receiver::connect_beside(origin.token(), [(second(), sink)]);
    let (sent, other) = (broadcast(&StreamName::live()), broadcast(&second()));
    for (one, other) in sent.iter().zip(&other) {
        origin.hub.publish(one.clone());
        origin.channels.hub(&second()).unwrap().publish(other.clone());
    }
    assert_eq!(live.window().await.render_media(V0, Form::Full).unwrap(), playlist(&sent));
    let _first = std::mem::replace(&mut live.events, events);
    assert_eq!(live.window().await.render_media(V0, Form::Full).unwrap(), playlist(&other));
    for stream in [StreamName::live(), second()] {
        let got = live.fetcher.fetch(&stream, name(ObjectKind::Segment(Msn(1)))).await.unwrap();
        assert_eq!(got, segment(&stream, 1));
    }
    live.stop().await;
    origin.stop(Vec::new()).await;
}

/// Nobody takes the events of the second channel: the first goes on to its end, over the same link.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_hangs_holds_up_no_other() {
    let origin = Origin::start();
    let (sink, hung) = mpsc::channel(1);
    let mut live = Receiver::connect_beside(origin.token(), [(second(), sink)]);
    for event in broadcast(&second()) {
        origin.channels.hub(&second()).unwrap().publish(event);
    }
    let is_full = async {
        while hung.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, is_full).await.expect("its events come, and are not taken");
    let sent = broadcast(&StreamName::live());
    for event in &sent {
        origin.hub.publish(event.clone());
    }
    assert_eq!(live.window().await.render_media(V0, Form::Full).unwrap(), playlist(&sent));
    assert_eq!(hung.len(), 1, "it still hangs");
    live.stop().await;
    origin.stop(Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_with_a_wrong_subscription_ends() {
    let origin = Origin::start();
    let wish = |number, stream| Subscribe { name: "test".to_owned(), number, stream, have: None };
    let unknown: StreamName = "unknown".to_owned().try_into().unwrap();
    for wrong in [wish(0, second()), wish(1, StreamName::live()), wish(1, unknown)] {
        let edge = origin.edge(|_, _| async {}).await;
        origin.until_edges(1).await;
        let _control = edge.call(&Call::Subscribe(wrong)).await;
        assert_eq!(edge.closed().await, Some(CloseCode::Protocol));
        origin.until_edges(0).await;
        edge.leave().await;
    }
    origin.stop(Vec::new()).await;
}
