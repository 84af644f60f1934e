//! From key frames to pixels: in a process that does nothing else, or in this one.
//!
//! The process takes one frame after another, since its start costs more than a picture. It is started by the first frame
//! that needs it, and ended when it fails, hangs, or had nothing to do for a while: that has made no picture, which is all.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_av::{Codec, VideoDecoder, VideoDecoderConfig, VideoFrame, to_rgb};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::How;
use crate::media::VideoConfig;
use crate::transcode::Launch;
use crate::transcode::worker::{Bounds, confine, wire};

/// The argument that makes the program decode a picture; not for people.
pub(crate) const ARGUMENT: &str = "picture-worker";
/// The longer side of a still, and of one of a preview, in pixels; smaller pictures are not enlarged.
const LARGE: u32 = 1280;
const SMALL: u32 = 320;
/// Longest time for a picture.
const DEADLINE: Duration = Duration::from_secs(10);
/// Most memory of the process, in bytes: a picture of 8192 × 4320 with 16 bits, several times.
const MEMORY_BYTES: u64 = 1 << 30;
/// Most bytes of its answer: both pictures, and a little.
const MAX_ANSWER_BYTES: u64 = (LARGE * LARGE * 3 + SMALL * SMALL * 3 + 1024) as u64;
/// Niceness: encoders go before it.
const NICENESS: i32 = 10;

/// A picture, decoded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Still {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Red, green and blue of each pixel, row by row.
    pub(super) pixels: Bytes,
}

impl Still {
    fn is_sound(&self, side: u32) -> bool {
        let is_possible = [self.width, self.height].iter().all(|length| (2..=side).contains(length));
        is_possible && self.pixels.len() as u64 == u64::from(self.width) * u64::from(self.height) * 3
    }
}

/// The same picture in two sizes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Stills {
    pub(super) large: Still,
    pub(super) small: Still,
}

/// The picture to decode.
#[derive(Debug, Serialize, Deserialize)]
struct Task {
    config: Arc<VideoConfig>,
    data: Bytes,
    memory_bytes: u64,
}

/// Decodes key frames.
#[derive(Debug)]
pub(super) struct Developer {
    how: How,
    process: Option<Process>,
}

/// A process that waits for a frame. Dropping it ends it.
#[derive(Debug)]
struct Process {
    _ends_with_this: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Developer {
    pub(super) fn new(how: How) -> Self {
        Self { how, process: None }
    }

    /// Decodes a key frame. Cancel safe: the process ends with it.
    ///
    /// # Errors
    /// The reason why there is no picture.
    pub(super) async fn develop(&mut self, config: Arc<VideoConfig>, data: Bytes) -> Result<Stills, String> {
        let launch = match &self.how {
            How::Process(launch) => launch,
            How::Here => {
                let decoded = tokio::task::spawn_blocking(move || decode(&config, &data));
                return decoded.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string());
            }
        };
        let task = Task { config, data, memory_bytes: launch.memory_bytes.min(MEMORY_BYTES) };
        let mut process = match self.process.take() {
            Some(process) => process,
            None => Process::start(launch).map_err(|error| format!("it cannot be started: {error}"))?,
        };
        let answered = tokio::time::timeout(DEADLINE, process.ask(&task)).await;
        let answer =
            answered.map_err(|_| "it took too long".to_owned())?.map_err(|error| error.to_string())?;
        let understood = understand(&answer)?;
        self.process = Some(process);
        match understood {
            Understood::Stills(stills) => Ok(stills),
            Understood::Undecodable(reason) => Err(reason),
        }
    }

    /// Ends the decoding process: nothing is to be decoded for a while.
    pub(super) fn rest(&mut self) {
        self.process = None;
    }
}

impl Process {
    fn start(launch: &Launch) -> io::Result<Self> {
        let mut child = Command::from(launch.command(ARGUMENT)).kill_on_drop(true).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| io::Error::other("it has no input or output"))?;
        Ok(Self { _ends_with_this: child, input, output })
    }

    /// Its answer, in the form of [`wire`].
    async fn ask(&mut self, task: &Task) -> io::Result<Vec<u8>> {
        let mut message = Vec::new();
        wire::write(&mut message, task)?;
        // It reads all of it before it answers.
        self.input.write_all(&message).await?;
        self.input.flush().await?;
        let length = self.output.read_u32_le().await?;
        if u64::from(length) > MAX_ANSWER_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer is too long"));
        }
        let mut answer = length.to_le_bytes().to_vec();
        (&mut self.output).take(length.into()).read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

/// An answer of the process that can be believed: it goes on.
#[derive(Clone, PartialEq, Debug)]
enum Understood {
    /// The pictures.
    Stills(Stills),
    /// The frame cannot be decoded; why, for people who search for a fault: printable, and not long.
    Undecodable(String),
}

/// The process's own messages, which may say why there is no picture; nothing of its output is believed but pixels.
///
/// # Errors
/// When no process of ours says such.
fn understand(answer: &[u8]) -> Result<Understood, String> {
    let said: Result<Stills, String> = wire::read(&mut &answer[..])
        .map_err(|error| format!("its answer is none: {error}"))?
        .ok_or("it ended without an answer")?;
    match said {
        Ok(stills) if stills.large.is_sound(LARGE) && stills.small.is_sound(SMALL) => {
            Ok(Understood::Stills(stills))
        }
        Ok(_) => Err("it gave pictures of impossible sizes".to_owned()),
        Err(reason) => {
            let reason = reason.chars().filter(|c| !c.is_control()).take(200).collect();
            Ok(Understood::Undecodable(reason))
        }
    }
}

/// Runs this process as one that decodes pictures until its input ends; returns its exit status.
pub(crate) fn run() -> u8 {
    let work = || -> io::Result<()> {
        let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
        // Fails where it may not be more patient than it is.
        let _ = rustix::process::nice(NICENESS);
        let _quiet = farcast_av::quiet();
        let mut confined = None;
        while let Some(Task { config, data, memory_bytes }) = wire::read(&mut input)? {
            let confined = confined.get_or_insert_with(|| confine(Bounds::Software { memory_bytes }));
            // Codecs must not reach more because of pictures.
            let answer = match confined {
                Ok(()) => decode(&config, &data).map_err(|error| error.to_string()),
                Err(reason) => {
                    Err(format!("the system does not let the process that decodes it be confined: {reason}"))
                }
            };
            wire::write(&mut output, &answer)?;
        }
        Ok(())
    };
    u8::from(work().is_err())
}

fn decode(config: &VideoConfig, data: &[u8]) -> Result<Stills, farcast_av::Error> {
    let mut decoder = VideoDecoder::open(&VideoDecoderConfig {
        codec: Codec::from(config.codec),
        extradata: &config.record,
        width: config.width,
        height: config.height,
        device: None,
    })?;
    decoder.send(data, 0, 0, true)?;
    decoder.finish()?;
    let frame = decoder.receive()?.ok_or(farcast_av::Error::Invalid("key frame that shows nothing"))?;
    let aspect = frame.sample_aspect();
    let aspect = if aspect == (1, 1) { config.sample_aspect } else { aspect };
    Ok(Stills { large: still(&frame, aspect, LARGE)?, small: still(&frame, aspect, SMALL)? })
}

fn still(frame: &VideoFrame, aspect: (u32, u32), side: u32) -> Result<Still, farcast_av::Error> {
    let (width, height) = fitted((frame.width(), frame.height()), aspect, side);
    let pixels = to_rgb(frame, width, height)?.into();
    Ok(Still { width, height, pixels })
}

/// The size at which a picture of this size, whose pixels have this shape, is shown, with no side longer than `side`; even.
fn fitted((width, height): (u32, u32), (across, down): (u32, u32), side: u32) -> (u32, u32) {
    let (across, down) = if across == 0 || down == 0 { (1, 1) } else { (across, down) };
    // Pixels that are not square are made so by making the picture wider or higher, never smaller.
    let (wide, high) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let shape = f64::from(across) / f64::from(down);
    let (wide, high) = if shape >= 1.0 { (wide * shape, high) } else { (wide, high / shape) };
    let scale = (f64::from(side) / wide.max(high)).min(1.0);
    let even = |pixels: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 2 and the longest side"
        )]
        let pairs = (pixels * scale / 2.0).round().clamp(1.0, f64::from(side / 2)) as u32;
        pairs * 2
    };
    (even(wide), even(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_are_even_and_no_longer_than_they_may_be() {
        let square = (1, 1);
        for (size, aspect, side, want) in [
            ((1920, 1080), square, 1280, (1280, 720)),
            ((1920, 1080), square, 320, (320, 180)),
            ((1080, 1920), square, 1280, (720, 1280)),
            ((640, 360), square, 1280, (640, 360)),
            ((720, 576), (64, 45), 1280, (1024, 576)),
            ((720, 480), (8, 9), 1280, (720, 540)),
            ((1366, 768), square, 320, (320, 180)),
            ((8192, 16), square, 1280, (1280, 2)),
            ((1, 1), (0, 0), 1280, (2, 2)),
            ((640, 360), (u32::MAX, 1), 1280, (1280, 2)),
        ] {
            assert_eq!(fitted(size, aspect, side), want, "{size:?} {aspect:?} {side}");
        }
    }

    #[test]
    fn what_a_process_says_is_pixels_of_possible_sizes_or_nothing() {
        let still = |width, height, len| Still { width, height, pixels: vec![0; len].into() };
        let say = |said: &Result<Stills, String>| {
            let mut bytes = Vec::new();
            wire::write(&mut bytes, said).unwrap();
            bytes
        };
        let good = Stills { large: still(4, 2, 24), small: still(2, 2, 12) };
        assert_eq!(understand(&say(&Ok(good.clone()))), Ok(Understood::Stills(good.clone())));
        for large in
            [still(4, 2, 23), still(0, 0, 0), still(LARGE + 2, 2, 7704), still(u32::MAX, u32::MAX, 3)]
        {
            assert!(understand(&say(&Ok(Stills { large, small: good.small.clone() }))).is_err());
        }
        assert_eq!(
            understand(&say(&Err("bad\u{1b}[2J data".to_owned()))),
            Ok(Understood::Undecodable("bad[2J data".to_owned()))
        );
        let whole = say(&Ok(good));
        for end in 0..whole.len() {
            assert!(understand(&whole[..end]).is_err(), "{end}");
        }
    }
}
