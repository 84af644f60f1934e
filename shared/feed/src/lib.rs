//! The model of a broadcast that origin and edges share: names, its feed, time, the window of a stream ([`window`]),
//! playlists ([`hls`]), CMAF ([`cmaf`]) and queries ([`query`]).

pub mod cmaf;
pub mod feed;
pub mod hls;
pub mod name;
pub mod query;
pub mod steady;
pub mod time;
pub mod window;
