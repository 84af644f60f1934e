//! The edge program; see [`farcast_edge::program`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(farcast_edge::program::run(std::env::args_os().skip(1)))
}
