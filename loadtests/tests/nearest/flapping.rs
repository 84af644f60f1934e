//! An edge that is killed and started again and again.

use std::time::Duration;

use farcast_loadtests::harness::wait;
use tokio::time::{Instant, sleep};

use crate::led::{land, steered};
use crate::resolver;
use crate::stage::Stage;
use crate::table::Table;
use crate::world::{FRA, PAR, SIN, ZONE};

/// How often it is killed.
const KILLS: usize = 3;
/// Segments that pass until all have read that it is back: two are longer than the interval at which records are read.
const HEARD: u64 = 3;
/// How long it is put after all others when it has come back the third time.
const DAMPED: Duration = Duration::from_secs(60);
/// How long viewers are watched then.
const WATCHED: Duration = Duration::from_secs(30);
/// Interval of looking.
const EVERY: Duration = Duration::from_secs(1);
/// Longest time until it takes viewers again.
const FORGIVEN_WITHIN: Duration = Duration::from_secs(90);

/// Judges where viewers in Frankfurt are led whose edge flaps.
///
/// # Errors
/// When something does not answer.
pub(crate) async fn judge(stage: &mut Stage, table: &mut Table) -> anyhow::Result<()> {
    let mut killed = Instant::now();
    for _ in 0..KILLS {
        stage.kill_edge(FRA).await?;
        killed = Instant::now();
        stage.start_edge(FRA).await?;
        stage.segments_pass(SIN, HEARD).await?;
    }
    let returned = Instant::now();
    let mut led_there = 0;
    let mut looks = 0;
    while returned.elapsed() < WATCHED {
        let by_page = land(stage, FRA, SIN).await?.at == FRA.edge_http();
        let by_steering = steered(stage, FRA, SIN).await? == FRA.pathway();
        let answer = resolver::ask(stage, &FRA.viewer(), PAR, ZONE, None).await?;
        let by_dns = answer.addresses.contains(&FRA.edge_address());
        led_there += usize::from(by_page || by_steering || by_dns);
        looks += 1;
        sleep(EVERY).await;
    }
    table.note(
        &format!("flapping: {KILLS} times killed and started again"),
        &format!("nobody is led there for {} s", WATCHED.as_secs()),
        format!("led there {led_there} times of {looks}"),
        led_there == 0,
    );
    let back = wait::until("it takes viewers again", FORGIVEN_WITHIN, || async {
        let landing = land(stage, FRA, SIN).await.ok()?;
        (landing.at == FRA.edge_http()).then_some(())
    });
    let is_back = back.await.is_ok();
    let away = killed.elapsed();
    let expected = format!("true, {} s after the last kill or later", DAMPED.as_secs());
    let seen = format!("{is_back}, {:.0} s after the last kill", away.as_secs_f64());
    table.note("flapping: then it takes viewers again", &expected, seen, is_back && away >= DAMPED);
    Ok(())
}
