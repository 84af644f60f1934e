//! Farcast's origin. Data flows one way:
//! [`ingest`] → [`broadcast`] → [`plan`] → [`transcode`] → [`package`] → [`push`].
//! [`media`] is the vocabulary between them.

pub mod app;
pub mod broadcast;
pub mod ingest;
pub mod media;
pub mod package;
pub mod plan;
pub mod push;
pub mod settings;
pub mod state;
pub mod store;
pub mod transcode;
