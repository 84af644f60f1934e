//! Metrics of the ladder.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farcast_feed::name::VariantId;
use farcast_service::tasks::{Contained, Part};
use farcast_telemetry::make::Make as _;
use prometheus::{Counter, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};
use serde::{Deserialize, Serialize};

use super::codec::EncoderKind;

/// The state of a variant's encoder at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RungCounts {
    /// The encoder in use, none where none runs.
    pub encoder: Option<&'static str>,
    /// Frames that wait for it.
    pub waiting: u64,
    /// Frames that were encoded so far.
    pub encoded: u64,
}

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
    /// The worker process had ended, and its successor did not run yet.
    NoWorker,
}

impl DropReason {
    /// All.
    const ALL: [Self; 8] = [
        Self::FrameRate,
        Self::DecoderBehind,
        Self::EncoderBehind,
        Self::OutputFull,
        Self::NoKeyFrame,
        Self::NotLater,
        Self::Swallowed,
        Self::NoWorker,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::FrameRate => "frame_rate",
            Self::DecoderBehind => "decoder_behind",
            Self::EncoderBehind => "encoder_behind",
            Self::OutputFull => "output_full",
            Self::NoKeyFrame => "no_key_frame",
            Self::NotLater => "not_later",
            Self::Swallowed => "swallowed",
            Self::NoWorker => "no_worker",
        }
    }
}

/// Handles of the ladder's metrics; the variant label is an index below
/// [`MAX_CONFIGURED_VARIANTS`](super::MAX_CONFIGURED_VARIANTS).
#[derive(Clone)]
pub struct Metrics {
    pub(super) decoded: IntCounter,
    pub(super) decode_errors: IntCounter,
    pub(super) audio_errors: IntCounter,
    encode_seconds: Histogram,
    pub(super) fallbacks: IntCounter,
    pub(super) repeated: IntCounter,
    pub(super) panics: Contained,
    encoded: IntCounterVec,
    dropped: IntCounterVec,
    behind: IntGaugeVec,
    encoder: IntGaugeVec,
    worker_ends: IntCounterVec,
    worker_cpu_seconds: Counter,
    worker_resident_bytes: IntGauge,
    /// Encoding times since the last [`Totals`], where they are asked for.
    observed: Option<Arc<Mutex<Vec<f64>>>>,
}

/// The kind of end of a worker process that was not asked to end; a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WorkerEnd {
    /// By a signal that was not ours, or with a status other than 0.
    Crashed,
    /// It took nothing any more, and was ended.
    Hung,
    /// It reported that none can go on.
    Failed,
    /// It could not be started.
    NotStarted,
}

impl WorkerEnd {
    fn label(self) -> &'static str {
        match self {
            Self::Crashed => "crashed",
            Self::Hung => "hung",
            Self::Failed => "failed",
            Self::NotStarted => "not_started",
        }
    }
}

/// The counts of a ladder, for another process that shows them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Totals {
    decoded: u64,
    decode_errors: u64,
    audio_errors: u64,
    fallbacks: u64,
    repeated: u64,
    /// In the order of [`DropReason::ALL`].
    dropped: Vec<u64>,
    /// By variant.
    encoded: Vec<u64>,
    /// By variant.
    behind: Vec<i64>,
    /// By variant, an index in [`EncoderKind::ALL`].
    encoders: Vec<Option<u8>>,
    /// Encoding times since the totals before, in seconds.
    encode_seconds: Vec<f64>,
    /// CPU time of the process.
    pub(super) cpu: Duration,
    /// Memory of the process.
    pub(super) resident_bytes: u64,
}

/// Most that is believed of a counter's growth between two [`Totals`], and of CPU time: half a second, many times over.
const MAX_GROWTH: u64 = 100_000;
const MAX_CPU_GROWTH: Duration = Duration::from_secs(600);

/// Most encoding times that are kept for the next [`Totals`]: half a second of a large ladder, many times over.
const MAX_OBSERVED: usize = 4096;

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If a name is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let buckets = prometheus::exponential_buckets(0.0005, 2.0, 12)?;
        let name = |what: &str| format!("farcast_transcode_{what}");
        Ok(Self {
            panics: Contained::new(Part::Transcoder, registry)?,
            decoded: registry.counter(&name("frames_decoded_total"), "Video frames decoded.")?,
            decode_errors: registry
                .counter(&name("decode_errors_total"), "Video packets that could not be decoded.")?,
            audio_errors: registry
                .counter(&name("audio_errors_total"), "Audio packets lost to a codec's error.")?,
            encode_seconds: registry.histogram(
                &name("encode_seconds"),
                "Time to scale and encode one frame.",
                &buckets,
            )?,
            fallbacks: registry
                .counter(&name("fallbacks_total"), "Encoders that failed and were replaced.")?,
            repeated: registry.counter(
                &name("frames_repeated_total"),
                "Pictures encoded once more, in place of frames that were dropped.",
            )?,
            encoded: registry.counters(
                &name("frames_encoded_total"),
                "Video frames encoded.",
                &["variant"],
            )?,
            dropped: registry.counters(
                &name("frames_dropped_total"),
                "Frames dropped, by reason.",
                &["reason"],
            )?,
            behind: registry.gauges(
                &name("behind_frames"),
                "Frames that wait for an encoder.",
                &["variant"],
            )?,
            encoder: registry.gauges(
                &name("encoder_in_use"),
                "1 for the encoder that a variant uses.",
                &["variant", "encoder"],
            )?,
            worker_ends: registry.counters(
                &name("worker_ends_total"),
                "Transcoding processes that ended unasked, by kind of end.",
                &["how"],
            )?,
            worker_cpu_seconds: registry
                .float_counter(&name("worker_cpu_seconds_total"), "CPU time of transcoding processes.")?,
            worker_resident_bytes: registry
                .gauge(&name("worker_resident_bytes"), "Memory of the transcoding process.")?,
            observed: None,
        })
    }

    /// The same, which keeps encoding times for [`Metrics::totals`].
    pub(super) fn observed(self) -> Self {
        Self { observed: Some(Arc::default()), ..self }
    }

    /// A frame was encoded, which took so long.
    pub(super) fn encoded_in(&self, took: Duration) {
        self.encode_seconds.observe(took.as_secs_f64());
        if let Some(observed) = &self.observed {
            let mut observed = observed.lock().unwrap_or_else(PoisonError::into_inner);
            if observed.len() < MAX_OBSERVED {
                observed.push(took.as_secs_f64());
            }
        }
    }

    /// The counts so far, for this many variants.
    pub(super) fn totals(&self, variants: u16) -> Totals {
        let in_use = |variant: u16| {
            let used = self.in_use(VariantId(variant))?;
            let place = EncoderKind::ALL.iter().position(|kind| *kind == used)?;
            u8::try_from(place).ok()
        };
        let observed = self.observed.as_ref();
        let taken =
            observed.map(|all| std::mem::take(&mut *all.lock().unwrap_or_else(PoisonError::into_inner)));
        Totals {
            decoded: self.decoded.get(),
            decode_errors: self.decode_errors.get(),
            audio_errors: self.audio_errors.get(),
            fallbacks: self.fallbacks.get(),
            repeated: self.repeated.get(),
            dropped: DropReason::ALL.iter().map(|reason| self.dropped_frames(*reason)).collect(),
            encoded: (0..variants).map(|n| self.encoded(VariantId(n)).get()).collect(),
            behind: (0..variants).map(|n| self.behind(VariantId(n)).get()).collect(),
            encoders: (0..variants).map(in_use).collect(),
            encode_seconds: taken.unwrap_or_default(),
            cpu: Duration::ZERO,
            resident_bytes: 0,
        }
    }

    /// Adds what another process counted between two of its totals. Nothing in them is trusted: numbers that went back, or
    /// of variants that are not there, count for nothing.
    pub(super) fn add(&self, before: &Totals, now: &Totals, variants: u16) {
        let grown = |before: u64, now: u64| now.saturating_sub(before).min(MAX_GROWTH);
        let at = |list: &[u64], place: usize| list.get(place).copied().unwrap_or(0);
        self.decoded.inc_by(grown(before.decoded, now.decoded));
        self.decode_errors.inc_by(grown(before.decode_errors, now.decode_errors));
        self.audio_errors.inc_by(grown(before.audio_errors, now.audio_errors));
        self.fallbacks.inc_by(grown(before.fallbacks, now.fallbacks));
        self.repeated.inc_by(grown(before.repeated, now.repeated));
        for (place, reason) in DropReason::ALL.iter().enumerate() {
            let more = grown(at(&before.dropped, place), at(&now.dropped, place));
            self.dropped.with_label_values(&[reason.label()]).inc_by(more);
        }
        for n in 0..variants {
            let (variant, place) = (VariantId(n), usize::from(n));
            self.encoded(variant).inc_by(grown(at(&before.encoded, place), at(&now.encoded, place)));
            self.behind(variant).set(now.behind.get(place).copied().unwrap_or(0));
            let encoder = now.encoders.get(place).copied().flatten();
            self.use_encoder(
                variant,
                encoder.and_then(|place| EncoderKind::ALL.get(usize::from(place)).copied()),
            );
        }
        let seconds = now.encode_seconds.iter().take(MAX_OBSERVED);
        seconds.filter(|s| s.is_finite() && **s >= 0.0).for_each(|s| self.encode_seconds.observe(*s));
        let cpu = now.cpu.saturating_sub(before.cpu).min(MAX_CPU_GROWTH);
        self.worker_cpu_seconds.inc_by(cpu.as_secs_f64());
        self.worker_resident_bytes.set(i64::try_from(now.resident_bytes).unwrap_or(i64::MAX));
    }

    /// A worker process is gone: nothing waits for its encoders.
    pub(super) fn worker_gone(&self, variants: u16) {
        for variant in (0..variants).map(VariantId) {
            self.behind(variant).set(0);
            self.use_encoder(variant, None);
        }
        self.worker_resident_bytes.set(0);
    }

    pub(super) fn worker_ended(&self, how: WorkerEnd) {
        self.worker_ends.with_label_values(&[how.label()]).inc();
    }

    /// Frames dropped for a reason so far.
    #[must_use]
    pub fn dropped_frames(&self, reason: DropReason) -> u64 {
        self.dropped.with_label_values(&[reason.label()]).get()
    }

    /// Video frames decoded so far.
    #[must_use]
    pub fn decoded_frames(&self) -> u64 {
        self.decoded.get()
    }

    /// The state of a variant's encoder.
    #[must_use]
    pub fn rung(&self, variant: VariantId) -> RungCounts {
        RungCounts {
            encoder: self.in_use(variant).map(EncoderKind::name),
            waiting: u64::try_from(self.behind(variant).get()).unwrap_or(0),
            encoded: self.encoded(variant).get(),
        }
    }

    fn in_use(&self, variant: VariantId) -> Option<EncoderKind> {
        let variant = variant.to_string();
        let uses =
            |kind: &EncoderKind| self.encoder.with_label_values(&[variant.as_str(), kind.name()]).get() == 1;
        EncoderKind::ALL.iter().copied().find(uses)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        Metrics::new(&Registry::new()).unwrap()
    }

    #[test]
    fn what_a_worker_counts_is_counted_here_once() {
        let (there, here) = (metrics().observed(), metrics());
        there.decoded.inc_by(5);
        there.encoded(VariantId(1)).inc_by(3);
        there.drop_frame(DropReason::NoKeyFrame);
        there.use_encoder(VariantId(1), Some(EncoderKind::X264));
        there.encoded_in(Duration::from_millis(7));
        let first = there.totals(2);
        here.add(&Totals::default(), &first, 2);
        there.decoded.inc();
        here.add(&first, &there.totals(2), 2);
        assert_eq!((here.decoded.get(), here.encoded(VariantId(1)).get()), (6, 3));
        assert_eq!(here.dropped_frames(DropReason::NoKeyFrame), 1);
        assert_eq!(here.encode_seconds.get_sample_count(), 1);
        assert_eq!(here.totals(2).encoders, [None, Some(5)]);
        here.worker_gone(2);
        assert_eq!(here.totals(2).encoders, [None, None]);
    }

    #[test]
    fn totals_that_make_no_sense_count_for_nothing() {
        let here = metrics();
        let before = Totals { decoded: 10, ..Totals::default() };
        let wild = Totals {
            decoded: 3,
            encoded: vec![1; 70_000],
            encoders: vec![Some(200)],
            encode_seconds: vec![f64::NAN, -1.0, f64::INFINITY],
            ..Totals::default()
        };
        here.add(&before, &wild, 1);
        assert_eq!((here.decoded.get(), here.encode_seconds.get_sample_count()), (0, 0));
        assert_eq!(here.totals(2).encoded, [1, 0]);
    }
}
