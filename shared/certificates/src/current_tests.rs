use std::time::{Duration, SystemTime};

use farcast_service::tls;
use prometheus::Registry;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::announced::{Announced, Answer, Challenge};
use crate::domains::Domain;
use crate::pair::tests::made;

impl Current {
    /// The names of the certificate that is used.
    pub(crate) fn newest_names(&self) -> Vec<String> {
        self.newest().map(|key| Checked::of(key).unwrap().names).unwrap_or_default()
    }
}

/// Believes everybody: what was presented is looked at by the test, and webpki reads no certificate with the critical extension of
/// a challenge.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// The certificate and protocol that a handshake ends with, or that it fails.
async fn presented(
    current: &Arc<Current>,
    host: &str,
    alpn: &[&[u8]],
) -> Option<(CertificateDer<'static>, Vec<u8>)> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let anybody = Anybody(provider.signature_verification_algorithms);
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(anybody))
        .with_no_client_auth();
    client.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let current: Arc<dyn ResolvesServerCert> = Arc::clone(current) as _;
    let server = tls::server_config(current, &[b"h2", b"http/1.1", ALPN_ACME]).unwrap();
    let (near, far) = tokio::io::duplex(1 << 16);
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let accept = TlsAcceptor::from(server).accept(far);
    let (connected, _accepted) =
        tokio::join!(TlsConnector::from(Arc::new(client)).connect(name, near), accept);
    let stream = connected.ok()?;
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates()?.first()?.clone().into_owned();
    Some((leaf, session.alpn_protocol().unwrap_or_default().to_vec()))
}

fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).unwrap();
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    names.value.general_names.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn another_certificate_is_presented_from_the_next_handshake_on() {
    let (_tell, following) = watch::channel(None);
    let registry = Registry::new();
    let current = Arc::new(Current::new(following, Metrics::new(&registry).unwrap()));
    assert!(presented(&current, "a.example", &[b"h2"]).await.is_none(), "there is none yet");
    for name in ["a.example", "b.example"] {
        let pair = made(&[name], SystemTime::now(), Duration::from_secs(3600));
        current.set(&pair.check().unwrap());
        let (certificate, protocol) = presented(&current, "a.example", &[b"h2"]).await.unwrap();
        assert_eq!(names(&certificate), [format!("DNSName({name})")]);
        assert_eq!(protocol, b"h2");
    }
    let shown = registry.gather();
    let [after, before] = [&shown[0], &shown[1]].map(|family| family.get_metric()[0].get_gauge().get_value());
    assert!(before > 1.7e9, "{before}");
    assert!((after - before - 3600.0).abs() < f64::EPSILON, "{before} to {after}");
}

#[tokio::test]
async fn an_authority_that_asks_by_its_own_protocol_alone_gets_the_proof_and_others_never() {
    let domain = Domain::try_from("a.example".to_owned()).unwrap();
    let challenge = Challenge { domain, answer: Answer::TlsAlpn { digest: [7; 32] } };
    let announced = Announced { number: 1, certificate: None, challenges: vec![challenge] };
    let (_tell, following) = watch::channel(Some(Arc::new(announced)));
    let current = Arc::new(Current::new(following, Metrics::new(&Registry::new()).unwrap()));
    let (proof, protocol) = presented(&current, "a.example", &[ALPN_ACME]).await.unwrap();
    assert_eq!(protocol, ALPN_ACME);
    let (_, certificate) = x509_parser::parse_x509_certificate(&proof).unwrap();
    let identifier = certificate.extensions().iter().find(|extension| {
        // id-pe-acmeIdentifier, RFC 8737 §6.1.
        extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.31"
    });
    let identifier = identifier.unwrap();
    assert!(identifier.critical);
    // An OCTET STRING of the digest.
    assert_eq!(identifier.value, [&[4, 32][..], &[7; 32]].concat());
    let again = presented(&current, "A.example", &[ALPN_ACME]).await.unwrap().0;
    assert_eq!(again, proof, "it is made once");
    assert!(presented(&current, "b.example", &[ALPN_ACME]).await.is_none());
    assert!(presented(&current, "a.example", &[ALPN_ACME, b"h2"]).await.is_none());
    assert!(presented(&current, "a.example", &[b"h2"]).await.is_none());
}
