//! The payloads of RTMP audio and video messages, which are FLV tag bodies (Adobe FLV 10.1 annex E,
//! Enhanced RTMP v1 and v2).
//!
//! [`Demuxer`] turns them into the origin's media vocabulary: configurations parsed far enough to
//! know the picture and sound formats, and frames that are known to be well-formed (whole access units, NAL
//! unit lengths are four bytes, AV1 has no temporal delimiters, AAC no ADTS). Times stay those of the source, in 32 bits of
//! milliseconds; [`crate::ingest::repair`] makes a timeline of them.
//!
//! The container is not trusted: the delimiters of units, the ends of access units, the parameter sets in force and the
//! key frames are read from the stream, and a sequence header that is missing or lies is made up for. A tag that cannot
//! be repaired returns an error; [`Judge`] turns these into messages for the broadcaster.
//!
//! Three dialects of HEVC exist and are all read: FourCC `hvc1` (Enhanced RTMP), codec id 12, and
//! HEVC under H.264's id 7, which old OBS builds send.

mod aac;
mod access_unit;
mod adts;
mod audio;
mod audio_tag;
mod av1;
mod avc;
mod bits;
mod hevc;
mod judge;
mod limits;
mod metadata;
mod modifier;
mod nal;
mod picture;
mod sets;
mod unit;
mod video;
mod video_tag;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use farcast_feed::time::{MediaTime, WallTime};

use crate::ingest::metadata::StreamMetadata;
use crate::media::{Frame, MediaEvent, Track, VideoConfig};

pub use judge::{Judge, Verdict};
pub use limits::Limits;
pub(super) use metadata::plain;

/// The fault in a tag.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FlvError {
    /// The codec or feature is one that this server does not take; the text is for the broadcaster and says
    /// what to set.
    #[error("{0}")]
    Unsupported(String),
    /// The tag is broken: it is left out.
    #[error("malformed {track} tag: {what}")]
    Malformed {
        /// `audio` or `video`.
        track: &'static str,
        /// The faulty part of it.
        what: &'static str,
    },
    /// A frame before its decoder's configuration is known: left out.
    #[error("{track} frame before its sequence header")]
    NoConfig {
        /// `audio` or `video`.
        track: &'static str,
    },
    /// A part of a picture that had been passed on as complete: left out. From then on pictures are waited for.
    #[error("a part of a picture that was already passed on")]
    LatePiece,
}

/// Turns tags of one session into [`MediaEvent`]s.
#[derive(Debug, Default)]
pub struct Demuxer {
    video: video::State,
    audio: audio::State,
    metadata: StreamMetadata,
}

impl Demuxer {
    /// A demultiplexer that accepts pictures within `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { video: video::State::new(limits), ..Self::default() }
    }

    /// Takes what the metadata says where the media themselves say nothing: frame rate, sample rate, channels.
    pub fn metadata(&mut self, metadata: &StreamMetadata) {
        self.metadata = metadata.clone();
    }

    /// Reads a video tag and appends the pictures that are complete then, in order, to `out`.
    ///
    /// # Errors
    /// [`FlvError`]; later tags can be read.
    pub fn video(
        &mut self,
        timestamp_ms: u32,
        payload: &Bytes,
        arrived_at: WallTime,
        out: &mut VecDeque<MediaEvent>,
    ) -> Result<(), FlvError> {
        let mut outputs = Vec::new();
        let nominal = self.metadata.frame_rate_milli();
        let read = self.video.read(timestamp_ms, payload, arrived_at, nominal, &mut outputs);
        out.extend(outputs.into_iter().map(video_event));
        read
    }

    /// Reads an audio tag and appends the events that are known then, in order, to `out`.
    ///
    /// # Errors
    /// [`FlvError`]; later tags can be read.
    pub fn audio(
        &mut self,
        timestamp_ms: u32,
        payload: &Bytes,
        arrived_at: WallTime,
        out: &mut VecDeque<MediaEvent>,
    ) -> Result<(), FlvError> {
        let mut outputs = Vec::new();
        let read = self.audio.read(timestamp_ms, payload, arrived_at, &self.metadata, &mut outputs);
        out.extend(outputs.into_iter().map(audio_event));
        read
    }

    /// No more tags will come: appends everything held.
    pub fn finish(&mut self, out: &mut VecDeque<MediaEvent>) {
        let mut outputs = Vec::new();
        // A last picture that cannot be decoded is one of those that have been complained of.
        let _ = self.video.finish(self.metadata.frame_rate_milli(), &mut outputs);
        out.extend(outputs.into_iter().map(video_event));
    }

    /// The current configuration of video, if there has been one.
    #[must_use]
    pub fn video_config(&self) -> Option<&Arc<VideoConfig>> {
        self.video.config()
    }
}

fn video_event(output: video::Output) -> MediaEvent {
    match output {
        video::Output::Config(config) => MediaEvent::Video(config),
        video::Output::Frame { times, key, data, arrived_at } => {
            let dts_ms = i64::from(times.timestamp_ms);
            let dts = MediaTime::from_millis(dts_ms);
            let pts = MediaTime::from_millis(dts_ms + i64::from(times.composition_ms));
            MediaEvent::Frame(Frame { track: Track::Video, dts, pts, key, data, arrived_at, mark: None })
        }
    }
}

fn audio_event(output: audio::Output) -> MediaEvent {
    match output {
        audio::Output::Config(config) => MediaEvent::Audio(config),
        audio::Output::Frame { timestamp_ms, data, arrived_at } => {
            let dts = MediaTime::from_millis(i64::from(timestamp_ms));
            let (track, pts, key) = (Track::Audio, dts, true);
            MediaEvent::Frame(Frame { track, dts, pts, key, data, arrived_at, mark: None })
        }
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
mod framing_tests;
#[cfg(test)]
mod tests;
