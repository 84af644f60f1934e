//! The feed: what the packager says happened, in order, and what every edge rebuilds its
//! playlists from. Metadata travels; playlist text does not.
//!
//! Order per variant within an epoch: [`FeedEvent::Started`] (once, for all variants), then
//! `Init`, and per segment `SegmentOpened`, `Part`*, `SegmentClosed`; a segment that could not be
//! made is one `SegmentLost`. A new `Init` comes before the first `SegmentOpened` that names it.
//! `Ended` is last. Variants interleave freely; media sequence numbers, discontinuities and
//! segment start times are the same in all of them (they come from one planner).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::name::{Epoch, Msn, StreamName, VariantId};
use crate::time::WallTime;

/// Longest part in bytes: one second of 256 Mbit/s, more than a passthrough variant carries.
pub const MAX_PART_BYTES: usize = 32 * 1024 * 1024;

/// Most variants of a presentation. An edge takes no feed that has more; with two segments of each in flight they stay within
/// the streams of a link's connection.
pub const MAX_VARIANTS: usize = 32;

/// The constants of an epoch (RFC 8216bis forbids changes): targets, window and ladder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Presentation {
    /// The name of the stream.
    pub stream: StreamName,
    /// The timeline of the stream.
    pub epoch: Epoch,
    /// True when viewers of the previous epoch go on without reloading: an edge keeps its segments,
    /// and the first segment of this epoch carries a discontinuity. All targets and the ladder are
    /// then equal to the previous epoch's.
    pub continues: bool,
    /// Start of the broadcast, by the origin's clock.
    pub started_at: WallTime,
    /// EXT-X-PART-INF PART-TARGET: upper bound of every part's duration.
    pub part_target: Duration,
    /// EXT-X-TARGETDURATION in seconds, ≥ 1.
    pub target_duration_s: u32,
    /// True if all segments of all variants can be expected to begin with a key frame: a condition for saying so in
    /// the multivariant playlist, which players read once (EXT-X-INDEPENDENT-SEGMENTS).
    pub keyed: bool,
    /// Length of finished media that the playlists list, at least 6 segments (RFC 8216bis §6.2.2; Apple 8.11).
    pub window: Duration,
    /// The ladder, in configured order; `variants[i].id == VariantId(i)`.
    pub variants: Vec<Variant>,
}

impl Presentation {
    /// The configured ladder's entry of `id`, if there is one.
    #[must_use]
    pub fn variant(&self, id: VariantId) -> Option<&Variant> {
        self.variants.get(usize::from(id.0))
    }
}

/// One rung of the ladder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Variant {
    /// Its index.
    pub id: VariantId,
    /// Name shown to people, such as `Source` or `480p`.
    pub name: String,
    /// Expected total bit rate in bits per second, used as BANDWIDTH until it has been measured.
    pub nominal_bps: u64,
}

/// The properties of an init section (EXT-X-STREAM-INF attributes).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Format {
    /// CODECS (RFC 6381), such as `avc1.640028,mp4a.40.2`; never empty.
    pub codecs: String,
    /// RESOLUTION as width, height in pixels; `None` without video.
    pub resolution: Option<(u32, u32)>,
    /// FRAME-RATE in frames per second; `None` without video or when unknown.
    pub frame_rate: Option<f64>,
    /// VIDEO-RANGE; `None` without video.
    pub video_range: Option<VideoRange>,
}

/// VIDEO-RANGE (RFC 8216bis §4.4.6.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum VideoRange {
    /// Standard dynamic range.
    Sdr,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
    /// Perceptual quantiser (SMPTE ST 2084).
    Pq,
}

/// Start of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SegmentStart {
    /// Its number.
    pub msn: Msn,
    /// Number of the [`FeedEvent::Init`] that it needs.
    pub init: u32,
    /// EXT-X-PROGRAM-DATE-TIME of its first sample, by the origin's clock.
    pub program_date_time: WallTime,
    /// True if EXT-X-DISCONTINUITY precedes it.
    pub discontinuity: bool,
    /// Discontinuities before this segment, its own included, since numbering began: with the
    /// first listed segment's value (less its own), EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: u64,
    /// True if it can be decoded without the segments before it: its first video frame is a random access point,
    /// or it has no video. EXT-X-INDEPENDENT-SEGMENTS may be written only while all listed segments are so.
    pub independent: bool,
}

/// A part: an immutable CMAF chunk, `moof` + `mdat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartMeta {
    /// Index within its segment, from 0.
    pub index: u32,
    /// DURATION; at most PART-TARGET, at least 85 % of it except for the last part of a segment.
    pub duration: Duration,
    /// True if it contains a sync sample of video (or has no video at all): INDEPENDENT=YES.
    pub independent: bool,
    /// Time at which the last frame of it reached the origin (start of the latency measurement).
    pub arrived_at: WallTime,
    /// Time at which the packager closed it.
    pub closed_at: WallTime,
    /// Set on the last part of a segment where that was known when it was closed: the same that
    /// [`FeedEvent::SegmentClosed`] says after it. Both become visible at once, so that a playlist never
    /// hints at a part of a segment that is complete.
    pub closes: Option<SegmentEnd>,
}

/// End of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SegmentEnd {
    /// Its number.
    pub msn: Msn,
    /// EXTINF.
    pub duration: Duration,
    /// Number of parts, ≥ 1.
    pub parts: u32,
    /// Peak segment bit rate measured in this variant so far, bits per second: BANDWIDTH.
    pub peak_bps: u64,
    /// Average bit rate measured in this variant over the last hour, bits per second: AVERAGE-BANDWIDTH.
    pub average_bps: u64,
}

/// Something that happened to the presentation.
#[derive(Clone, PartialEq, Debug)]
pub enum FeedEvent {
    /// A new epoch; everything after it, until the next, belongs to it.
    Started(Arc<Presentation>),
    /// An initialisation section.
    Init {
        /// Epoch that it belongs to.
        epoch: Epoch,
        /// Variant that it belongs to.
        variant: VariantId,
        /// Its number, from 0 and growing by 1.
        number: u32,
        /// The properties of its media.
        format: Format,
        /// `ftyp` + `moov`.
        bytes: Bytes,
    },
    /// A segment begins.
    SegmentOpened {
        /// Epoch that it belongs to.
        epoch: Epoch,
        /// Variant that it belongs to.
        variant: VariantId,
        /// Its metadata.
        start: SegmentStart,
    },
    /// A part is complete.
    Part {
        /// Epoch that it belongs to.
        epoch: Epoch,
        /// Variant that it belongs to.
        variant: VariantId,
        /// Segment that it belongs to.
        msn: Msn,
        /// Its metadata.
        meta: PartMeta,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A segment is complete: its bytes are its parts, one after another.
    SegmentClosed {
        /// Epoch that it belongs to.
        epoch: Epoch,
        /// Variant that it belongs to.
        variant: VariantId,
        /// Its metadata.
        end: SegmentEnd,
    },
    /// A segment that has no media here: EXT-X-GAP. The packager says it of a variant whose encoder
    /// made nothing of it; an edge, or the queue to an edge, of one that was dropped on the way.
    SegmentLost {
        /// Epoch that it belongs to.
        epoch: Epoch,
        /// Variant that it belongs to.
        variant: VariantId,
        /// Its start, as other variants have it.
        start: SegmentStart,
        /// Its duration.
        duration: Duration,
    },
    /// The broadcast is over: EXT-X-ENDLIST.
    Ended {
        /// Epoch that ended.
        epoch: Epoch,
    },
}

impl FeedEvent {
    /// The epoch that the event belongs to.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Started(presentation) => presentation.epoch,
            Self::Init { epoch, .. }
            | Self::SegmentOpened { epoch, .. }
            | Self::Part { epoch, .. }
            | Self::SegmentClosed { epoch, .. }
            | Self::SegmentLost { epoch, .. }
            | Self::Ended { epoch } => *epoch,
        }
    }
}

/// Everything that a newcomer must know of a presentation: the feed so far, less the segments that left
/// the window. Only metadata and initialisation sections; parts are fetched by name. The feed goes on
/// exactly where the snapshot stops. Merging one that is already known changes nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// The constants of the epoch.
    pub presentation: Arc<Presentation>,
    /// One entry per variant, in order.
    pub variants: Vec<VariantSnapshot>,
    /// True if the broadcast is over.
    pub ended: bool,
}

/// A variant's part of a [`Snapshot`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct VariantSnapshot {
    /// Initialisation sections that listed segments need and the newest one: number, format, bytes.
    pub inits: Vec<(u32, Format, Bytes)>,
    /// Segments of the window, oldest first; only the last may be open.
    pub segments: Vec<SegmentSnapshot>,
}

/// A segment of a [`VariantSnapshot`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SegmentSnapshot {
    /// Its start.
    pub start: SegmentStart,
    /// Its parts so far; may be empty for an old segment whose parts are no longer listed.
    pub parts: Vec<PartMeta>,
    /// The way in which it ended.
    pub state: SegmentState,
}

/// The state of a segment of a [`SegmentSnapshot`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SegmentState {
    /// More parts will come.
    Open,
    /// Complete.
    Closed(SegmentEnd),
    /// Without media, of this duration.
    Lost(Duration),
}
