//! Farcast's edge. Data flows one way: [`receive`] → [`live`] → [`serve`].

pub mod app;
pub mod live;
pub mod receive;
pub mod serve;
pub mod settings;
