//! The edge directory: what each edge announces of itself in the store, followed by every process that leads viewers, and the
//! answers that follow from it.
//!
//! Place in the flow: an edge [`publish`]es its record every few seconds; [`follow()`] reads all of them and applies the
//! operators' orders ([`farcast_settings::EdgeOrders`]); [`Router`] answers for a viewer by `farcast_routing`'s ranking: the
//! page's redirect, the steering manifest, the list for pages, DNS, and the explanation for admins.
//!
//! Invariants: no request reads the store; a record that is damaged or speaks for another edge counts as none; while the
//! store cannot be read the last directory goes on; what is ordered holds even if the edge itself does not answer.

mod dns;
mod follow;
mod metrics;
mod records;
mod router;
mod settings;
mod sweep;
#[cfg(test)]
mod tests;

pub use dns::{DnsRecords, NoServer, dns_server};
pub use follow::{View, follow, follow_and_sweep, views};
pub use metrics::Metrics;
pub use records::{is_record_key, lawful, own_key, prefix, publish, withdraw};
pub use router::{Explanation, ForViewer, Measured, Own, Router, STEERING_PATH, Shown, Target, Unreadable};
pub use settings::{DnsSettings, Hosts, NameServers, Position, PublicAddresses, PublicUrls};
