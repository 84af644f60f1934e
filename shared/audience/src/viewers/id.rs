//! The identity of a viewer.

use std::fmt;
use std::io::Write as _;
use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

/// A viewer: the first 64 bits of the SHA-256 of address, a zero byte and user agent. Two people who share both are
/// one viewer, as in Owncast. Bits are as good as random, unless somebody chose the user agent for them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewerId(u64);

impl ViewerId {
    /// The viewer at this address with this user agent; an empty one where none is sent. An IPv4 address mapped into
    /// IPv6 (RFC 4291 §2.5.5.2) is the IPv4 address.
    #[must_use]
    pub fn new(address: IpAddr, user_agent: &[u8]) -> Self {
        let mut hash = Sha256::new();
        // Hashing takes all that it is given.
        let _ = write!(hash, "{}", address.to_canonical());
        hash.update([0]);
        hash.update(user_agent);
        let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = hash.finalize().into();
        Self::from_bits(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// Of its bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for ViewerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ViewerId({:016x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(address: &str, user_agent: &str) -> ViewerId {
        ViewerId::new(address.parse().unwrap(), user_agent.as_bytes())
    }

    #[test]
    fn golden_viewer() {
        // printf '192.0.2.7\0mpv 0.40' | sha256sum
        assert_eq!(id("192.0.2.7", "mpv 0.40").bits(), 0x95f7_cd5c_697d_1488);
    }

    #[test]
    fn a_viewer_is_the_same_over_a_socket_of_either_family() {
        assert_eq!(id("::ffff:192.0.2.7", "a"), id("192.0.2.7", "a"));
        assert_eq!(id("2001:DB8:0::1", "a"), id("2001:db8::1", "a"));
    }

    #[test]
    fn address_and_user_agent_both_tell_viewers_apart() {
        let viewers =
            [("192.0.2.1", "a"), ("192.0.2.2", "a"), ("192.0.2.1", "b"), ("192.0.2.1", ""), ("::1", "a")];
        for (index, one) in viewers.iter().enumerate() {
            for other in &viewers[..index] {
                assert_ne!(id(one.0, one.1), id(other.0, other.1), "{one:?} {other:?}");
            }
        }
        // Without the byte between them these would be the same text.
        assert_ne!(id("192.0.2.1", "1a"), id("192.0.2.11", "a"));
    }
}
