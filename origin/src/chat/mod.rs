//! The origin's part of the chat, beside what its APIs do.
//!
//! Place in the flow: [`Announcer`] writes the broadcast's events into the chat's log, from which webhooks get them, too;
//! [`Caretaker`] deletes old entries of the log, and users who have been away for long. Both live on the store alone, so
//! that they go on where the last run stopped.

mod announcer;
mod caretaker;
mod kept;
mod metrics;
mod users;

pub use announcer::Announcer;
pub use caretaker::{Caretaker, Keep};
pub use metrics::Metrics;
