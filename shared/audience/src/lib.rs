//! Who watches ([`viewers`]), and how it goes for them ([`playback`]).

pub mod playback;
pub mod viewers;
