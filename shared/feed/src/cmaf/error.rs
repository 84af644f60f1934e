//! The errors of writing initialisation sections and chunks.

/// The reason why an initialisation section or a chunk cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither video nor audio was given.
    #[error("a presentation needs at least one track")]
    NoTracks,
    /// A codec configuration record is longer than any honest one.
    #[error("codec configuration record of {bytes} bytes exceeds {max}")]
    RecordTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A codec configuration record cannot be parsed.
    #[error("malformed {kind} record")]
    Record {
        /// The kind of record: `avcC`, `hvcC` or `av1C`.
        kind: &'static str,
        /// The parser's error.
        #[source]
        source: mp4_atom::Error,
    },
    /// The record has no parameter sets, so the track could not be decoded.
    #[error("{kind} record without parameter sets")]
    NoParameterSets {
        /// The kind of record.
        kind: &'static str,
    },
    /// An AudioSpecificConfig is too short or reserved.
    #[error("malformed AudioSpecificConfig")]
    AudioSpecificConfig,
    /// Width or height is zero or does not fit a sample entry.
    #[error("picture size {width}×{height} cannot be described")]
    PictureSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Sample rate or channel count is zero.
    #[error("audio of {sample_rate_hz} Hz and {channels} channels cannot be described")]
    AudioFormat {
        /// Sample rate in Hz.
        sample_rate_hz: u32,
        /// Channels.
        channels: u16,
    },
    /// A chunk without any sample.
    #[error("a chunk needs at least one sample")]
    EmptyChunk,
    /// A chunk is larger than [`super::MAX_CHUNK_BYTES`].
    #[error("chunk of {bytes} bytes exceeds the limit")]
    ChunkTooLarge {
        /// Bytes of media.
        bytes: usize,
    },
    /// A box could not be written.
    #[error("cannot write the boxes")]
    Write(#[source] mp4_atom::Error),
}
