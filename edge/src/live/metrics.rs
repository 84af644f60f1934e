//! Metrics of the live window.

use farcast_feed::window::{Segment, StreamWindow, VariantWindow};
use farcast_link::receiver::FetchError;
use farcast_telemetry::make::Make as _;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Registry};

use super::state::State;

/// Handles of the live window's metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) waiters: IntGauge,
    pub(super) blocked_seconds: Histogram,
    pub(super) hits: IntCounter,
    pub(super) misses: IntCounter,
    fetches: IntCounterVec,
    pub(super) renderings: IntCounterVec,
    held_parts: IntGauge,
    held_bytes: IntGauge,
    link_up: IntGauge,
    segments: IntGauge,
    newest_msn: IntGauge,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            waiters: registry
                .gauge("farcast_live_waiters", "Requests that wait for a playlist or a part now.")?,
            blocked_seconds: registry.histogram(
                "farcast_live_blocked_seconds",
                "Time for which requests for a playlist or a part to come were held.",
                &[0.005, 0.025, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0],
            )?,
            hits: registry.counter(
                "farcast_live_cache_hits_total",
                "Objects that were here when they were asked for.",
            )?,
            misses: registry.counter("farcast_live_cache_misses_total", "Objects that had to be fetched.")?,
            fetches: registry.counters_of(
                "farcast_live_fetches_total",
                "Fetches from the origin, by outcome.",
                "outcome",
                &["fetched", "not_found", "unavailable"],
            )?,
            renderings: registry.counters(
                "farcast_live_renderings_total",
                "Playlists that were rendered, by kind.",
                &["kind"],
            )?,
            held_parts: registry.gauge("farcast_live_held_parts", "Listed parts, held besides the cache.")?,
            held_bytes: registry
                .gauge("farcast_live_held_bytes", "Bytes of listed parts, held besides the cache.")?,
            link_up: registry.gauge("farcast_live_link_up", "1 while the link to the origin is up.")?,
            segments: registry
                .gauge("farcast_live_window_segments", "Listed segments, over all variants.")?,
            newest_msn: registry
                .gauge("farcast_live_newest_segment", "Media sequence number of the newest segment.")?,
        })
    }

    pub(super) fn fetched(&self, outcome: Result<(), FetchError>) {
        let outcome = match outcome {
            Ok(()) => "fetched",
            Err(FetchError::NotFound) => "not_found",
            Err(FetchError::LinkDown | FetchError::Timeout | FetchError::Busy) => "unavailable",
        };
        self.fetches.with_label_values(&[outcome]).inc();
    }

    pub(super) fn observe(&self, state: &State) {
        let windows = || state.window.iter().flat_map(StreamWindow::iter);
        let held = windows().flat_map(VariantWindow::listed).flat_map(Segment::listed_parts);
        let signed = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.link_up.set(i64::from(state.link_up));
        self.held_parts.set(signed(held.filter(|part| part.bytes.is_some()).count()));
        self.held_bytes.set(signed(state.window.as_ref().map_or(0, StreamWindow::held_bytes)));
        self.segments.set(signed(windows().map(|window| window.listed().count()).sum()));
        let newest = windows().filter_map(VariantWindow::last).map(Segment::msn).max().unwrap_or_default();
        self.newest_msn.set(i64::try_from(newest.0).unwrap_or(i64::MAX));
    }
}
