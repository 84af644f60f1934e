//! Decoding and encoding in a process of its own.
//!
//! Codecs read the bytes of strangers, and one that crashes or is taken over must not take the origin along. So the origin
//! starts its own program once more for each broadcast, which does nothing but run an [`Engine`](super::engine::Engine):
//! source events go in by its standard input, and its output, counts and logs come back by its standard output ([`wire`]).
//! It confines itself before it reads the first of them ([`mod@confine`]). Media that is passed through never goes there.
//! When it ends unasked, or hangs, the variants that it makes pause, and another one is started ([`restarts`]), which begins
//! at the source's next key frame; the variants go on at the next segment after that.

mod child;
mod confine;
mod parent;
mod restarts;
pub(crate) mod wire;

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(crate) use confine::{Bounds, confine};
pub(super) use parent::Worker;

/// The argument that makes the program a worker; not for people.
pub const WORKER_ARGUMENT: &str = "transcoding-worker";

/// The variables of the origin's environment that a worker needs: libraries and drivers. Neither keys nor passwords.
const ENVIRONMENT: [&str; 9] =
    ["LD_LIBRARY_PATH", "LIBVA_", "CUDA_", "NVIDIA_", "MESA_", "DRI_", "XDG_", "HOME", "RUST_BACKTRACE"];

/// The launch of a worker.
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

    /// The command that starts the program with `argument`, with its standard input and output connected.
    pub(crate) fn command(&self, argument: &str) -> Command {
        let needed = |name: &str| ENVIRONMENT.iter().any(|prefix| name.starts_with(prefix));
        let environment = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(needed));
        let mut command = Command::new(&self.program);
        command
            .arg(argument)
            // A signal that ends the origin from a terminal leaves the worker time to drain.
            .process_group(0)
            .env_clear()
            .envs(environment)
            .arg0("farcast-transcoder")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Its log lines come by its output.
            .stderr(Stdio::null());
        command
    }
}

/// Runs this process as a worker until its input ends; gives its exit status.
#[must_use]
pub fn run_worker() -> u8 {
    child::run()
}
