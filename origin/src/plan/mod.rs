//! The beginnings of segments, for all variants at once.
//!
//! One [`Planner`] per broadcast sits between the repaired source and the ladder. It sets
//! [`crate::media::Frame::mark`] on the first frame of each segment; transcoders carry the mark to
//! their own frame, which becomes an IDR, and every packager cuts there. So numbers, starts,
//! programme date-times and discontinuities are equal in all variants (RFC 8216bis §6.2.4), which is
//! why no other module may decide any of them.
//!
//! Dates follow the arrival of frames ([`clock`]); a publisher that cannot keep up is reported ([`speed`]).
//!
//! EXT-X-TARGETDURATION may never change (RFC 8216bis §4.4.3.1). Where every variant is encoded here
//! it is the segment target. Where one passes video through, cuts happen at the source's key frames:
//! the planner watches one group of pictures ([`gop`]) before it lets anything pass ([`startup`]), and makes PART-TARGET
//! fit to frames that are far apart ([`parts`]).

mod clock;
mod config;
mod delay;
mod gop;
mod metrics;
mod parts;
mod planner;
mod speed;
mod startup;

pub use config::Config;
pub use metrics::{DropReason, Metrics};
pub use planner::Planner;
