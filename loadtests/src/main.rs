//! `farcast-load`: publishes to Farcast, watches it, chats in it and verifies it.

mod command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Load-tests and verifies Farcast from outside.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Publish(command::publish::Publish),
    Watch(command::watch::Watch),
    Chat(command::chat::Chat),
    Check(command::check::Check),
    Bench(command::bench::Bench),
    ClockFrames(command::clock_frames::ClockFrames),
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Publish(publish) => publish.run().await,
        Command::Watch(watch) => Box::pin(watch.run()).await,
        Command::Chat(chat) => Box::pin(chat.run()).await,
        Command::Check(check) => Box::pin(check.run()).await,
        Command::Bench(bench) => Box::pin(bench.run()).await,
        Command::ClockFrames(frames) => frames.run(),
    }
}
