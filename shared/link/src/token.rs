//! The join token: the one line with which an edge joins.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The beginning of every token: names the product and the token's version.
const PREFIX: &str = "farcast1.";

/// Longest token in characters: eight addresses of the longest host name fit.
const MAX_CHARS: usize = 4096;

/// Most addresses in a token.
const MAX_ADDRESSES: usize = 8;

/// Longest address in bytes: a host name and a port.
const MAX_ADDRESS_BYTES: usize = 262;

/// The address of the origin, the fingerprint by which to recognise it, and the right to join.
///
/// Its text form is `farcast1.` and the base64url (RFC 4648 §5, unpadded) of its postcard encoding. A token carries a
/// secret, so `Debug` shows only the addresses; `Display` shows all.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// `host:port` of the origin, the most preferred first; at least one.
    pub addresses: Vec<String>,
    /// SHA-256 of the DER of the origin's certificate authority.
    pub fingerprint: [u8; 32],
    /// Proves the right to join.
    pub secret: [u8; 32],
}

/// The reason why a text is no join token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// The prefix is missing.
    #[error("a join token begins with `farcast1.`")]
    Prefix,
    /// The text is longer than any token.
    #[error("a join token has at most {MAX_CHARS} characters")]
    TooLong,
    /// A character was lost or changed.
    #[error("the join token is incomplete or garbled: copy the whole line")]
    Garbled,
    /// An address is not `host:port`.
    #[error("the join token's address {0:?} is not host:port")]
    Address(String),
    /// No address, or too many.
    #[error("a join token has 1 to {MAX_ADDRESSES} addresses")]
    Addresses,
}

fn check_address(address: &str) -> Result<(), InvalidToken> {
    let good = address.len() <= MAX_ADDRESS_BYTES
        && address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0));
    if good { Ok(()) } else { Err(InvalidToken::Address(address.chars().take(80).collect())) }
}

impl JoinToken {
    /// Checks that the addresses are usable.
    ///
    /// # Errors
    /// [`InvalidToken::Address`], [`InvalidToken::Addresses`].
    pub fn check(&self) -> Result<(), InvalidToken> {
        if self.addresses.is_empty() || self.addresses.len() > MAX_ADDRESSES {
            return Err(InvalidToken::Addresses);
        }
        self.addresses.iter().try_for_each(|address| check_address(address))
    }
}

impl FromStr for JoinToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        let body = text.strip_prefix(PREFIX).ok_or(InvalidToken::Prefix)?;
        if text.len() > MAX_CHARS {
            return Err(InvalidToken::TooLong);
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| InvalidToken::Garbled)?;
        let token: Self = super::frame::decode(&bytes).map_err(|_| InvalidToken::Garbled)?;
        token.check()?;
        Ok(token)
    }
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = postcard::to_allocvec(self).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(addresses: &[&str]) -> JoinToken {
        let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
        JoinToken { addresses, fingerprint: [0xAB; 32], secret: [0xCD; 32] }
    }

    #[test]
    fn a_token_survives_its_text() {
        let token = token(&["origin.example:4433", "[::1]:4433"]);
        assert_eq!(format!(" {token}\n").parse(), Ok(token));
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        let text = token(&["a:1"]).to_string();
        assert_eq!("farcast2.AAAA".parse::<JoinToken>(), Err(InvalidToken::Prefix));
        assert_eq!(text[..text.len() - 3].parse::<JoinToken>(), Err(InvalidToken::Garbled));
        assert_eq!(format!("farcast1.{}", "A".repeat(5000)).parse::<JoinToken>(), Err(InvalidToken::TooLong));
        let nowhere = token(&["nowhere"]).to_string();
        assert_eq!(nowhere.parse::<JoinToken>(), Err(InvalidToken::Address("nowhere".to_owned())));
        assert_eq!(token(&[]).to_string().parse::<JoinToken>(), Err(InvalidToken::Addresses));
    }

    #[test]
    fn the_secret_stays_out_of_debug_output() {
        let shown = format!("{:?}", token(&["a:1"]));
        assert!(shown.contains("a:1") && !shown.contains("205") && !shown.contains("cd"), "{shown}");
    }
}
