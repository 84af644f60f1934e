//! FFmpeg and its like as child processes.

use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::origin::PATIENCE;

pub(crate) fn spawn(program: &str, arguments: &[&str]) -> Child {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"))
}

pub(crate) const LOG: [&str; 4] = ["-hide_banner", "-loglevel", "warning", "-nostdin"];
pub(crate) const PICTURE: &str = "testsrc2=size=320x240:rate=25";
pub(crate) const TONE: &str = "sine=frequency=440:sample_rate=48000";

/// FFmpeg that publishes picture and tone with the given codec arguments.
pub(crate) fn ffmpeg(program: &str, url: &str, input: &[&str], codecs: &[&str]) -> Child {
    let sources = ["-f", "lavfi", "-i", PICTURE, "-f", "lavfi", "-i", TONE];
    spawn(program, &[&LOG, input, &sources, codecs, &["-f", "flv", url]].concat())
}

pub(crate) const H264: [&str; 14] = [
    "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac",
    "-b:a", "96k",
];

/// Two seconds as fast as they can be sent.
pub(crate) fn ffmpeg_h264(url: &str) -> Child {
    let codecs = [&H264[..], &["-t", "2"]].concat();
    ffmpeg("ffmpeg", url, &[], &codecs)
}

/// Publishes in real time until it is stopped.
pub(crate) fn ffmpeg_live(url: &str) -> Child {
    let sources = ["-re", "-f", "lavfi", "-i", PICTURE, "-re", "-f", "lavfi", "-i", TONE];
    spawn("ffmpeg", &[&LOG, &sources[..], &H264, &["-tune", "zerolatency", "-f", "flv", url]].concat())
}

/// The exit status and the errors of a child.
pub(crate) async fn outcome(mut child: Child) -> (bool, String) {
    let mut stderr = child.stderr.take().unwrap();
    let mut text = String::new();
    let status = timeout(PATIENCE, async {
        stderr.read_to_string(&mut text).await.unwrap();
        child.wait().await.unwrap()
    });
    let success = status.await.expect("the encoder does not end").success();
    (success, text)
}

pub(crate) fn kill_hard(child: &Child) {
    signal(child, "-KILL");
}

pub(crate) fn signal(child: &Child, signal: &str) {
    let id = child.id().expect("the child runs").to_string();
    assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
}
