//! The program around [`crate::app`].

use std::ffi::OsString;

use farcast_config::{Loaded, Program};
use farcast_service::program;

use crate::app;
use crate::settings::Settings;

const PROGRAM: Program = Program {
    name: "farcast-edge",
    version: env!("CARGO_PKG_VERSION"),
    about: "Receives a broadcast from an origin and serves it to viewers as low-latency HLS.",
    commands: &[],
};

/// Runs the program with the arguments behind its name, and the environment. Returns its exit status:
/// [`program::BAD_SETTINGS`], or that of [`program::run`].
pub fn run(arguments: impl Iterator<Item = OsString>) -> u8 {
    let loaded: Loaded<Settings> = match program::load(&PROGRAM, arguments) {
        Ok(loaded) => loaded,
        Err(status) => return status,
    };
    let (filter, format) = (loaded.settings.log.clone(), loaded.settings.log_format);
    program::run(&PROGRAM, &filter, format, |_recent| app::run(loaded))
}
