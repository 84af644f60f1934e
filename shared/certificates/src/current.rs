//! The certificate of a handshake: the newest that there is, or the proof for an authority that asks by `acme-tls/1`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs::sign::any_ecdsa_type;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivatePkcs8KeyDer;

use crate::announced::Following;
use crate::metrics::Metrics;
use crate::pair::Checked;

/// ALPN of an authority that checks a name by TLS (RFC 8737 §4).
pub const ALPN_ACME: &[u8] = b"acme-tls/1";

/// Certificates of challenges that are kept: those of all names once, with room.
const MAX_MADE: usize = 2 * crate::MAX_CHALLENGES;

/// See the module. Without a certificate handshakes are refused.
pub struct Current {
    key: RwLock<Option<Arc<CertifiedKey>>>,
    following: Following,
    made: Mutex<Vec<Made>>,
    metrics: Metrics,
}

/// A certificate that proves possession of a name.
struct Made {
    host: String,
    digest: [u8; 32],
    key: Arc<CertifiedKey>,
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl Current {
    /// Without a certificate yet.
    #[must_use]
    pub fn new(following: Following, metrics: Metrics) -> Self {
        Self { key: RwLock::default(), following, made: Mutex::default(), metrics }
    }

    /// Uses this certificate from now on; connections that are open go on.
    pub fn set(&self, checked: &Checked) {
        self.metrics.uses(checked);
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&checked.key));
    }

    /// True if there is a certificate.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.newest().is_some()
    }

    fn newest(&self) -> Option<Arc<CertifiedKey>> {
        self.key.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The certificate that proves possession of a host, if that is being asked for.
    fn proof(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        let digest = self.following.borrow().as_ref()?.tls_alpn(host)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |made: &&Made| made.digest == digest && made.host.eq_ignore_ascii_case(host);
        if let Some(made) = made.iter().find(same) {
            return Some(Arc::clone(&made.key));
        }
        let key = proof(host, &digest).inspect_err(|error| {
            tracing::error!(%error, host, "the certificate of a challenge cannot be made");
        });
        let key = key.ok()?;
        if made.len() == MAX_MADE {
            made.remove(0);
        }
        made.push(Made { host: host.to_owned(), digest, key: Arc::clone(&key) });
        Some(key)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // RFC 8737 §3: it offers this protocol and no other.
        let is_challenge = hello
            .alpn()
            .is_some_and(|mut protocols| protocols.next() == Some(ALPN_ACME) && protocols.next().is_none());
        if is_challenge { self.proof(hello.server_name()?) } else { self.newest() }
    }
}

/// A self-signed certificate for a host with the digest of a key authorization (RFC 8737 §3).
fn proof(host: &str, digest: &[u8; 32]) -> Result<Arc<CertifiedKey>, Box<dyn std::error::Error>> {
    let mut params = CertificateParams::new([host.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    // Its critical extension is unknown to whatever else would look at it.
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], any_ecdsa_type(&key)?)))
}

#[cfg(test)]
#[path = "current_tests.rs"]
mod tests;
