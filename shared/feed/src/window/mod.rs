//! The window of a stream: what the feed said of it lately, with the bytes of the parts that are here.
//!
//! There is one, at both ends of a link. [`StreamWindow`] takes [`crate::feed`] events and says what changed, and
//! returns
//! - the snapshot and the backlog of a newcomer ([`StreamWindow::snapshot`], [`StreamWindow::backlog`]),
//! - objects by name, where their bytes are here ([`StreamWindow::object`]),
//! - playlists ([`crate::hls`] writes them).
//!
//! An origin keeps the bytes of everything that may still be asked for, an edge those of the parts that playlists list
//! ([`Keep`]); older ones are in its cache. Sans-IO: no sockets, no clocks, no waiting.

mod give;
mod keep;
mod segment;
mod stream;
#[cfg(test)]
mod tests;
mod variant;

pub use give::BacklogPart;
pub use keep::Keep;
pub use segment::{Part, Segment, State};
pub use stream::{Changed, StreamWindow};
pub use variant::{Init, Lookup, VariantWindow};

/// Parts are listed for segments that end within this many target durations of the playlist's end
/// (RFC 8216bis §6.2.2).
const PARTS_LISTED_TARGETS: u32 = 3;

/// Fewest complete segments in a live playlist (Apple 8.11).
const MIN_SEGMENTS: usize = 6;

/// A playlist never shrinks below this many target durations by removal (RFC 8216bis §6.2.2).
const MIN_WINDOW_TARGETS: u32 = 3;

/// Bound on the segments of a window whatever the feed says: two hours of two-second segments, and some.
const MAX_SEGMENTS: usize = 4096;

/// Bound on the parts of a segment whatever the feed says.
const MAX_PARTS: u32 = 1024;

/// Longest run of missing segments that is listed as gaps; after a longer one the window starts from nothing.
const MAX_GAPS: u64 = 64;
