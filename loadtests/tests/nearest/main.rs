//! Viewers in three places, edges in three places, an origin elsewhere: real programs in network namespaces, with the delays
//! and losses of long ways between them. Each viewer is to reach the nearest edge, by the page, by content steering and by
//! DNS; and is to go on at another without a stall when an edge is killed or drained.
//!
//! `make test-nearest` runs it. It needs root and some minutes; where it cannot run it says so, and fails only if
//! `FARCAST_NEAREST` is `required`. `FARCAST_NEAREST_CLIENTS` is the number of viewers whose edge is killed. All programs
//! have addresses of namespaces of their own, so fixed ports are no one else's.

#![expect(clippy::unwrap_used, reason = "a test ends where something cannot be had")]

mod flapping;
mod inside;
mod led;
mod loss;
mod moved;
mod network;
mod programs;
mod resolver;
mod stage;
mod table;
mod watching;
mod world;

use stage::Stage;
use table::Table;

/// Viewers whose edge is killed, unless `FARCAST_NEAREST_CLIENTS` says otherwise.
const CLIENTS: usize = 100;

/// The number of viewers whose edge is killed.
fn clients() -> usize {
    let given = std::env::var("FARCAST_NEAREST_CLIENTS").ok().filter(|text| !text.is_empty());
    given.map_or(CLIENTS, |text| text.parse().unwrap())
}

/// True if what this test needs is there. Says what is not.
fn can_run() -> bool {
    let Some(lacking) = network::lacking() else { return true };
    let required = std::env::var("FARCAST_NEAREST").is_ok_and(|text| text == "required");
    assert!(!required, "{lacking}");
    eprintln!("*** viewers in namespaces are NOT tested: {lacking} ***");
    false
}

#[tokio::test]
#[ignore = "needs root and some minutes: make test-nearest"]
async fn viewers_reach_the_nearest_edge_and_go_on_at_another_without_a_stall() {
    if !can_run() {
        return;
    }
    let mut table = Table::new("edges that come and go");
    let mut stage = Stage::start().await.unwrap();
    stage.network.judge(&mut table).await.unwrap();
    stage.until_quiet().await.unwrap();
    led::by_the_page(&stage, &mut table).await.unwrap();
    resolver::judge(&stage, &mut table).await.unwrap();
    led::by_steering(&stage, &mut table).await.unwrap();
    led::to_the_same(&stage, &mut table).await.unwrap();
    moved::by_a_drain(&mut stage, &mut table).await.unwrap();
    flapping::judge(&mut stage, &mut table).await.unwrap();
    loss::of_an_edge(&mut stage, clients(), &mut table).await.unwrap();
    stage.end(table).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root and some minutes: make test-nearest"]
async fn viewers_go_on_when_a_machine_vanishes_and_routing_answers_while_the_origin_is_gone() {
    if !can_run() {
        return;
    }
    let mut table = Table::new("machines and the origin are lost");
    let mut stage = Stage::start().await.unwrap();
    loss::of_a_machine(&mut stage, clients(), &mut table).await.unwrap();
    loss::of_an_edge_and_the_origin(&mut stage, clients(), &mut table).await.unwrap();
    stage.end(table).await.unwrap();
}
