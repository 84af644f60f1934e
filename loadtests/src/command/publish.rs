//! `farcast-load publish`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use farcast_loadtests::flv::{self, Tag};
use farcast_loadtests::publish::corrupt::Corruption;
use farcast_loadtests::publish::encoder::{self, Content, Picture, Source};
use farcast_loadtests::publish::run::run;
use farcast_loadtests::publish::schedule::Schedule;
use farcast_loadtests::publish::target::Target;
use tokio::task::JoinSet;

/// Publishes over RTMP: a generated picture by ffmpeg, or an FLV file in real time, again and again.
#[derive(clap::Args, Clone, Debug)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["file", "generate"])))]
pub(crate) struct Publish {
    /// The target: `rtmp://host[:port]/app/key`.
    #[arg(long)]
    to: Target,
    /// An FLV file.
    #[arg(long)]
    file: Option<PathBuf>,
    /// A picture with the time burned in and a tone, made by ffmpeg.
    #[arg(long)]
    generate: bool,
    /// Publishers at once; `{n}` in the key becomes the number of each.
    #[arg(long, default_value_t = 1)]
    count: u32,
    /// Length in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Damage what is sent after the handshake, from this seed on; a publisher that is then
    /// thrown out is no failure. Needs --file.
    #[arg(long, requires = "file")]
    corrupt: Option<u64>,
}

impl Publish {
    /// Runs the command.
    ///
    /// # Errors
    /// When it cannot begin.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let tags = match &self.file {
            Some(file) => {
                let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
                Some(flv::read(&bytes.into())?)
            }
            None => None,
        };
        let mut publishers = JoinSet::new();
        for number in 0..self.count {
            let mut target = self.to.clone();
            target.key = target.key.replace("{n}", &number.to_string());
            match &tags {
                Some(tags) => drop(publishers.spawn(self.clone().file(number, target, tags.clone()))),
                None => drop(publishers.spawn(generated(number, target, self.seconds))),
            }
        }
        let mut good = true;
        while let Some(joined) = publishers.join_next().await {
            let (number, result) = joined?;
            match result {
                Ok(done) => writeln!(std::io::stderr(), "publisher {number}: {done}")?,
                Err(error) => {
                    writeln!(std::io::stderr(), "publisher {number}: {error:#}")?;
                    good &= self.corrupt.is_some();
                }
            }
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn file(self, number: u32, target: Target, tags: Vec<Tag>) -> (u32, anyhow::Result<String>) {
        let corruption = self.corrupt.map(|seed| Corruption::new(seed + u64::from(number)));
        let length = Duration::from_secs(u64::from(self.seconds));
        let result = async {
            let schedule = Schedule::new(tags).context("the file has no audio or video")?;
            let sent = run(target, schedule, length, corruption).await?;
            Ok(format!("{} messages, {} bytes", sent.messages, sent.bytes))
        };
        (number, Box::pin(result).await)
    }
}

async fn generated(number: u32, target: Target, seconds: u32) -> (u32, anyhow::Result<String>) {
    let result = async {
        let child =
            encoder::start(&target, Content::Both, Source::Generated, Picture::default(), Some(seconds))
                .context("ffmpeg")?;
        let output = child.wait_with_output().await?;
        let said = String::from_utf8_lossy(&output.stderr).replace(&target.key, "…");
        anyhow::ensure!(output.status.success(), "ffmpeg: {}: {}", output.status, said.trim());
        Ok("done".to_owned())
    };
    (number, result.await)
}
