//! Media between ingest and packager: track descriptions, frames, and marks at which all variants
//! begin a segment.
//!
//! The order of [`MediaEvent`]s is the order of the source, by decode time within a track. A
//! configuration precedes the first frame that needs it.

use std::sync::Arc;

use bytes::Bytes;
pub use farcast_feed::cmaf::Colour;
use farcast_feed::name::Msn;
use farcast_feed::time::{MediaTime, WallTime};
use serde::{Deserialize, Serialize};

/// Video codecs that a variant can carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum VideoCodec {
    /// H.264; samples are length-prefixed NAL units (4-byte lengths after ingest), config is `avcC`.
    Avc,
    /// H.265; samples as for AVC, config is `hvcC`; packaged as `hvc1`.
    Hevc,
    /// AV1; samples are temporal units of OBUs without temporal delimiters, config is `av1C`.
    Av1,
}

impl From<VideoCodec> for farcast_av::Codec {
    fn from(codec: VideoCodec) -> Self {
        match codec {
            VideoCodec::Avc => Self::H264,
            VideoCodec::Hevc => Self::Hevc,
            VideoCodec::Av1 => Self::Av1,
        }
    }
}

/// Audio codecs that a variant can carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum AudioCodec {
    /// AAC; samples are raw access units without ADTS, config is the AudioSpecificConfig.
    Aac,
}

/// Description of a video track.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VideoConfig {
    /// Codec.
    pub codec: VideoCodec,
    /// Content of the `avcC`, `hvcC` or `av1C` box (without box header).
    pub record: Bytes,
    /// Coded width in pixels, from the codec's own headers.
    pub width: u32,
    /// Coded height in pixels, from the codec's own headers.
    pub height: u32,
    /// Nominal frame rate times 1000, from headers or metadata; `None` when unknown.
    pub frame_rate_milli: Option<u32>,
    /// Width and height of a pixel, as a ratio; (1, 1) is square, or unspecified.
    pub sample_aspect: (u32, u32),
    /// Colour, as the codec's own headers say.
    pub colour: Colour,
    /// Chroma format.
    pub chroma: Chroma,
    /// Bits of a luma sample: 8, 10, 12 …
    pub bit_depth: u8,
    /// True if frames are, or may be, made of two fields of different moments.
    pub interlaced: bool,
    /// Key frames are no random access points of the codec: open groups of pictures or intra refresh in H.264, which
    /// decoders that join there do not begin at, Chromium's and Apple's among them.
    pub open_gop: bool,
}

impl MediaEvent {
    /// The track that it belongs to.
    #[must_use]
    pub fn track(&self) -> Track {
        match self {
            Self::Video(_) | Self::NoVideo => Track::Video,
            Self::Audio(_) | Self::NoAudio => Track::Audio,
            Self::Frame(frame) => frame.track,
        }
    }
}

impl VideoConfig {
    /// The kind of most sources: progressive, 4:2:0 of 8 bits, square pixels, no colours named.
    #[must_use]
    pub fn plain(codec: VideoCodec, record: Bytes, (width, height): (u32, u32)) -> Self {
        Self {
            codec,
            record,
            width,
            height,
            frame_rate_milli: None,
            sample_aspect: (1, 1),
            colour: Colour::UNSPECIFIED,
            chroma: Chroma::Yuv420,
            bit_depth: 8,
            interlaced: false,
            open_gop: false,
        }
    }
}

/// The sampling of chroma.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Chroma {
    /// None: grey.
    Monochrome,
    /// 4:2:0.
    Yuv420,
    /// 4:2:2.
    Yuv422,
    /// 4:4:4, RGB included.
    Yuv444,
}

/// Description of an audio track.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AudioConfig {
    /// Codec.
    pub codec: AudioCodec,
    /// AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    pub record: Bytes,
    /// Output sample rate in Hz.
    pub sample_rate_hz: u32,
    /// Output channels.
    pub channels: u16,
    /// Samples per channel in one access unit: 1024, 960, or 2048 with explicit SBR at the output rate.
    pub frame_samples: u32,
}

/// The track that a frame belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum Track {
    /// Video.
    Video,
    /// Audio.
    Audio,
}

/// The beginning of a segment, decided once for all variants by the planner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Number of the segment that begins.
    pub msn: Msn,
    /// Presentation time of its first frame.
    pub start: MediaTime,
    /// The same by the origin's clock.
    pub program_date_time: WallTime,
    /// True if the timeline, the codec or the tracks changed here.
    pub discontinuity: bool,
    /// As in [`farcast_feed::feed::SegmentStart::discontinuity_sequence`].
    pub discontinuity_sequence: u64,
}

/// One access unit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Frame {
    /// Its track.
    pub track: Track,
    /// Decode time on the broadcast's timeline; never decreases within a track.
    pub dts: MediaTime,
    /// Presentation time on the broadcast's timeline.
    pub pts: MediaTime,
    /// Sync sample (always true for audio).
    pub key: bool,
    /// Bytes, in the form that the codec's variant documents.
    pub data: Bytes,
    /// Arrival time at the origin. Transcoded frames keep their source frame's.
    pub arrived_at: WallTime,
    /// Set on the first frame of a segment: on video if the source has video at that time, else on
    /// audio. A transcoder moves it to the frame that it makes of this one, which is then an IDR.
    pub mark: Option<Mark>,
}

/// The events that flow from ingest to packager.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum MediaEvent {
    /// A video track begins or changes.
    Video(Arc<VideoConfig>),
    /// An audio track begins or changes.
    Audio(Arc<AudioConfig>),
    /// The video track is gone (a publisher came back without it).
    NoVideo,
    /// The audio track is gone.
    NoAudio,
    /// A frame.
    Frame(Frame),
}
