//! The tracks of a variant, and the initialisation section that describes them.

use std::sync::Arc;

use bytes::Bytes;
use farcast_feed::cmaf::{self, AudioTrack, VideoTrack};
use farcast_feed::feed::Format;

use crate::media::{AudioConfig, VideoCodec, VideoConfig};

/// The tracks of a variant.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Tracks {
    pub(super) video: Option<Arc<VideoConfig>>,
    pub(super) audio: Option<Arc<AudioConfig>>,
}

impl Tracks {
    /// Writes the initialisation section.
    pub(super) fn init_section(&self) -> Result<(Format, Bytes), cmaf::Error> {
        let video = self.video.as_deref().map(|config| VideoTrack {
            codec: match config.codec {
                VideoCodec::Avc => cmaf::VideoCodec::Avc,
                VideoCodec::Hevc => cmaf::VideoCodec::Hevc,
                VideoCodec::Av1 => cmaf::VideoCodec::Av1,
            },
            record: config.record.clone(),
            width: config.width,
            height: config.height,
            sample_aspect: config.sample_aspect,
            colour: config.colour,
        });
        let audio = self.audio.as_deref().map(|config| AudioTrack {
            record: config.record.clone(),
            sample_rate_hz: config.sample_rate_hz,
            channels: config.channels,
        });
        let bytes = cmaf::init_section(video.as_ref(), audio.as_ref())?;
        let format = Format {
            codecs: cmaf::codecs(video.as_ref(), audio.as_ref())?,
            resolution: video.as_ref().map(VideoTrack::display_size),
            frame_rate: self
                .video
                .as_deref()
                .and_then(|config| config.frame_rate_milli)
                .filter(|milli| *milli > 0)
                .map(|milli| f64::from(milli) / 1000.0),
            video_range: self.video.as_deref().map(|config| config.colour.range()),
        };
        Ok((format, bytes))
    }
}
