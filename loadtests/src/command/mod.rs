//! The commands of `farcast-load`, a file each.

pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod check;
pub(crate) mod clock_frames;
pub(crate) mod publish;
pub(crate) mod trust_options;
pub(crate) mod viewer_options;
pub(crate) mod watch;
