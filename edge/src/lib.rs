//! Farcast's edge. Data flows one way: [`receiver`](farcast_link::receiver) → [`live`] → [`serve`]; the [`chat`]
//! follows the store beside it, [`playback`] collects the playback quality of viewers.

pub mod announce;
mod answers;
pub mod api;
pub mod app;
pub mod bucket;
pub mod certificate;
pub mod channel;
pub mod chat;
mod doctor;
mod join;
pub mod live;
mod memory;
pub mod overload;
pub mod playback;
pub mod program;
pub mod serve;
pub mod settings;
pub mod tenure;
pub mod viewers;
