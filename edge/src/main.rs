//! The edge program: reads its settings, then runs [`farcast_edge::app`].

use std::process::ExitCode;

use farcast_edge::app;
use farcast_edge::settings::Settings;
use farcast_shared::config::{self, Outcome, Program};
use farcast_shared::telemetry::log;

const PROGRAM: Program = Program {
    name: "farcast-edge",
    version: env!("CARGO_PKG_VERSION"),
    about: "Receives a broadcast from an origin and serves it to viewers as low-latency HLS.",
};

#[expect(clippy::print_stdout, reason = "what was asked for on the command line goes to standard output")]
fn main() -> ExitCode {
    let loaded = match config::load::<Settings>(&PROGRAM, std::env::args_os().skip(1), std::env::vars_os()) {
        Ok(Outcome::Run(loaded)) => loaded,
        Ok(Outcome::Print(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(2);
        }
    };
    let result = log::init(&loaded.settings.log, loaded.settings.log_format)
        .map_err(anyhow::Error::from)
        .and_then(|_| Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?))
        .and_then(|runtime| runtime.block_on(app::run(loaded)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("farcast-edge: {error:#}");
            ExitCode::FAILURE
        }
    }
}
