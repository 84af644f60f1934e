//! The chat: what is said, by whom, and what becomes of it.
//!
//! Place in the flow: an edge takes what a user says, renders and sanitises it once ([`render`]), and appends it to the
//! log in the store ([`log`], [`Chat`]); every edge follows the log and shows its entries to everybody, in the log's order;
//! the origin appends what its admin, integrations and the broadcast have to say, and tells webhooks from the same log.
//!
//! Invariants: what is shown is in the log, so nothing that somebody saw is lost; whoever folds the log sees the same
//! ([`History`]); tokens are kept as hashes; bodies are HTML that was made safe before they were appended.

mod acts;
mod client;
pub mod entry;
mod history;
pub mod log;
pub mod name;
pub mod render;
pub mod shape;
pub mod user;
mod wish;

pub use acts::{Chat, LastClient, Refused};
pub use client::{Client, Place, ShownClient};
pub use entry::{Entry, Event, Stream};
pub use history::{BACKLOG, History, KEPT_MESSAGES, SHARE, Seen, since};
pub use user::{Account, List, User};
pub use wish::{SetEnabled, SetModerator, SetVisible};

#[cfg(test)]
mod tests;
