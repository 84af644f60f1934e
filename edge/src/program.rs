//! The program around [`crate::app`], and its other commands.

use std::ffi::OsString;

use farcast_config::{Asked, Loaded, Program};
use farcast_service::hand_over::Given;
use farcast_service::{check_health, program};

use crate::settings::Settings;
use crate::{app, doctor, join};

const PROGRAM: Program = Program {
    name: "farcast-edge",
    version: env!("CARGO_PKG_VERSION"),
    about: "Receives a broadcast from an origin and serves it to viewers as low-latency HLS.",
    settings_file: "/etc/farcast/edge.toml",
    commands: &[join::COMMAND, doctor::COMMAND, check_health::COMMAND],
};

/// Runs the program with the arguments behind its name, and the environment. Returns its exit status:
/// [`program::BAD_SETTINGS`], that of [`program::run`], or of the command that was asked for.
pub fn run(arguments: impl Iterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.collect();
    match PROGRAM.asked(&arguments) {
        Err(usage) => {
            eprintln!("{usage}");
            return program::BAD_SETTINGS;
        }
        Ok(Some(asked)) => return command(asked),
        Ok(None) => {}
    }
    // Before anything else opens a file: the numbers of what was given are known, and nothing more.
    let given = match Given::take() {
        Ok(given) => given,
        Err(error) => {
            eprintln!("{}: {:#}", PROGRAM.name, anyhow::Error::from(error));
            return program::BAD_SETTINGS;
        }
    };
    let loaded: Loaded<Settings> = match program::load(&PROGRAM, arguments.into_iter()) {
        Ok(loaded) => loaded,
        Err(status) => return status,
    };
    let (filter, format) = (loaded.settings.log.clone(), loaded.settings.log_format);
    program::run(&PROGRAM, &filter, format, |_recent| app::run(loaded, given))
}

fn command(asked: Asked) -> u8 {
    if asked.command.name == join::COMMAND.name {
        return join::run(&PROGRAM, &asked);
    }
    if asked.command.name == check_health::COMMAND.name {
        let loaded: Loaded<Settings> = match program::load(&PROGRAM, asked.rest.into_iter()) {
            Ok(loaded) => loaded,
            Err(status) => return status,
        };
        return check_health::run(PROGRAM.name, &asked.operands, loaded.settings.metrics_listen);
    }
    let asked = asked.with_installed_settings(&PROGRAM);
    doctor::run(&PROGRAM, &asked.rest, asked.has(doctor::JSON))
}
