//! Webhooks: HTTP callbacks that notify external servers of events.
//!
//! Place in the flow: the admin API makes and deletes them ([`record`]); the chat's log has what happened; from there each
//! webhook is served by a task of its own ([`Webhooks`]), at its own pace, from a cursor in the store.
//!
//! Invariants:
//! - **In order, and at least once unless it is skipped**: the cursor moves behind an event when its receiver has
//!   answered with 2xx, and is kept before the next event is sent. After a restart the one that was on its way is sent
//!   again, and no other.
//! - **Nothing waits for long behind an event that a receiver does not take** ([`policy`]): where another event waits,
//!   one that has failed for minutes is skipped, which is counted and shown to the operator. None comes after a later
//!   one. The last one is tried for as long as the webhook is.
//! - **Nothing waits for a receiver**: neither the writers of the log nor other webhooks. A webhook that lags reads the
//!   log from the store, a page at a time.
//! - **One origin delivers**: it holds a lease, and all that delivery writes requires it.
//! - **A receiver that fails** is asked again, ever more rarely, for a day ([`policy`]); then its webhook is disabled.
//! - Receivers are of the public network, unless the operator says otherwise ([`crate::http_client::Reach`]); so is where they
//!   send on to ([`call`]).
//!
//! Requests are signed as Standard Webhooks 1.0.0 says ([`Secret`]); bodies are Owncast's.

mod call;
mod clock;
mod deliveries;
mod failure;
mod hook;
mod metrics;
mod policy;
mod record;
mod run;
mod secret;
#[cfg(test)]
mod tests;
mod trial;

pub use call::Http;
pub use deliveries::{Deliveries, Delivery};
pub use metrics::Metrics;
pub use policy::Trouble;
pub use record::{Cursor, Disabled, Kept, MAX_WEBHOOKS, Refused, Webhook, all, create, delete};
pub(crate) use record::{Wished, adding};
pub use run::Webhooks;
pub use secret::Secret;
pub use trial::{NotTried, Trials};

/// The events that a webhook may get.
pub const EVENTS: [&str; 8] = [
    "CHAT",
    "USER_JOINED",
    "USER_PARTED",
    "NAME_CHANGE",
    "VISIBILITY-UPDATE",
    "STREAM_STARTED",
    "STREAM_STOPPED",
    "STREAM_TITLE_UPDATED",
];
