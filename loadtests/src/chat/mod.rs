//! A chat's load and its verifier: many connections, few of which speak, and all of which must hear the same messages
//! in the same order, once each.
//!
//! [`users`] registers, [`socket`] is one WebSocket of [`frame`]s (RFC 6455), [`client`] one connection's task.
//! [`senders`] decides who speaks when. A message carries a [`marker`], which every connection finds without
//! reading the JSON around it, and a few read it all and check its [`shape`]. [`judge`] keeps the messages that
//! were sent and received, by [`seen`] per connection and [`order`] over all; [`report`] is the result at the
//! end; [`run`] starts everything and joins it. [`resources`] are this process's limits and a server's memory.
//!
//! Nothing here shares code with the edge.

pub mod client;
#[cfg(test)]
mod fake;
pub mod frame;
pub mod judge;
pub mod marker;
pub mod order;
pub mod report;
pub mod resources;
pub mod run;
pub mod seen;
pub mod senders;
pub mod shape;
pub mod socket;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod users;
