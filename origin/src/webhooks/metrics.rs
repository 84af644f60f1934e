//! Metrics of webhooks.

use farcast_service::tasks::{Contained, Part};
use farcast_telemetry::make::Make as _;
use prometheus::{Gauge, IntCounter, IntCounterVec, Registry};

use super::failure::Reason;

const REASONS: [Reason; 7] = [
    Reason::Connect,
    Reason::Address,
    Reason::Timeout,
    Reason::Exchange,
    Reason::Redirect,
    Reason::Gone,
    Reason::Status,
];

/// Handles of the metrics, of all webhooks together.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) delivered: IntCounter,
    pub(super) disabled: IntCounter,
    pub(super) passed_over: IntCounter,
    /// Age of the oldest event that a receiver has still to take.
    pub(super) lag_seconds: Gauge,
    pub(super) panics: Contained,
    failed: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            delivered: registry.counter(
                "farcast_webhooks_delivered_total",
                "Events that a webhook's receiver took",
            )?,
            disabled: registry.counter(
                "farcast_webhooks_disabled_total",
                "Webhooks that were disabled because their receiver failed for too long, or does not want them",
            )?,
            passed_over: registry.counter(
                "farcast_webhooks_passed_over_total",
                "Events that were passed over, because a webhook's receiver failed while others waited behind them",
            )?,
            lag_seconds: registry.float_gauge(
                "farcast_webhooks_lag_seconds",
                "Age of the oldest event that a webhook's receiver has still to take; 0 when there is none",
            )?,
            failed: registry.counters_of(
                "farcast_webhooks_failed_total",
                "Calls of webhooks' receivers that failed; they are repeated",
                "reason",
                &REASONS.map(label),
            )?,
            panics: Contained::new(Part::Webhook, registry)?,
        })
    }

    pub(super) fn failed(&self, reason: Reason) {
        self.failed.with_label_values(&[label(reason)]).inc();
    }
}

fn label(reason: Reason) -> &'static str {
    match reason {
        Reason::Connect => "connect",
        Reason::Address => "address",
        Reason::Timeout => "timeout",
        Reason::Exchange => "exchange",
        Reason::Redirect => "redirect",
        Reason::Gone => "gone",
        Reason::Status => "status",
    }
}
