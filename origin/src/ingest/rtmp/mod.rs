//! RTMP in: from a TCP connection to a publisher's queue.
//!
//! ```text
//! socket ─▶ chunk ─▶ session ─▶ flv ─▶ Publisher's queue
//!            ▲ bytes   ▲ commands  ▲ tags
//!            └─────────┴── server drives them, gate says who may publish
//! ```
//!
//! [`chunk`], [`session`], [`flv`], [`amf0`] and [`amf3`] have no socket and no clock; [`server`] is the thin part that has.
//! [`fuzz`] has the entry points that show that no bytes reach a panic.

pub mod amf0;
pub mod amf3;
pub mod chunk;
pub mod flv;
pub mod fuzz;
pub mod server;
pub mod session;

pub use server::Server;
