//! What a broadcast is made of, as origin and edges agree on it: names, its feed, time, the window of a stream
//! ([`window`]), playlists ([`hls`]), CMAF ([`cmaf`]) and queries ([`query`]).

pub mod cmaf;
pub mod feed;
pub mod hls;
pub mod name;
pub mod query;
pub mod steady;
pub mod time;
pub mod window;
