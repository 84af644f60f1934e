//! What the ladder counts.

use farcast_shared::name::VariantId;
use farcast_shared::tasks::{Contained, Part};
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector,
};

use super::codec::EncoderKind;

/// Why a frame was not encoded or not delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropReason {
    /// Thinned to the variant's frame rate: intended.
    FrameRate,
    /// The decoder is slower than the source.
    DecoderBehind,
    /// A variant's encoder is slower than the source.
    EncoderBehind,
    /// The packager is slower than the ladder.
    OutputFull,
    /// Waiting for a key frame after damage or a loss.
    NoKeyFrame,
    /// Its time is not after the previous frame's.
    NotLater,
    /// The encoder swallowed it.
    Swallowed,
}

impl DropReason {
    fn label(self) -> &'static str {
        match self {
            Self::FrameRate => "frame_rate",
            Self::DecoderBehind => "decoder_behind",
            Self::EncoderBehind => "encoder_behind",
            Self::OutputFull => "output_full",
            Self::NoKeyFrame => "no_key_frame",
            Self::NotLater => "not_later",
            Self::Swallowed => "swallowed",
        }
    }
}

/// Handles of the ladder's metrics; the variant label is an index below
/// [`MAX_VARIANTS`](super::MAX_VARIANTS).
#[derive(Clone)]
pub struct Metrics {
    pub(super) decoded: IntCounter,
    pub(super) decode_errors: IntCounter,
    pub(super) audio_errors: IntCounter,
    pub(super) encode_seconds: Histogram,
    pub(super) fallbacks: IntCounter,
    pub(super) repeated: IntCounter,
    pub(super) panics: Contained,
    encoded: IntCounterVec,
    dropped: IntCounterVec,
    behind: IntGaugeVec,
    encoder: IntGaugeVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If a name is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let buckets = prometheus::exponential_buckets(0.0005, 2.0, 12)?;
        let name = |what: &str| format!("farcast_transcode_{what}");
        let opts = |what: &str, help: &str| Opts::new(name(what), help);
        Ok(Self {
            panics: Contained::new(Part::Transcoder, registry)?,
            decoded: add(
                registry,
                IntCounter::with_opts(opts("frames_decoded_total", "Video frames decoded."))?,
            )?,
            decode_errors: add(
                registry,
                IntCounter::with_opts(opts(
                    "decode_errors_total",
                    "Video packets that could not be decoded.",
                ))?,
            )?,
            audio_errors: add(
                registry,
                IntCounter::with_opts(opts("audio_errors_total", "Audio packets lost to a codec's error."))?,
            )?,
            encode_seconds: add(
                registry,
                Histogram::with_opts(
                    HistogramOpts::new(name("encode_seconds"), "Time to scale and encode one frame.")
                        .buckets(buckets),
                )?,
            )?,
            fallbacks: add(
                registry,
                IntCounter::with_opts(opts("fallbacks_total", "Encoders that failed and were replaced."))?,
            )?,
            repeated: add(
                registry,
                IntCounter::with_opts(opts(
                    "frames_repeated_total",
                    "Pictures encoded once more, in place of frames that were dropped.",
                ))?,
            )?,
            encoded: add(
                registry,
                IntCounterVec::new(opts("frames_encoded_total", "Video frames encoded."), &["variant"])?,
            )?,
            dropped: add(
                registry,
                IntCounterVec::new(opts("frames_dropped_total", "Frames dropped, by reason."), &["reason"])?,
            )?,
            behind: add(
                registry,
                IntGaugeVec::new(opts("behind_frames", "Frames that wait for an encoder."), &["variant"])?,
            )?,
            encoder: add(
                registry,
                IntGaugeVec::new(
                    opts("encoder_in_use", "1 for the encoder that a variant uses."),
                    &["variant", "encoder"],
                )?,
            )?,
        })
    }

    /// Frames dropped for a reason so far.
    #[must_use]
    pub fn dropped_frames(&self, reason: DropReason) -> u64 {
        self.dropped.with_label_values(&[reason.label()]).get()
    }

    /// Pictures encoded once more so far.
    #[must_use]
    pub fn repeated_frames(&self) -> u64 {
        self.repeated.get()
    }

    /// Encoders replaced so far.
    #[must_use]
    pub fn fallback_count(&self) -> u64 {
        self.fallbacks.get()
    }

    /// Video packets that could not be decoded so far.
    #[must_use]
    pub fn decode_error_count(&self) -> u64 {
        self.decode_errors.get()
    }

    pub(super) fn drop_frame(&self, reason: DropReason) {
        self.dropped.with_label_values(&[reason.label()]).inc();
    }

    pub(super) fn encoded(&self, variant: VariantId) -> IntCounter {
        self.encoded.with_label_values(&[variant.to_string().as_str()])
    }

    pub(super) fn behind(&self, variant: VariantId) -> prometheus::IntGauge {
        self.behind.with_label_values(&[variant.to_string().as_str()])
    }

    /// Says which encoder a variant uses now; `None` is none.
    pub(super) fn use_encoder(&self, variant: VariantId, used: Option<EncoderKind>) {
        let variant = variant.to_string();
        for kind in EncoderKind::ALL {
            let gauge = self.encoder.with_label_values(&[variant.as_str(), kind.name()]);
            gauge.set(i64::from(used == Some(kind)));
        }
    }
}

fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
