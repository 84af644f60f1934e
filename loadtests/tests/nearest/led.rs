//! Viewers who are led when they come: by the page's redirect, and by the steering manifest.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use farcast_loadtests::harness::wait;
use http::{Method, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::stage::Stage;
use crate::table::Table;
use crate::watching::Watching;
use crate::world::{FRA, PAR, SIN, SITES, Site};

/// Most redirects that a viewer follows.
const MOST_REDIRECTS: usize = 5;
/// Seconds for which viewers watch who begin far away: they move when they first ask for the manifest.
const WATCHED_S: u64 = 15;
/// Viewers of each place who begin far away.
const VIEWERS: usize = 4;
/// Throughput that carries everything, in bits per second.
const ENOUGH_BPS: u64 = 50_000_000;
/// Throughput that carries the broadcast, which has a quarter of a Mbit/s, several times.
const MODEST_BPS: u64 = 2_000_000;

/// The edge whose page a viewer ends at, and the redirects that led there.
pub(crate) struct Landing {
    /// The server that answered 200.
    pub(crate) at: SocketAddr,
    /// Redirects.
    pub(crate) redirects: usize,
    /// True if no redirect may be kept by a cache for others.
    pub(crate) private: bool,
}

/// Asks for the page at an edge from a place, and follows redirects.
///
/// # Errors
/// When an answer is neither the page nor a redirect, or there are too many.
pub(crate) async fn land(stage: &Stage, place: Site, first: Site) -> anyhow::Result<Landing> {
    let (mut at, mut path) = (first.edge_http(), "/".to_owned());
    let mut private = true;
    for redirects in 0..=MOST_REDIRECTS {
        let (status, headers, _) = stage.ask(&place.viewer(), at, Method::GET, &path, None).await?;
        if status == StatusCode::OK {
            return Ok(Landing { at, redirects, private });
        }
        ensure!(status == StatusCode::TEMPORARY_REDIRECT, "{at}{path}: {status}");
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        private &= text("cache-control").contains("private");
        let rest = text("location").strip_prefix("http://").context("a redirect elsewhere")?;
        let (authority, query) = rest.split_once('/').context("a redirect without a path")?;
        at = authority.parse()?;
        path = format!("/{query}");
    }
    anyhow::bail!("more than {MOST_REDIRECTS} redirects from {}", first.edge())
}

/// The edge that a viewer of a place is to be at who begins at `first`: another one only if that is far away.
pub(crate) fn wanted(place: Site, first: Site) -> Site {
    if place.is_near(&first) { first } else { place }
}

/// Waits until the page at an edge leads viewers of Frankfurt to another, and notes whether and when it did.
pub(crate) async fn until_led(
    stage: &Stage,
    table: &mut Table,
    when: &str,
    (first, wanted): (Site, Site),
    limit: Duration,
) {
    let since = Instant::now();
    let led = wait::until(when, limit, || async {
        let landing = land(stage, FRA, first).await.ok()?;
        (landing.at == wanted.edge_http()).then_some(())
    });
    let is_led = led.await.is_ok();
    table.note(
        &format!("{when}: the page at {} leads to {}", first.edge(), wanted.edge()),
        &format!("true within {} s", limit.as_secs()),
        format!("{is_led} after {:.1} s", since.elapsed().as_secs_f64()),
        is_led,
    );
}

/// The name of what has an address.
fn name_of(at: SocketAddr) -> String {
    SITES.iter().find(|site| site.edge_http() == at).map_or_else(|| at.to_string(), Site::edge)
}

/// Judges where each place's viewers end who ask each edge for the page.
///
/// # Errors
/// When there is no answer.
pub(crate) async fn by_the_page(stage: &Stage, table: &mut Table) -> anyhow::Result<()> {
    for place in SITES {
        for first in SITES {
            let wanted = wanted(place, first);
            let redirects = usize::from(wanted != first);
            let landing = land(stage, place, first).await?;
            table.note(
                &format!("page: {} asks {}", place.viewer(), first.edge()),
                &format!("{redirects} redirects, {}", wanted.edge()),
                format!("{} redirects, {}", landing.redirects, name_of(landing.at)),
                landing.redirects == redirects && landing.at == wanted.edge_http() && landing.private,
            );
        }
    }
    Ok(())
}

/// The first pathway that an edge's manifest has for a player of a place who plays at that edge.
///
/// # Errors
/// When there is no manifest.
pub(crate) async fn steered(stage: &Stage, place: Site, current: Site) -> anyhow::Result<String> {
    steered_with(stage, place, current, ENOUGH_BPS).await
}

/// The same for a player with a throughput.
async fn steered_with(stage: &Stage, place: Site, current: Site, bps: u64) -> anyhow::Result<String> {
    let path = format!("/hls/steering.json?_HLS_pathway=%22{}%22&_HLS_throughput={bps}", current.pathway());
    let (status, _, text) = stage.ask(&place.viewer(), current.edge_http(), Method::GET, &path, None).await?;
    ensure!(status == StatusCode::OK, "{path} at {}: {status} {text}", current.edge());
    let manifest: Value = serde_json::from_str(&text)?;
    let first = manifest["PATHWAY-PRIORITY"][0].as_str();
    Ok(first.context("no pathway")?.to_owned())
}

/// Judges the manifests, and that players who begin far away move at once and without a stall.
///
/// # Errors
/// When there is no answer.
pub(crate) async fn by_steering(stage: &Stage, table: &mut Table) -> anyhow::Result<()> {
    for place in SITES {
        for current in SITES {
            let wanted = wanted(place, current).pathway();
            let seen = steered(stage, place, current).await?;
            let what = format!("steering: {} at {}", place.viewer(), current.edge());
            table.note(&what, &wanted, seen.clone(), seen == wanted);
        }
    }
    let seen = steered_with(stage, FRA, PAR, MODEST_BPS).await?;
    table.note(
        &format!("steering: {} with 2 Mbit/s at {}", FRA.viewer(), PAR.edge()),
        &PAR.pathway(),
        seen.clone(),
        seen == PAR.pathway(),
    );
    let pairs = [(FRA, SIN), (PAR, SIN), (SIN, FRA), (FRA, PAR)];
    let mut all = Vec::new();
    for (place, first) in pairs {
        all.push((place, first, Watching::start(stage, place, first, VIEWERS, WATCHED_S)?));
    }
    for (place, first, watching) in all {
        let report = watching.report().await?;
        let wanted = wanted(place, first);
        let moves = if wanted == first { 0 } else { VIEWERS as u64 };
        let good = report.moves() == (moves, 0)
            && report.answers(wanted) > 0
            && report.stalls() == 0
            && report.breaches() == 0;
        table.watched(
            &format!("steering: {VIEWERS} players of {} begin at {}", place.name, first.edge()),
            &format!("{moves} move to {}, no stall", wanted.edge()),
            report.summary(),
            report.longest_stall(),
            good,
        );
    }
    Ok(())
}

/// Judges that all edges give the same bytes.
///
/// # Errors
/// When viewers do not end.
pub(crate) async fn to_the_same(stage: &Stage, table: &mut Table) -> anyhow::Result<()> {
    let watching = Watching::start_and_stay(stage, &SITES, SITES.len() * 2, WATCHED_S)?;
    let report = watching.report().await?;
    table.watched(
        "objects of all edges, far ones too",
        "the same bytes, no stall",
        format!("{} compared, {} breaches, {} stalls", report.compared(), report.breaches(), report.stalls()),
        report.longest_stall(),
        report.compared() > 0 && report.breaches() == 0 && report.stalls() == 0,
    );
    Ok(())
}
