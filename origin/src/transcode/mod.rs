//! The transcoding ladder: one source in, the same broadcast at several qualities out.
//!
//! Between the planner, which sets the marks, and the packager of each variant. A [`Ladder`] decodes
//! once ([`source`]), scales and encodes each variant on its own thread ([`video`]), re-encodes audio on one
//! thread ([`audio`]) and forwards what is passed through, unless viewers could not play it ([`playable`]): then a
//! variant that should pass it through re-encodes it too. Invariants, for every variant:
//! the timeline is the source's; a mark comes out at most once, in order, on a key frame; key frames are
//! aligned across transcoded variants ([`cadence`]); tracks are interleaved by decode time
//! ([`interleave`]). Every queue is bounded: what does not fit is dropped and counted, and ingest never waits.

mod audio;
mod avc;
mod cadence;
mod codec;
mod config;
mod encode;
mod engine;
mod error;
mod feed;
mod inlet;
mod interleave;
mod ladder;
mod metrics;
mod playable;
mod probe;
mod provenance;
mod shared;
mod sink;
mod size;
mod source;
mod video;
pub(crate) mod worker;

pub use codec::EncoderKind;
pub use config::{LadderConfig, Pace};
pub use encode::{EncoderSettings, LibavEncoders, OpenEncoder, VideoEncode};
pub use error::LadderError;
pub use farcast_settings::{KeyFrames, MAX_CONFIGURED_VARIANTS, SpecProblem, VariantSpec, default_ladder};
pub use ladder::Ladder;
pub use metrics::{DropReason, Metrics, RungCounts};
pub use playable::is_always_encoded;
pub use probe::{Choice, CodecChoice, ProbeOutcome, choose, probe, probe_libav, supported_codecs};
pub use worker::{Launch, WORKER_ARGUMENT, run_worker};
