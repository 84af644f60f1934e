//! Being listed in Owncast's directory ("YP"), if the operator wants that.
//!
//! Place in the flow: while live, a ping every four minutes tells the directory where this server is; the directory then
//! looks at `/api/yp` itself. The first answer brings a key, by which the directory knows the server again.
//!
//! Invariants: nothing is sent unless the directory is enabled, a broadcast is live and the server's address is known;
//! the key is the origin's alone, and is never logged.

mod follow;
mod key;
mod policy;
mod registration;
mod run;
#[cfg(test)]
mod tests;

pub use follow::follow;
pub use key::reset_key;
pub use policy::{Conditions, PING_EVERY, Policy, Report, Step};
pub use registration::{DEFAULT_DIRECTORY, Directory, DirectoryError, InvalidDirectory};
