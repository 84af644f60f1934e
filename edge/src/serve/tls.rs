//! TLS for viewers: TLS 1.2 and 1.3 with forward secrecy (rustls knows no other), HTTP/2 preferred.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Why a certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
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

/// An acceptor with a certificate chain and a key, both PEM, that speaks HTTP/2 and HTTP/1.1.
///
/// # Errors
/// See [`TlsError`].
pub fn acceptor(chain_pem: &[u8], key_pem: &[u8]) -> Result<TlsAcceptor, TlsError> {
    let chain = CertificateDer::pem_slice_iter(chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(TlsError::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_is_accepted_and_nonsense_is_not() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        assert!(acceptor(chain.as_bytes(), key.as_bytes()).is_ok());
        assert!(matches!(acceptor(b"", key.as_bytes()), Err(TlsError::NoCertificate)));
        assert!(matches!(acceptor(chain.as_bytes(), b""), Err(TlsError::Key(_))));
    }
}
