//! Moving: what operators set, written as a readable document, and taken over from one or from an Owncast server.
//!
//! Place in the flow: [`owncast`] reads a database of Owncast, [`document`] a file of ours; both are a [`Document`](document::Document).
//! [`compare`] holds it against the store and makes a [`plan::Plan`]: what would change, what stays and why, and the batches
//! that do it. [`serve`] applies it, in the origin that runs or, while none runs, in the command ([`command`]).
//!
//! Invariants: nothing is written that the admin API would refuse; a plan's batches require what it was made from, so nothing
//! is overwritten unseen; a second run of the same import finds everything as it is; no text of a plan has a secret.

pub mod command;
mod compare;
mod document;
mod export;
mod gob;
mod owncast;
mod plan;
mod serve;
#[cfg(test)]
mod tests;

pub use document::DocumentError;
pub use serve::{Options, TransferError, Transfers};
