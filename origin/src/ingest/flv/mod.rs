//! The payloads of RTMP audio and video messages, which are FLV tag bodies (Adobe FLV 10.1 annex E,
//! Enhanced RTMP v1 and v2).
//!
//! [`Demuxer`] turns them into the origin's media vocabulary: configurations parsed far enough to
//! know the picture and sound formats, and frames that are known to be well-formed (lengths fit, NAL
//! unit lengths are four bytes, AV1 has no temporal delimiters). Times stay those of the source, in 32 bits of
//! milliseconds; [`super::repair`] makes a timeline of them.
//!
//! Three dialects of HEVC exist and are all read: FourCC `hvc1` (Enhanced RTMP), codec id 12, and
//! HEVC records under H.264's id 7, which old OBS builds send.

mod aac;
mod audio;
mod av1;
mod avc;
mod bits;
mod hevc;
mod metadata;
mod nal;
mod video;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use farcast_shared::time::{MediaTime, WallTime};

use crate::media::{AudioConfig, Frame, MediaEvent, Track, VideoConfig};

pub use metadata::StreamMetadata;
pub(super) use metadata::plain;

/// What is wrong with a tag.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FlvError {
    /// The codec or feature is one that this server does not take. Ends the session; the text is for
    /// the broadcaster and says what to set.
    #[error("{0}")]
    Unsupported(String),
    /// The tag is broken: it is left out and the session goes on, up to a limit.
    #[error("malformed {track} tag: {what}")]
    Malformed {
        /// `audio` or `video`.
        track: &'static str,
        /// Which part of it.
        what: &'static str,
    },
    /// A frame before the configuration that it needs: left out.
    #[error("{track} frame before its sequence header")]
    NoConfig {
        /// `audio` or `video`.
        track: &'static str,
    },
}

/// Turns tags of one session into [`MediaEvent`]s.
#[derive(Debug, Default)]
pub struct Demuxer {
    video: video::State,
    audio: Option<Arc<AudioConfig>>,
    nominal_frame_rate_milli: Option<u32>,
}

impl Demuxer {
    /// Takes the frame rate that the metadata names, for codecs whose own headers do not.
    pub fn metadata(&mut self, metadata: &StreamMetadata) {
        self.nominal_frame_rate_milli = metadata.frame_rate_milli();
    }

    /// Reads a video tag and appends what it means, in order, to `out`.
    ///
    /// # Errors
    /// [`FlvError`]; nothing is appended then, and later tags can be read.
    pub fn video(
        &mut self,
        timestamp_ms: u32,
        payload: &Bytes,
        arrived_at: WallTime,
        out: &mut VecDeque<MediaEvent>,
    ) -> Result<(), FlvError> {
        for output in self.video.read(payload, self.nominal_frame_rate_milli)?.into_iter().flatten() {
            out.push_back(match output {
                video::Output::Config(config) => MediaEvent::Video(config),
                video::Output::Frame { composition_ms, key, data } => {
                    let dts = MediaTime::from_millis(i64::from(timestamp_ms));
                    let pts = MediaTime::from_millis(i64::from(timestamp_ms) + i64::from(composition_ms));
                    MediaEvent::Frame(Frame {
                        track: Track::Video,
                        dts,
                        pts,
                        key,
                        data,
                        arrived_at,
                        mark: None,
                    })
                }
            });
        }
        Ok(())
    }

    /// Reads an audio tag and appends what it means to `out`.
    ///
    /// # Errors
    /// [`FlvError`]; nothing is appended then, and later tags can be read.
    pub fn audio(
        &mut self,
        timestamp_ms: u32,
        payload: &Bytes,
        arrived_at: WallTime,
        out: &mut VecDeque<MediaEvent>,
    ) -> Result<(), FlvError> {
        match audio::read(payload)? {
            None => {}
            Some(audio::Tag::Config(record)) => {
                if self.audio.as_ref().is_some_and(|config| config.record == record) {
                    return Ok(());
                }
                let config = Arc::new(aac::config(record)?);
                self.audio = Some(Arc::clone(&config));
                out.push_back(MediaEvent::Audio(config));
            }
            Some(audio::Tag::Frame(data)) => {
                if self.audio.is_none() {
                    return Err(FlvError::NoConfig { track: "audio" });
                }
                let dts = MediaTime::from_millis(i64::from(timestamp_ms));
                let track = Track::Audio;
                out.push_back(MediaEvent::Frame(Frame {
                    track,
                    dts,
                    pts: dts,
                    key: true,
                    data,
                    arrived_at,
                    mark: None,
                }));
            }
        }
        Ok(())
    }

    /// The current configuration of video, if there has been one.
    #[must_use]
    pub fn video_config(&self) -> Option<&Arc<VideoConfig>> {
        self.video.config()
    }
}

/// A malformed video tag.
fn bad_video(what: &'static str) -> FlvError {
    FlvError::Malformed { track: "video", what }
}

/// A malformed audio tag.
fn bad_audio(what: &'static str) -> FlvError {
    FlvError::Malformed { track: "audio", what }
}

#[cfg(test)]
mod tests;
