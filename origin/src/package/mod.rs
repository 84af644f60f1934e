//! From frames to feed: segments, parts and initialisation sections of one variant.
//!
//! A [`Packager`] per variant takes the ladder's output for it and emits [`FeedEvent`]s. It cuts
//! segments where frames carry marks ([`crate::plan`]) and parts where PART-TARGET and the frames
//! themselves leave room ([`pacer`]). It promises, for every variant:
//!
//! - A part never lasts longer than PART-TARGET and, the last of a segment aside, at least 85 % of it
//!   wherever whole frames allow (RFC 8216bis §4.4.4.9). It is closed *before* the sample that would
//!   carry it over, on the decode timeline.
//! - EXTINF is the sum of its parts; rounded, it never exceeds EXT-X-TARGETDURATION.
//! - Decode times continue from part to part in each track; media time 0 is decode time
//!   [`DECODE_TIME_OFFSET`], since `tfdt` cannot be negative and B-frames and AAC priming are.
//! - Every media sequence number that the planner gave out is announced once: as a segment, or as lost.
//!
//! **Durations of video frames.** A frame's duration is known when the next one arrives, so one frame
//! is held. A part is therefore complete one frame interval after its last frame came, which is when
//! that frame is over: latency grows by one frame, and no duration is ever guessed. Audio is exact: each
//! access unit adds its number of samples, and only a drift above [`MAX_AUDIO_DRIFT`] is followed.
//!
//! **Memory.** A packager holds the open part, at most [`MAX_QUEUED_AUDIO`] audio frames that wait for
//! video, [`MAX_PENDING_MARKS`] marks and an hour of segment sizes: about a second of media.
//!
//! [`FeedEvent`]: farcast_feed::feed::FeedEvent

mod audio;
mod config;
mod metrics;
mod pacer;
mod packager;
mod pending;
mod presentation;
mod rate;
mod segment;
mod tracks;
mod video;

pub use audio::{MAX_AUDIO_DRIFT, MAX_QUEUED_AUDIO};
pub use config::{Config, DECODE_TIME_OFFSET};
pub use metrics::{DropReason, Metrics};
pub use packager::Packager;
pub use pending::{MAX_LOST_IN_A_ROW, MAX_PENDING_MARKS};
pub use presentation::{InvalidLatencyLevel, LatencyLevel, presentation, window};
