//! A relay is both ends put together: what a receiver gives goes into a hub, whose sender serves edges further on. Three
//! endpoints in one process, over QUIC on the loopback.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::feed::{FeedEvent, Format, PartMeta, Presentation, SegmentEnd, SegmentStart, Variant};
use farcast_feed::name::{Epoch, Msn, ObjectKind, ObjectName, StreamName, VariantId};
use farcast_feed::time::WallTime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::JoinToken;
use crate::receiver::{Client, ClientConfig, Fetcher, LinkEvent, Metrics};
use crate::sender::tests::Origin;

/// Nothing takes so long.
const LONG: Duration = Duration::from_secs(20);
const EPOCH: Epoch = Epoch(1);
const V0: VariantId = VariantId(0);
const PART: Duration = Duration::from_millis(500);
const PARTS: u32 = 4;

/// A receiver and what came to it.
struct Receiver {
    events: mpsc::Receiver<LinkEvent>,
    fetcher: Fetcher,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Receiver {
    async fn start(token: JoinToken) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = ClientConfig {
            data_dir: folder.path().to_owned(),
            token: Some(token),
            name: "test".to_owned(),
            stream: StreamName::live(),
        };
        let client = Client::new(config, Metrics::new(&prometheus::Registry::new()).unwrap());
        let (fetcher, stop) = (client.fetcher(), CancellationToken::new());
        let (sink, events) = mpsc::channel(64);
        let task = tokio::spawn(client.run(sink, stop.clone()));
        let mut receiver = Self { events, fetcher, stop, task, _folder: folder };
        while receiver.next().await != LinkEvent::Up {}
        receiver
    }

    async fn next(&mut self) -> LinkEvent {
        tokio::time::timeout(LONG, self.events.recv()).await.expect("something comes").expect("it goes on")
    }

    async fn stop(self) {
        drop(self.events);
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn bytes(msn: u64, index: u32) -> Bytes {
    Bytes::from(format!("part {index} of {msn}").repeat(1000))
}

/// A broadcast of one variant and two segments, from its beginning to its end.
fn broadcast() -> Vec<FeedEvent> {
    let variant = Variant { id: V0, name: "source".to_owned(), nominal_bps: 1_000_000 };
    let presentation = Presentation {
        stream: StreamName::live(),
        epoch: EPOCH,
        continues: false,
        started_at: WallTime(1),
        part_target: PART,
        target_duration_s: 2,
        keyed: true,
        window: Duration::from_secs(60),
        variants: vec![variant],
    };
    let format = Format {
        codecs: "avc1.640028,mp4a.40.2".to_owned(),
        resolution: Some((640, 360)),
        frame_rate: Some(30.0),
        video_range: None,
    };
    let init = Bytes::from_static(b"init");
    let mut events = vec![
        FeedEvent::Started(Arc::new(presentation)),
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
            let bytes = bytes(msn, index);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_gives_goes_through_a_hub_to_edges_further_on_unchanged() {
    let (origin, relay) = (Origin::start(), Origin::start());
    let mut upstream = Receiver::start(origin.token()).await;
    let mut edge = Receiver::start(relay.token()).await;
    let hub = relay.hub.clone();
    let relaying = tokio::spawn(async move {
        loop {
            if let LinkEvent::Feed(event) = upstream.next().await {
                let is_last = matches!(event, FeedEvent::Ended { .. });
                hub.publish(event);
                if is_last {
                    return upstream;
                }
            }
        }
    });

    let sent = broadcast();
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
    let object = |kind| ObjectName { epoch: EPOCH, variant: V0, kind };
    let whole: Vec<u8> = (0..PARTS).flat_map(|index| bytes(1, index)).collect();
    for fetcher in [&upstream.fetcher, &edge.fetcher] {
        let fetch = async |kind| fetcher.fetch(&StreamName::live(), object(kind)).await.unwrap();
        assert_eq!(fetch(ObjectKind::Part(Msn(1), 2)).await, bytes(1, 2));
        assert_eq!(fetch(ObjectKind::Segment(Msn(1))).await, whole);
        assert_eq!(fetch(ObjectKind::Init(0)).await, "init");
    }
    edge.stop().await;
    upstream.stop().await;
    relay.stop(Vec::new()).await;
    origin.stop(Vec::new()).await;
}
