//! The origin's part of the chat, beside what its APIs do.
//!
//! Place in the flow: [`Announcer`] tells the chat, and by it webhooks, of the broadcast; [`Caretaker`] forgets what is old:
//! entries of the log, and users who are gone. Both live on the store alone, so that they go on where the last run stopped.

mod announcer;
mod caretaker;
mod kept;
mod metrics;
mod users;

pub use announcer::Announcer;
pub use caretaker::{Caretaker, Keep};
pub use metrics::Metrics;
