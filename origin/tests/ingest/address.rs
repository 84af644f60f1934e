//! Addresses as people paste them, cut and sent by real encoders.

use crate::encoder::{H264, ffmpeg, outcome, spawn};
use crate::origin::{KEY, Origin, watch_to_end};

/// Half a second.
fn short() -> Vec<&'static str> {
    [&H264[..], &["-t", "0.5"]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_publishes_to_an_address_with_whatever_was_pasted_around_the_key() {
    let mut origin = Origin::start().await;
    for path in [
        "live/KEY?priority=2",
        "live/KEY/?a=1&b=2#c",
        "live//KEY/",
        "live?token=x/KEY",
        "live/?token=x/KEY?priority=2",
        "live/KEY?url=http://x/y",
        "live/live/KEY",
        "live/one%2Ftwo-three",
        "live/\"KEY\"",
        "live/rtmp://host:1935/live/KEY",
    ] {
        let url = origin.url(&path.replace("KEY", KEY));
        // Said where no publisher comes.
        eprintln!("{path}");
        let child = outcome(ffmpeg("ffmpeg", &url, &[], &short()));
        let taken = async { watch_to_end(&mut origin.publisher().await).await };
        let (seen, (success, errors)) = tokio::join!(taken, child);
        assert!(success, "{path}: {errors}");
        assert!(!seen.frames.is_empty() && seen.metadata_encoder.is_some(), "{path}");
    }
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gstreamer_publishes_to_an_address_with_a_query() {
    let mut origin = Origin::start().await;
    let location = format!("location={}", origin.url(&format!("live/{KEY}?priority=2")));
    let pipeline = "-q videotestsrc num-buffers=20 ! video/x-raw,width=320,height=240 ! x264enc ! h264parse ! \
        flvmux streamable=true ! rtmp2sink LOCATION";
    let pipeline = pipeline.replace("LOCATION", &location);
    let child = spawn("gst-launch-1.0", &pipeline.split_whitespace().collect::<Vec<_>>());
    let mut publisher = origin.publisher().await;
    assert!(!watch_to_end(&mut publisher).await.frames.is_empty());
    let (success, errors) = outcome(child).await;
    assert!(success, "{errors}");
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_with_the_right_one_in_its_query_is_wrong() {
    let mut origin = Origin::start().await;
    for path in ["live/wrong?KEY", "live/wrong#KEY", "live?KEY/wrong", "live/wrong/KEY", "live/KEY/wrong"] {
        let url = origin.url(&path.replace("KEY", KEY));
        let (success, errors) = outcome(ffmpeg("ffmpeg", &url, &[], &short())).await;
        assert!(!success && errors.contains("the stream key is wrong"), "{path}: {errors}");
    }
    assert!(origin.publishers.try_recv().is_err());
    assert_eq!(origin.count("farcast_ingest_refused_total", "wrong_key"), 5.0, "one for each address");
    origin.stop().await;
}
