//! The `main` of both programs: settings, log, runtime, exit status.

use std::ffi::OsString;
use std::io::Write as _;
use std::time::Duration;

use farcast_config::{Loaded, Outcome, Program, Settings, Validate};
use farcast_telemetry::recent::Recent;

use crate::log::{self, Filter, Format};
use crate::tasks::{EXIT_STATUS, Failed};

/// The exit status of a program whose settings, or arguments, cannot be used.
pub const BAD_SETTINGS: u8 = 2;

/// Longest time for calls that block after all else has ended: a disk or a driver that hangs keeps no process.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// Reads a program's settings from `arguments`, those behind its name, and the environment.
///
/// # Errors
/// The exit status where there is nothing to run: the help or the like was printed (0), or what is wrong with the settings
/// ([`BAD_SETTINGS`]).
pub fn load<S: Settings + Validate>(
    program: &Program,
    arguments: impl Iterator<Item = OsString>,
) -> Result<Loaded<S>, u8> {
    match farcast_config::load::<S>(program, arguments, std::env::vars_os()) {
        Ok(Outcome::Run(loaded)) => Ok(loaded),
        Ok(Outcome::Print(text)) => {
            print(&text);
            Err(0)
        }
        Err(problems) => {
            eprintln!("{problems}");
            Err(BAD_SETTINGS)
        }
    }
}

/// Prints what was asked for on the command line, and the end of its line. A reader that has gone, such as `head`, is no failure.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}

/// Runs a program to its end, with a log whose newest lines it is given. Returns its exit status: 0 when it was asked
/// to stop and did, [`EXIT_STATUS`] when a part of it failed, 1 for everything else.
pub fn run<F>(program: &Program, filter: &Filter, format: Format, app: impl FnOnce(Recent) -> F) -> u8
where
    F: Future<Output = anyhow::Result<()>>,
{
    let result = log::init(filter, format)
        .map_err(anyhow::Error::from)
        .and_then(|recent| Ok((recent, tokio::runtime::Builder::new_multi_thread().enable_all().build()?)))
        .and_then(|(recent, runtime)| {
            let result = runtime.block_on(app(recent));
            runtime.shutdown_timeout(LAST_CALLS);
            result
        });
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{}: {error:#}", program.name);
            if error.is::<Failed>() { EXIT_STATUS } else { 1 }
        }
    }
}
