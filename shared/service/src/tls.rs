//! TLS of listeners with a certificate for the public: TLS 1.2 and 1.3, forward secrecy (rustls knows no other), one crypto
//! provider. RTMPS on the origin and HTTPS on edges use it; the link between them has its own certificates.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::listen::{self, ListenError, Purpose};

/// ALPN of HTTP, HTTP/2 preferred (RFC 7301, RFC 9113 §3.2).
pub const ALPN_HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];

/// The same without HTTP/2.
pub const ALPN_HTTP_1: &[&[u8]] = &[b"http/1.1"];

/// The reason why a certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The certificate chain is no PEM.
    #[error("the certificate file cannot be read as PEM")]
    Certificate(#[source] pem::Error),
    /// There is no certificate.
    #[error("the certificate file has no certificate")]
    NoCertificate,
    /// The key is no PEM.
    #[error("the key file has no private key in PEM")]
    Key(#[source] pem::Error),
    /// They do not fit.
    #[error("the certificate and key cannot be used")]
    Rejected(#[from] rustls::Error),
}

/// A listener whose connections speak TLS.
pub type TlsListener = (TcpListener, TlsAcceptor);

/// The reason why a listener over TLS could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The certificate or the key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// Opens a listener over TLS, where an address is given, with the certificate that `certificates` has at each handshake.
///
/// # Errors
/// See [`OpenError`].
///
/// # Panics
/// Outside a tokio runtime.
pub fn listen(
    purpose: Purpose,
    address: Option<SocketAddr>,
    certificates: Arc<dyn ResolvesServerCert>,
    alpn: &[&[u8]],
) -> Result<Option<TlsListener>, OpenError> {
    let Some(address) = address else { return Ok(None) };
    let acceptor = TlsAcceptor::from(server_config(certificates, alpn)?);
    Ok(Some((listen::tokio_tcp(purpose, address)?, acceptor)))
}

/// Reads a certificate chain and a key, both PEM files. Blocks on the disk. A key that every user of this machine may
/// read is warned of.
///
/// # Errors
/// See [`TlsError`].
pub fn load(chain: &Path, key: &Path) -> Result<Arc<CertifiedKey>, TlsError> {
    let read =
        |path: &Path| std::fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source });
    let certified = certified_key(&read(chain)?, &read(key)?)?;
    if is_readable_by_all(key) {
        tracing::warn!(
            key = %key.display(),
            "every user of this machine may read the private key of the certificate: chmod o-r it, and make another one \
             if somebody may have"
        );
    }
    Ok(certified)
}

/// True if a file's mode lets everybody read it. False where files have no modes.
fn is_readable_by_all(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// From a certificate chain and a key, both PEM.
///
/// # Errors
/// See [`TlsError`].
pub fn certified_key(chain_pem: &[u8], key_pem: &[u8]) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(TlsError::Key)?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?))
}

/// TLS of a server with the certificate that `certificates` has at each handshake.
///
/// # Errors
/// [`TlsError::Rejected`].
pub fn server_config(
    certificates: Arc<dyn ResolvesServerCert>,
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_is_accepted_and_nonsense_is_not() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        assert!(certified_key(chain.as_bytes(), key.as_bytes()).is_ok());
        assert!(matches!(certified_key(b"", key.as_bytes()), Err(TlsError::NoCertificate)));
        assert!(matches!(certified_key(chain.as_bytes(), b""), Err(TlsError::Key(_))));
        let missing = load(Path::new("/nonexistent/a.pem"), Path::new("/nonexistent/b.pem"));
        assert!(matches!(missing, Err(TlsError::File { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_everybody_may_read_is_noticed() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        std::fs::write(&key, "x").unwrap();
        for (mode, by_all) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_readable_by_all(&key), by_all, "{mode:o}");
        }
        assert!(!is_readable_by_all(&folder.path().join("none")));
    }
}
