//! The chat: messages, users, and what may be done with them.
//!
//! Place in the flow: an edge takes a user's message, renders and sanitises it once ([`render`]), and appends it to the log
//! in the store ([`log`], [`Chat`]). Every edge follows the log and shows its entries to everybody, in the log's order. The
//! origin appends the messages of its admin, of integrations and of the broadcast, and sends webhooks from the same log.
//!
//! Invariants: whatever is shown is in the log, so nothing that a reader saw is lost; everyone who folds the log has
//! the same result ([`History`]); tokens are kept as hashes; bodies are HTML that was made safe before they were
//! appended.

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
pub use client::{Client, Place};
pub use entry::{Entry, Event, Stream};
pub use history::{BACKLOG, History, KEPT_MESSAGES, SHARE, Seen, since};
pub use user::{Account, List, User};
pub use wish::{SetEnabled, SetModerator, SetVisible};

#[cfg(test)]
mod tests;
