//! Viewers whose edge is killed, and viewers whose edge and origin are.

use std::time::Duration;

use anyhow::Context;
use farcast_loadtests::harness::wait;
use tokio::time::Instant;

use crate::led::{land, steered, until_led, wanted};
use crate::resolver;
use crate::stage::Stage;
use crate::table::Table;
use crate::watching::{Report, Watching};
use crate::world::{FRA, PAR, SIN, ZONE};

/// Seconds for which viewers watch, beside the time in which they come, of whom a hundred come in a second.
const WATCHED_S: u64 = 40;
/// The same with an origin that has to come back.
const OUTAGE_S: u64 = 70;
/// Viewers who are at the other edge already.
const BESIDE: usize = 4;
/// Longest time until all have moved whose server is not there any more: they wait for its answer, and try it again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest time until all have moved whose server refuses them.
const MOVED_WITHIN: Duration = Duration::from_secs(15);
/// Longest time until nobody is led to an edge that is gone: 20 s without a renewal, and an interval of reading.
const LOST_WITHIN: Duration = Duration::from_secs(30);
/// Longest time until an edge that is connected again takes viewers.
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// Seconds in which `clients` viewers come.
fn ramp_s(clients: usize) -> u64 {
    u64::try_from(clients / 100).unwrap_or(u64::MAX) + 1
}

/// Waits until `clients` viewers are at the edge in Paris, and notes whether and when they were.
async fn go_on(stage: &Stage, table: &mut Table, when: &str, clients: usize, limit: Duration) {
    let since = Instant::now();
    let wanted = f64::from(u32::try_from(clients * 2).unwrap_or(u32::MAX));
    let come = wait::until(when, limit, || async {
        stage.connections(PAR).await.ok().filter(|open| *open >= wanted)
    });
    let come = come.await.is_ok();
    table.note(
        &format!("{when}: viewers go on at {}", PAR.edge()),
        &format!("true within {} s", limit.as_secs()),
        format!("{come} after {:.2} s", since.elapsed().as_secs_f64()),
        come,
    );
}

/// PART-HOLD-BACK of the broadcast.
async fn hold_back(stage: &Stage) -> anyhow::Result<Duration> {
    let control = stage.playable(PAR).await?.server_control.context("no EXT-X-SERVER-CONTROL")?;
    control.part_hold_back.context("no PART-HOLD-BACK")
}

/// Judges what becomes of viewers in Frankfurt whose edge is killed, and where others are led then.
///
/// # Errors
/// When something does not answer.
pub(crate) async fn of_an_edge(stage: &mut Stage, clients: usize, table: &mut Table) -> anyhow::Result<()> {
    let hold_back = hold_back(stage).await?;
    let watching = Watching::start(stage, FRA, FRA, clients, WATCHED_S + ramp_s(clients))?;
    watching.settle_at(stage, FRA).await?;
    stage.kill_edge(FRA).await?;
    go_on(stage, table, "kill", clients, MOVED_WITHIN).await;
    until_led(stage, table, "kill", (SIN, PAR), LOST_WITHIN).await;
    let report = watching.report().await?;
    let longest = report.longest_stall();
    table.watched(
        &format!("kill: {clients} viewers at {}", FRA.edge()),
        &format!("all go on, same bytes, no stall over {:.2} s", hold_back.as_secs_f64()),
        report.summary(),
        longest,
        report.played() == clients as u64
            && report.moves() == (0, clients as u64)
            && (report.missed(), report.breaches()) == (0, 0)
            && (report.answers(PAR) > 0 && report.answers(SIN) == 0)
            && longest <= hold_back,
    );
    table.note("kill: errors of these viewers, by text", "any", report.errors(), true);
    stage.start_edge(FRA).await
}

/// Judges what becomes of viewers in Frankfurt whose edge vanishes with its machine: nobody is told, so each finds out by
/// its own patience.
///
/// # Errors
/// When something does not answer.
pub(crate) async fn of_a_machine(stage: &mut Stage, clients: usize, table: &mut Table) -> anyhow::Result<()> {
    let watching = Watching::start(stage, FRA, FRA, clients, WATCHED_S + ramp_s(clients))?;
    watching.settle_at(stage, FRA).await?;
    stage.network.cut(&FRA.edge()).await?;
    go_on(stage, table, "cable cut", clients, PATIENCE).await;
    until_led(stage, table, "cable cut", (SIN, PAR), LOST_WITHIN).await;
    let report = watching.report().await?;
    table.watched(
        &format!("cable cut: {clients} viewers at {}", FRA.edge()),
        "all go on and miss nothing, whatever their patience",
        report.summary(),
        report.longest_stall(),
        report.played() == clients as u64
            && report.moves() == (0, clients as u64)
            && (report.missed(), report.breaches()) == (0, 0),
    );
    stage.network.connect(&FRA.edge()).await?;
    until_led(stage, table, "cable back", (SIN, FRA), BACK_WITHIN).await;
    Ok(())
}

/// Judges what becomes of viewers in Frankfurt whose edge is killed together with the origin, and where others are led while
/// it is gone.
///
/// # Errors
/// When something does not answer.
pub(crate) async fn of_an_edge_and_the_origin(
    stage: &mut Stage,
    clients: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    let hold_back = hold_back(stage).await?;
    let seconds = OUTAGE_S + ramp_s(clients);
    let watching = Watching::start(stage, FRA, FRA, clients, seconds)?;
    let beside = Watching::start(stage, PAR, PAR, BESIDE, seconds)?;
    beside.settle_at(stage, PAR).await?;
    watching.settle_at(stage, FRA).await?;
    stage.kill_origin().await?;
    stage.kill_edge(FRA).await?;
    let killed = Instant::now();
    go_on(stage, table, "both killed", clients + BESIDE, MOVED_WITHIN).await;
    last_directory(stage, table).await?;
    stage.start_origin().await?;
    stage.start_encoder()?;
    stage.segments_pass(PAR, 2).await?;
    let seen = format!("after {:.1} s", killed.elapsed().as_secs_f64());
    table.note("both killed: the origin is started again, edge-par has new media", "it has", seen, true);
    let (report, beside) = (watching.report().await?, beside.report().await?);
    outage(table, clients, hold_back, &report, &beside);
    Ok(())
}

/// Judges viewers who moved in an outage by those who were at the other edge all the time: they have what these have.
fn outage(table: &mut Table, clients: usize, hold_back: Duration, report: &Report, beside: &Report) {
    let (all, few) = (clients as u64, BESIDE as u64);
    let stall = beside.longest_stall();
    table.watched(
        &format!("both killed: {BESIDE} viewers who were at {} before", PAR.edge()),
        "they play what there is, wait, then go on with the new",
        beside.summary(),
        stall,
        beside.played() == few && beside.moves() == (0, 0) && beside.breaches() == 0,
    );
    table.watched(
        &format!("both killed: {clients} viewers at {}", FRA.edge()),
        &format!("all move, miss no more than those, no stall over {:.2} s longer", hold_back.as_secs_f64()),
        report.summary(),
        report.longest_stall(),
        report.played() == all
            && report.moves() == (0, all)
            && report.breaches() == 0
            && report.missed() * few == beside.missed() * all
            && report.discontinuities() * few == beside.discontinuities() * all
            && report.longest_stall() <= stall + hold_back,
    );
    table.note("both killed: errors of these viewers, by text", "any", report.errors(), true);
}

/// What edges answer by the directory that they read last.
async fn last_directory(stage: &Stage, table: &mut Table) -> anyhow::Result<()> {
    for (place, first) in [(PAR, SIN), (SIN, PAR), (FRA, PAR)] {
        let wanted = wanted(place, first);
        let landing = land(stage, place, first).await?;
        table.note(
            &format!("no origin: page, {} asks {}", place.viewer(), first.edge()),
            &wanted.edge(),
            landing.at.to_string(),
            landing.at == wanted.edge_http(),
        );
        let seen = steered(stage, place, first).await?;
        table.note(
            &format!("no origin: steering, {} at {}", place.viewer(), first.edge()),
            &wanted.pathway(),
            seen.clone(),
            seen == wanted.pathway(),
        );
    }
    let answer = resolver::ask(stage, &PAR.viewer(), PAR, ZONE, Some(SIN.subnet())).await?;
    table.note(
        &format!("no origin: dns, {} on behalf of {}", PAR.edge(), SIN.subnet()),
        &format!("{:?}", resolver::wanted(SIN)),
        format!("{:?}", answer.addresses),
        answer.addresses == resolver::wanted(SIN),
    );
    Ok(())
}
