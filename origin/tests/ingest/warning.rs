//! Whether encoders bear a warning. Here a session alone serves them, so that it can warn whenever the test likes.

use std::time::Instant;

use farcast_origin::ingest::rtmp::session::{Event, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::time::timeout;

use crate::encoder::{H264, ffmpeg, outcome, spawn};
use crate::origin::PATIENCE;

const TEXT: &str = "audio without sequence header";

/// Warns with the tenth picture, as a server does once it has seen what is missing, and again later. Counts pictures up to the end; says whether that came in good order.
async fn serve(listener: TcpListener) -> (usize, bool) {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut session = Session::new(Instant::now());
    let (mut pictures, mut unpublished) = (0, false);
    let mut buffer = vec![0; 4096];
    while !unpublished {
        // Who leaves with an answer unread, as librtmp does, resets the connection.
        let count = socket.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            break;
        }
        session.receive(&buffer[..count], Instant::now()).unwrap();
        while let Some(event) = session.next_event() {
            match event {
                Event::Publish(_) => session.accept(Instant::now()),
                Event::Video { .. } => {
                    pictures += 1;
                    if [10, 40].contains(&pictures) {
                        session.warn(TEXT);
                    }
                }
                Event::Unpublish => unpublished = true,
                _ => {}
            }
        }
        // It may have gone; what it sent before is still to be read.
        let _ = socket.write_all(&session.take_output()).await;
    }
    // What is left is read, so that closing resets nothing.
    while socket.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    (pictures, unpublished)
}

async fn bears_warnings(encoder: impl FnOnce(&str) -> Child) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("rtmp://{}/live/key", listener.local_addr().unwrap());
    let serving = tokio::spawn(serve(listener));
    let (success, errors) = outcome(encoder(&url)).await;
    assert!(success && !errors.contains(TEXT), "{errors}");
    let (pictures, unpublished) = timeout(PATIENCE, serving).await.expect("it goes on for ever").unwrap();
    // And the sequence header, and the end of sequence that some send.
    assert!((50..=52).contains(&pictures) && unpublished, "{pictures} {unpublished}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_bears_warnings() {
    bears_warnings(|url| ffmpeg("ffmpeg", url, &[], &[&H264[..], &["-t", "2"]].concat())).await;
}

async fn gstreamer_bears_warnings(sink: &str) {
    let pipeline = "-q videotestsrc num-buffers=50 ! video/x-raw,width=320,height=240,framerate=25/1 ! \
        x264enc tune=zerolatency ! h264parse ! flvmux streamable=true ! SINK location=URL";
    bears_warnings(|url| {
        let pipeline = pipeline.replace("SINK", sink).replace("URL", url);
        spawn("gst-launch-1.0", &pipeline.split_whitespace().collect::<Vec<_>>())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gstreamer_bears_warnings_by_rtmp2() {
    gstreamer_bears_warnings("rtmp2sink").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn librtmp_bears_warnings() {
    if !crate::has_element("rtmpsink").await {
        eprintln!("SKIPPED: GStreamer has no rtmpsink here, which would test librtmp");
        return;
    }
    gstreamer_bears_warnings("rtmpsink").await;
}
