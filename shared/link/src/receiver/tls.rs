//! TLS of an edge: trusts exactly one authority, known by its fingerprint.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};

use super::identity::Identity;
use crate::{MAX_ASKS, MAX_PUSH_STREAMS, transport};

/// The reason why there are no TLS settings.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// TLS does not accept the certificate or key.
    #[error("TLS does not accept the edge's certificate")]
    Tls(#[from] rustls::Error),
    /// QUIC does not accept the TLS settings.
    #[error("QUIC does not accept the TLS settings")]
    Quic(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

/// Accepts a server whose chain ends in the authority with the fingerprint (and whose certificate that
/// authority made for this name), as RFC 5280 path validation with this one trust anchor.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pinned = |certificate: &&CertificateDer<'_>| {
            let digest: [u8; 32] = Sha256::digest(certificate).into();
            digest == self.fingerprint
        };
        let unknown = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let authority = intermediates.iter().find(pinned).ok_or_else(unknown)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|_| unknown())?
            .verify_server_cert(end_entity, &[], server_name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::PeerIncompatible(rustls::PeerIncompatible::Tls13RequiredForQuic))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// QUIC settings for dialling an origin with this fingerprint, with or without a certificate.
///
/// # Errors
/// [`TlsError`].
pub fn client_config(
    alpn: &[u8],
    fingerprint: [u8; 32],
    identity: Option<&Identity>,
) -> Result<quinn::ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(Pinned { fingerprint, provider: Arc::clone(&provider) });
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut tls = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = vec![CertificateDer::from(identity.certificate.clone())];
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.clone()));
            builder.with_client_auth_cert(chain, key)?
        }
    };
    tls.alpn_protocols = vec![alpn.to_vec()];
    tls.resumption = rustls::client::Resumption::disabled();
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls)?;
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport(MAX_PUSH_STREAMS, MAX_ASKS)));
    Ok(config)
}
