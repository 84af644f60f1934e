//! Video tags (FLV annex E.4.3; Enhanced RTMP v1 and v2, ExVideoTagHeader).

use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::audio::SplitChecked;
use super::{FlvError, av1, avc, bad_video, hevc, nal};
use crate::media::{VideoCodec, VideoConfig};

/// FrameType of a key frame.
const KEY: u8 = 1;
/// FrameType of a command, which concerns players.
const COMMAND: u8 = 5;

/// What a video tag means.
pub(super) enum Output {
    Config(Arc<VideoConfig>),
    Frame { composition_ms: i32, key: bool, data: Bytes },
}

/// At most a configuration and the frame that brought it.
pub(super) type Outputs = [Option<Output>; 2];

const NOTHING: Outputs = [None, None];

/// State of the video track.
#[derive(Debug, Default)]
pub(super) struct State {
    config: Option<Arc<VideoConfig>>,
    /// The record as it was received, to recognise repetitions.
    received: Bytes,
    /// Bytes of the NAL unit lengths in frames.
    length_size: usize,
    /// An `av1C` record that lacks the sequence header.
    incomplete: Option<Bytes>,
}

impl State {
    pub(super) fn config(&self) -> Option<&Arc<VideoConfig>> {
        self.config.as_ref()
    }

    pub(super) fn read(&mut self, payload: &Bytes, nominal_milli: Option<u32>) -> Result<Outputs, FlvError> {
        let mut rest = payload.clone();
        let Ok(first) = rest.try_get_u8() else { return Ok(NOTHING) };
        if first & 0x80 != 0 {
            return self.extended(first, rest, nominal_milli);
        }
        let (frame_type, codec) = (first >> 4, first & 0x0f);
        if frame_type == COMMAND {
            return Ok(NOTHING);
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
            return Ok(NOTHING);
        };
        let composition_ms = i24([header[1], header[2], header[3]]);
        match header[0] {
            0 => self.sequence(codec, rest, nominal_milli),
            1 => self.frame(codec, composition_ms, frame_type == KEY, &rest, nominal_milli),
            2 => Ok(NOTHING),
            _ => Err(bad_video("AVCPacketType")),
        }
    }

    fn extended(&mut self, first: u8, mut rest: Bytes, nominal: Option<u32>) -> Result<Outputs, FlvError> {
        let (frame_type, mut kind) = (first >> 4 & 7, first & 0x0f);
        while kind == 7 {
            kind = skip_modifier(&mut rest).ok_or(bad_video("ModEx"))?;
        }
        // Metadata (colour, HDR) is in the bitstream as well.
        if kind == 4 || frame_type == COMMAND {
            return Ok(NOTHING);
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
            0 => self.sequence(codec, rest, nominal),
            1 if codec != VideoCodec::Av1 => {
                let time = rest.split_to_checked(3).ok_or(bad_video("no composition time"))?;
                let composition_ms = i24([time[0], time[1], time[2]]);
                self.frame(codec, composition_ms, frame_type == KEY, &rest, nominal)
            }
            1 | 3 => self.frame(codec, 0, frame_type == KEY, &rest, nominal),
            2 => Ok(NOTHING),
            5 => Err(unsupported("AV1 in MPEG-2 TS form")),
            _ => Err(bad_video("VideoPacketType")),
        }
    }

    fn sequence(
        &mut self,
        codec: VideoCodec,
        record: Bytes,
        nominal: Option<u32>,
    ) -> Result<Outputs, FlvError> {
        if record.is_empty() {
            // GStreamer and some cameras open with an empty header before they know the format.
            return Ok(NOTHING);
        }
        if self.config.is_some() && self.received == record {
            return Ok(NOTHING);
        }
        let (mut config, length_size) = match codec {
            VideoCodec::Avc => match avc::config(&record) {
                Ok(config) => config,
                Err(problem) => hevc::config(&record).map_err(|_| bad_video(problem))?,
            },
            VideoCodec::Hevc => hevc::config(&record).map_err(bad_video)?,
            VideoCodec::Av1 => {
                let Some(picture) = av1::record(&record).map_err(bad_video)? else {
                    self.incomplete = Some(record);
                    return Ok(NOTHING);
                };
                (av1_config(record.clone(), picture), 0)
            }
        };
        config.frame_rate_milli = config.frame_rate_milli.or(nominal);
        self.incomplete = None;
        self.received = record;
        self.length_size = length_size;
        let config = Arc::new(config);
        self.config = Some(Arc::clone(&config));
        Ok([Some(Output::Config(config)), None])
    }

    fn frame(
        &mut self,
        codec: VideoCodec,
        composition_ms: i32,
        flagged: bool,
        data: &Bytes,
        nominal: Option<u32>,
    ) -> Result<Outputs, FlvError> {
        if data.is_empty() {
            return Ok(NOTHING);
        }
        let mut config = None;
        if let Some(record) = self.incomplete.as_ref().filter(|_| codec == VideoCodec::Av1 && flagged)
            && let Some(picture) = av1::picture(data).map_err(bad_video)?
        {
            let mut complete = av1_config(record.clone(), picture);
            complete.frame_rate_milli = complete.frame_rate_milli.or(nominal);
            config = Some(Arc::new(complete));
        }
        let current =
            config.as_ref().or(self.config.as_ref()).ok_or(FlvError::NoConfig { track: "video" })?;
        // Under id 7 may be HEVC, see the module's documentation; otherwise a frame has its header's codec.
        let same = current.codec == codec || (codec, current.codec) == (VideoCodec::Avc, VideoCodec::Hevc);
        if !same {
            return Err(FlvError::NoConfig { track: "video" });
        }
        // The flag of the tag decides, as files and players have always done it, and a random access
        // point that an encoder forgot to flag is one anyway.
        let (data, key) = match current.codec {
            VideoCodec::Avc => {
                let unit = nal::normalise(data, self.length_size, avc::is_idr).map_err(bad_video)?;
                (unit.data, flagged || unit.sync)
            }
            VideoCodec::Hevc => {
                let unit = nal::normalise(data, self.length_size, hevc::is_irap).map_err(bad_video)?;
                (unit.data, flagged || unit.sync)
            }
            VideoCodec::Av1 => (av1::temporal_unit(data).map_err(bad_video)?, flagged),
        };
        if let Some(config) = &config {
            self.received = self.incomplete.take().unwrap_or_default();
            self.config = Some(Arc::clone(config));
        }
        Ok([config.map(Output::Config), Some(Output::Frame { composition_ms, key, data })])
    }
}

fn av1_config(record: Bytes, picture: av1::Picture) -> VideoConfig {
    let av1::Picture { width, height, frame_rate_milli } = picture;
    VideoConfig { frame_rate_milli, ..VideoConfig::plain(VideoCodec::Av1, record, (width, height)) }
}

/// Skips a modifier (Enhanced RTMP v2, `ModEx`): the sub-millisecond part of a time is all that is
/// defined, and no timeline here needs it. Returns the packet type that follows.
pub(super) fn skip_modifier(rest: &mut Bytes) -> Option<u8> {
    let mut size = usize::from(rest.try_get_u8().ok()?) + 1;
    if size == 256 {
        size = usize::from(rest.try_get_u16().ok()?) + 1;
    }
    rest.split_to_checked(size)?;
    Some(rest.try_get_u8().ok()? & 0x0f)
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
