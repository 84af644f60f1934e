//! The form of the HTTP API, the same on origin and edges: routes, request bodies, replies.
//!
//! Place in the flow: `farcast_edge::api` and `farcast_origin::admin` decide the answer; this module gives it its form. A
//! reply is complete before it is sent ([`Reply`]), so that a listener, or a connection that forwards, can carry it; only
//! [`events`] are not. The shapes are Owncast's; `openapi.yaml` is the contract.

pub mod body;
pub mod budget;
pub mod events;
pub mod host;
pub mod login;
mod markdown;
pub mod negotiate;
mod percent;
pub mod platform;
pub mod reply;
mod route;
pub mod status;
pub mod time;

pub use markdown::to_html;
pub use percent::percent_decoded;
pub use reply::Reply;
pub use route::{Match, Method, Table};
