//! How much strangers may ask for.

use std::time::Duration;

/// Limits of a server; 0 is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Replies over UDP a second with records, to one network (IPv4 /24, IPv6 /56). A public resolver asks once for each
    /// network of viewers in each TTL, from few addresses, and turns to TCP when it is told so.
    pub answers_per_second: u32,
    /// Replies over UDP a second that there is nothing, to one network; and refusals, counted apart.
    pub refusals_per_second: u32,
    /// TCP connections at once; the idle ones of who has the most make room for newcomers.
    pub connections: usize,
    /// TCP connections at once of one network (IPv4 /32, IPv6 /64).
    pub connections_per_network: usize,
    /// How long a TCP connection may be idle, and how long a message may take to come (RFC 7766 §6.2.3 leaves it to the
    /// server, and recommends seconds).
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answers_per_second: 500,
            refusals_per_second: 50,
            connections: 256,
            connections_per_network: 16,
            idle: Duration::from_secs(10),
        }
    }
}
