//! What the zone says that changes all the time, as a trait: where hosts are for a client, and answers to ACME.
//!
//! Place in the flow: the ranking of edges and the store implement it; [`crate::responder`] asks. It is asked on the
//! thread that answers, for every query: an implementation reads what it has in memory, waits for nobody and locks
//! nothing for long.

use std::net::IpAddr;

/// The kind of address that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

impl Family {
    /// True if an address is of this family.
    #[must_use]
    pub fn has(self, address: IpAddr) -> bool {
        (self == Self::V4) == address.is_ipv4()
    }
}

/// For whom an address is asked: the network of the viewer where the resolver tells it (EDNS Client Subnet, RFC 7871), else
/// the resolver itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client {
    /// The first address of the network; bits behind the prefix are zero. Its family is not that of the address asked for.
    pub address: IpAddr,
    /// Length of the prefix in bits, 1 to 32 or 1 to 128. That of a resolver is its whole address.
    pub prefix_len: u8,
}

/// Where a host is for a client.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Addresses {
    /// The best first; addresses of the other family are left out. No more are sent than
    /// [`zone::Config::answers`](crate::zone::Config::answers).
    pub addresses: Vec<IpAddr>,
    /// How many leading bits of the client's address decided: whoever shares them gets the same answer (RFC 7871 §7.2.1). 0
    /// where the client did not matter. It may be longer than what the client told: then it has to ask again for each of
    /// the networks within.
    pub scope_prefix_len: u8,
}

/// What there is under a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// A host, with its addresses; none says that it has no address of this family.
    Host(Addresses),
    /// No such host; of a host that the zone names itself: no address.
    NoHost,
    /// Nothing is known yet, or no longer: the resolver is to ask another name server.
    NotReady,
}

/// See the module.
pub trait Records: Send + Sync {
    /// The addresses of a host for a client. `host` is the part of the name before the zone's, in lower case: empty for the
    /// zone's own name, else labels of `a-z`, `0-9`, `-` and `_` with dots between them. Strangers make up hosts by the
    /// thousand: that there is none is to be found out at once.
    fn addresses(&self, host: &str, client: Client, family: Family) -> Found;

    /// The texts that ACME's server looks for at `_acme-challenge` before a host (RFC 8555 §8.4), `host` as in
    /// [`Self::addresses`]; usually none.
    fn challenges(&self, host: &str) -> Vec<String>;
}
