//! The measures of [`super::policy`], taken four times a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farcast_audience::viewers::SWEEP_EVERY;
use farcast_service::memory::Usage;
use tokio::time::sleep_until;

use super::Overload;
use super::policy::{Policy, Reading, Reason};
use crate::serve::{self, Server};

/// Interval of readings.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Readings over which the egress is averaged: two seconds, the shortest segment.
const AVERAGED: usize = 8;

/// Readings from one of memory to the next: the kernel adds it up at each.
const MEMORY_EVERY: u32 = 4;

/// A turn that comes so late is at the limit: parts of half a second reach nobody in time any more.
const LATEST: Duration = Duration::from_millis(500);

/// What is measured.
pub struct Sources {
    /// The state that is kept up to date.
    pub overload: Arc<Overload>,
    /// The connections.
    pub server: Server,
    /// The bytes that are sent.
    pub served: serve::Metrics,
    /// Bits a second that the machine can send, where somebody has said it.
    pub egress_bps: Option<u64>,
}

/// Measures and decides for ever.
pub async fn run(sources: Sources) {
    let Sources { overload, server, served, egress_bps } = sources;
    let mut memory = Memory { usage: Usage::here(), due_in: 0, newest: None };
    let mut egress = Egress::default();
    let mut policy = Policy::default();
    let mut due = tokio::time::Instant::now() + LOOK_EVERY;
    let mut swept_at = Instant::now();
    loop {
        sleep_until(due).await;
        let now = tokio::time::Instant::now();
        let late = now.saturating_duration_since(due);
        due = now + LOOK_EVERY;
        let now = now.into_std();
        let (in_use, most) = server.places_in_use();
        let mut reading = Reading::default()
            .with(Reason::Connections, in_use, most)
            .with(Reason::Lateness, millis(late), millis(LATEST))
            .with(Reason::Egress, egress.bps(served.sent_bytes(), now), egress_bps.unwrap_or(0));
        if let Some((used, limit)) = memory.look().await {
            reading = reading.with(Reason::Memory, used, limit);
        }
        decide(&overload, &mut policy, reading, now);
        if now.saturating_duration_since(swept_at) >= SWEEP_EVERY {
            swept_at = now;
            overload.watching.sweep(now);
        }
    }
}

fn decide(overload: &Overload, policy: &mut Policy, reading: Reading, now: Instant) {
    let before = overload.reason();
    let reason = policy.look(reading, now);
    overload.set(reason);
    match (before, reason) {
        (None, Some(reason)) => {
            let share = reading.of(reason);
            let reason = reason.label();
            tracing::warn!(reason, share_permille = share, "near a limit: new viewers are turned away");
        }
        (Some(_), None) => tracing::info!("there is room again: new viewers are let in"),
        _ => {}
    }
    let Some(metrics) = &overload.metrics else { return };
    for reason in Reason::ALL {
        let label = [reason.label()];
        metrics.is_on.with_label_values(&label).set(i64::from(policy.holds(reason)));
        if let Some(share) = reading.of(reason) {
            metrics.pressure.with_label_values(&label).set(f64::from(share) / 1000.0);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The bit rate of the last two seconds.
#[derive(Debug, Default)]
struct Egress {
    counts: VecDeque<(u64, Instant)>,
}

impl Egress {
    fn bps(&mut self, sent_bytes: u64, now: Instant) -> u64 {
        self.counts.push_back((sent_bytes, now));
        while self.counts.len() > AVERAGED + 1 {
            self.counts.pop_front();
        }
        let Some((first, at)) = self.counts.front() else { return 0 };
        let bits = sent_bytes.saturating_sub(*first).saturating_mul(8);
        bits.saturating_mul(1000).checked_div(millis(now.saturating_duration_since(*at))).unwrap_or(0)
    }
}

/// The memory of the control group, where that has a limit.
#[derive(Debug)]
struct Memory {
    usage: Option<Usage>,
    due_in: u32,
    newest: Option<(u64, u64)>,
}

impl Memory {
    /// Bytes in use and their limit.
    async fn look(&mut self) -> Option<(u64, u64)> {
        let usage = self.usage.as_ref()?;
        if self.due_in > 0 {
            self.due_in -= 1;
            return self.newest;
        }
        self.due_in = MEMORY_EVERY - 1;
        let usage = usage.clone();
        self.newest = tokio::task::spawn_blocking(move || usage.read()).await.ok().flatten();
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_egress_is_that_of_the_last_two_seconds() {
        let (mut egress, start) = (Egress::default(), Instant::now());
        assert_eq!(egress.bps(1_000_000, start), 0);
        let rates: Vec<_> = (1..=20_u32)
            // 1 MB a second, from the tenth look on twice as much.
            .map(|look| {
                egress.bps(
                    1_000_000 + 250_000 * u64::from(look + look.saturating_sub(10)),
                    start + LOOK_EVERY * look,
                )
            })
            .collect();
        assert_eq!(rates[..10], [8_000_000; 10]);
        assert_eq!(rates[13], 12_000_000);
        assert_eq!(rates[17..], [16_000_000; 3]);
    }
}
