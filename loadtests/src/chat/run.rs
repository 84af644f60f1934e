//! A run: users are registered, connections made, messages sent, and the received messages are verified.

use std::io::{IsTerminal, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};

use crate::chat::client::{self, Client, Say, Shared};
use crate::chat::judge::{Listener, Stayed};
use crate::chat::marker::Marker;
use crate::chat::report::{Facts, Limits, Memory, Report};
use crate::chat::resources::{cpu_s, raise_files, resident_bytes};
use crate::chat::senders::Senders;
use crate::chat::tally::Tally;
use crate::chat::users;
use crate::http::connection::Dialer;

/// Interval at which progress is shown.
const REDRAW: Duration = Duration::from_secs(1);
/// Of so many connections one reads all events; besides, one of each edge does.
const LOOKS_EVERY: usize = 500;
/// Messages that may wait for a connection to send them; one that has more waiting has stalled.
const WAITING: usize = 4;
/// Nothing received for so long: nothing more will be.
const QUIET: Duration = Duration::from_secs(3);
/// Longest wait for the last messages.
const DRAIN_DEADLINE: Duration = Duration::from_secs(60);
/// Interval of checks whether all is received.
const LOOK: Duration = Duration::from_millis(50);

/// The plan of a run.
#[derive(Clone)]
pub struct Plan {
    /// Edges; connections take turns.
    pub edges: Vec<Dialer>,
    /// Connections in all.
    pub connections: usize,
    /// Users in all, at most as many; connections take turns.
    pub users: usize,
    /// Connections begun in a second.
    pub ramp: f64,
    /// Messages per second in all.
    pub rate: f64,
    /// Least time between two messages of a user.
    pub spacing: Duration,
    /// Length of the sending, or of the silence.
    pub length: Duration,
    /// Of who speaks, when and what.
    pub seed: u64,
    /// The edges' processes whose memory is measured, in the order of `edges`; or none.
    pub processes: Vec<u32>,
    /// Time for which all are silent before the memory is measured.
    pub idle: Duration,
    /// The bounds of a good result.
    pub limits: Limits,
    /// True if to show progress on standard error.
    pub progress: bool,
}

/// Runs a plan to its end.
///
/// # Errors
/// When it cannot begin: too few files, users or processes, or a registration that fails.
pub async fn run(plan: Plan) -> anyhow::Result<Report> {
    anyhow::ensure!(plan.connections > 0 && !plan.edges.is_empty(), "there is nothing to connect");
    anyhow::ensure!((1..=plan.connections).contains(&plan.users), "users must be from 1 to the connections");
    anyhow::ensure!(
        plan.processes.is_empty() || plan.processes.len() == plan.edges.len(),
        "{} processes for {} edges: name the process of each",
        plan.processes.len(),
        plan.edges.len()
    );
    let senders = Senders::new(plan.rate, plan.users, plan.spacing, plan.length, plan.seed)?;
    raise_files(plan.connections)?;
    let run = rand::random();
    let users = users::register(&plan.edges, plan.users, run).await?;
    let shared = Arc::new(Shared {
        tally: Mutex::new(Tally::new(plan.edges.len())),
        marker: Marker::new(run),
        users,
        begin: Instant::now(),
    });
    let before = memory(&plan.processes)?;
    let mut stage = Stage::new(Arc::clone(&shared), plan.progress);
    stage.connect(&plan).await;
    let idle_since = shared.tally().open.clone();
    if !plan.processes.is_empty() {
        stage.wait(plan.idle).await;
    }
    let idle = memory(&plan.processes)?;
    let (began, cpu_before) = (Instant::now(), cpu_s());
    stage.speak(senders, &plan).await;
    let length = began.elapsed();
    let drained = stage.drain().await;
    let (received, own_cpu_s) = (began.elapsed(), cpu_s() - cpu_before);
    let end = memory(&plan.processes)?;
    let listeners = stage.end().await?;
    let memory = plan.processes.iter().zip(idle_since).zip(before).zip(idle).zip(end);
    let memory = memory.map(|((((pid, connections), before_bytes), idle_bytes), end_bytes)| Memory {
        pid: *pid,
        connections,
        before_bytes,
        idle_bytes,
        end_bytes,
        bytes_per_connection: (idle_bytes as f64 - before_bytes as f64) / connections.max(1) as f64,
    });
    let facts = Facts {
        connections: plan.connections,
        users: plan.users,
        length,
        received,
        drained,
        own_cpu_s,
        urls: plan.edges.iter().map(|edge| edge.server.to_string()).collect(),
        memory: memory.collect(),
    };
    let tally = shared.tally();
    let verdict = tally.judge.verdict(&listeners);
    Ok(Report::new(&tally, verdict, facts, plan.limits))
}

fn memory(processes: &[u32]) -> anyhow::Result<Vec<u64>> {
    processes.iter().map(|pid| resident_bytes(*pid)).collect()
}

/// The connections of a run, and the display of its progress.
struct Stage {
    shared: Arc<Shared>,
    clients: JoinSet<Option<(Listener, Stayed)>>,
    /// The channels to connections, by their number; connections end when these are gone.
    mouths: Vec<mpsc::Sender<Say>>,
    progress: Progress,
}

impl Stage {
    fn new(shared: Arc<Shared>, shown: bool) -> Self {
        let progress = Progress::new(Arc::clone(&shared), shown);
        Self { shared, clients: JoinSet::new(), mouths: Vec::new(), progress }
    }

    /// Makes all connections, and waits until each is open or will not be.
    async fn connect(&mut self, plan: &Plan) {
        let start = Instant::now();
        // Nothing is sent on it: it ends when all have dropped it.
        let (connecting, mut connected) = mpsc::channel(1);
        for index in 0..plan.connections {
            let edge = index % plan.edges.len();
            let client = Client {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                edge,
                dialer: plan.edges[edge].clone(),
                user: index % plan.users,
                looks: index < plan.edges.len() || index % LOOKS_EVERY == 0,
            };
            let (mouth, says) = mpsc::channel(WAITING);
            self.mouths.push(mouth);
            let (shared, connecting) = (Arc::clone(&self.shared), connecting.clone());
            let due = start + Duration::from_secs_f64(index as f64 / plan.ramp);
            self.progress.until(Box::pin(sleep_until(due.into()))).await;
            self.clients.spawn(client::run(client, shared, says, connecting));
        }
        drop(connecting);
        let all = async move {
            let _: Option<()> = connected.recv().await;
        };
        self.progress.until(Box::pin(all)).await;
    }

    async fn wait(&mut self, length: Duration) {
        self.progress.until(Box::pin(tokio::time::sleep(length))).await;
    }

    /// Lets the users speak; returns when the time is over.
    async fn speak(&mut self, senders: Senders, plan: &Plan) {
        let (start, start_us) = (Instant::now(), self.shared.now_us());
        for due in senders {
            self.progress.until(Box::pin(sleep_until((start + due.after).into()))).await;
            let due_us = start_us + u64::try_from(due.after.as_micros()).unwrap_or(u64::MAX);
            // A user's first connection has the user's number.
            let unsent = match self.mouths[due.user].try_send(Say { words: due.words, due_us }) {
                Ok(()) => continue,
                Err(TrySendError::Full(_)) => "the connection does not take it",
                Err(TrySendError::Closed(_)) => "the connection is closed",
            };
            self.shared.tally().unsent.add(unsent);
        }
        self.progress.until(Box::pin(sleep_until((start + plan.length).into()))).await;
    }

    /// Waits until everybody has received everything, or nothing comes any more; `false` if it still does.
    async fn drain(&mut self) -> bool {
        let (deadline, mut receipts, mut since) = (Instant::now() + DRAIN_DEADLINE, 0, Instant::now());
        loop {
            let (complete, now) = {
                let tally = self.shared.tally();
                (tally.is_complete(), tally.judge.receipts())
            };
            if now != receipts {
                (receipts, since) = (now, Instant::now());
            }
            // Also when all is there: once more could come.
            let quiet = if complete { LOOK * 4 } else { QUIET };
            if since.elapsed() >= quiet {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            self.wait(LOOK).await;
        }
    }

    /// Says goodbye on all connections.
    async fn end(mut self) -> anyhow::Result<Vec<(Listener, Stayed)>> {
        self.mouths.clear();
        let mut listeners = Vec::new();
        while let Some(joined) = self.clients.join_next().await {
            listeners.extend(joined?);
        }
        self.progress.end();
        Ok(listeners)
    }
}

/// Shows how a run goes, once a second while something is waited for.
struct Progress {
    shared: Arc<Shared>,
    shown: bool,
    terminal: bool,
    tick: Interval,
    last: (Instant, u64),
}

impl Progress {
    fn new(shared: Arc<Shared>, shown: bool) -> Self {
        let mut tick = interval(REDRAW);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { shared, shown, terminal: std::io::stderr().is_terminal(), tick, last: (Instant::now(), 0) }
    }

    /// Waits for `future`.
    async fn until(&mut self, mut future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        loop {
            tokio::select! {
                biased;
                () = &mut future => return,
                _ = self.tick.tick() => self.show(),
            }
        }
    }

    fn show(&mut self) {
        if !self.shown {
            return;
        }
        let (line, receipts) = {
            let tally = self.shared.tally();
            let receipts = tally.judge.receipts();
            let seconds = self.last.0.elapsed().as_secs_f64().max(0.001);
            let p99 = tally.judge.latency().iter().map(|edge| edge.percentile(99)).max().unwrap_or_default();
            let line = format!(
                "{:>5} s  {} open  {} failed  {} closed  {} sent  {receipts} received  {:.0}/s  p99 {} ms  {} duplicates  {} wrong",
                self.shared.begin.elapsed().as_secs(),
                tally.open(),
                tally.failed.total(),
                tally.closed.total(),
                tally.judge.messages(),
                (receipts - self.last.1) as f64 / seconds,
                p99.as_millis(),
                tally.judge.duplicates(),
                tally.wrong.total(),
            );
            (line, receipts)
        };
        self.last = (Instant::now(), receipts);
        let mut out = std::io::stderr();
        // Without a standard error there is nobody to show it to.
        let _ = if self.terminal { write!(out, "\r{line}\x1b[K") } else { writeln!(out, "{line}") };
        let _ = out.flush();
    }

    fn end(&self) {
        if self.shown && self.terminal {
            let _ = writeln!(std::io::stderr());
        }
    }
}
