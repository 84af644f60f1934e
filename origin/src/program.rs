//! The program around [`crate::app`]: settings, log, runtime, exit status.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use farcast_shared::config::{self, Command, Outcome, Program};
use farcast_shared::tasks::{EXIT_STATUS, Failed};
use farcast_shared::telemetry::log;

use crate::app;
use crate::backup::command;
use crate::pictures;
use crate::settings::Settings;
use crate::transcode::{self, WORKER_ARGUMENT};

const PROGRAM: Program = Program {
    name: "farcast-origin",
    version: env!("CARGO_PKG_VERSION"),
    about: "Takes one broadcast in by RTMP, transcodes and packages it, and pushes it to edges.",
    commands: command::COMMANDS,
};

/// Longest time for blocking calls after everything else has ended: a disk or a driver that hangs keeps no process.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// Runs the program with the arguments behind its name, and the environment. Gives its exit status: 0 when it was asked to
/// stop and did, 2 when its settings cannot be used, [`EXIT_STATUS`] when a part of it failed, 1 for everything else.
#[expect(clippy::print_stdout, reason = "what was asked for on the command line goes to standard output")]
pub fn run(arguments: impl Iterator<Item = OsString>) -> u8 {
    let mut arguments = arguments.peekable();
    if arguments.peek().is_some_and(|first| first == WORKER_ARGUMENT) {
        return transcode::run_worker();
    }
    if arguments.peek().is_some_and(|first| first == pictures::ARGUMENT) {
        return pictures::run_developer();
    }
    let asked =
        arguments.peek().and_then(|first| PROGRAM.commands.iter().find(|command| first == command.name));
    let file = asked.and_then(|_| arguments.nth(1)).filter(|file| !file.to_string_lossy().starts_with('-'));
    if let (Some(Command { name, arguments, .. }), None) = (asked, &file) {
        eprintln!("usage: {} {name} {arguments}", PROGRAM.name);
        return 2;
    }
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
    if let (Some(asked), Some(file)) = (asked, file) {
        return command::run(&PROGRAM, asked, Path::new(&file), &loaded.settings);
    }
    let result = log::init(&loaded.settings.log, loaded.settings.log_format)
        .map_err(anyhow::Error::from)
        .and_then(|recent| Ok((recent, tokio::runtime::Builder::new_multi_thread().enable_all().build()?)))
        .and_then(|(recent, runtime)| {
            let result = runtime.block_on(app::run(loaded, recent));
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
