//! The audience: its size ([`viewers`]), and the quality of its playback ([`playback`]).

pub mod playback;
pub mod viewers;
