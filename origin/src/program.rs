//! The program around [`crate::app`].

use std::ffi::OsString;
use std::path::Path;

use farcast_config::{Command, Loaded, Program};
use farcast_service::program;

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

/// Runs the program with the arguments behind its name, and the environment. Returns its exit status:
/// [`program::BAD_SETTINGS`], that of [`program::run`], or of the command that was asked for.
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
        return program::BAD_SETTINGS;
    }
    let loaded: Loaded<Settings> = match program::load(&PROGRAM, arguments) {
        Ok(loaded) => loaded,
        Err(status) => return status,
    };
    if let (Some(asked), Some(file)) = (asked, file) {
        return command::run(&PROGRAM, asked, Path::new(&file), &loaded.settings);
    }
    let (filter, format) = (loaded.settings.log.clone(), loaded.settings.log_format);
    program::run(&PROGRAM, &filter, format, |recent| app::run(loaded, recent))
}
