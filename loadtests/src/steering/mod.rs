//! Content steering (RFC 8216bis §7) as a player sees it: [`manifest`] reads what a steering server says, [`pathways`]
//! has the ways to the media, [`policy`] decides which of them to use, [`throughput`] measures what the server is told.
//!
//! Nothing here does input or output, and nothing looks at a clock; [`crate::check::steering`] judges what is read here.

pub mod manifest;
pub mod pathways;
pub mod policy;
pub mod throughput;
