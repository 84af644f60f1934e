//! Decoding and encoding in a process of its own.
//!
//! Codecs read what strangers send, and one that crashes or is taken over must not take the origin along. So the origin starts its
//! own program once more for each broadcast, which does nothing but run an [`Engine`](super::engine::Engine): source events go in by
//! its standard input, what it makes, counts and logs comes back by its standard output ([`wire`]). It confines itself before it
//! reads the first of them ([`confine`]). What is passed through never goes there. When it ends unasked, or hangs, the variants that it
//! makes pause, and another one is started ([`restarts`]), which begins at the source's next key frame; the variants go on at the
//! next segment after that.

mod child;
mod confine;
mod parent;
mod restarts;
mod wire;

use std::path::PathBuf;

pub(super) use parent::Worker;

/// The argument that makes the program a worker; not for people.
pub const WORKER_ARGUMENT: &str = "transcoding-worker";

/// How a worker is started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Launch {
    /// The program: this one.
    pub program: PathBuf,
    /// Memory that it may have, in bytes, where it opens no device.
    pub memory_bytes: u64,
}

impl Launch {
    /// This program, also when its file was replaced since it was started.
    #[must_use]
    pub fn this_program(memory_bytes: u64) -> Self {
        let program = if cfg!(target_os = "linux") {
            Ok(PathBuf::from("/proc/self/exe"))
        } else {
            std::env::current_exe()
        };
        Self { program: program.unwrap_or_else(|_| "farcast-origin".into()), memory_bytes }
    }
}

/// Runs this process as a worker until its input ends; gives its exit status.
#[must_use]
pub fn run_worker() -> u8 {
    child::run()
}
