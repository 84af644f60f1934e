//! The header of the PROXY protocol, version 2 (`doc/proxy-protocol.txt` of HAProxy, §2.2), without input or output.
//!
//! Strict: what the document reserves is refused, and so are lengths that do not add up and a checksum that is wrong. What may
//! follow the addresses (TLVs) is walked through and passed over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of a header up to its length.
pub const HEAD_BYTES: usize = 16;

/// Most bytes of a header. The document has senders keep to it, so that a header fits into one segment of TCP.
pub const MOST_BYTES: usize = 536;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// How headers of version 1 begin.
const VERSION_1: &[u8] = b"PROXY ";

/// The TLV that holds a checksum (CRC32c, RFC 4960 appendix B) of the whole header.
const CRC32C: u8 = 0x03;

/// What is told of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Somebody's, by way of the sender of the header.
    Of(SocketAddr),
    /// The sender's own, to see whether this listener is there.
    Own,
    /// Somebody's of whom the sender does not know the address: the sender's counts.
    Unknown,
}

/// Why bytes are no header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// They begin otherwise.
    #[error("does not begin with a header of the PROXY protocol")]
    Signature,
    /// They are one of version 1, which is text.
    #[error("is a header of version 1; version 2 is expected (send-proxy-v2)")]
    VersionOne,
    /// Another version than 2.
    #[error("is of an unknown version")]
    Version,
    /// A command that the document does not have.
    #[error("has an unknown command")]
    Command,
    /// An address family or protocol that the document does not have, or that is none of TCP.
    #[error("has a family or protocol that no connection of TCP has")]
    Transport,
    /// More than [`MOST_BYTES`].
    #[error("is longer than 536 bytes")]
    TooLong,
    /// The length is too small for the addresses, or TLVs do not fill it.
    #[error("has lengths that do not add up")]
    Length,
    /// The checksum is wrong.
    #[error("has a wrong checksum")]
    Checksum,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Unknown,
    V4,
    V6,
    Unix,
}

impl Family {
    /// Bytes of both addresses and ports.
    const fn bytes(self) -> usize {
        match self {
            Self::Unknown => 0,
            Self::V4 => 12,
            Self::V6 => 36,
            Self::Unix => 216,
        }
    }
}

/// The beginning of a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    is_local: bool,
    family: Family,
    rest: usize,
}

impl Head {
    /// Reads it.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn of(bytes: &[u8; HEAD_BYTES]) -> Result<Self, Malformed> {
        let [.., command, transport, high, low] = *bytes;
        if !bytes.starts_with(SIGNATURE) {
            return Err(if bytes.starts_with(VERSION_1) {
                Malformed::VersionOne
            } else {
                Malformed::Signature
            });
        }
        if command >> 4 != 2 {
            return Err(Malformed::Version);
        }
        let is_local = match command & 0xf {
            0 => true,
            1 => false,
            _ => return Err(Malformed::Command),
        };
        // Of a connection of the sender's own the rest says nothing.
        let family = match transport {
            _ if is_local => Family::Unknown,
            0x00 => Family::Unknown,
            0x11 => Family::V4,
            0x21 => Family::V6,
            0x31 => Family::Unix,
            _ => return Err(Malformed::Transport),
        };
        let rest = usize::from(u16::from_be_bytes([high, low]));
        if HEAD_BYTES + rest > MOST_BYTES {
            return Err(Malformed::TooLong);
        }
        if rest < family.bytes() {
            return Err(Malformed::Length);
        }
        Ok(Self { is_local, family, rest })
    }

    /// Bytes that follow it.
    #[must_use]
    pub fn rest(&self) -> usize {
        self.rest
    }

    /// Reads the rest; `header` is all of the header.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn finish(&self, header: &[u8]) -> Result<Source, Malformed> {
        let rest =
            header.get(HEAD_BYTES..).filter(|rest| rest.len() == self.rest).ok_or(Malformed::Length)?;
        if self.is_local {
            return Ok(Source::Own);
        }
        let (addresses, _) = rest.split_at_checked(self.family.bytes()).ok_or(Malformed::Length)?;
        check(header, HEAD_BYTES + self.family.bytes())?;
        Ok(match (self.family, addresses) {
            (Family::V4, &[a, b, c, d, _, _, _, _, high, low, _, _]) => {
                Source::Of(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low])))
            }
            (Family::V6, [source @ .., high, low, _, _]) => {
                let octets: [u8; 16] = source.first_chunk().copied().ok_or(Malformed::Length)?;
                let address = IpAddr::from(Ipv6Addr::from(octets)).to_canonical();
                Source::Of(SocketAddr::new(address, u16::from_be_bytes([*high, *low])))
            }
            _ => Source::Unknown,
        })
    }
}

/// Walks through the TLVs from `at` on, and compares the checksum if there is one.
fn check(header: &[u8], mut at: usize) -> Result<(), Malformed> {
    let mut checksum = None;
    while at < header.len() {
        let Some(&[kind, high, low]) = header.get(at..at + 3) else { return Err(Malformed::Length) };
        let (begin, size) = (at + 3, usize::from(u16::from_be_bytes([high, low])));
        let value = header.get(begin..begin + size).ok_or(Malformed::Length)?;
        if kind == CRC32C {
            let value: [u8; 4] = value.try_into().map_err(|_| Malformed::Length)?;
            if checksum.replace((begin, u32::from_be_bytes(value))).is_some() {
                return Err(Malformed::Checksum);
            }
        }
        at = begin + size;
    }
    match checksum {
        Some((begin, said)) if crc32c(header, begin..begin + 4) != said => Err(Malformed::Checksum),
        _ => Ok(()),
    }
}

/// CRC32c of bytes, of which those of the checksum itself count as zero. A header is short: no table is worth it.
fn crc32c(bytes: &[u8], zeroed: std::ops::Range<usize>) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut crc = u32::MAX;
    for (at, byte) in bytes.iter().enumerate() {
        crc ^= if zeroed.contains(&at) { 0 } else { u32::from(*byte) };
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
        }
    }
    !crc
}

/// A whole header out of bytes that may be anything: for fuzzing, and for what follows it.
///
/// # Errors
/// [`Malformed`]; [`Malformed::Length`] also where bytes are missing.
pub fn parse(bytes: &[u8]) -> Result<(Source, &[u8]), Malformed> {
    let head = Head::of(bytes.first_chunk().ok_or(Malformed::Length)?)?;
    let (header, behind) = bytes.split_at_checked(HEAD_BYTES + head.rest()).ok_or(Malformed::Length)?;
    Ok((head.finish(header)?, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(command: u8, transport: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, transport], &length, rest].concat()
    }

    const V4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 0x01, 0xbb];

    fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
        [&[kind][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
    }

    fn source(bytes: &[u8]) -> Result<Source, Malformed> {
        parse(bytes).map(|(source, _)| source)
    }

    #[test]
    fn the_source_is_told_of_both_families() {
        assert_eq!(source(&header(0x21, 0x11, &V4)), Ok(Source::Of("192.0.2.7:50000".parse().unwrap())));
        let v6 = |text: &str| {
            let octets = text.parse::<Ipv6Addr>().unwrap().octets();
            source(&header(0x21, 0x21, &[&octets[..], &[0; 16], &[0xc3, 0x50, 1, 0xbb]].concat()))
        };
        assert_eq!(v6("2001:db8::7"), Ok(Source::Of("[2001:db8::7]:50000".parse().unwrap())));
        assert_eq!(v6("::ffff:192.0.2.7"), Ok(Source::Of("192.0.2.7:50000".parse().unwrap())));
    }

    #[test]
    fn a_senders_own_connection_and_one_of_nobody_known_are_told_apart() {
        assert_eq!(source(&header(0x20, 0x00, b"")), Ok(Source::Own));
        assert_eq!(source(&header(0x20, 0xff, b"whatever")), Ok(Source::Own), "the rest says nothing");
        assert_eq!(source(&header(0x21, 0x00, b"")), Ok(Source::Unknown));
        assert_eq!(source(&header(0x21, 0x31, &[b'/'; 216])), Ok(Source::Unknown));
    }

    #[test]
    fn what_the_document_does_not_have_is_refused() {
        let cases: [(Vec<u8>, Malformed); 12] = [
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), Malformed::Signature),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03zzzzz".to_vec(), Malformed::Signature),
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n".to_vec(), Malformed::VersionOne),
            (header(0x11, 0x11, &V4), Malformed::Version),
            (header(0x22, 0x11, &V4), Malformed::Command),
            (header(0x21, 0x12, &V4), Malformed::Transport),
            (header(0x21, 0x41, &V4), Malformed::Transport),
            (header(0x21, 0x10, &V4), Malformed::Transport),
            (header(0x21, 0x11, &V4[..11]), Malformed::Length),
            (header(0x21, 0x11, &[&V4[..], &[4, 0]].concat()), Malformed::Length),
            (header(0x21, 0x11, &[&V4[..], &[4, 0, 2, 0]].concat()), Malformed::Length),
            (header(0x20, 0x00, &[0; MOST_BYTES - HEAD_BYTES + 1]), Malformed::TooLong),
        ];
        for (bytes, expected) in cases {
            assert_eq!(source(&bytes), Err(expected), "{bytes:x?}");
        }
        assert_eq!(source(&header(0x20, 0x00, &[0; MOST_BYTES - HEAD_BYTES])), Ok(Source::Own));
    }

    /// With a checksum behind the other TLVs.
    fn summed(tlvs: &[u8]) -> Vec<u8> {
        let mut bytes = header(0x21, 0x11, &[&V4[..], tlvs, &tlv(CRC32C, &[0; 4])].concat());
        let at = bytes.len() - 4;
        let sum = crc32c(&bytes, 0..0);
        bytes[at..].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    #[test]
    fn tlvs_are_passed_over_and_a_checksum_is_compared() {
        // "123456789" of the catalogue of CRCs.
        assert_eq!(crc32c(b"123456789", 0..0), 0xe306_9283);
        let other = tlv(0x02, b"live.example.org");
        assert!(source(&header(0x21, 0x11, &[&V4[..], &other, &tlv(0x04, b"")].concat())).is_ok());
        let sent = summed(&other);
        assert!(source(&sent).is_ok());
        for at in HEAD_BYTES..sent.len() {
            let mut wrong = sent.clone();
            wrong[at] ^= 1;
            // A length or a kind that changed makes it something else, which may have no checksum.
            if !(28..31).contains(&at) && !(47..50).contains(&at) {
                assert_eq!(source(&wrong), Err(Malformed::Checksum), "byte {at}");
            }
        }
        let twice = header(0x21, 0x11, &[&V4[..], &tlv(CRC32C, &[0; 4]), &tlv(CRC32C, &[0; 4])].concat());
        assert_eq!(source(&twice), Err(Malformed::Checksum));
        assert_eq!(
            source(&header(0x21, 0x11, &[&V4[..], &tlv(CRC32C, &[0; 3])].concat())),
            Err(Malformed::Length)
        );
    }

    proptest! {
        #[test]
        fn whatever_follows_a_header_is_left_alone(
            address: [u8; 4], port: u16, tlvs in prop::collection::vec((4_u8.., prop::collection::vec(any::<u8>(), 0..60)), 0..6),
            behind: Vec<u8>,
        ) {
            let tlvs: Vec<u8> = tlvs.iter().flat_map(|(kind, value)| tlv(*kind, value)).collect();
            let addresses = [&address[..], &[0; 4], &port.to_be_bytes(), &[0; 2]].concat();
            let sent = [header(0x21, 0x11, &[addresses, tlvs].concat()), behind.clone()].concat();
            let expected = Source::Of(SocketAddr::new(address.into(), port));
            prop_assert_eq!(parse(&sent), Ok((expected, &behind[..])));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, command: u8, transport: u8) {
            let _ = parse(&bytes);
            let _ = parse(&header(command, transport, &bytes));
            let _ = parse(&header(0x21, 0x11, &[&V4[..], &bytes].concat()));
        }

        #[test]
        fn a_header_that_is_cut_is_none(cut in 0_usize..28) {
            prop_assert_eq!(source(&header(0x21, 0x11, &V4)[..cut]), Err(Malformed::Length));
        }
    }
}
