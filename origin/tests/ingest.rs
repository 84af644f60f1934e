//! The ingest server against real encoders: FFmpeg, GStreamer, and `rml_rtmp`'s client.
//!
//! HEVC and AV1 by Enhanced RTMP need an FFmpeg of version 6 or later; its path is taken from
//! `FARCAST_ENHANCED_FFMPEG`, and without it those tests say loudly that they did not run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

#[path = "ingest/address.rs"]
mod address;
#[path = "ingest/encoder.rs"]
mod encoder;
#[path = "ingest/origin.rs"]
mod origin;
#[path = "ingest/raw.rs"]
mod raw;
#[path = "ingest/warning.rs"]
mod warning;

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_feed::time::{MediaTime, WallTime};
use farcast_origin::ingest::EndReason;
use farcast_origin::ingest::repair::{Repair, Timeline};
use farcast_origin::ingest::rtmp::amf0::Value;
use farcast_origin::ingest::rtmp::chunk;
use farcast_origin::ingest::rtmp::server::Config;
use farcast_origin::media::{MediaEvent, Track, VideoCodec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use encoder::{H264, ffmpeg, ffmpeg_h264, ffmpeg_live, kill_hard, outcome, signal, spawn};
use origin::{KEY, Origin, PATIENCE, SECOND_KEY, Seen, watch, watch_to_end};
use raw::Raw;

/// Checks frames of a two-second broadcast with 25 pictures per second and a 48 kHz tone.
fn check_two_seconds(seen: &Seen) {
    let repairs = check_frames(seen);
    assert!(repairs.is_empty(), "a clean source needs no repair: {repairs:?}");
}

/// The same, but for what the timeline had to repair.
fn check_frames(seen: &Seen) -> Vec<Repair> {
    let video = seen.video.as_ref().expect("no video configuration");
    assert_eq!((video.width, video.height), (320, 240));
    let audio = seen.audio.as_ref().expect("no audio configuration");
    assert_eq!((audio.sample_rate_hz, audio.frame_samples), (48_000, 1024));
    assert_eq!(seen.of(Track::Video).count(), 50);
    let audio_frames = seen.of(Track::Audio).count();
    assert!((93..=97).contains(&audio_frames), "{audio_frames} audio frames");
    assert!(seen.of(Track::Video).next().unwrap().key);
    let mut timeline = Timeline::new();
    let (mut kept, mut repairs) = (0, Vec::new());
    for frame in &seen.frames {
        assert!(frame.arrived_at > WallTime(0) && frame.mark.is_none());
        let outcome = timeline.push(MediaEvent::Frame(frame.clone()), Instant::now());
        kept += outcome.events.len();
        repairs.extend(outcome.repairs);
    }
    assert_eq!(kept, seen.frames.len());
    assert!(timeline.head() > MediaTime::from_millis(1900) && timeline.head() < MediaTime::from_millis(2100));
    repairs
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_publishes_h264_and_aac_and_leaves_in_good_order() {
    let mut origin = Origin::start().await;
    let child = ffmpeg_h264(&origin.url(&format!("live/{KEY}")));
    let mut publisher = origin.publisher().await;
    assert!(publisher.info.remote.ip().is_loopback() && !publisher.info.secure);
    assert_eq!(publisher.info.application, "live");
    let seen = watch_to_end(&mut publisher).await;
    let (success, errors) = outcome(child).await;
    assert!(success && !errors.contains("rror"), "{errors}");
    check_two_seconds(&seen);
    let video = seen.video.as_ref().unwrap();
    assert_eq!((video.codec, video.frame_rate_milli), (VideoCodec::Avc, Some(25_000)));
    assert!(seen.of(Track::Video).any(|frame| frame.pts > frame.dts), "there are B-frames");
    assert_eq!(seen.end, Some(EndReason::Unpublished));
    assert!(seen.metadata_encoder.is_some_and(|encoder| encoder.starts_with("Lavf")));
    assert_eq!(origin.count("farcast_ingest_frames_total", "video"), 50.0);
    assert_eq!(origin.count("farcast_ingest_connections_total", "unpublished"), 1.0);
    origin.stop().await;
}

/// GStreamer publishes two seconds by `sink`; returns what came of it.
async fn gstreamer(sink: &str) -> Seen {
    let mut origin = Origin::start().await;
    let location = format!("location={}", origin.url(&format!("live/{KEY}")));
    let pipeline = "-q flvmux name=mux streamable=true ! SINK LOCATION \
        videotestsrc num-buffers=50 ! video/x-raw,width=320,height=240,framerate=25/1 ! \
        x264enc tune=zerolatency key-int-max=25 ! h264parse ! mux. \
        audiotestsrc num-buffers=94 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! AACENC ! \
        aacparse ! mux.";
    let encoder = if has_element("avenc_aac").await { "avenc_aac" } else { "voaacenc" };
    let pipeline = pipeline.replace("LOCATION", &location).replace("AACENC", encoder).replace("SINK", sink);
    let child = spawn("gst-launch-1.0", &pipeline.split_whitespace().collect::<Vec<_>>());
    let mut publisher = origin.publisher().await;
    let seen = watch_to_end(&mut publisher).await;
    let (success, errors) = outcome(child).await;
    assert!(success, "{errors}");
    origin.stop().await;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn gstreamer_publishes_and_leaves_in_good_order() {
    let seen = gstreamer("rtmp2sink").await;
    check_two_seconds(&seen);
    assert_eq!(seen.end, Some(EndReason::Unpublished));
}

#[tokio::test(flavor = "multi_thread")]
async fn librtmp_from_which_obs_has_its_own_publishes() {
    if !has_element("rtmpsink").await {
        eprintln!("SKIPPED: GStreamer has no rtmpsink here, which would test librtmp");
        return;
    }
    let seen = gstreamer("rtmpsink").await;
    check_two_seconds(&seen);
    assert_eq!(seen.end, Some(EndReason::Unpublished));
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_goes_on_over_the_extended_timestamp_and_the_rollover() {
    // 2^24 milliseconds, where the extended timestamp begins, and 2^31, where FFmpeg wraps, less a second.
    for (offset, rollovers) in [("16776.216", 0), ("2147482.648", 2)] {
        let mut origin = Origin::start().await;
        let codecs = [&H264[..], &["-t", "2", "-output_ts_offset", offset]].concat();
        let child = ffmpeg("ffmpeg", &origin.url(&format!("live/{KEY}")), &[], &codecs);
        let mut publisher = origin.publisher().await;
        let seen = watch_to_end(&mut publisher).await;
        assert!(outcome(child).await.0);
        let repairs = check_frames(&seen);
        assert!(repairs.iter().all(|repair| *repair == Repair::Rollover), "{repairs:?}");
        assert_eq!(repairs.len(), rollovers, "one in each track");
        origin.stop().await;
    }
}

async fn has_element(name: &str) -> bool {
    let status =
        Command::new("gst-inspect-1.0").arg(name).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.await.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_gets_a_status_and_no_publisher() {
    let mut origin = Origin::start().await;
    let (success, errors) = outcome(ffmpeg_h264(&origin.url("live/two-three"))).await;
    assert!(!success);
    assert!(errors.contains("the stream key is wrong"), "FFmpeg shows the description: {errors}");
    let (success, errors) = outcome(ffmpeg_h264(&origin.url(&format!("app/{KEY}")))).await;
    assert!(!success);
    assert!(errors.contains("must end in /live"), "FFmpeg shows the description: {errors}");
    assert!(origin.publishers.try_recv().is_err());
    assert_eq!(origin.count("farcast_ingest_refused_total", "wrong_key"), 1.0);
    assert_eq!(origin.count("farcast_ingest_refused_total", "application"), 1.0);
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_may_be_in_the_server_address() {
    let mut origin = Origin::start().await;
    let url = origin.url(&format!("live/{KEY}"));
    let codecs = [&H264[..], &["-t", "1", "-rtmp_app", "live/one/two-three", "-rtmp_playpath", ""]].concat();
    let _child = ffmpeg("ffmpeg", &url, &[], &codecs);
    let mut publisher = origin.publisher().await;
    let seen = watch(&mut publisher, |seen| !seen.frames.is_empty()).await;
    assert!(seen.end.is_none());
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_is_killed_is_disconnected_and_the_next_is_let_in() {
    let mut origin = Origin::start().await;
    let url = origin.url(&format!("live/{KEY}"));
    let child = ffmpeg_live(&url);
    let mut publisher = origin.publisher().await;
    watch(&mut publisher, |seen| seen.frames.len() > 10).await;
    kill_hard(&child);
    assert_eq!(watch_to_end(&mut publisher).await.end, Some(EndReason::Disconnected));
    let _child = ffmpeg_live(&url);
    let mut publisher = origin.publisher().await;
    assert!(watch(&mut publisher, |seen| seen.frames.len() > 10).await.end.is_none());
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_publisher_is_refused_and_the_first_goes_on() {
    let mut origin = Origin::start().await;
    let url = origin.url(&format!("live/{KEY}"));
    let _child = ffmpeg_live(&url);
    let mut publisher = origin.publisher().await;
    watch(&mut publisher, |seen| seen.frames.len() > 5).await;
    // The first one's frames must be taken meanwhile, as a broadcast does.
    let first = tokio::spawn(async move { watch_to_end(&mut publisher).await });
    let (success, errors) = outcome(ffmpeg_h264(&url)).await;
    assert!(!success);
    assert!(errors.contains("another broadcast is live"), "{errors}");
    assert!(!first.is_finished());
    assert_eq!(origin.count("farcast_ingest_refused_total", "busy"), 1.0);
    origin.stop().await;
    assert_eq!(timeout(PATIENCE, first).await.unwrap().unwrap().end, Some(EndReason::Closed));
}

/// Each stream has a key, a publisher and an owner of its own.
#[tokio::test(flavor = "multi_thread")]
async fn two_streams_have_a_publisher_each_and_no_shared_fate() {
    let mut origin = Origin::start().await;
    let one = ffmpeg_live(&origin.url(&format!("live/{KEY}")));
    let other = ffmpeg_live(&origin.url(&format!("live/{SECOND_KEY}")));
    let (mut first, mut second) = (origin.publisher().await, origin.second_publisher().await);
    let (one_seen, other_seen) = tokio::join!(
        watch(&mut first, |seen| seen.frames.len() > 20),
        watch(&mut second, |seen| seen.frames.len() > 20),
    );
    assert!(one_seen.end.is_none() && other_seen.end.is_none());
    // Nobody takes the frames of the first any more, and its encoder is killed.
    kill_hard(&one);
    let seen = watch(&mut second, |seen| seen.frames.len() > 50).await;
    assert!(seen.end.is_none());
    assert_eq!(watch_to_end(&mut first).await.end, Some(EndReason::Disconnected));
    kill_hard(&other);
    assert_eq!(watch_to_end(&mut second).await.end, Some(EndReason::Disconnected));
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_encoder_takes_over_from_a_dead_connection() {
    let mut origin = Origin::start().await;
    let url = origin.url(&format!("live/{KEY}"));
    let dead = ffmpeg_live(&url);
    let mut first = origin.publisher().await;
    watch(&mut first, |seen| seen.frames.len() > 5).await;
    // Stopped, not killed: its connection stays open and silent, as when a network goes away.
    signal(&dead, "-STOP");
    // An encoder tries until it is let in.
    let mut second = None;
    let started = Instant::now();
    while second.is_none() {
        assert!(started.elapsed() < PATIENCE, "no takeover");
        let mut child = ffmpeg_live(&url);
        tokio::select! {
            publisher = origin.publishers.recv() => second = publisher.map(|publisher| (publisher, child)),
            status = child.wait() => assert!(!status.unwrap().success(), "refused, or let in"),
        }
    }
    assert_eq!(watch_to_end(&mut first).await.end, Some(EndReason::TakenOver));
    let (mut publisher, _child) = second.unwrap();
    assert!(watch(&mut publisher, |seen| seen.frames.len() > 10).await.end.is_none());
    signal(&dead, "-KILL");
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_can_close_a_publisher() {
    let mut origin = Origin::start().await;
    let _child = ffmpeg_live(&origin.url(&format!("live/{KEY}")));
    let mut publisher = origin.publisher().await;
    watch(&mut publisher, |seen| !seen.frames.is_empty()).await;
    publisher.close.cancel();
    assert_eq!(watch_to_end(&mut publisher).await.end, Some(EndReason::Closed));
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_takes_nothing_ends_the_session_and_still_learns_why() {
    let config = Config { queue_events: 4, ..Config::default() };
    let mut origin = Origin::start_with(config, None).await;
    let _child = ffmpeg_live(&origin.url(&format!("live/{KEY}")));
    let mut publisher = origin.publisher().await;
    let closed = async {
        while origin.count("farcast_ingest_connections_total", "closed") < 1.0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, closed).await.expect("the session does not end");
    assert_eq!(watch_to_end(&mut publisher).await.end, Some(EndReason::Closed));
    origin.stop().await;
}

const MP3: [&str; 10] =
    ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "libmp3lame", "-ar", "44100"];

#[tokio::test(flavor = "multi_thread")]
async fn a_track_that_is_not_taken_is_complained_of_and_the_other_goes_on() {
    let mut origin = Origin::start().await;
    let url = origin.url(&format!("live/{KEY}"));
    let child = ffmpeg("ffmpeg", &url, &["-re"], &[&MP3[..], &["-t", "3"]].concat());
    let mut publisher = origin.publisher().await;
    let seen = watch_to_end(&mut publisher).await;
    assert_eq!((seen.end.as_ref(), seen.audio.is_some()), (Some(&EndReason::Unpublished), false));
    assert!(seen.of(Track::Video).count() > 50);
    assert_eq!(origin.count("farcast_ingest_unusable_tracks_total", "audio"), 1.0);
    assert!(outcome(child).await.0, "FFmpeg bears the warning");
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mp3_alone_is_refused_with_a_text_that_says_what_to_set() {
    let mut origin = Origin::start().await;
    let url = origin.url(&format!("live/{KEY}"));
    let child =
        ffmpeg("ffmpeg", &url, &["-re"], &[&MP3[..], &["-vn", "-af", "arealtime", "-t", "30"]].concat());
    let mut publisher = origin.publisher().await;
    let seen = watch_to_end(&mut publisher).await;
    let Some(EndReason::Unsupported(text)) = seen.end else { panic!("{:?}", seen.end) };
    assert!(text.contains("MP3") && text.contains("AAC") && text.contains("OBS"), "{text}");
    assert!(!outcome(child).await.0);
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_that_says_nothing_or_nonsense_is_dropped_and_limits_hold() {
    let config = Config { max_pending: 2, kept_pending: 1, ..Config::default() };
    let origin = Origin::start_with(config, None).await;
    let mut first = TcpStream::connect(origin.address).await.unwrap();
    let mut silent = TcpStream::connect(origin.address).await.unwrap();
    let mut nonsense = TcpStream::connect(origin.address).await.unwrap();
    let mut buffer = [0; 8];
    // The oldest of the network gives way to the newest.
    let read = timeout(PATIENCE, first.read(&mut buffer)).await.expect("the limit does not hold");
    assert!(matches!(read, Ok(0) | Err(_)));
    nonsense.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let read = timeout(PATIENCE, nonsense.read_to_end(&mut Vec::new())).await;
    assert!(read.is_ok(), "nonsense is not dropped");
    let read = timeout(PATIENCE, silent.read(&mut buffer)).await.expect("silence is not dropped");
    assert!(matches!(read, Ok(0) | Err(_)));
    for reason in ["evicted", "protocol", "timeout"] {
        assert_eq!(origin.count("farcast_ingest_refused_total", reason), 1.0, "{reason}");
    }
    origin.stop().await;
}

/// Strangers of four addresses hold as many connections as they get, each handshake half done.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_hold_connections_keep_no_publisher_out() {
    let mut origin = Origin::start().await;
    let address = origin.address;
    let mut strangers = tokio::task::JoinSet::new();
    for number in 0..300_u16 {
        strangers.spawn(async move {
            loop {
                let socket = tokio::net::TcpSocket::new_v4().unwrap();
                socket.bind(([127, 0, 9, number.to_be_bytes()[1] % 4 + 1], 0).into()).unwrap();
                let Ok(mut stream) = socket.connect(address).await else { continue };
                let _ = stream.write_all(&[3; 700]).await;
                let mut buffer = [0; 4096];
                while let Ok(1..) = stream.read(&mut buffer).await {}
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    let full = async {
        while origin.count("farcast_ingest_refused_total", "evicted") < 500.0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, full).await.expect("nobody gives way");
    for round in 0..10 {
        let client = timeout(Duration::from_secs(10), Raw::publish(address, &[])).await;
        assert!(client.is_ok(), "round {round}");
        let mut publisher = origin.publisher().await;
        drop(client);
        watch_to_end(&mut publisher).await;
    }
    strangers.shutdown().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rtmps_is_the_same_behind_tls() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let mut origin = Origin::start_with(Config::default(), Some(TlsAcceptor::from(Arc::new(config)))).await;
    let url = origin.url(&format!("live/{KEY}")).replace("rtmp://", "rtmps://");
    let child = ffmpeg_h264(&url);
    let mut publisher = origin.publisher().await;
    assert!(publisher.info.secure);
    let seen = watch_to_end(&mut publisher).await;
    let (success, errors) = outcome(child).await;
    assert!(success, "{errors}");
    check_two_seconds(&seen);
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_can_is_asked_to_reconnect_at_shutdown_and_may_go_on_until_it_does() {
    let mut origin = Origin::start().await;
    let mut client = Raw::publish(origin.address, &[("capsEx", Value::Number(1.0))]).await;
    let mut publisher = origin.publisher().await;
    origin.shutdown.cancel();
    client.await_code("NetConnection.Connect.ReconnectRequest").await;
    client.send(chunk::kind::AUDIO, vec![0xaf, 0, 0x11, 0x90]).await.unwrap();
    assert!(watch(&mut publisher, |seen| seen.audio.is_some()).await.end.is_none());
    drop(client);
    assert_eq!(watch_to_end(&mut publisher).await.end, Some(EndReason::Disconnected));
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_reconnect_is_closed_at_shutdown() {
    let mut origin = Origin::start().await;
    let _client = Raw::publish(origin.address, &[]).await;
    let mut publisher = origin.publisher().await;
    origin.shutdown.cancel();
    assert_eq!(watch_to_end(&mut publisher).await.end, Some(EndReason::Closed));
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_above_the_bit_rate_limit_is_ended() {
    let config = Config { max_bit_rate_bps: 100_000, ..Config::default() };
    let mut origin = Origin::start_with(config, None).await;
    let mut client = Raw::publish(origin.address, &[]).await;
    let mut publisher = origin.publisher().await;
    // Five seconds of the limit, which are allowed at once, and as much again.
    for _ in 0..32 {
        if client.send(chunk::kind::VIDEO, vec![0x57; 4000]).await.is_err() {
            break;
        }
    }
    let seen = watch_to_end(&mut publisher).await;
    assert!(
        matches!(&seen.end, Some(EndReason::Protocol(text)) if text.contains("bit rate")),
        "{:?}",
        seen.end
    );
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_chunks_end_the_session_with_what_was_wrong() {
    let mut origin = Origin::start().await;
    let mut client = Raw::publish(origin.address, &[]).await;
    let mut publisher = origin.publisher().await;
    client.stream.write_all(&[0xc9, 1, 2, 3]).await.unwrap();
    let seen = watch_to_end(&mut publisher).await;
    assert!(
        matches!(&seen.end, Some(EndReason::Protocol(text)) if text.contains("chunk stream 9")),
        "{:?}",
        seen.end
    );
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_given_up_after_its_deadline() {
    let mut origin = Origin::start().await;
    let _client = Raw::publish(origin.address, &[]).await;
    let mut publisher = origin.publisher().await;
    assert_eq!(watch_to_end(&mut publisher).await.end, Some(EndReason::Silence));
    origin.stop().await;
}

/// Runs [`a_server_without_file_descriptors`] in a process that may have only a few.
#[tokio::test(flavor = "multi_thread")]
async fn accepting_goes_on_after_the_file_descriptors_ran_out() {
    let test = std::env::current_exe().unwrap();
    let run = r#"ulimit -n 64 && exec "$0" --ignored --exact a_server_without_file_descriptors"#;
    let (success, errors) = outcome(spawn("sh", &["-c", run, test.to_str().unwrap()])).await;
    assert!(success, "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as a part of another test"]
async fn a_server_without_file_descriptors() {
    let many = Config { max_connections: 200, max_pending: 200, ..Config::default() };
    let mut origin = Origin::start_with(many, None).await;
    // The last file descriptor goes to a connection's own end, so that none is left to accept it.
    let last = std::fs::File::open("/dev/null").unwrap();
    let mut strangers = Vec::new();
    while let Ok(stream) = TcpStream::connect(origin.address).await {
        strangers.push(stream);
    }
    drop(last);
    let failed = async {
        while origin.count("farcast_accept_errors_total", "own") < 1.0 {
            // Again, since an accept that finds nobody holds a descriptor for a moment, and this one may find none.
            strangers.extend(TcpStream::connect(origin.address).await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, failed).await.expect("no accept fails");
    // Every connection that was accepted goes; those that were not are accepted now, and go as well.
    drop(strangers);
    let _client = Raw::publish(origin.address, &[]).await;
    origin.publisher().await;
    origin.stop().await;
}

fn enhanced_ffmpeg() -> Option<String> {
    let path = std::env::var("FARCAST_ENHANCED_FFMPEG").ok().filter(|path| !path.is_empty());
    if path.is_none() {
        eprintln!(
            "SKIPPED: set FARCAST_ENHANCED_FFMPEG to an FFmpeg of version 6 or later to test Enhanced RTMP"
        );
    }
    path
}

async fn enhanced(codecs: &[&str], codec: VideoCodec) {
    let Some(program) = enhanced_ffmpeg() else { return };
    let mut origin = Origin::start().await;
    let url = origin.url(&format!("live/{KEY}"));
    let codecs = [codecs, &["-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac", "-t", "2"]].concat();
    let child = ffmpeg(&program, &url, &[], &codecs);
    let mut publisher = origin.publisher().await;
    let seen = watch_to_end(&mut publisher).await;
    let (success, errors) = outcome(child).await;
    assert!(success, "{errors}");
    check_two_seconds(&seen);
    let video = seen.video.as_ref().unwrap();
    assert_eq!((video.codec, video.frame_rate_milli), (codec, Some(25_000)));
    assert_eq!(seen.of(Track::Video).filter(|frame| frame.key).count(), 2);
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hevc_by_enhanced_rtmp() {
    enhanced(
        &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:scenecut=0"],
        VideoCodec::Hevc,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn av1_by_enhanced_rtmp() {
    enhanced(&["-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "scd=0"], VideoCodec::Av1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vp9_by_enhanced_rtmp_is_named_as_not_taken() {
    let Some(program) = enhanced_ffmpeg() else { return };
    let mut origin = Origin::start().await;
    let url = origin.url(&format!("live/{KEY}"));
    let _child =
        ffmpeg(&program, &url, &["-re"], &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-an", "-t", "30"]);
    let mut publisher = origin.publisher().await;
    let seen = watch_to_end(&mut publisher).await;
    assert!(
        matches!(&seen.end, Some(EndReason::Unsupported(text)) if text.contains("VP9")),
        "{:?}",
        seen.end
    );
    origin.stop().await;
}
