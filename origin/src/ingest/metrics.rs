//! Metrics of ingest.

use farcast_service::accept;
use farcast_service::tasks::{Contained, Part};
use farcast_telemetry::make::Make as _;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

use super::publisher::{EndReason, Refused};
use super::repair::{Outcome, Repair};
use crate::media::Track;

/// Kinds of repairs, as [`Metrics::repaired`] counts them.
const REPAIRS: [&str; 10] = [
    "rollover",
    "jump",
    "skew",
    "backward_step",
    "composition",
    "stale",
    "duplicate",
    "outlier",
    "track_lost",
    "track_back",
];

/// Handles of ingest's metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Bytes received of connections that publish, before TLS is undone if there is any.
    pub(super) received_bytes: IntCounter,
    /// Bit rate of the present publisher over the last second or so; 0 without one.
    pub(super) bit_rate: IntGauge,
    /// Open connections.
    pub(super) open: IntGauge,
    pub(super) accept: accept::Metrics,
    /// Panics of connections.
    pub(super) panics: Contained,
    connections: IntCounterVec,
    refused: IntCounterVec,
    repairs: IntCounterVec,
    frames: IntCounterVec,
    lost: IntCounterVec,
    complaints: IntCounterVec,
}

/// Why a tag did not become a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lost {
    Malformed,
    NoConfig,
    Unsupported,
    LatePiece,
}

impl Lost {
    const ALL: [Self; 4] = [Self::Malformed, Self::NoConfig, Self::Unsupported, Self::LatePiece];

    const fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NoConfig => "no_config",
            Self::Unsupported => "unsupported",
            Self::LatePiece => "late_piece",
        }
    }
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            received_bytes: registry
                .counter("farcast_ingest_received_bytes_total", "Bytes received from publishers")?,
            accept: accept::Metrics::new(accept::Listener::Rtmp, registry)?,
            panics: Contained::new(Part::RtmpConnection, registry)?,
            bit_rate: registry.gauge(
                "farcast_ingest_bit_rate_bits_per_second",
                "Bit rate of the publisher, measured over about a second",
            )?,
            open: registry.gauge("farcast_ingest_open_connections", "RTMP connections that are open")?,
            connections: registry.counters_of(
                "farcast_ingest_connections_total",
                "Publishers that have left, by how their session ended",
                "outcome",
                &EndReason::LABELS,
            )?,
            refused: registry.counters_of(
                "farcast_ingest_refused_total",
                "Connections that did not come to publish, by reason",
                "reason",
                &Refused::ALL.map(Refused::label),
            )?,
            repairs: registry.counters_of(
                "farcast_ingest_timestamp_repairs_total",
                "Repairs of the timeline, by kind",
                "kind",
                &REPAIRS,
            )?,
            frames: registry.counters_of(
                "farcast_ingest_frames_total",
                "Frames received, by track",
                "track",
                &[label(Track::Video), label(Track::Audio)],
            )?,
            lost: registry.counters_of(
                "farcast_ingest_lost_tags_total",
                "Audio and video tags that became no frame, by reason",
                "reason",
                &Lost::ALL.map(Lost::label),
            )?,
            complaints: registry.counters_of(
                "farcast_ingest_unusable_tracks_total",
                "Tracks of publishers that could not be used, of which their encoder was told",
                "track",
                &[label(Track::Video), label(Track::Audio)],
            )?,
        })
    }

    /// Bit rate of the present publisher over the last second or so; 0 without one.
    #[must_use]
    pub fn bit_rate_bps(&self) -> u64 {
        u64::try_from(self.bit_rate.get()).unwrap_or(0)
    }

    /// Counts what a [`super::repair::Timeline`] did; for its owner.
    pub fn repaired(&self, outcome: &Outcome) {
        for repair in &outcome.repairs {
            let kind = match repair {
                Repair::Rollover => "rollover",
                Repair::Jump => "jump",
                Repair::Skew => "skew",
                Repair::BackwardStep => "backward_step",
                Repair::Composition => "composition",
                Repair::Stale => "stale",
                Repair::Duplicate => "duplicate",
                Repair::Outlier => "outlier",
                Repair::TrackLost => "track_lost",
                Repair::TrackBack => "track_back",
            };
            self.repairs.with_label_values(&[kind]).inc();
        }
    }

    pub(super) fn ended(&self, reason: &EndReason) {
        self.connections.with_label_values(&[reason.label()]).inc();
    }

    pub(super) fn refused(&self, reason: Refused) {
        self.refused.with_label_values(&[reason.label()]).inc();
    }

    pub(super) fn frame(&self, track: Track) {
        self.frames.with_label_values(&[label(track)]).inc();
    }

    pub(super) fn complained(&self, track: Track) {
        self.complaints.with_label_values(&[label(track)]).inc();
    }

    pub(super) fn lost(&self, reason: Lost) {
        self.lost.with_label_values(&[reason.label()]).inc();
    }
}

fn label(track: Track) -> &'static str {
    match track {
        Track::Video => "video",
        Track::Audio => "audio",
    }
}
