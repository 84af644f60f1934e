//! Viewers whose edge is drained.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use farcast_loadtests::harness::edge::Edge;
use farcast_loadtests::harness::wait;
use farcast_loadtests::http::connection::Keep;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::inside::inside;
use crate::led::{steered, until_led};
use crate::resolver;
use crate::stage::Stage;
use crate::table::Table;
use crate::watching::Watching;
use crate::world::{FRA, PAR, SIN, ZONE};

/// Players who watch.
const PLAYERS: usize = 40;
/// Seconds for which they watch: they come, settle, and hear of the drain within two steering intervals.
const WATCHED_S: u64 = 50;
/// Connections of clients that do not know content steering: two of each group that is asked to go at once.
const LOYAL: usize = 32;
/// Interval of their requests.
const EVERY: Duration = Duration::from_secs(1);
/// Longest time until the last of them is asked to go: half a minute of grace, then a minute for all groups.
const ASKED_WITHIN: Duration = Duration::from_secs(100);
/// Longest time until new viewers are led elsewhere.
const LED_WITHIN: Duration = Duration::from_secs(15);
/// Longest time until players have moved.
const MOVED_WITHIN: Duration = Duration::from_secs(30);

/// Judges a drain of the edge in Frankfurt.
///
/// # Errors
/// When something does not answer.
pub(crate) async fn by_a_drain(stage: &mut Stage, table: &mut Table) -> anyhow::Result<()> {
    let watching = Watching::start(stage, FRA, FRA, PLAYERS, WATCHED_S)?;
    watching.settle_at(stage, FRA).await?;
    let loyal = tokio::spawn(inside(stage.network.namespace(&FRA.viewer()), || stay(FRA.edge_http())));
    stage.drain(FRA, true).await?;
    let ordered = Instant::now();
    new_viewers(stage, table, ordered).await?;
    players(stage, table, ordered).await?;
    let report = watching.report().await?;
    table.watched(
        &format!("drain: {PLAYERS} players at {}", FRA.edge()),
        "all move by steering, no stall",
        report.summary(),
        report.longest_stall(),
        report.played() == PLAYERS as u64
            && report.moves() == (PLAYERS as u64, 0)
            && (report.stalls(), report.missed(), report.breaches()) == (0, 0, 0)
            && report.answers(PAR) > 0
            && report.errors() == "{}",
    );
    let longest = loyal.await??;
    table.note(
        &format!("drain: {LOYAL} other connections are asked to go"),
        &format!("all within {} s", ASKED_WITHIN.as_secs()),
        format!("the last after {:.0} s", longest.as_secs_f64()),
        longest <= ASKED_WITHIN,
    );
    back(stage, table).await
}

/// New viewers: page, steering and DNS.
async fn new_viewers(stage: &Stage, table: &mut Table, ordered: Instant) -> anyhow::Result<()> {
    until_led(stage, table, "drain", (FRA, PAR), LED_WITHIN).await;
    let told = wait::until("DNS leads elsewhere", LED_WITHIN, || async {
        let answer = resolver::ask(stage, &FRA.viewer(), SIN, ZONE, None).await.ok()?;
        (answer.addresses.iter().eq([&PAR.edge_address()])).then_some(())
    });
    let is_told = told.await.is_ok();
    let seen = format!("{} after {:.1} s", is_told, ordered.elapsed().as_secs_f64());
    table.note("drain: DNS says edge-par alone", "true within 15 s", seen, is_told);
    let first = steered(stage, FRA, FRA).await?;
    table.note("drain: steering at the edge", &PAR.pathway(), first.clone(), first == PAR.pathway());
    Ok(())
}

/// The players' connections, and what the origin says of it.
async fn players(stage: &Stage, table: &mut Table, ordered: Instant) -> anyhow::Result<()> {
    let wanted = f64::from(u32::try_from(PLAYERS)?);
    let arrived = wait::until("players have moved", MOVED_WITHIN, || async {
        stage.connections(PAR).await.ok().filter(|open| *open >= 2.0 * wanted)
    });
    let has_moved = arrived.await.is_ok();
    let seen = format!("{has_moved} after {:.1} s", ordered.elapsed().as_secs_f64());
    table.note("drain: connections move to edge-par", "true within 30 s", seen, has_moved);
    let shown = wait::until("the load moves", MOVED_WITHIN, || async {
        let edges = stage.admin("edges", None).await.ok()?;
        let routing = |name: &str| {
            let edge = edges.as_array()?.iter().find(|edge| edge["name"] == *name)?;
            Some(edge["routing"].clone())
        };
        let (from, to) = (routing(&FRA.edge())?, routing(&PAR.edge())?);
        let load = |routing: &Value| routing["load"]["connections"].as_f64().unwrap_or_default();
        let has_moved = from["state"] == "draining" && load(&to) >= 2.0 * wanted;
        has_moved.then(|| format!("{} {} connections, {}", from["state"], load(&from), load(&to)))
    });
    let shown = shown.await;
    let good = shown.is_ok();
    let seen = shown.unwrap_or_else(|error| format!("{error:#}"));
    table.note("drain: the origin shows the load of both", "draining, the load is at edge-par", seen, good);
    Ok(())
}

/// Undrains the edge, and waits until it takes viewers.
async fn back(stage: &Stage, table: &mut Table) -> anyhow::Result<()> {
    stage.drain(FRA, false).await?;
    until_led(stage, table, "undrain", (SIN, FRA), LED_WITHIN).await;
    Ok(())
}

/// Uses [`LOYAL`] connections until each was asked to go. Returns when the last was.
async fn stay(server: SocketAddr) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..LOYAL {
        let mut connection = Edge { http: server }.dialer()?.connect().await?;
        all.spawn(async move {
            // A connection that was closed between two requests was asked, too: politely, while it was idle.
            while let Ok(answer) = connection.get("/api/status", Keep::Length, ASKED_WITHIN).await {
                if answer.header("connection") == "close" {
                    break;
                }
                sleep(EVERY).await;
            }
            start.elapsed()
        });
    }
    let mut longest = Duration::ZERO;
    while let Some(ended) = all.join_next().await {
        longest = longest.max(ended.context("a connection")?);
    }
    Ok(longest)
}
