//! `farcast-load clock-frames`.

use std::io::Write;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use farcast_loadtests::clock;

/// Writes grey raw frames with the time in them to standard output, in real time, for an encoder.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct ClockFrames {
    /// Pixels, a multiple of 16.
    #[arg(long, default_value_t = 640)]
    width: usize,
    /// Pixels.
    #[arg(long, default_value_t = 360)]
    height: usize,
    /// Frames per second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    fps: u32,
    /// Length in seconds; endless if not given.
    #[arg(long)]
    seconds: Option<u32>,
}

impl ClockFrames {
    /// Runs the command until the time is over or the reader goes away.
    ///
    /// # Errors
    /// When the size does not fit.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::ensure!(
            self.width >= 64 && self.width.is_multiple_of(16) && self.height * 8 >= self.width * 3,
            "the width must be a multiple of 16, the height at least three eighths of it"
        );
        let mut frame = vec![0; self.width * self.height];
        let start = Instant::now();
        let last = self.seconds.map_or(u32::MAX, |seconds| seconds.saturating_mul(self.fps));
        let mut out = std::io::stdout().lock();
        for number in 0..last {
            let due = start + Duration::from_secs(u64::from(number)) / self.fps;
            sleep(due.saturating_duration_since(Instant::now()));
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
            clock::draw(&mut frame, self.width, u64::try_from(now)?);
            if out.write_all(&frame).is_err() {
                break;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
