//! A safe shell around libav (through `ffmpeg-next`): decoders, scalers, encoders, hardware
//! contexts, a demuxer for files, and libav's log.
//!
//! This is the only crate of the origin that contains `unsafe`; everything public here is safe.
//! Invariants: every raw pointer is owned by exactly one wrapper, which frees it on drop; frames are
//! reference-counted by libav and never written after they were handed out; all times are in
//! microseconds.
#![allow(
    unsafe_code,
    reason = "libav is a C library, and ffmpeg-next has no safe interface to hardware contexts"
)]

mod audio;
mod colour;
mod decoder;
mod demux;
mod device;
mod encoder;
mod error;
mod filter;
mod frame;
mod graph;
mod log;
mod packet;
mod planes;
mod rgb;
mod scaler;
mod tonemap;
mod usage;

pub use audio::{AacEncoder, AudioDecoder, Resampler};
pub use colour::Colour;
pub use decoder::{VideoDecoder, VideoDecoderConfig};
pub use demux::{DemuxedPacket, FileDemuxer, StreamInfo};
pub use device::{Device, DeviceKind, FramesContext};
pub use encoder::{VideoEncoder, VideoEncoderConfig, encoder_exists};
pub use error::Error;
pub use filter::Deinterlacer;
pub use frame::{AudioFrame, PixelLayout, VideoFrame};
pub use log::{QuietGuard, quiet, route_log_to_tracing};
pub use packet::EncodedPacket;
pub use rgb::to_rgb;
pub use scaler::{Geometry, Scaler};
pub use usage::cpu_time;

/// Codecs that can be decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Codec {
    /// H.264; packets with 4-byte length prefixes when the extradata is an `avcC`.
    H264,
    /// H.265; as H.264, with `hvcC`.
    Hevc,
    /// AV1; extradata is an `av1C`.
    Av1,
    /// AAC without ADTS; extradata is the AudioSpecificConfig.
    Aac,
}

impl Codec {
    pub(crate) fn id(self) -> ffmpeg_next::ffi::AVCodecID {
        use ffmpeg_next::ffi::AVCodecID as Id;
        match self {
            Self::H264 => Id::AV_CODEC_ID_H264,
            Self::Hevc => Id::AV_CODEC_ID_HEVC,
            Self::Av1 => Id::AV_CODEC_ID_AV1,
            Self::Aac => Id::AV_CODEC_ID_AAC,
        }
    }
}
