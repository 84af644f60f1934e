//! The namespaces, and the program that carries packets between them. Both are gone when a [`Network`] is dropped.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use farcast_loadtests::harness::program;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout};

use crate::inside::inside;
use crate::table::Table;
use crate::world::{self, ORIGIN_NAME, SITES, WAYS};

/// Longest wait for an answer of the carrier.
const LIMIT: Duration = Duration::from_secs(10);
/// Commands that the test starts.
const TOOLS: [&str; 4] = ["ip", "dig", "ffmpeg", "setpriv"];
/// What the names of all namespaces begin with; the number of this process follows.
const PREFIX: &str = "farcast-nearest-";
/// Tries of a round trip, of which the shortest counts: the machine may be busy.
const TRIES: usize = 5;
/// How much longer than it should be a round trip may be.
const TOLERANCE: Duration = Duration::from_millis(8);

/// What is lacking for the test, in words.
pub(crate) fn lacking() -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |tool: &str| std::env::split_paths(&path).any(|folder| folder.join(tool).exists());
    if !rustix::process::geteuid().is_root() {
        return Some("only root may make network namespaces".to_owned());
    }
    if !Path::new("/dev/net/tun").exists() {
        return Some("there is no /dev/net/tun".to_owned());
    }
    TOOLS.iter().find(|tool| !is_there(tool)).map(|tool| format!("there is no {tool}"))
}

/// Namespaces, one for each host. Dropping them removes them.
struct Namespaces {
    prefix: String,
    made: Vec<String>,
}

impl Namespaces {
    fn make() -> anyhow::Result<Self> {
        remove_orphans();
        let mut all = Self { prefix: format!("{PREFIX}{}-", std::process::id()), made: Vec::new() };
        for (name, ..) in world::hosts() {
            let name = all.of(&name);
            ensure!(ip(&["netns", "add", &name]), "the namespace {name} cannot be made");
            all.made.push(name);
        }
        Ok(all)
    }

    fn of(&self, host: &str) -> String {
        format!("{}{host}", self.prefix)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.made {
            ip(&["netns", "delete", name]);
        }
    }
}

/// Removes namespaces of tests that were killed, and so could not.
fn remove_orphans() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')).map(|(id, _)| id);
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            ip(&["netns", "delete", &name]);
        }
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The hosts of the world, each in its namespace, and the ways between them.
pub(crate) struct Network {
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _carrier: Child,
    // Last, so that the carrier's devices go first.
    namespaces: Namespaces,
}

impl Network {
    /// Makes it.
    ///
    /// # Errors
    /// When a namespace cannot be made, or the carrier does not start.
    pub(crate) async fn make(folder: &Path) -> anyhow::Result<Self> {
        let namespaces = Namespaces::make()?;
        let map = folder.join("map.json");
        std::fs::write(&map, world::map(|host| namespaces.of(host)).to_string())?;
        let mut carrier = tokio::process::Command::new(program::folder()?.join("farcast-wan"));
        carrier.arg("--map").arg(&map).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut carrier = carrier.spawn().context("farcast-wan: build the workspace first")?;
        let orders = carrier.stdin.take().context("no standard input")?;
        let answers = BufReader::new(carrier.stdout.take().context("no standard output")?).lines();
        let mut network = Self { orders, answers, _carrier: carrier, namespaces };
        let ready = network.answer().await?;
        ensure!(ready == "ready", "farcast-wan says {ready}");
        Ok(network)
    }

    async fn answer(&mut self) -> anyhow::Result<String> {
        let line =
            timeout(LIMIT, self.answers.next_line()).await.context("farcast-wan does not answer")??;
        line.context("farcast-wan has ended")
    }

    async fn order(&mut self, order: &str) -> anyhow::Result<String> {
        self.orders.write_all(format!("{order}\n").as_bytes()).await?;
        let answer = self.answer().await?;
        ensure!(!answer.starts_with("error"), "{order}: {answer}");
        Ok(answer)
    }

    /// Cuts a host off, as if its machine had lost its current: nobody is told.
    ///
    /// # Errors
    /// When the carrier does not answer.
    pub(crate) async fn cut(&mut self, host: &str) -> anyhow::Result<()> {
        self.order(&format!("cut {host}")).await.map(drop)
    }

    /// Connects a host again that was cut off.
    ///
    /// # Errors
    /// When the carrier does not answer.
    pub(crate) async fn connect(&mut self, host: &str) -> anyhow::Result<()> {
        self.order(&format!("connect {host}")).await.map(drop)
    }

    /// Says what became of packets.
    ///
    /// # Errors
    /// When the carrier does not answer.
    pub(crate) async fn note_counts(&mut self, table: &mut Table) -> anyhow::Result<()> {
        let counts: Value = serde_json::from_str(&self.order("counts").await?)?;
        let count = |name: &str| counts[name].as_u64().unwrap_or_default();
        let seen = format!(
            "{} carried, {} lost, {} overflowed",
            count("carried"),
            count("lost"),
            count("overflowed")
        );
        table.note("network: packets", "some are lost, none overflowed", seen, {
            count("carried") > 0 && count("lost") > 0 && count("overflowed") == 0
        });
        Ok(())
    }

    /// The namespace of a host.
    pub(crate) fn namespace(&self, host: &str) -> String {
        self.namespaces.of(host)
    }

    /// Judges the network itself: the round trip of each way.
    ///
    /// # Errors
    /// When nothing comes back.
    pub(crate) async fn judge(&self, table: &mut Table) -> anyhow::Result<()> {
        for (one, other, round_trip_ms, _) in WAYS {
            let from = if one == ORIGIN_NAME { one.to_owned() } else { format!("edge-{one}") };
            let to = SITES.iter().find(|site| site.name == other).context("no such place")?.edge_http();
            let seen = inside(self.namespace(&from), move || round_trip(to)).await?;
            let wanted = Duration::from_millis(u64::from(round_trip_ms));
            let good = (wanted..wanted + TOLERANCE).contains(&seen);
            table.note(
                &format!("network: round trip {one}–{other}"),
                &format!("{round_trip_ms} ms"),
                format!("{:.1} ms", seen.as_secs_f64() * 1000.0),
                good,
            );
        }
        Ok(())
    }
}

/// The shortest time in which a connection was made.
async fn round_trip(to: SocketAddr) -> anyhow::Result<Duration> {
    let mut shortest = Duration::MAX;
    for _ in 0..TRIES {
        let start = Instant::now();
        timeout(LIMIT, TcpStream::connect(to)).await??;
        shortest = shortest.min(start.elapsed());
    }
    Ok(shortest)
}
