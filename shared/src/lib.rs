//! Everything on which origin and edge agree, and nothing else: the vocabulary of a broadcast ([`name`], [`feed`],
//! [`time`]), the protocol between the programs ([`protocol`]), the HLS model and its renderer ([`hls`]), CMAF writing
//! ([`cmaf`]), the store of shared state ([`store`]), the settings that operators keep in it ([`runtime`]), the chat
//! ([`chat`]), counts of viewers ([`viewers`]), reports of playback ([`playback`]), the form of HTTP answers ([`api`]) and
//! queries ([`query`]), configuration ([`config`]), networks as the unit of limits ([`network`]), places for connections
//! ([`entrance`]), the host's name ([`host`]), telemetry ([`telemetry`]) and TLS of public listeners ([`tls`]).
//!
//! `origin` and `edge` never import each other; whatever both need is here. This crate depends
//! on no other member of the workspace and contains no unsafe code.

pub mod accept;
pub mod api;
pub mod chat;
pub mod cmaf;
pub mod config;
pub mod entrance;
pub mod feed;
pub mod hls;
pub mod host;
pub mod name;
pub mod network;
pub mod playback;
pub mod protocol;
pub mod query;
pub mod runtime;
pub mod steady;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod time;
pub mod tls;
pub mod viewers;
