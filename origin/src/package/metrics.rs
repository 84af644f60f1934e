//! Metrics of packagers, all variants together.

use farcast_telemetry::make::Make as _;
use prometheus::{IntCounter, IntCounterVec, Registry};

/// Why a frame, or a piece of timeline, is in no part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropReason {
    /// No segment is open: before the first mark, or after a segment that was given up.
    NoSegment,
    /// The segment has reached EXT-X-TARGETDURATION and no mark came.
    Overfull,
    /// Audio waited for video longer than is useful.
    AudioQueue,
    /// Audio that overlaps the audio already written.
    AudioOverlap,
    /// The frame cannot be written.
    Unwritable,
}

impl DropReason {
    fn label(self) -> &'static str {
        match self {
            Self::NoSegment => "no_segment",
            Self::Overfull => "overfull",
            Self::AudioQueue => "audio_queue",
            Self::AudioOverlap => "audio_overlap",
            Self::Unwritable => "unwritable",
        }
    }
}

/// Handles of the packagers' metrics; clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) parts: IntCounter,
    pub(super) segments: IntCounter,
    pub(super) lost: IntCounter,
    pub(super) bytes: IntCounter,
    pub(super) resyncs: IntCounter,
    pub(super) holes: IntCounter,
    dropped: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            dropped: registry.counters(
                "farcast_package_dropped_frames_total",
                "Frames that are in no part",
                &["reason"],
            )?,
            parts: registry.counter("farcast_package_parts_total", "Parts made")?,
            segments: registry.counter("farcast_package_segments_total", "Segments completed")?,
            lost: registry
                .counter("farcast_package_lost_segments_total", "Segments a variant has nothing of")?,
            bytes: registry.counter("farcast_package_part_bytes_total", "Bytes of all parts")?,
            resyncs: registry.counter(
                "farcast_package_audio_resyncs_total",
                "Times the audio clock was set again because the source had drifted",
            )?,
            holes: registry.counter(
                "farcast_package_holes_total",
                "Pieces of timeline without any sample, which no part could stand for",
            )?,
        })
    }

    pub(super) fn dropped(&self, reason: DropReason, frames: usize) {
        let frames = u64::try_from(frames).unwrap_or(u64::MAX);
        self.dropped.with_label_values(&[reason.label()]).inc_by(frames);
    }
}
