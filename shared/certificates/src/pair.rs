//! A certificate chain with its private key.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use farcast_service::tls::{self, TlsError};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;

use crate::domains::Domain;

/// A certificate chain and its private key, both PEM. Made by an authority, or come over the link: [`Self::check`] says
/// whether it is of use.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The certificate for the names, then those that lead to the authority.
    pub chain_pem: String,
    /// The private key.
    pub key_pem: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// The SHA-256 of a certificate chain: tells one certificate from another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A pair that TLS can use, with what its certificate says.
#[derive(Clone, Debug)]
pub struct Checked {
    /// For TLS.
    pub key: Arc<CertifiedKey>,
    /// The DNS names that it is for, in lower case.
    pub names: Vec<String>,
    /// The time from which it is valid.
    pub not_before: SystemTime,
    /// The time until which it is valid.
    pub not_after: SystemTime,
}

/// The reason why a certificate and key are of no use.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// TLS cannot use them.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The certificate cannot be read.
    #[error("the certificate is no X.509 certificate")]
    NotX509,
}

impl Pair {
    /// The fingerprint of the chain.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(&self.chain_pem).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads both and checks that they belong together.
    ///
    /// # Errors
    /// [`PairError`].
    pub fn check(&self) -> Result<Checked, PairError> {
        Checked::of(tls::certified_key(self.chain_pem.as_bytes(), self.key_pem.as_bytes())?)
    }
}

impl Checked {
    pub(crate) fn of(key: Arc<CertifiedKey>) -> Result<Self, PairError> {
        let leaf = key.cert.first().ok_or(PairError::NotX509)?;
        let (_, certificate) = x509_parser::parse_x509_certificate(leaf).map_err(|_| PairError::NotX509)?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map(|extension| {
            let dns = |name: &GeneralName<'_>| match name {
                GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
                _ => None,
            };
            extension.value.general_names.iter().filter_map(dns).collect()
        });
        let validity = certificate.validity();
        let (not_before, not_after) =
            (time_of(validity.not_before.timestamp()), time_of(validity.not_after.timestamp()));
        drop(certificate);
        Ok(Self { names: names.unwrap_or_default(), not_before, not_after, key })
    }

    /// True if it is for every one of these names.
    #[must_use]
    pub fn covers(&self, domains: &[Domain]) -> bool {
        domains.iter().all(|domain| self.names.iter().any(|name| name == domain.as_str()))
    }
}

/// A time in seconds since 1970; one before is 1970.
fn time_of(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A self-signed pair for these names, valid from `begin` for `lifetime`.
    pub(crate) fn made(names: &[&str], begin: SystemTime, lifetime: Duration) -> Pair {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = begin.into();
        params.not_after = (begin + lifetime).into();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Pair { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn what_a_certificate_says_is_read() {
        let begin = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let pair = made(&["live.example.org", "*.live.example.org"], begin, 90 * DAY);
        let checked = pair.check().unwrap();
        assert_eq!(checked.names, ["live.example.org", "*.live.example.org"]);
        assert_eq!((checked.not_before, checked.not_after), (begin, begin + 90 * DAY));
        let domain = |name: &str| Domain::try_from(name.to_owned()).unwrap();
        assert!(checked.covers(&[domain("*.live.example.org")]));
        assert!(checked.covers(&[]));
        // A wildcard is another name than those that it stands for.
        assert!(!checked.covers(&[domain("live.example.org"), domain("fra.live.example.org")]));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused_and_shown_nowhere() {
        let (one, other) = (made(&["a.example"], UNIX_EPOCH, DAY), made(&["a.example"], UNIX_EPOCH, DAY));
        assert_ne!(one.fingerprint(), other.fingerprint());
        let mixed = Pair { key_pem: other.key_pem, ..one.clone() };
        assert_eq!(mixed.fingerprint(), one.fingerprint());
        assert!(matches!(mixed.check(), Err(PairError::Tls(TlsError::Rejected(_)))), "{:?}", mixed.check());
        assert!(!format!("{one:?}").contains("PRIVATE"), "{one:?}");
        for broken in [
            Pair { chain_pem: String::new(), ..one.clone() },
            Pair { key_pem: String::new(), ..one.clone() },
            Pair { chain_pem: one.chain_pem.replace("MII", "AAA"), ..one.clone() },
        ] {
            assert!(broken.check().is_err());
        }
    }
}
