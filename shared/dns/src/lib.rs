//! The authoritative DNS server of one zone, which any edge or the origin can run: one host name leads each viewer to the
//! nearest healthy edge. `README.md` beside it says what is answered, what is refused, and how a zone is delegated.
//!
//! Data flows one way: [`server`] assembles; `udp` and `tcp` read messages from [`sockets`]; `query` reads them; `responder`
//! decides by [`zone`] and [`records`]; `reply` writes; `limiter` says what is sent. All but the first and the two
//! transports are free of sockets and clocks.
//!
//! Invariants: nothing that comes over the network can panic, block, or grow memory; a message is answered once or not at
//! all; a reply over UDP has at most 1232 bytes.

mod frames;
pub mod fuzz;
mod limiter;
pub mod limits;
mod metrics;
mod outcome;
mod query;
pub mod records;
pub mod reply;
mod responder;
pub mod server;
pub mod sockets;
mod subnet;
mod tcp;
mod udp;
pub mod zone;
