//! Metrics of the chat.

use farcast_telemetry::make::Make as _;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Registry};

/// Upper bounds in seconds of the time from an event's acceptance to its publication here.
const DELAY_BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// The outcome of a line that a user sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It is in the log.
    Accepted,
    /// It came too fast.
    Muted,
    /// It was not allowed, or there was nothing in it.
    Refused,
    /// It grows too large when it is rendered.
    TooLarge,
    /// Its network says too much.
    Network,
    /// All together say too much.
    Room,
    /// Too many lines wait for the store.
    Waiting,
    /// The store did not take it.
    Failed,
}

/// Why somebody was turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// All connections are taken.
    Connections,
    /// Their network has its share of connections.
    ConnectionsOfNetwork,
    /// Too many users register.
    Users,
    /// Too many users of their network register.
    UsersOfNetwork,
    /// Their network is banned.
    Banned,
}

/// Why a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// The peer left.
    Left,
    /// It broke the protocol.
    Protocol,
    /// It did not read its messages.
    Slow,
    /// Nothing was heard of it.
    Silent,
    /// It may not be here.
    Refused,
    /// This edge stops.
    Draining,
}

impl Outcome {
    const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Muted,
        Self::Refused,
        Self::TooLarge,
        Self::Network,
        Self::Room,
        Self::Waiting,
        Self::Failed,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Muted => "muted",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::Network => "network",
            Self::Room => "room",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }
}

impl Refusal {
    const ALL: [Self; 5] =
        [Self::Connections, Self::ConnectionsOfNetwork, Self::Users, Self::UsersOfNetwork, Self::Banned];

    const fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsOfNetwork => "connections_of_network",
            Self::Users => "users",
            Self::UsersOfNetwork => "users_of_network",
            Self::Banned => "banned",
        }
    }
}

impl Ended {
    const ALL: [Self; 6] =
        [Self::Left, Self::Protocol, Self::Slow, Self::Silent, Self::Refused, Self::Draining];

    const fn label(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Protocol => "protocol",
            Self::Slow => "slow",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Draining => "draining",
        }
    }
}

/// Handles of the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) connections: IntGauge,
    pub(super) events: IntCounter,
    pub(super) delay: Histogram,
    pub(super) unannounced: IntCounter,
    pub(super) waiting: IntGauge,
    lines: IntCounterVec,
    ended: IntCounterVec,
    refused: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            refused: registry.counters_of(
                "farcast_edge_chat_refused_total",
                "Users that the chat turned away, by reason",
                "reason",
                &Refusal::ALL.map(Refusal::label),
            )?,
            waiting: registry.gauge(
                "farcast_edge_chat_lines_waiting",
                "Lines of users that are being taken, or wait for the store",
            )?,
            connections: registry.gauge("farcast_edge_chat_connections", "Connections of the chat")?,
            events: registry.counter(
                "farcast_edge_chat_events_total",
                "Entries of the chat's log that came here",
            )?,
            delay: registry.histogram(
                "farcast_edge_chat_delay_seconds",
                "Time from an event's acceptance, by the clock of the process that accepted it, to its publication here",
                &DELAY_BUCKETS,
            )?,
            unannounced: registry.counter(
                "farcast_edge_chat_unannounced_total",
                "Join and leave messages that were not sent, because there were too many at once",
            )?,
            lines: registry.counters_of(
                "farcast_edge_chat_lines_total",
                "Lines that users sent, by outcome",
                "outcome",
                &Outcome::ALL.map(Outcome::label),
            )?,
            ended: registry.counters_of(
                "farcast_edge_chat_ended_total",
                "Connections of the chat that ended, by reason",
                "reason",
                &Ended::ALL.map(Ended::label),
            )?,
        })
    }

    pub(super) fn line(&self, outcome: Outcome) {
        self.lines.with_label_values(&[outcome.label()]).inc();
    }

    pub(super) fn ended(&self, reason: Ended) {
        self.ended.with_label_values(&[reason.label()]).inc();
    }

    pub(super) fn refused(&self, reason: Refusal) {
        self.refused.with_label_values(&[reason.label()]).inc();
    }
}
