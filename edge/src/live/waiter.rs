//! A request that waits, counted for as long as it does.

use std::time::Instant;

use prometheus::{Histogram, IntGauge};

/// Counts a waiting request; dropping it, for whatever reason, uncounts it.
#[derive(Debug)]
pub(super) struct Waiter<'a> {
    gauge: &'a IntGauge,
    seconds: &'a Histogram,
    since: Instant,
}

impl<'a> Waiter<'a> {
    pub(super) fn new(gauge: &'a IntGauge, seconds: &'a Histogram) -> Self {
        gauge.inc();
        Self { gauge, seconds, since: Instant::now() }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.gauge.dec();
        self.seconds.observe(self.since.elapsed().as_secs_f64());
    }
}
