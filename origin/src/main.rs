//! The origin program; see [`farcast_origin::program`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(farcast_origin::program::run(std::env::args_os().skip(1)))
}
