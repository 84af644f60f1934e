//! The HLS model: the contents of a playlist, its text, and the answer to a request for one.
//!
//! Everything here is sans-IO: [`Windows`] takes [`crate::feed`] events and says what changed;
//! [`Window::answer`] says whether a request may be answered now; [`Windows::render_media`] and
//! [`Windows::render_multivariant`] write the text. Sockets, clocks and waiting belong to the edge.
//!
//! The standard is draft-pantos-hls-rfc8216bis-22 ("RFC 8216bis"), with Apple's HLS authoring
//! specification where that is stricter. Invariants, each checked over random feed histories in
//! this module's tests:
//! - edits are legal (§6.2.1): segments are appended at the tail and removed at the head, never changed;
//!   EXT-X-MEDIA-SEQUENCE grows by one per segment removed;
//! - PART-TARGET, TARGETDURATION and SERVER-CONTROL never change while a presentation lasts;
//! - a delta update is the full playlist less the segments that it declares as skipped;
//! - rendition reports are as fresh as the playlist that carries them;
//! - a preload hint becomes the next part, or its segment ended.

mod directives;
mod directory;
mod media;
mod multivariant;
mod reload;
mod segment;
#[cfg(test)]
mod tests;
mod text;
mod window;

pub use directives::{Directives, InvalidDirectives, fuzz_query};
pub use directory::{Changed, Windows};
pub use media::Form;
pub use reload::{Answer, Refusal};
pub use segment::{Part, Segment, State};
pub use window::{Init, Lookup, Window};

/// EXT-X-SERVER-CONTROL PART-HOLD-BACK in part targets (Apple 14.3: at least three).
const PART_HOLD_BACK_PARTS: u32 = 3;

/// EXT-X-SERVER-CONTROL CAN-SKIP-UNTIL in target durations (RFC 8216bis §4.4.3.8: at least six).
const SKIP_BOUNDARY_TARGETS: u32 = 6;

/// Parts are listed for segments that end within this many target durations of the playlist's end (§6.2.2).
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
