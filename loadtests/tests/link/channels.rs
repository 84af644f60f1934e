//! Two channels from two publishers' hubs over one link to two live windows.

use std::sync::Arc;

use farcast_edge::channel::{Channel, channels};
use farcast_edge::live::{Failure, Fetch, ObjectCache};
use farcast_feed::feed::FeedEvent;
use farcast_feed::hls::Directives;
use farcast_feed::name::{Epoch, VariantId};
use farcast_link::receiver::{Client, ClientConfig, Metrics};
use farcast_link::sender::Hub;
use farcast_telemetry::metrics::Registry;
use tokio_util::sync::CancellationToken;

use crate::rig::{Broadcast, DEADLINE, Origin};

/// Their epochs, segments and parts have the same numbers; their bytes are not the same.
const ONE: Broadcast = Broadcast { epoch: 1, part_bytes: [4000, 400] };
const OTHER: Broadcast = Broadcast { epoch: 1, part_bytes: [5000, 500] };

/// The playlist of the first variant, as soon as the channel's broadcast is known and the directives are met.
async fn playlist(channel: &Channel, query: &str) -> String {
    let directives = Directives::parse(query).unwrap();
    let answered = async {
        loop {
            match channel.live.media(VariantId(0), &directives).await {
                Ok(media) => return media.playlist.identity(),
                Err(Failure::Unavailable | Failure::NoBroadcast) => tokio::task::yield_now().await,
                Err(failure) => panic!("{failure}"),
            }
        }
    };
    let text = tokio::time::timeout(DEADLINE, answered).await.expect("it is answered");
    String::from_utf8(text.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_publishers_have_a_playlist_each_and_no_shared_fate() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin = Origin::start(dirs[0].path()).await;
    let hubs: [Hub; 2] = ["live", "second"].map(|name| origin.hub_of(name));
    let registry = Registry::new("test", "1").unwrap();
    let config = ClientConfig {
        data_dir: dirs[1].path().to_owned(),
        token: Some(origin.token()),
        name: "edge".to_owned(),
    };
    let client = Client::new(config, Metrics::new(registry.inner()).unwrap());
    let fetch: Arc<dyn Fetch> = Arc::new(client.fetcher());
    let cache = ObjectCache::new(64 << 20, registry.inner()).unwrap();
    let streams = hubs.each_ref().map(|hub| hub.stream().clone());
    let (mut channels, sinks) = channels(streams, &cache, &fetch, &registry, None).unwrap();
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(client.run(sinks, stop.clone()));
    for channel in &mut channels {
        let (live, stop) = (Arc::clone(&channel.live), stop.clone());
        let events = std::mem::replace(&mut channel.events, tokio::sync::mpsc::channel(1).1);
        let beat = farcast_telemetry::health::Health::new().beat("live_window");
        tasks.spawn(async move { live.run(events, beat, stop).await });
    }

    for (hub, broadcast) in hubs.iter().zip([ONE, OTHER]) {
        broadcast.start(hub, false);
        broadcast.segments(hub, 0..3);
    }
    for (channel, broadcast) in channels.iter().zip([ONE, OTHER]) {
        let text = playlist(channel, "_HLS_msn=2&_HLS_part=3").await;
        assert!(text.contains("1/2.3.m4s"), "{text}");
        let part = channel.live.object("0/1/2.3.m4s".parse().unwrap()).await.unwrap();
        let bytes: Vec<u8> = part.into_chunks().into_iter().flatten().collect();
        assert_eq!(bytes, broadcast.bytes(0, 2, 3), "{}", channel.stream);
    }

    // One ends; the other goes on.
    hubs[1].publish(FeedEvent::Ended { epoch: Epoch(1) });
    ONE.segments(&hubs[0], 3..5);
    let text = playlist(&channels[0], "_HLS_msn=4&_HLS_part=3").await;
    assert!(text.contains("1/4.3.m4s") && !text.contains("ENDLIST"), "{text}");
    let text = playlist(&channels[1], "_HLS_msn=3").await;
    assert!(text.contains("ENDLIST") && !text.contains("1/3.m4s"), "{text}");

    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    origin.stop().await;
}
