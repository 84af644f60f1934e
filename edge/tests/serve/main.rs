//! The server over real sockets, HTTP/1.1 in the clear and HTTP/2 over TLS: each row of the status
//! table and of the cache lifetimes (RFC 8216bis §6.2.5.2 and appendix B.1), and connections that misbehave.

mod client;
mod connections;
mod edge;
mod objects;
mod playlists;
