//! Decoding and encoding in a process of its own.
//!
//! Codecs read the bytes of unauthenticated clients, and one that crashes or is taken over must not take the origin
//! along. So the origin starts its own program once more for each broadcast, which does nothing but run an
//! [`Engine`](super::engine::Engine): source events go in by its standard input, and its output, counts and logs come
//! back by its standard output ([`wire`]). It confines itself before it reads the first of them ([`mod@confine`]).
//! Media that is passed through never goes there. When it ends unasked, or hangs, the variants that it makes pause, and
//! another one is started ([`restarts`]), which begins at the source's next key frame; the variants go on at the next
//! segment after that.

mod child;
mod confine;
mod launch;
mod parent;
mod restarts;
pub(crate) mod wire;

pub(crate) use confine::{Bounds, confine};
pub use launch::Launch;
pub(super) use parent::Worker;

/// The argument that makes the program a worker; not for people.
pub const WORKER_ARGUMENT: &str = "transcoding-worker";

/// Runs this process as a worker until its input ends; returns its exit status.
#[must_use]
pub fn run_worker() -> u8 {
    child::run()
}
