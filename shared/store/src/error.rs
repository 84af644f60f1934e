//! Errors of the store, by what the caller can do about them.

use serde::{Deserialize, Serialize};

use super::limits::LimitError;

/// A failure of the store. Serialisable, so that an edge gets the failure of the origin's engine.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum StoreError {
    /// A precondition did not hold; nothing was changed.
    #[error("precondition {index} does not hold")]
    Precondition {
        /// Its place in the batch.
        index: u32,
    },
    /// The call is beyond the limits; nothing was changed.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The store cannot be reached or is busy; nothing was changed. Trying again may help.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The store was lost during a commit: it may have been applied. The same batch, committed again, tells.
    #[error("it is not known whether a change was applied: {0}")]
    Unknown(String),
    /// A stored value cannot be read by this version.
    #[error("a stored value cannot be read: {0}")]
    Damaged(String),
    /// Another origin has taken the channel over; nothing was changed, and nothing that this one wants will be.
    #[error("another origin has taken over")]
    Displaced,
}

impl StoreError {
    /// True if the same call may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unknown(_))
    }
}
