//! EDNS Client Subnet (RFC 7871 §6): the network of a viewer, as a resolver tells it, and as it is told back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::records::Client;

/// Code of the option.
pub(crate) const CODE: u16 = 8;
/// Family, two prefix lengths.
const HEAD_LEN: usize = 4;
/// Longest option: an address of IPv6.
pub(crate) const MAX_LEN: usize = HEAD_LEN + 16;

/// The option of a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Subnet {
    /// 1 is IPv4, 2 is IPv6; 0 comes with nothing else, from clients that only want no network to be told.
    family: u16,
    source_prefix_len: u8,
    /// As many bytes as the prefix has begun, then zeroes.
    address: [u8; 16],
}

impl Subnet {
    /// The option's content; none where it is malformed, which is to be answered FORMERR: an unknown family, a prefix
    /// longer than an address, a scope in a query, more or fewer bytes than the prefix has, a bit set behind it.
    pub(crate) fn read(content: &[u8]) -> Option<Self> {
        let (head, octets) = content.split_at_checked(HEAD_LEN)?;
        let (family, source_prefix_len, scope) = (u16::from_be_bytes([head[0], head[1]]), head[2], head[3]);
        let longest = match family {
            0 => 0,
            1 => 32,
            2 => 128,
            _ => return None,
        };
        let is_whole = octets.len() == usize::from(source_prefix_len).div_ceil(8);
        if scope != 0 || source_prefix_len > longest || !is_whole {
            return None;
        }
        let behind = (8 - source_prefix_len % 8) % 8;
        if octets.last().is_some_and(|last| last.trailing_zeros() < u32::from(behind)) {
            return None;
        }
        let mut address = [0; 16];
        address[..octets.len()].copy_from_slice(octets);
        Some(Self { family, source_prefix_len, address })
    }

    /// The network; none where the resolver wants none to be used (RFC 7871 §7.1.2: a prefix of length 0).
    pub(crate) fn client(&self) -> Option<Client> {
        let [a, b, c, d, ..] = self.address;
        let address = match (self.family, self.source_prefix_len) {
            (_, 0) => return None,
            (1, _) => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            _ => IpAddr::V6(Ipv6Addr::from(self.address)),
        };
        Some(Client { address, prefix_len: self.source_prefix_len })
    }

    /// The content of the option of a reply: family, prefix and address as they came. The scope is what is given, but no
    /// longer than an address, and 0 where the resolver told no network.
    pub(crate) fn reply(&self, scope_prefix_len: u8) -> ([u8; MAX_LEN], usize) {
        let longest = if self.family == 1 { 32 } else { 128 };
        let scope = if self.source_prefix_len == 0 { 0 } else { scope_prefix_len.min(longest) };
        let mut content = [0; MAX_LEN];
        content[..2].copy_from_slice(&self.family.to_be_bytes());
        (content[2], content[3]) = (self.source_prefix_len, scope);
        content[HEAD_LEN..].copy_from_slice(&self.address);
        (content, HEAD_LEN + usize::from(self.source_prefix_len).div_ceil(8))
    }
}
