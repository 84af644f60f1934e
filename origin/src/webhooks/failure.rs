//! Failed attempts to tell a receiver.

use std::time::Duration;

/// The reason why an attempt failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reason {
    /// The receiver was not reached.
    Connect,
    /// The address is not valid, or of no public network.
    Address,
    /// The receiver did not answer in time.
    Timeout,
    /// The connection broke.
    Exchange,
    /// The receiver redirects in a way that is not followed, or too often.
    Redirect,
    /// The receiver does not want any more events.
    Gone,
    /// The receiver answered with another status.
    Status,
}

/// An attempt that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    /// For the operator.
    pub(super) text: String,
    /// The pause that the receiver asks for.
    pub(super) retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into(), retry_after: None }
    }
}
