//! The input of the live window: the news of the link, in order.

use bytes::Bytes;
use farcast_feed::feed::FeedEvent;
use farcast_feed::name::{ObjectKind, ObjectName};

pub use farcast_link::receiver::LinkEvent as Input;

/// The part that an input carries.
pub(super) fn part_of(input: &Input) -> Option<(ObjectName, &Bytes)> {
    match input {
        Input::Feed(FeedEvent::Part { epoch, variant, msn, meta, bytes }) => {
            let kind = ObjectKind::Part(*msn, meta.index);
            Some((ObjectName { epoch: *epoch, variant: *variant, kind }, bytes))
        }
        _ => None,
    }
}
