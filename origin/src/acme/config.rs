//! The configuration of the certificate that is obtained.

use std::path::PathBuf;

use farcast_certificates::{Domain, Domains};
use farcast_config::{InvalidValue, Secret, Value};
use instant_acme::ChallengeType;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The names of the certificate; at least one.
    pub domains: Domains,
    /// Address of the authority's ACME directory.
    pub directory: String,
    /// Where the authority writes to.
    pub email: Option<String>,
    /// The ways of proving that a name is ours, the first to be tried first.
    pub challenges: ChallengeKinds,
    /// PEM file of the authority that the directory's own certificate is of, where that is none of the public ones.
    pub root: Option<PathBuf>,
    /// The account elsewhere to which the one at the authority is bound (RFC 8555 §7.3.4).
    pub external: Option<External>,
}

/// An account that some authorities give to their customers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct External {
    /// Its id.
    pub key_id: String,
    /// Its HMAC key, in base64url.
    pub hmac_key: Secret,
}

/// A way of proving that a name is ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChallengeKind {
    /// By HTTP at port 80 of the name (RFC 8555 §8.3).
    Http01,
    /// By TLS at port 443 of the name (RFC 8737).
    TlsAlpn01,
    /// By a TXT record of the name (RFC 8555 §8.4).
    Dns01,
}

impl ChallengeKind {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Http01, "http-01"), (Self::TlsAlpn01, "tls-alpn-01"), (Self::Dns01, "dns-01")];

    /// The name in RFC 8555 and RFC 8737.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Dns01 => "dns-01",
        }
    }

    /// The kind for a name: names that begin with `*.` are proved by DNS only.
    pub(super) fn of(self, domain: &Domain) -> Self {
        if domain.is_wildcard() { Self::Dns01 } else { self }
    }
}

impl From<ChallengeKind> for ChallengeType {
    fn from(kind: ChallengeKind) -> Self {
        match kind {
            ChallengeKind::Http01 => Self::Http01,
            ChallengeKind::TlsAlpn01 => Self::TlsAlpn01,
            ChallengeKind::Dns01 => Self::Dns01,
        }
    }
}

/// Ways of proving, each once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChallengeKinds(pub Vec<ChallengeKind>);

impl ChallengeKinds {
    /// The one for an attempt after so many that failed: one after the other.
    pub(super) fn for_attempt(&self, failures: u32) -> ChallengeKind {
        let index = usize::try_from(failures).unwrap_or(0) % self.0.len().max(1);
        self.0.get(index).copied().unwrap_or(ChallengeKind::Http01)
    }
}

impl Value for ChallengeKinds {
    const EXPECTS: &'static str = "http-01, tls-alpn-01, dns-01 or some of them, comma-separated";

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let mut kinds = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let known = ChallengeKind::ALL.iter().find(|(_, name)| *name == part);
            let (kind, _) = known
                .ok_or_else(|| InvalidValue::new(format!("{part:?} is not one of {}", Self::EXPECTS)))?;
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
        if kinds.is_empty() {
            return Err(InvalidValue::new(format!("names none of {}", Self::EXPECTS)));
        }
        Ok(Self(kinds))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_of_proving_are_tried_one_after_the_other() {
        let kinds = ChallengeKinds::parse("tls-alpn-01, http-01,tls-alpn-01").unwrap();
        assert_eq!(kinds.show().as_deref(), Some("tls-alpn-01, http-01"));
        let tried: Vec<_> = (0..4).map(|failures| kinds.for_attempt(failures).as_str()).collect();
        assert_eq!(tried, ["tls-alpn-01", "http-01", "tls-alpn-01", "http-01"]);
        for wrong in ["", ",", "http", "http-01;dns-01"] {
            assert!(ChallengeKinds::parse(wrong).is_err(), "{wrong:?}");
        }
        let wildcard = Domain::try_from("*.example.org".to_owned()).unwrap();
        assert_eq!(ChallengeKind::Http01.of(&wildcard), ChallengeKind::Dns01);
    }
}
