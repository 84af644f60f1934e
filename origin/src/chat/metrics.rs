//! Metrics of the origin's part of the chat.

use farcast_telemetry::make::Make as _;
use prometheus::{IntCounter, IntGauge, Registry};

/// Handles of its metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) entries: IntGauge,
    pub(super) held: IntGauge,
    pub(super) forgotten: IntCounter,
    pub(super) forgotten_users: IntCounter,
    pub(super) announced: IntCounter,
    pub(super) failures: IntCounter,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            entries: registry.gauge("farcast_chat_log_entries", "Entries of the chat's log")?,
            held: registry.gauge(
                "farcast_chat_log_held_entries",
                "Entries of the chat's log that are only kept until webhooks have read them",
            )?,
            forgotten: registry
                .counter("farcast_chat_log_forgotten_entries_total", "Entries that were removed as old")?,
            forgotten_users: registry.counter(
                "farcast_chat_forgotten_users_total",
                "Users that were deleted after a long absence",
            )?,
            announced: registry.counter(
                "farcast_chat_announcements_total",
                "Announcements about the broadcast in the chat",
            )?,
            failures: registry.counter(
                "farcast_chat_upkeep_failures_total",
                "Announcements and removals that failed and are tried again",
            )?,
        })
    }
}
