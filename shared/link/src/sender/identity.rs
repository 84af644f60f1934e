//! The origin's identity: a certificate authority of its own, the server certificate made by it, and
//! the secret of the first token that lets edges in.
//!
//! Made at the first start and kept in the data directory as `link-identity.json`, readable by its owner
//! only and replaced atomically. A process that can read it can be the origin; an operator who loses it
//! must join every edge again. Certificates are X.509 v3 (RFC 5280) with P-256 keys.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    ALPN_ENROL, ALPN_FEED, JoinToken, MAX_EVENT_STREAMS, MAX_FETCHES, MAX_FORWARDED, MAX_STORE_CALLS,
    MAX_SUBSCRIPTIONS, SERVER_NAME, transport,
};

/// File name in the data directory.
pub const FILE: &str = "link-identity.json";

/// Lifetime of the authority and the server certificate. They are pinned, not public, and replacing
/// them means joining every edge again.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 3600);

/// Lifetime of an edge's certificate; an edge renews it by itself, with the one that it has.
const EDGE_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// Certificates are valid from so long before now: clocks differ.
const BACKDATE: Duration = Duration::from_secs(24 * 3600);

/// The reason why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("the identity file {path} is not usable")]
    File {
        /// The path of the file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The file's content is damaged.
    #[error(
        "the identity file {path} is damaged; removing it makes a new identity, and every edge must join again"
    )]
    Damaged {
        /// The path of the file.
        path: String,
    },
    /// A certificate cannot be made.
    #[error("a certificate cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// TLS does not accept the certificates.
    #[error("TLS does not accept the certificates")]
    Tls(#[from] rustls::Error),
    /// Client certificates cannot be checked.
    #[error("client certificates cannot be checked")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// QUIC does not accept the TLS settings.
    #[error("QUIC does not accept the TLS settings")]
    Quic(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

/// The file's content, all in base64 of DER.
#[derive(Serialize, Deserialize)]
struct Stored {
    authority_key: String,
    authority: String,
    server_key: String,
    server: String,
    secret: String,
}

/// The origin's identity.
pub struct Identity {
    authority_key: KeyPair,
    authority: CertificateDer<'static>,
    server_key: Vec<u8>,
    server: CertificateDer<'static>,
    secret: [u8; 32],
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// The id of an edge: the SHA-256 of the name that the origin gave it, which stays when its certificate is renewed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EdgeId([u8; 32]);

impl EdgeId {
    /// The edge of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self(Sha256::digest(name).into())
    }
}

impl From<[u8; 32]> for EdgeId {
    fn from(id: [u8; 32]) -> Self {
        Self(id)
    }
}

/// An edge's public key on its way into a certificate.
struct EdgeKey<'a>(&'a [u8]);

impl rcgen::PublicKeyData for EdgeKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

fn params(common_name: &str, lifetime: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    let now = SystemTime::now();
    params.not_before = (now - BACKDATE).into();
    params.not_after = (now + lifetime).into();
    // RFC 5280 §4.1.2.2: at most 20 octets, positive.
    let mut serial = random::<16>();
    serial[0] &= 0x7F;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params
}

fn authority_params() -> CertificateParams {
    let mut params = params("Farcast origin authority", AUTHORITY_LIFETIME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Identity {
    /// The identity in `dir`, made there if there is none.
    ///
    /// # Errors
    /// Any [`IdentityError`]. A damaged file is an error and never replaced: that would lock out every edge.
    pub fn load_or_create(dir: &Path) -> Result<Self, IdentityError> {
        let path = dir.join(FILE);
        let file_error = |source| IdentityError::File { path: path.display().to_string(), source };
        match std::fs::read(&path) {
            Ok(bytes) => {
                Self::parse(&bytes).ok_or_else(|| IdentityError::Damaged { path: path.display().to_string() })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let identity = Self::create()?;
                std::fs::create_dir_all(dir).map_err(file_error)?;
                write_private(&path, &identity.serialize()).map_err(file_error)?;
                tracing::info!("the origin has a new identity");
                Ok(identity)
            }
            Err(error) => Err(file_error(error)),
        }
    }

    fn create() -> Result<Self, IdentityError> {
        let authority_key = KeyPair::generate()?;
        let authority = authority_params().self_signed(&authority_key)?.der().clone();
        let server_key = KeyPair::generate()?;
        let mut server = params(SERVER_NAME, AUTHORITY_LIFETIME);
        server.subject_alt_names = vec![rcgen::SanType::DnsName(SERVER_NAME.try_into()?)];
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let issuer = Issuer::new(authority_params(), &authority_key);
        let server = server.signed_by(&server_key, &issuer)?.der().clone();
        Ok(Self {
            authority,
            server_key: server_key.serialize_der(),
            server,
            authority_key,
            secret: random(),
        })
    }

    fn serialize(&self) -> Vec<u8> {
        let stored = Stored {
            authority_key: STANDARD.encode(self.authority_key.serialized_der()),
            authority: STANDARD.encode(&self.authority),
            server_key: STANDARD.encode(&self.server_key),
            server: STANDARD.encode(&self.server),
            secret: STANDARD.encode(self.secret),
        };
        // A struct of strings always becomes JSON.
        serde_json::to_vec_pretty(&stored).unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(bytes).ok()?;
        let der = |text: &str| STANDARD.decode(text).ok();
        let key = PrivatePkcs8KeyDer::from(der(&stored.authority_key)?);
        let algorithm = &rcgen::PKCS_ECDSA_P256_SHA256;
        Some(Self {
            authority_key: KeyPair::from_pkcs8_der_and_sign_algo(&key, algorithm).ok()?,
            authority: CertificateDer::from(der(&stored.authority)?),
            server_key: der(&stored.server_key)?,
            server: CertificateDer::from(der(&stored.server)?),
            secret: der(&stored.secret)?.try_into().ok()?,
        })
    }

    /// A token with which edges join, naming `advertise` (`host:port`) as the origin's address.
    #[must_use]
    pub fn join_token(&self, advertise: &str, secret: [u8; 32]) -> JoinToken {
        let fingerprint = self.fingerprint();
        JoinToken { addresses: vec![advertise.to_owned()], fingerprint, secret }
    }

    /// The number that tells this identity from every other: SHA-256 of its authority's certificate.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.authority).into()
    }

    /// A secret for a purpose, the same at each start; it tells nothing of the identity or of secrets for other purposes.
    #[must_use]
    pub fn secret_for(&self, purpose: &str) -> [u8; 32] {
        // Hashed alone it would do: nobody has a part of the key, and it is no password.
        let hash = Sha256::new().chain_update(b"farcast secret of an identity 1").chain_update(purpose);
        hash.chain_update([0]).chain_update(self.authority_key.serialized_der()).finalize().into()
    }

    /// The secret of the first join token.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// A certificate for an edge's key (an uncompressed P-256 point) under the name that the origin gave it, and when it
    /// expires.
    ///
    /// # Errors
    /// [`IdentityError::Certificate`].
    pub fn certify(&self, name: &str, public_key: &[u8]) -> Result<(Vec<u8>, u64), IdentityError> {
        let mut edge = params(name, EDGE_LIFETIME);
        edge.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        edge.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        edge.use_authority_key_identifier_extension = true;
        let issuer = Issuer::new(authority_params(), &self.authority_key);
        let certificate = edge.signed_by(&EdgeKey(public_key), &issuer)?;
        let expires = (SystemTime::now() + EDGE_LIFETIME).duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok((certificate.der().to_vec(), expires.as_secs()))
    }

    /// QUIC settings of the listener: enrolment without, the feed with a client certificate. The
    /// certificate is optional in TLS because one listener serves both; [`super::server`] demands it.
    ///
    /// # Errors
    /// Any TLS variant of [`IdentityError`].
    pub fn server_config(&self) -> Result<quinn::ServerConfig, IdentityError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.authority.clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()?;
        let chain = vec![self.server.clone(), self.authority.clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.server_key.clone()));
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        tls.alpn_protocols = vec![ALPN_FEED.to_vec(), ALPN_ENROL.to_vec()];
        // No tickets: resumption would let an edge in without its certificate being checked again.
        tls.send_tls13_tickets = 0;
        let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(tls)?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        let calls = MAX_FETCHES + MAX_STORE_CALLS + MAX_FORWARDED + MAX_EVENT_STREAMS;
        config.transport_config(Arc::new(transport(0, MAX_SUBSCRIPTIONS + calls)));
        Ok(config)
    }
}

/// Writes a file that only its owner can read, all of it or nothing.
fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("tmp");
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_made_once_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let made = Identity::load_or_create(dir.path()).unwrap();
        let loaded = Identity::load_or_create(dir.path()).unwrap();
        assert_eq!(made.join_token("a:1", made.secret), loaded.join_token("a:1", loaded.secret));
        loaded.server_config().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_identity_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), b"{}").unwrap();
        assert!(matches!(Identity::load_or_create(dir.path()), Err(IdentityError::Damaged { .. })));
    }
}
