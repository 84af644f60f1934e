//! The entrance of a listener: which connections have a place, and which make room for others.
//!
//! Place in the flow: a listener accepts a connection and takes a [`Seat`] for it, or closes it; the connection
//! reports through its seat when it asks for something. The policy is [`Places`].

mod places;
mod seat;

pub use places::{Limits, Places, Refused, State};
pub use seat::{Entrance, Seat};
