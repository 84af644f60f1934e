//! The real ffmpeg as an encoder: a test picture with a clock and a tone, or raw frames from a pipe.

use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::publish::target::Target;

/// The output of ffmpeg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Picture and tone.
    Both,
    /// Tone only.
    AudioOnly,
    /// Picture only.
    VideoOnly,
}

/// Settings of the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
    /// Seconds between key frames.
    pub key_interval_s: u32,
    /// Kilobits per second.
    pub kbps: u32,
}

impl Default for Picture {
    fn default() -> Self {
        Self { width: 640, height: 360, fps: 30, key_interval_s: 2, kbps: 1000 }
    }
}

/// The source of the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// ffmpeg's own test picture, the time burned in.
    Generated,
    /// Grey frames (`gray`, 8 bits) on standard input, as `farcast-load clock-frames` writes them.
    GrayFramesOnStdin,
}

/// ffmpeg's arguments to publish to `target`, for `seconds` or without end.
#[must_use]
pub fn arguments(
    target: &Target,
    content: Content,
    source: Source,
    picture: Picture,
    seconds: Option<u32>,
) -> Vec<String> {
    let Picture { width, height, fps, key_interval_s, kbps } = picture;
    let mut arguments: Vec<String> =
        ["-hide_banner", "-loglevel", "warning", "-nostats"].map(String::from).into();
    let mut add = |text: &str| arguments.extend(text.split(' ').map(str::to_owned));
    let video = content != Content::AudioOnly;
    if video && source == Source::GrayFramesOnStdin {
        add(&format!(
            "-f rawvideo -pixel_format gray -video_size {width}x{height} -framerate {fps} -i pipe:0"
        ));
    } else if video {
        add(&format!("-re -f lavfi -i testsrc2=size={width}x{height}:rate={fps}"));
    }
    if content != Content::VideoOnly {
        add("-re -f lavfi -i sine=frequency=440:sample_rate=48000");
    }
    if video {
        let keys = key_interval_s * fps;
        add("-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p");
        add(&format!(
            "-g {keys} -keyint_min {keys} -sc_threshold 0 -b:v {kbps}k -maxrate {kbps}k -bufsize {kbps}k"
        ));
        if source == Source::Generated {
            add("-vf drawtext=text=%{gmtime}:fontsize=32:x=16:y=16:box=1");
        }
    }
    if content != Content::VideoOnly {
        add("-c:a aac -b:a 96k -ar 48000 -ac 2");
    }
    if let Some(seconds) = seconds {
        add(&format!("-t {seconds}"));
    }
    add(&format!("-flush_packets 1 -f flv {}", target.url()));
    arguments
}

/// Starts ffmpeg. It is killed when the handle is dropped.
///
/// # Errors
/// When there is no ffmpeg.
pub fn start(
    target: &Target,
    content: Content,
    source: Source,
    picture: Picture,
    seconds: Option<u32>,
) -> std::io::Result<Child> {
    let input = if source == Source::Generated { Stdio::null() } else { Stdio::piped() };
    Command::new("ffmpeg")
        .args(arguments(target, content, source, picture, seconds))
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_content_has_its_inputs_and_codecs() {
        let target = "rtmp://h/live/k".parse().unwrap();
        let of =
            |content| arguments(&target, content, Source::Generated, Picture::default(), Some(3)).join(" ");
        let both = of(Content::Both);
        assert!(
            both.contains("testsrc2")
                && both.contains("sine")
                && both.ends_with("-f flv rtmp://h:1935/live/k")
        );
        assert!(!of(Content::AudioOnly).contains("libx264"));
        assert!(!of(Content::VideoOnly).contains("aac"));
    }
}
