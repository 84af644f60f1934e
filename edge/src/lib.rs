//! Farcast's edge. Data flows one way: [`receive`] → [`live`] → [`serve`]; the [`chat`] follows the store beside it.

pub mod api;
pub mod app;
pub mod chat;
pub mod geo;
pub mod live;
pub mod program;
pub mod receive;
pub mod report;
pub mod serve;
pub mod settings;
pub mod viewers;
