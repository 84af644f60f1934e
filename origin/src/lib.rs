//! Farcast's origin. Data flows one way:
//! [`ingest`] → [`broadcast`] → [`plan`] → [`transcode`] → [`package`] →
//! [`sender`](farcast_link::sender).
//! [`media`] is the vocabulary between them.

pub mod acme;
pub mod admin;
pub mod api;
pub mod app;
pub mod audience;
pub mod backup;
mod brake;
pub mod broadcast;
pub mod chat;
pub mod choices;
pub mod credentials;
pub mod directory;
mod doctor;
pub mod edge_access;
pub mod edge_metrics;
pub mod emoji;
pub mod hardware;
pub mod http_client;
pub mod ingest;
pub mod integrations;
mod join_command;
pub mod media;
pub mod package;
pub mod pictures;
pub mod plan;
pub mod program;
pub mod series;
pub mod settings;
pub mod standby;
pub mod state;
pub mod statistics;
pub mod store;
mod tokens;
pub mod transcode;
pub mod transfer;
pub mod webhooks;
