//! The configuration of a ladder.

use std::sync::Arc;
use std::time::Duration;

use farcast_av::Device;
use farcast_settings::VariantSpec;

use super::codec::EncoderKind;
use super::encode::{LibavEncoders, OpenEncoder};
use super::worker::Launch;

/// The treatment of a thread that is slower than the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pace {
    /// Frames are dropped and counted; [`push`](super::Ladder::push) never waits.
    #[default]
    Live,
    /// [`push`](super::Ladder::push) waits; for files. Not for async threads.
    Lossless,
}

/// The configuration of a ladder.
#[derive(Clone)]
pub struct LadderConfig {
    /// The variants; `VariantId(i)` is the i-th.
    pub specs: Vec<VariantSpec>,
    /// The encoder to use.
    pub encoder: EncoderKind,
    /// Opens encoders.
    pub opener: Arc<dyn OpenEncoder>,
    /// The device on which to decode, if not in software.
    pub device: Option<Arc<Device>>,
    /// The treatment of overload.
    pub pace: Pace,
    /// PART-TARGET, where gaps in the video may not make parts much shorter than it; see
    /// [`super::cadence::Filler`]. Not for frames on a device: its surfaces are few.
    pub part_target: Option<Duration>,
    /// Decodes and encodes in a process of its own; `opener` and `device` are not used then.
    pub worker: Option<Launch>,
}

impl LadderConfig {
    /// A live ladder with libav's encoders. Where the encoder has a device it is opened, so that frames stay
    /// there; without it frames go through system memory.
    #[must_use]
    pub fn new(specs: Vec<VariantSpec>, encoder: EncoderKind) -> Self {
        let transcodes = specs.iter().any(VariantSpec::transcodes_video);
        let kind = encoder.device().filter(|_| transcodes);
        let device = kind.and_then(|kind| Device::open(kind, None).ok()).map(Arc::new);
        let opener = Arc::new(LibavEncoders { device: device.clone() });
        Self { specs, encoder, opener, device, pace: Pace::Live, part_target: None, worker: None }
    }

    /// The same, with frames in system memory; asks no driver.
    #[must_use]
    pub fn without_device(specs: Vec<VariantSpec>, encoder: EncoderKind) -> Self {
        let opener = Arc::new(LibavEncoders::default());
        Self { specs, encoder, opener, device: None, pace: Pace::Live, part_target: None, worker: None }
    }
}

/// Length of a source to be seen to know its bit rate: a group of pictures of most.
const OBSERVED: Duration = Duration::from_secs(2);

impl LadderConfig {
    /// Length of the source to be seen before [`set_source_rate`](super::Ladder::set_source_rate); zero if nobody asks.
    #[must_use]
    pub fn observe(&self) -> Duration {
        let asked = self.specs.iter().any(VariantSpec::follows_bit_rate);
        if asked { OBSERVED } else { Duration::ZERO }
    }
}
