//! Tests of the HLS model: random feed histories verified by an independent parser, golden playlists, and the table of
//! blocking reloads.

mod feed;
mod golden;
mod playlist;
mod properties;
mod reload;
