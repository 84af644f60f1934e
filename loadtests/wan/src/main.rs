//! `farcast-wan`: a wide area network between network namespaces of one machine, for tests on kernels with and without
//! netem. Each host of the map gets a TUN device in its namespace; this program carries the packets between them, each with
//! the delay and the loss of its way.
//!
//! It reads orders from standard input, a line each, and ends when that ends: so it never outlives its test, and its
//! devices never outlive it. `cut HOST` and `connect HOST` do what they say, as if the machine had lost its cable; `counts`
//! is answered with a line of JSON. A line `ready` says that all devices are there; each order is answered with a line.

mod carry;
mod device;
mod line;
mod map;

use std::io::{Write as _, stdin, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use carry::Carrier;
use clap::Parser;
use line::Line;
use map::Map;

/// Carries packets between network namespaces, with delays and losses.
#[derive(Parser, Debug)]
#[command(version)]
struct Arguments {
    /// The map: JSON with `hosts` (name, namespace, address, place), `ways` (between, delay_ms, loss) and `mtu`.
    #[arg(long)]
    map: PathBuf,
    /// Seed of the losses.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let Arguments { map, seed } = Arguments::parse();
    let text = std::fs::read_to_string(&map).with_context(|| map.display().to_string())?;
    let map = Map::parse(&text)?;
    let devices = map.hosts.iter().map(|host| device::open(host, map.mtu).with_context(|| host.name.clone()));
    let devices = devices.collect::<anyhow::Result<Vec<_>>>()?;
    let carrier = Carrier::new(Line::new(&map, seed)?);
    carrier.start(devices)?;
    say("ready")?;
    for order in stdin().lines() {
        say(&obey(&order?, &map, &carrier).unwrap_or_else(|error| format!("error: {error:#}")))?;
    }
    Ok(())
}

/// Obeys an order. Returns its answer.
fn obey(order: &str, map: &Map, carrier: &Arc<Carrier>) -> anyhow::Result<String> {
    let (verb, name) = order.split_once(' ').unwrap_or((order, ""));
    let host = || {
        let found = map.hosts.iter().position(|host| host.name == name);
        found.with_context(|| format!("there is no host {name:?}"))
    };
    match verb {
        "cut" => carrier.set_cut(host()?, true),
        "connect" => carrier.set_cut(host()?, false),
        "counts" => return Ok(serde_json::to_string(&carrier.counts())?),
        _ => anyhow::bail!("{order:?} is no order"),
    }
    Ok("done".to_owned())
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
