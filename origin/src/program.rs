//! The program around [`crate::app`], and its other commands.

use std::ffi::OsString;
use std::path::Path;

use farcast_config::{Asked, Command, Loaded, Program};
use farcast_service::{check_health, program};

use crate::app;
use crate::backup::command as backup;
use crate::settings::Settings;
use crate::transcode::{self, WORKER_ARGUMENT};
use crate::transfer::command as transfer;
use crate::{doctor, join_command, pictures};

const PROGRAM: Program = Program {
    name: "farcast-origin",
    version: env!("CARGO_PKG_VERSION"),
    about: "Takes one broadcast in by RTMP, transcodes and packages it, and pushes it to edges.",
    settings_file: "/etc/farcast/origin.toml",
    commands: &[
        join_command::COMMAND,
        doctor::COMMAND,
        backup::BACKUP,
        backup::RESTORE,
        backup::CHECK_BACKUP,
        transfer::EXPORT,
        transfer::IMPORT,
        transfer::IMPORT_OWNCAST,
        check_health::COMMAND,
    ],
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
    let arguments: Vec<OsString> = arguments.collect();
    match PROGRAM.asked(&arguments) {
        Err(usage) => {
            eprintln!("{usage}");
            return program::BAD_SETTINGS;
        }
        Ok(Some(asked)) => return run_command(asked),
        Ok(None) => {}
    }
    let loaded: Loaded<Settings> = match program::load(&PROGRAM, arguments.into_iter()) {
        Ok(loaded) => loaded,
        Err(status) => return status,
    };
    let (filter, format) = (loaded.settings.log.clone(), loaded.settings.log_format);
    program::run(&PROGRAM, &filter, format, |recent| app::run(loaded, recent))
}

fn run_command(asked: Asked) -> u8 {
    let is = |command: Command| asked.command.name == command.name;
    if is(doctor::COMMAND) {
        let asked = asked.with_installed_settings(&PROGRAM);
        return doctor::run(&PROGRAM, &asked.rest, asked.has(doctor::JSON));
    }
    let asked = if is(join_command::COMMAND) { asked.with_installed_settings(&PROGRAM) } else { asked };
    let loaded: Loaded<Settings> = match program::load(&PROGRAM, asked.rest.iter().cloned()) {
        Ok(loaded) => loaded,
        Err(status) => return status,
    };
    let settings = &loaded.settings;
    if is(join_command::COMMAND) {
        return join_command::run(&PROGRAM, settings);
    }
    if is(check_health::COMMAND) {
        return check_health::run(PROGRAM.name, &asked.operands, settings.metrics_listen);
    }
    match asked.operands.first().map(Path::new) {
        Some(file) if is(transfer::EXPORT) || is(transfer::IMPORT) || is(transfer::IMPORT_OWNCAST) => {
            transfer::run(&PROGRAM, &asked, file, settings)
        }
        Some(file) => backup::run(&PROGRAM, asked.command, file, settings),
        None => program::BAD_SETTINGS,
    }
}
