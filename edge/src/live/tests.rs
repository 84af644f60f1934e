//! Tests of the live window, without HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::feed::{
    FeedEvent, Format, PartMeta, Presentation, SegmentEnd, SegmentSnapshot, SegmentStart, SegmentState,
    Snapshot, Variant, VariantSnapshot,
};
use farcast_feed::hls::Directives;
use farcast_feed::name::{Epoch, Msn, ObjectName, StreamName, VariantId};
use farcast_feed::time::WallTime;
use farcast_link::receiver::FetchError;
use prometheus::Registry;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{Config, Failure, Fetch, FetchFuture, Input, Live, Metrics, ObjectCache};

const EPOCH: Epoch = Epoch(1);
const V0: VariantId = VariantId(0);
const PART: Duration = Duration::from_millis(500);

/// An origin that answers when it is told to.
#[derive(Default)]
struct Origin {
    asked: AtomicUsize,
    go: Arc<Notify>,
    waits: bool,
    answer: Mutex<Option<Result<Bytes, FetchError>>>,
}

impl Fetch for Arc<Origin> {
    fn fetch(&self, _: StreamName, object: ObjectName) -> FetchFuture {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answer.lock().unwrap().clone().unwrap_or_else(|| Ok(object.to_string().into()));
        let (go, waits) = (Arc::clone(&self.go), self.waits);
        Box::pin(async move {
            if waits {
                go.notified().await;
            }
            answer
        })
    }
}

fn cache(max_bytes: u64) -> ObjectCache {
    ObjectCache::new(max_bytes, &Registry::new()).unwrap()
}

fn live(origin: &Arc<Origin>) -> Arc<Live> {
    let metrics = Metrics::new(&Registry::new()).unwrap();
    Arc::new(Live::new(
        Config::default(),
        cache(512 << 20).of_channel(0),
        Arc::new(Arc::clone(origin)),
        metrics,
    ))
}

fn presentation(epoch: u64, continues: bool) -> Arc<Presentation> {
    Arc::new(Presentation {
        stream: StreamName::live(),
        epoch: Epoch(epoch),
        continues,
        started_at: WallTime(0),
        part_target: PART,
        target_duration_s: 2,
        keyed: true,
        window: Duration::from_secs(16),
        variants: vec![
            Variant { id: V0, name: "Source".to_owned(), nominal_bps: 2_000_000 },
            Variant { id: VariantId(1), name: "480p".to_owned(), nominal_bps: 800_000 },
        ],
    })
}

fn start(msn: u64) -> SegmentStart {
    SegmentStart {
        msn: Msn(msn),
        init: 0,
        program_date_time: WallTime(msn * 2_000_000),
        discontinuity: false,
        discontinuity_sequence: 0,
        independent: true,
    }
}

fn meta(index: u32) -> PartMeta {
    let at = WallTime::now();
    PartMeta { index, duration: PART, independent: index == 0, arrived_at: at, closed_at: at, closes: None }
}

fn part(variant: VariantId, msn: u64, index: u32) -> Input {
    let bytes = Bytes::from(format!("[{variant} {msn}.{index}]"));
    Input::Feed(FeedEvent::Part { epoch: EPOCH, variant, msn: Msn(msn), meta: meta(index), bytes })
}

fn open(variant: VariantId, msn: u64) -> Input {
    Input::Feed(FeedEvent::SegmentOpened { epoch: EPOCH, variant, start: start(msn) })
}

fn end(msn: u64) -> SegmentEnd {
    SegmentEnd { msn: Msn(msn), duration: PART * 4, parts: 4, peak_bps: 1, average_bps: 4 }
}

fn close(variant: VariantId, msn: u64) -> Input {
    Input::Feed(FeedEvent::SegmentClosed { epoch: EPOCH, variant, end: end(msn) })
}

fn format() -> Format {
    Format {
        codecs: "avc1.640028,mp4a.40.2".to_owned(),
        resolution: None,
        frame_rate: None,
        video_range: None,
    }
}

/// A broadcast with segments 0 and 1 complete and part 0 of segment 2, in both variants.
fn playing() -> Vec<Input> {
    let mut inputs = vec![Input::Up, Input::Feed(FeedEvent::Started(presentation(1, false)))];
    for variant in [V0, VariantId(1)] {
        let bytes = Bytes::from_static(b"init");
        inputs.push(Input::Feed(FeedEvent::Init {
            epoch: EPOCH,
            variant,
            number: 0,
            format: format(),
            bytes,
        }));
        for msn in 0..2 {
            inputs.push(open(variant, msn));
            inputs.extend((0..4).map(|index| part(variant, msn, index)));
            inputs.push(close(variant, msn));
        }
        inputs.extend([open(variant, 2), part(variant, 2, 0)]);
    }
    inputs
}

fn name(path: &str) -> ObjectName {
    path.parse().unwrap()
}

fn directives(query: &str) -> Directives {
    Directives::parse(query).unwrap()
}

/// Starts a request and waits until it waits.
async fn blocked<T: Send + 'static>(
    live: &Arc<Live>,
    request: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    let before = live.waiters();
    let task = tokio::spawn(request);
    while live.waiters() == before {
        assert!(!task.is_finished(), "it was to wait");
        tokio::task::yield_now().await;
    }
    task
}

fn media(live: &Arc<Live>, query: &str) -> impl Future<Output = Result<super::Media, Failure>> + use<> {
    let (live, directives) = (Arc::clone(live), directives(query));
    async move { live.media(V0, &directives).await }
}

async fn bytes(live: &Live, path: &str) -> Result<Bytes, Failure> {
    let object = live.object(name(path)).await?;
    Ok(object.into_chunks().into_iter().flatten().collect())
}

#[tokio::test]
async fn before_anything_is_known_the_origin_is_asked_for_and_then_a_broadcast() {
    let live = live(&Arc::default());
    assert!(!live.is_ready());
    assert_eq!(live.multivariant().await.unwrap_err(), Failure::Unavailable);
    assert_eq!(media(&live, "").await.unwrap_err(), Failure::Unavailable);
    live.apply(vec![Input::Up]).await;
    assert!(live.is_ready());
    assert_eq!(live.multivariant().await.unwrap_err(), Failure::NoBroadcast);
    assert_eq!(bytes(&live, "0/1/0.m4s").await.unwrap_err(), Failure::NoBroadcast);
}

#[tokio::test]
async fn many_who_wait_get_one_rendering() {
    let live = live(&Arc::default());
    live.apply(playing()).await;
    let mut tasks = Vec::new();
    for _ in 0..50 {
        tasks.push(blocked(&live, media(&live, "_HLS_msn=2&_HLS_part=1")).await);
    }
    // A part of another variant wakes nobody.
    live.apply(vec![part(VariantId(1), 2, 1)]).await;
    assert_eq!(live.waiters(), 50);
    let rendered = live.metrics.renderings.with_label_values(&["full"]);
    let before = rendered.get();
    live.apply(vec![part(V0, 2, 1)]).await;
    let mut bodies = Vec::new();
    for task in tasks {
        let media = task.await.unwrap().unwrap();
        assert!(media.first);
        bodies.push(media.playlist.identity());
    }
    assert!(bodies.iter().all(|body| body.as_ptr() == bodies[0].as_ptr()), "the body is shared");
    let text = String::from_utf8(bodies[0].to_vec()).unwrap();
    assert!(text.contains("LAST-MSN=2,LAST-PART=1"), "the report is fresh: {text}");
    assert_eq!((rendered.get() - before, live.waiters()), (1, 0));
}

#[tokio::test]
async fn a_report_is_fresh_though_only_the_other_variant_changed() {
    let live = live(&Arc::default());
    live.apply(playing()).await;
    let text = |media: super::Media| String::from_utf8(media.playlist.identity().to_vec()).unwrap();
    assert!(text(media(&live, "").await.unwrap()).contains("LAST-MSN=2,LAST-PART=0"));
    live.apply(vec![part(VariantId(1), 2, 1)]).await;
    assert!(text(media(&live, "").await.unwrap()).contains("LAST-MSN=2,LAST-PART=1"));
}

#[tokio::test]
async fn a_request_that_is_dropped_leaves_no_waiter() {
    let live = live(&Arc::default());
    live.apply(playing()).await;
    let task = blocked(&live, media(&live, "_HLS_msn=2")).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(live.waiters(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_link_serves_what_there_is_and_times_out_what_is_not() {
    let live = live(&Arc::default());
    live.apply(playing()).await;
    live.apply(vec![Input::Down]).await;
    assert!(!live.is_ready());
    let text = media(&live, "").await.unwrap().playlist.identity();
    assert!(!String::from_utf8(text.to_vec()).unwrap().contains("ENDLIST"));
    assert_eq!(bytes(&live, "0/1/2.0.m4s").await.unwrap(), "[0 2.0]");
    let began = tokio::time::Instant::now();
    assert_eq!(media(&live, "_HLS_msn=2").await.unwrap_err(), Failure::TimedOut);
    assert_eq!(bytes(&live, "0/1/2.1.m4s").await.unwrap_err(), Failure::TimedOut);
    assert_eq!(began.elapsed().as_secs(), 12, "three target durations each");
    assert_eq!(live.waiters(), 0);
}

#[tokio::test]
async fn a_blocked_request_is_answered_with_the_end() {
    let live = live(&Arc::default());
    live.apply(playing()).await;
    let task = blocked(&live, media(&live, "_HLS_msn=3&_HLS_part=0&_HLS_skip=YES")).await;
    live.apply(vec![Input::Feed(FeedEvent::Ended { epoch: EPOCH })]).await;
    let text = task.await.unwrap().unwrap().playlist.identity();
    assert!(String::from_utf8(text.to_vec()).unwrap().contains("#EXT-X-ENDLIST"));
}

#[tokio::test]
async fn a_hinted_part_is_held_until_it_comes_and_refused_when_it_will_not() {
    let live = live(&Arc::default());
    live.apply(playing()).await;
    let fetch = |path: &'static str| {
        let live = Arc::clone(&live);
        async move { bytes(&live, path).await }
    };
    let task = blocked(&live, fetch("0/1/2.1.m4s")).await;
    live.apply(vec![part(V0, 2, 1)]).await;
    assert_eq!(task.await.unwrap().unwrap(), "[0 2.1]");
    let task = blocked(&live, fetch("0/1/2.2.m4s")).await;
    let short = SegmentEnd { parts: 2, ..end(2) };
    live.apply(vec![Input::Feed(FeedEvent::SegmentClosed { epoch: EPOCH, variant: V0, end: short })]).await;
    assert_eq!(task.await.unwrap().unwrap_err(), Failure::NotFound);
    let task = blocked(&live, fetch("0/1/3.0.m4s")).await;
    live.apply(vec![open(V0, 3), part(V0, 3, 0)]).await;
    assert_eq!(task.await.unwrap().unwrap(), "[0 3.0]");
    assert_eq!(fetch("0/1/3.2.m4s").await.unwrap_err(), Failure::NotFound, "not hinted at");
}

#[tokio::test]
async fn a_segment_is_its_parts_without_a_copy() {
    let origin = Arc::<Origin>::default();
    let live = live(&origin);
    live.apply(playing()).await;
    let segment = live.object(name("0/1/1.m4s")).await.unwrap().into_chunks();
    let first = live.object(name("0/1/1.0.m4s")).await.unwrap().into_chunks();
    assert_eq!(segment.len(), 4);
    assert_eq!(segment[0].as_ptr(), first[0].as_ptr());
    assert_eq!(bytes(&live, "0/1/init-0.mp4").await.unwrap(), "init");
    assert_eq!(bytes(&live, "0/1/2.m4s").await.unwrap_err(), Failure::NotFound, "it is open");
    assert_eq!(origin.asked.load(Ordering::SeqCst), 0);
}

/// Two complete segments and an open one, of which only metadata is here.
fn told() -> Vec<Input> {
    let segment =
        |msn, state| SegmentSnapshot { start: start(msn), parts: (0..4).map(meta).collect(), state };
    let variant = VariantSnapshot {
        inits: vec![(0, format(), Bytes::from_static(b"init"))],
        segments: vec![
            segment(0, SegmentState::Closed(end(0))),
            segment(1, SegmentState::Closed(end(1))),
            SegmentSnapshot { start: start(2), parts: vec![meta(0)], state: SegmentState::Open },
        ],
    };
    let variants = vec![variant.clone(), variant];
    vec![
        Input::Up,
        Input::Snapshot(Snapshot { presentation: presentation(1, false), variants, ended: false }),
    ]
}

#[tokio::test]
async fn what_a_newcomer_lacks_is_fetched_once_for_all() {
    let origin = Arc::new(Origin { waits: true, ..Origin::default() });
    let live = live(&origin);
    live.apply(told()).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let live = Arc::clone(&live);
            tokio::spawn(async move { bytes(&live, "0/1/1.m4s").await })
        })
        .collect();
    while origin.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    origin.go.notify_one();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), "0/1/1.m4s");
    }
    assert_eq!(bytes(&live, "0/1/1.m4s").await.unwrap(), "0/1/1.m4s");
    assert_eq!(origin.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn bytes_of_a_part_that_a_snapshot_told_of_are_taken() {
    let origin = Arc::<Origin>::default();
    let live = live(&origin);
    live.apply(told()).await;
    live.apply(vec![part(V0, 2, 0)]).await;
    assert_eq!(bytes(&live, "0/1/2.0.m4s").await.unwrap(), "[0 2.0]");
    assert_eq!(live.read().window.as_ref().unwrap().held_bytes(), "[0 2.0]".len());
    assert_eq!(origin.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn only_objects_that_are_known_are_asked_for_and_failures_are_told_apart() {
    let origin = Arc::<Origin>::default();
    let live = live(&origin);
    live.apply(told()).await;
    for unknown in ["0/1/7.m4s", "0/9/1.m4s", "0/1/init-4.mp4", "5/1/1.m4s", "9999/1/1.m4s"] {
        assert_eq!(bytes(&live, unknown).await.unwrap_err(), Failure::NotFound, "{unknown}");
    }
    assert_eq!(origin.asked.load(Ordering::SeqCst), 0);
    for (error, failure) in [
        (FetchError::NotFound, Failure::NotFound),
        (FetchError::LinkDown, Failure::Unavailable),
        (FetchError::Timeout, Failure::Unavailable),
        (FetchError::Busy, Failure::Unavailable),
    ] {
        *origin.answer.lock().unwrap() = Some(Err(error));
        assert_eq!(bytes(&live, "0/1/1.m4s").await.unwrap_err(), failure);
    }
    *origin.answer.lock().unwrap() = None;
    assert_eq!(bytes(&live, "0/1/1.m4s").await.unwrap(), "0/1/1.m4s", "a failure is not kept");
}

/// Two channels have objects of the same names, and one cache.
#[tokio::test]
async fn channels_share_a_cache_and_no_object() {
    let (cache, registry) =
        (cache(512 << 20), farcast_telemetry::metrics::Registry::new("test", "1").unwrap());
    let of = |number: u16, name: &'static str, says: &'static str| {
        let origin =
            Origin { answer: Mutex::new(Some(Ok(Bytes::from_static(says.as_bytes())))), ..Origin::default() };
        let metrics = Metrics::new(&registry.of_stream(name).unwrap()).unwrap();
        let stream = name.to_owned().try_into().unwrap();
        let config = Config { stream, ..Config::default() };
        Live::new(config, cache.of_channel(number), Arc::new(Arc::new(origin)), metrics)
    };
    let (one, other) = (of(0, "live", "one"), of(1, "second", "other"));
    for live in [&one, &other] {
        live.apply(told()).await;
    }
    for _ in 0..2 {
        assert_eq!(bytes(&one, "0/1/1.m4s").await.unwrap(), "one");
        assert_eq!(bytes(&other, "0/1/1.m4s").await.unwrap(), "other");
    }
    assert_eq!(one.cache.settled_count().await, 2, "each was fetched once, and both are held");
    other.apply(vec![Input::Feed(FeedEvent::Ended { epoch: EPOCH }), Input::Down]).await;
    assert!(one.is_ready() && !other.is_ready());
    assert!(registry.render().unwrap().contains("farcast_live_link_up{stream=\"live\"} 1"));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_is_given_up() {
    let origin = Arc::new(Origin { waits: true, ..Origin::default() });
    let live = live(&origin);
    live.apply(told()).await;
    assert_eq!(bytes(&live, "0/1/1.m4s").await.unwrap_err(), Failure::Unavailable);
}

#[tokio::test]
async fn listed_parts_survive_a_cache_that_holds_nothing() {
    let origin =
        Arc::new(Origin { answer: Mutex::new(Some(Err(FetchError::LinkDown))), ..Origin::default() });
    let metrics = Metrics::new(&Registry::new()).unwrap();
    let live = Live::new(Config::default(), cache(0).of_channel(0), Arc::new(Arc::clone(&origin)), metrics);
    live.apply(playing()).await;
    assert_eq!(live.cache.settled_count().await, 0);
    assert_eq!(bytes(&live, "0/1/2.0.m4s").await.unwrap(), "[0 2.0]");
    let mut later = vec![part(V0, 2, 1), part(V0, 2, 2), part(V0, 2, 3), close(V0, 2)];
    for msn in 3..20 {
        later.push(open(V0, msn));
        later.extend((0..4).map(|index| part(V0, msn, index)));
        later.push(close(V0, msn));
    }
    live.apply(later).await;
    let listed = |live: &Live| {
        let state = live.read();
        let segments = state.window.as_ref()?.get(V0)?.listed().map(|segment| segment.listed_parts().len());
        Some(segments.sum::<usize>())
    };
    assert_eq!(
        listed(&live),
        Some(16),
        "four segments of four parts: those that end within three target durations"
    );
    let old = bytes(&live, "0/1/2.0.m4s").await;
    assert_eq!(old.unwrap_err(), Failure::Unavailable, "no longer listed, so the origin is asked");
}

#[tokio::test(start_paused = true)]
async fn the_multivariant_playlist_waits_for_all_variants_and_makes_do_in_the_end() {
    let live = live(&Arc::default());
    let init = |variant| {
        let bytes = Bytes::from_static(b"init");
        Input::Feed(FeedEvent::Init { epoch: EPOCH, variant, number: 0, format: format(), bytes })
    };
    live.apply(vec![Input::Up, Input::Feed(FeedEvent::Started(presentation(1, false)))]).await;
    live.apply(vec![init(V0), open(V0, 0), part(V0, 0, 0)]).await;
    let ask = || {
        let live = Arc::clone(&live);
        async move { live.multivariant().await.map(|p| String::from_utf8(p.identity().to_vec()).unwrap()) }
    };
    let alone = ask().await.unwrap();
    assert!(alone.contains("0/stream.m3u8") && !alone.contains("1/stream.m3u8"), "{alone}");
    let task = blocked(&live, ask()).await;
    live.apply(vec![init(VariantId(1)), open(VariantId(1), 0), part(VariantId(1), 0, 0)]).await;
    assert!(task.await.unwrap().unwrap().contains("1/stream.m3u8"));
}

#[tokio::test]
async fn an_epoch_that_continues_keeps_what_was_and_one_that_does_not_begins_anew() {
    let live = live(&Arc::default());
    live.apply(playing()).await;
    let task = blocked(&live, media(&live, "_HLS_msn=3&_HLS_part=0")).await;
    let init = |epoch| {
        Input::Feed(FeedEvent::Init {
            epoch: Epoch(epoch),
            variant: V0,
            number: 0,
            format: format(),
            bytes: Bytes::from_static(b"second"),
        })
    };
    let segment = |epoch: u64, msn| {
        let start = SegmentStart { discontinuity: true, discontinuity_sequence: epoch - 1, ..start(msn) };
        let bytes = Bytes::from_static(b"new");
        [
            init(epoch),
            Input::Feed(FeedEvent::SegmentOpened { epoch: Epoch(epoch), variant: V0, start }),
            Input::Feed(FeedEvent::Part {
                epoch: Epoch(epoch),
                variant: V0,
                msn: Msn(msn),
                meta: meta(0),
                bytes,
            }),
        ]
    };
    let mut news = vec![Input::Feed(FeedEvent::Started(presentation(2, true)))];
    news.extend(segment(2, 3));
    live.apply(news).await;
    let text = |media: super::Media| String::from_utf8(media.playlist.identity().to_vec()).unwrap();
    let continued = text(task.await.unwrap().unwrap());
    assert!(
        continued.contains("1/2.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"2/init-0.mp4\""),
        "{continued}"
    );
    assert_eq!(bytes(&live, "0/1/init-0.mp4").await.unwrap(), "init");

    let mut news = vec![Input::Feed(FeedEvent::Started(presentation(3, false)))];
    news.extend(segment(3, 9));
    live.apply(news).await;
    let anew = text(media(&live, "").await.unwrap());
    assert!(anew.contains("MEDIA-SEQUENCE:9\n") && !anew.contains("URI=\"2/"), "{anew}");
}

#[tokio::test(start_paused = true)]
async fn an_ended_broadcast_is_forgotten_when_its_playlist_has_played() {
    let live = live(&Arc::default());
    let mut inputs = playing();
    inputs.push(Input::Feed(FeedEvent::Ended { epoch: EPOCH }));
    live.apply(inputs).await;
    assert!(live.multivariant().await.is_ok());
    let expires_at = live.read().expires_at().unwrap();
    let changed = live.state.write().unwrap().expire(expires_at);
    assert!(changed.any);
    assert_eq!(live.multivariant().await.unwrap_err(), Failure::NoBroadcast);
}

#[tokio::test]
async fn the_feed_is_drained_and_its_end_is_a_lost_link() {
    let live = live(&Arc::default());
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    let task = {
        let (live, beat) = (Arc::clone(&live), farcast_telemetry::health::Health::new().beat("live_window"));
        tokio::spawn(
            async move { live.run(receiver, beat, tokio_util::sync::CancellationToken::new()).await },
        )
    };
    for input in playing() {
        sender.send(input).await.unwrap();
    }
    assert!(live.media(V0, &directives("_HLS_msn=0")).await.is_ok() || live.is_ready());
    drop(sender);
    task.await.unwrap();
    assert!(!live.is_ready());
    assert!(live.media(V0, &directives("")).await.is_ok());
}

#[tokio::test]
async fn parts_that_a_newcomer_fetches_are_no_lag_and_late_ones_are() {
    let live = live(&Arc::default());
    live.apply(playing()).await;
    let _ = live.take_lag();
    // The next part, at once; then one that was listed before, closed an hour ago, as an edge fetches it when it joins.
    let at = |input: Input, ago: Duration| match input {
        Input::Feed(FeedEvent::Part { epoch, variant, msn, meta, bytes }) => {
            let closed_at = WallTime(WallTime::now().0 - u64::try_from(ago.as_micros()).unwrap());
            Input::Feed(FeedEvent::Part { epoch, variant, msn, meta: PartMeta { closed_at, ..meta }, bytes })
        }
        other => other,
    };
    let hour = Duration::from_secs(3600);
    live.apply(vec![at(part(V0, 2, 1), Duration::ZERO)]).await;
    live.apply(vec![at(part(V0, 2, 0), hour), at(part(V0, 2, 1), hour)]).await;
    assert!(live.take_lag() < Duration::from_secs(60), "old parts are old by nature");
    live.apply(vec![at(part(V0, 2, 2), hour)]).await;
    assert!(live.take_lag() > Duration::from_secs(3500));
}

#[tokio::test]
async fn what_a_player_needs_is_what_the_lowest_variant_was_measured_to_have() {
    let live = live(&Arc::default());
    assert_eq!(live.ladder(), (Vec::new(), 0));
    live.apply(playing()).await;
    let (variants, needed_bps) = live.ladder();
    assert!(variants.len() > 1 && variants.contains(&V0), "{variants:?}");
    assert_eq!(needed_bps, 3, "by the segments that ended, not by what the ladder expects");
}
