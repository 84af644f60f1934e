//! Farcast's edge. Data flows one way: [`receive`] → [`live`] → [`serve`].

pub mod api;
pub mod app;
pub mod geo;
pub mod live;
pub mod receive;
pub mod serve;
pub mod settings;
pub mod viewers;
