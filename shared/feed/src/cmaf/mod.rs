//! CMAF (ISO/IEC 23000-19) initialisation sections and chunks, and the CODECS strings that
//! describe them (RFC 6381).
//!
//! The packager of the origin writes with this; nothing else does, and edges only pass the bytes
//! on. Audio and video of a variant are muxed: one file, video is track [`VIDEO_TRACK_ID`], audio
//! track [`AUDIO_TRACK_ID`], one `traf` each per chunk. Strictly, a CMAF *track* file carries one
//! track; the boxes used are CMAF's, and muxed fragments are what RFC 8216bis §3.1.2 asks for.
//!
//! Codec configuration records come from a publisher and are hostile until proven otherwise: they
//! are bounded, parsed and written again, so that players get a well-formed record, or the record
//! is refused with an [`Error`].

mod chunk;
mod codecs;
mod error;
mod init;
mod track;

pub use chunk::{MAX_CHUNK_BYTES, Run, Sample, chunk};
pub use codecs::codecs;
pub use error::Error;
pub use init::init_section;
pub use track::{AudioTrack, Colour, MAX_RECORD_BYTES, VideoCodec, VideoTrack, display_size, pixel_shape};

/// Track id of video.
pub const VIDEO_TRACK_ID: u32 = 1;
/// Track id of audio.
pub const AUDIO_TRACK_ID: u32 = 2;
/// Ticks per second of the video track; audio counts in its sample rate.
pub const VIDEO_TIMESCALE: u32 = 90_000;

/// Sample flags (ISO/IEC 14496-12 §8.8.3.1) of a sync sample: depends on no other.
const FLAGS_SYNC: u32 = 0x0200_0000;
/// Sample flags of any other sample: depends on others, is no sync sample.
const FLAGS_NON_SYNC: u32 = 0x0101_0000;
