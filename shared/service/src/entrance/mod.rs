//! The entrance of a listener: which connections have a place, and which make room for others.
//!
//! Place in the flow: a listener accepts and takes a [`Seat`] for what it accepted, or closes it; the connection says
//! through its seat whether it has asked for anything. The policy is [`Places`].

mod places;
mod seat;

pub use places::{Limits, Places, Refused, State};
pub use seat::{Entrance, Seat};
