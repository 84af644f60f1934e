//! Sources without picture or tone.

use std::time::Duration;

use farcast_loadtests::harness::stage::{Settings, Stage};
use farcast_loadtests::publish::encoder::Content;

use crate::viewers::{FLAWLESS, assert_good, watch};

const START: Duration = Duration::from_secs(30);

async fn watched(content: Content, codec: &str, absent: &str) {
    let stage = Stage::start(Settings::default()).await.unwrap();
    let _encoder = stage.encoder(content).unwrap();
    stage.edge(0).playable(0, 3, START).await.unwrap();
    let multivariant = stage.edge(0).multivariant().await.expect("a multivariant playlist");
    for stream in &multivariant.streams {
        let codecs = stream.codecs.as_deref().unwrap_or_default();
        assert!(codecs.contains(codec) && !codecs.contains(absent), "{codecs}");
    }
    assert_good(&watch(&stage, &[0], 4, 12, FLAWLESS).await.unwrap());
}

#[tokio::test]
async fn a_broadcast_of_a_tone_alone_is_watched() {
    watched(Content::AudioOnly, "mp4a", "avc1").await;
}

#[tokio::test]
async fn a_broadcast_of_a_picture_alone_is_watched() {
    watched(Content::VideoOnly, "avc1", "mp4a").await;
}
