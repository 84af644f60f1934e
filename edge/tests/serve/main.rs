//! The server over real sockets, HTTP/1.1 in the clear and HTTP/2 over TLS: each row of the status
//! table and of the cache lifetimes (RFC 8216bis §6.2.5.2 and appendix B.1), and connections that misbehave.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test that uses them")]

mod access;
mod api;
mod chat;
mod client;
mod connections;
mod crowd;
mod edge;
mod elsewhere;
mod fronted;
mod heads;
mod held;
mod objects;
mod overload;
mod playback;
mod playlists;
mod secure;
