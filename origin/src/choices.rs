//! The settings of new broadcasts: those that operators set, else the process's own, with the encoder that works.

use std::sync::Arc;

use farcast_config::ByteSize;
use farcast_settings::{
    Field, MAX_CONFIGURED_VARIANTS, OperatorSettings, Snapshot, VariantSpec, default_ladder,
};
use farcast_store::{Batch, Store, StoreError};
use prometheus::Registry;
use tokio::sync::watch;

use crate::broadcast::{self, OpenLadder};
use crate::hardware;
use crate::package::{InvalidLatencyLevel, LatencyLevel};
use crate::pictures::{self, Maker, Pictures};
use crate::settings::Settings;
use crate::transcode::{self, CodecChoice, LadderConfig, Launch, ProbeOutcome};

/// Memory of the transcoding process where the system does not say how much there is, in bytes.
const TRANSCODER_MEMORY: u64 = 4 << 30;

/// Its least limit, also on machines with less memory: the bound is against a fault, and the machine runs out of memory
/// before.
const LEAST_TRANSCODER_MEMORY: u64 = 1 << 30;

/// The place of transcoding by the process's settings: in a process of its own, or in this one.
#[must_use]
pub fn open_ladder(settings: &Settings) -> OpenLadder {
    let Some(launch) = launch(settings) else { return Arc::new(LadderConfig::new) };
    Arc::new(move |specs, encoder| LadderConfig {
        worker: Some(launch.clone()),
        // The worker opens its own.
        ..LadderConfig::without_device(specs, encoder)
    })
}

/// The pictures of broadcasts by the process's settings, and their maker where there are any.
///
/// # Errors
/// When their metrics are registered already.
pub fn pictures(
    settings: &Settings,
    registry: &Registry,
) -> Result<(Pictures, Option<Maker>), prometheus::Error> {
    if !settings.thumbnails {
        return Ok((Pictures::none(), None));
    }
    let how = launch(settings).map_or(pictures::How::Here, pictures::How::Process);
    let (pictures, maker) = Pictures::new(how, pictures::Metrics::new(registry)?);
    Ok((pictures, Some(maker)))
}

/// The launch of codecs in a process of their own, unless they run in this one.
fn launch(settings: &Settings) -> Option<Launch> {
    let most = || {
        hardware::memory_limit()
            .map_or(TRANSCODER_MEMORY, |bytes| (bytes / 4 * 3).max(LEAST_TRANSCODER_MEMORY))
    };
    settings
        .transcoder_process
        .then(|| Launch::this_program(settings.transcoder_memory.map_or_else(most, ByteSize::bytes)))
}

/// The process's settings and the encoders that were found.
#[derive(Debug)]
pub struct Choices {
    level: LatencyLevel,
    specs: Vec<VariantSpec>,
    codec: CodecChoice,
    probed: Vec<ProbeOutcome>,
}

impl Choices {
    /// From the process's settings: its ladder, or the source with 480p below it.
    ///
    /// # Errors
    /// When the latency level is none, which the settings exclude.
    pub fn new(settings: &Settings, probed: Vec<ProbeOutcome>) -> Result<Self, InvalidLatencyLevel> {
        let specs = match &settings.variants[..] {
            [] => default_ladder(),
            variants => variants.iter().map(VariantSpec::from).collect(),
        };
        Ok(Self {
            level: LatencyLevel::try_from(settings.latency_level.get())?,
            specs,
            codec: settings.video_codec.as_str().parse().unwrap_or_default(),
            probed,
        })
    }

    /// The ladder unless one is set.
    #[must_use]
    pub fn default_variants(&self) -> &[VariantSpec] {
        &self.specs
    }

    /// Puts the ladder into the settings, so that edges show it before there is a broadcast.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell_edges(&self, store: &Store, set: &OperatorSettings) -> Result<(), StoreError> {
        if set.ladder.as_deref() != Some(&self.specs[..]) {
            store.commit(farcast_settings::change(Batch::new(), Field("ladder"), &self.specs)?).await?;
        }
        Ok(())
    }

    /// The settings of a broadcast that begins now.
    #[must_use]
    pub fn of(&self, runtime: &OperatorSettings) -> broadcast::Settings {
        let level = runtime.latency_level.and_then(|level| LatencyLevel::try_from(level).ok());
        let specs = runtime.variants.clone().filter(|specs| {
            let usable = (1..=MAX_CONFIGURED_VARIANTS).contains(&specs.len())
                && specs.iter().all(|spec| spec.problems().is_empty());
            if !usable {
                tracing::error!("the ladder in the store cannot be used, the configured one takes its place");
            }
            usable
        });
        broadcast::Settings {
            level: level.unwrap_or(self.level),
            specs: specs.unwrap_or_else(|| self.specs.clone()),
            encoder: transcode::choose(self.wanted(runtime), &self.probed).kind,
        }
    }

    /// Keeps `chosen` as operators set it. Runs until dropped, or until nobody sets anything any more.
    pub async fn run(
        self,
        mut runtime: watch::Receiver<Option<Snapshot>>,
        chosen: watch::Sender<broadcast::Settings>,
    ) {
        let mut said = None;
        loop {
            if let Some(Snapshot { runtime, .. }) = runtime.borrow_and_update().clone() {
                let (settings, wanted) = (self.of(&runtime), self.wanted(&runtime));
                if said != Some(wanted) {
                    self.say(wanted);
                    said = Some(wanted);
                }
                chosen.send_if_modified(|known| {
                    let changed = *known != settings;
                    *known = settings;
                    changed
                });
            }
            if runtime.changed().await.is_err() {
                return;
            }
        }
    }

    fn wanted(&self, runtime: &OperatorSettings) -> CodecChoice {
        let set = runtime.video_codec.as_deref().and_then(|codec| codec.parse().ok());
        set.unwrap_or(self.codec)
    }

    fn say(&self, wanted: CodecChoice) {
        let choice = transcode::choose(wanted, &self.probed);
        tracing::info!(encoder = choice.kind.name(), "encoder is chosen");
        if choice.replaced {
            let reason = self.probed.iter().find_map(|outcome| match (&outcome.works, wanted) {
                (Err(error), CodecChoice::Only(kind)) if kind == outcome.kind => Some(error.to_string()),
                _ => None,
            });
            tracing::warn!(?wanted, reason, "the chosen encoder does not work here, libx264 takes its place");
        }
    }
}
