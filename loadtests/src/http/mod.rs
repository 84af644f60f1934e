//! A small HTTP client over hyper's connections: no pool, so that a viewer is exactly its connections.

pub mod connection;
pub mod gzip;
pub mod tls;
pub mod url;
pub mod wire;
