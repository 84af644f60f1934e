//! The input of the live window: the news of the link, in order.

use bytes::Bytes;
use farcast_feed::feed::FeedEvent;
use farcast_feed::name::{ObjectKind, ObjectName};

pub use crate::receive::LinkEvent as Input;

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
