//! What the live window is told.

use bytes::Bytes;
use farcast_shared::feed::{FeedEvent, Snapshot};
use farcast_shared::name::{ObjectKind, ObjectName};

/// News from the link to the origin, in order.
#[derive(Clone, Debug)]
pub enum Input {
    /// The link is up and the origin has answered the subscription: if there is a broadcast, its
    /// [`Input::Snapshot`] comes at once.
    Up,
    /// The link is lost.
    Down,
    /// All that a newcomer must know.
    Snapshot(Snapshot),
    /// What happened since.
    Feed(FeedEvent),
}

impl Input {
    /// The part that it carries.
    pub(super) fn part(&self) -> Option<(ObjectName, &Bytes)> {
        match self {
            Self::Feed(FeedEvent::Part { epoch, variant, msn, meta, bytes }) => {
                let kind = ObjectKind::Part(*msn, meta.index);
                Some((ObjectName { epoch: *epoch, variant: *variant, kind }, bytes))
            }
            _ => None,
        }
    }
}
