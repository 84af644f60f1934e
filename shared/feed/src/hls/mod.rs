//! HLS: the text of playlists, and the answer to a request for one, from a stream's [`crate::window`].
//!
//! Everything here is sans-IO: [`VariantWindow::answer`] says whether a request may be answered now;
//! [`StreamWindow::render_media`] and [`StreamWindow::render_multivariant`] write the text. Sockets, clocks and waiting
//! belong to the edge.
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

#[cfg(doc)]
use crate::window::{StreamWindow, VariantWindow};

mod directives;
mod media;
mod multivariant;
mod reload;
#[cfg(test)]
mod tests;
mod text;

pub use directives::{Directives, InvalidDirectives, fuzz_query};
pub use media::Form;
pub use multivariant::stable_variant_id;
pub use reload::{Answer, Refusal};

/// EXT-X-SERVER-CONTROL PART-HOLD-BACK in part targets (Apple 14.3: at least three).
const PART_HOLD_BACK_PARTS: u32 = 3;

/// EXT-X-SERVER-CONTROL CAN-SKIP-UNTIL in target durations (RFC 8216bis §4.4.3.8: at least six).
const SKIP_BOUNDARY_TARGETS: u32 = 6;
