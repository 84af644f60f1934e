//! Stream metadata as the encoder declares it, for people and as a fallback.

/// The encoder's description of its stream. None of it is checked against the media.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StreamMetadata {
    /// `width` in pixels.
    pub width: Option<u32>,
    /// `height` in pixels.
    pub height: Option<u32>,
    /// `framerate` in frames per second.
    pub frame_rate: Option<f64>,
    /// `videocodecid` as a name, such as `H.264`.
    pub video_codec: Option<String>,
    /// `videodatarate` in kilobits per second.
    pub video_bitrate_kbps: Option<u32>,
    /// `audiocodecid` as a name, such as `AAC`.
    pub audio_codec: Option<String>,
    /// `audiodatarate` in kilobits per second.
    pub audio_bitrate_kbps: Option<u32>,
    /// `audiosamplerate` in Hz.
    pub audio_sample_rate_hz: Option<u32>,
    /// `audiochannels`, or what `stereo` says of them.
    pub audio_channels: Option<u8>,
    /// `encoder`, such as `obs-output module (libobs version 30.0.0)`.
    pub encoder: Option<String>,
}

impl StreamMetadata {
    /// [`Self::frame_rate`] times 1000.
    #[must_use]
    pub fn frame_rate_milli(&self) -> Option<u32> {
        self.frame_rate.and_then(|rate| whole((rate * 1000.0).round())).filter(|milli| *milli >= 1000)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn whole(number: f64) -> Option<u32> {
    (number > 0.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
}
