//! Starts another process of this program, with another task.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

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
