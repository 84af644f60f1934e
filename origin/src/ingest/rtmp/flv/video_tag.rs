//! Video tags (FLV annex E.4.3; Enhanced RTMP v1 and v2, ExVideoTagHeader).

use bytes::{Buf, Bytes};

use super::modifier::{SplitChecked, skip_modifier};
use super::{FlvError, bad_video};
use crate::media::VideoCodec;

/// FrameType of a key frame.
const KEY: u8 = 1;
/// FrameType of a command, which concerns players.
const COMMAND: u8 = 5;

/// A video tag that means something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct VideoTag {
    /// As the tag says; under id 7 may be HEVC.
    pub(super) codec: VideoCodec,
    pub(super) body: Body,
}

/// The contents of a video tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Body {
    /// A sequence header: never empty.
    Header(Bytes),
    /// Coded pictures: never empty.
    Frame { composition_ms: i32, flagged: bool, data: Bytes },
}

/// Reads a tag; `None` if there is nothing to do about it.
///
/// # Errors
/// [`FlvError::Unsupported`], [`FlvError::Malformed`].
pub(super) fn read(payload: &Bytes) -> Result<Option<VideoTag>, FlvError> {
    let mut rest = payload.clone();
    let Ok(first) = rest.try_get_u8() else { return Ok(None) };
    if first & 0x80 != 0 {
        return extended(first, rest);
    }
    let (frame_type, codec) = (first >> 4, first & 0x0f);
    if frame_type == COMMAND {
        return Ok(None);
    }
    let codec = match codec {
        7 => VideoCodec::Avc,
        12 => VideoCodec::Hevc,
        13 => VideoCodec::Av1,
        2 => return Err(unsupported("Sorenson H.263")),
        4 | 5 => return Err(unsupported("VP6")),
        3 | 6 => return Err(unsupported("screen video")),
        _ => return Err(unsupported("an unknown codec's")),
    };
    let Some(header) = rest.split_to_checked(4) else {
        // Encoders send a bare header at the end of a stream.
        return Ok(None);
    };
    let composition_ms = i24([header[1], header[2], header[3]]);
    match header[0] {
        0 => Ok(header_tag(codec, rest)),
        1 => Ok(frame_tag(codec, composition_ms, frame_type, rest)),
        2 => Ok(None),
        _ => Err(bad_video("AVCPacketType")),
    }
}

fn extended(first: u8, mut rest: Bytes) -> Result<Option<VideoTag>, FlvError> {
    let (frame_type, mut kind) = (first >> 4 & 7, first & 0x0f);
    while kind == 7 {
        kind = skip_modifier(&mut rest).ok_or(bad_video("ModEx"))?;
    }
    // Metadata (colour, HDR) is in the bitstream as well.
    if kind == 4 || frame_type == COMMAND {
        return Ok(None);
    }
    if kind == 6 {
        return Err(FlvError::Unsupported(
            "the encoder sends several video tracks over one connection (Enhanced RTMP multitrack); in OBS \
             switch Multitrack Video off, the server makes the variants itself"
                .to_owned(),
        ));
    }
    let code = rest.split_to_checked(4).ok_or(bad_video("no FourCC"))?;
    let codec = match &code[..] {
        b"avc1" => VideoCodec::Avc,
        b"hvc1" => VideoCodec::Hevc,
        b"av01" => VideoCodec::Av1,
        b"vp08" => return Err(unsupported("VP8")),
        b"vp09" => return Err(unsupported("VP9")),
        b"vvc1" => return Err(unsupported("VVC")),
        _ => return Err(unsupported("an unknown codec's")),
    };
    match kind {
        0 => Ok(header_tag(codec, rest)),
        1 if codec != VideoCodec::Av1 => {
            let time = rest.split_to_checked(3).ok_or(bad_video("no composition time"))?;
            Ok(frame_tag(codec, i24([time[0], time[1], time[2]]), frame_type, rest))
        }
        1 | 3 => Ok(frame_tag(codec, 0, frame_type, rest)),
        2 => Ok(None),
        5 => Err(unsupported("AV1 in MPEG-2 TS form")),
        _ => Err(bad_video("VideoPacketType")),
    }
}

/// GStreamer and some cameras open with an empty header before they know the format.
fn header_tag(codec: VideoCodec, record: Bytes) -> Option<VideoTag> {
    (!record.is_empty()).then_some(VideoTag { codec, body: Body::Header(record) })
}

fn frame_tag(codec: VideoCodec, composition_ms: i32, frame_type: u8, data: Bytes) -> Option<VideoTag> {
    let flagged = frame_type == KEY;
    (!data.is_empty()).then_some(VideoTag { codec, body: Body::Frame { composition_ms, flagged, data } })
}

fn i24(bytes: [u8; 3]) -> i32 {
    i32::from_be_bytes([bytes[0], bytes[1], bytes[2], 0]) >> 8
}

fn unsupported(codec: &str) -> FlvError {
    FlvError::Unsupported(format!(
        "the encoder sends {codec} video; set H.264, HEVC or AV1 as video encoder (in OBS: Settings, Output, \
         Video Encoder)"
    ))
}
