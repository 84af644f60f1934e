//! The program around [`crate::app`]: settings, log, runtime, exit status.

use std::ffi::OsString;
use std::time::Duration;

use farcast_shared::config::{self, Outcome, Program};
use farcast_shared::tasks::{EXIT_STATUS, Failed};
use farcast_shared::telemetry::log;

use crate::app;
use crate::settings::Settings;

const PROGRAM: Program = Program {
    name: "farcast-edge",
    version: env!("CARGO_PKG_VERSION"),
    about: "Receives a broadcast from an origin and serves it to viewers as low-latency HLS.",
    commands: &[],
};

/// Longest time for blocking calls after everything else has ended: a disk or a driver that hangs keeps no process.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// Runs the program with the arguments behind its name, and the environment. Gives its exit status: 0 when it was asked to
/// stop and did, 2 when its settings cannot be used, [`EXIT_STATUS`] when a part of it failed, 1 for everything else.
#[expect(clippy::print_stdout, reason = "what was asked for on the command line goes to standard output")]
pub fn run(arguments: impl Iterator<Item = OsString>) -> u8 {
    let loaded = match config::load::<Settings>(&PROGRAM, arguments, std::env::vars_os()) {
        Ok(Outcome::Run(loaded)) => loaded,
        Ok(Outcome::Print(text)) => {
            println!("{text}");
            return 0;
        }
        Err(problems) => {
            eprintln!("{problems}");
            return 2;
        }
    };
    let result = log::init(&loaded.settings.log, loaded.settings.log_format)
        .map_err(anyhow::Error::from)
        .and_then(|recent| Ok((recent, tokio::runtime::Builder::new_multi_thread().enable_all().build()?)))
        .and_then(|(_recent, runtime)| {
            let result = runtime.block_on(app::run(loaded));
            runtime.shutdown_timeout(LAST_CALLS);
            result
        });
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{}: {error:#}", PROGRAM.name);
            if error.is::<Failed>() { EXIT_STATUS } else { 1 }
        }
    }
}
