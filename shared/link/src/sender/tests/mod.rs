//! For tests, those of other crates as well: a server and edges of a few lines, over QUIC on the loopback, and what a hub sends
//! to one edge without any network.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "these are for tests, which fail by panicking"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farcast_feed::time::WallTime;
use farcast_store::memory::Memory;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use tokio_util::sync::CancellationToken;

use super::hub::Subscription;
use super::queue::Action;
use super::{Channels, Hub, HubConfig, Identity, Metrics, Server, ServerConfig};
use crate::roster::{self, Roster};
use crate::{
    ALPN_FEED, Ask, Call, Frames, JoinToken, MAX_ASKS, SERVER_NAME, Subscribe, ToEdge, encode, transport,
};

/// Nothing takes so long.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// An origin whose edges a test plays.
#[derive(Debug)]
pub struct Origin {
    /// The hub of `live`.
    pub hub: Hub,
    /// Its hubs: of `live` and of `second`.
    pub channels: Channels,
    roster: Arc<Roster>,
    /// Of its QUIC port.
    pub address: SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Origin {
    /// With an empty store.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Arc::new(Identity::load_or_create(folder.path()).unwrap());
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let hub = Hub::new(HubConfig::default(), &metrics);
        let second = HubConfig { stream: "second".to_owned().try_into().unwrap(), ..HubConfig::default() };
        let channels = Channels::new([hub.clone(), Hub::new(second, &metrics)], metrics);
        let endpoint =
            Endpoint::server(identity.server_config().unwrap(), "127.0.0.1:0".parse().unwrap()).unwrap();
        let (address, stop) = (endpoint.local_addr().unwrap(), CancellationToken::new());
        let roster = Roster::open(
            identity,
            roster::Config {
                dir: folder.path().to_owned(),
                token_file: folder.path().join("join-token"),
                advertise: address.to_string(),
                token_lifetime: None,
            },
        );
        let (roster, store) = (roster.unwrap(), Arc::new(Memory::store().0));
        let server = Server::new(ServerConfig::default(), Arc::clone(&roster), channels.clone(), store, None);
        let task = tokio::spawn(server.run(endpoint, stop.clone()));
        Self { hub, channels, roster, address, stop, task, folder }
    }

    /// Of the standing join token.
    #[must_use]
    pub fn secret(&self) -> [u8; 32] {
        self.roster.tokens()[0].secret().unwrap()
    }

    /// The standing join token.
    #[must_use]
    pub fn token(&self) -> JoinToken {
        std::fs::read_to_string(self.folder.path().join("join-token")).unwrap().trim().parse().unwrap()
    }

    /// Waits until so many edges are connected.
    pub async fn until_edges(&self, count: usize) {
        let reached = async {
            while self.channels.edges().count() != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LONG, reached).await.expect("so many edges are there");
    }

    /// An edge that subscribed, and does `answer` with each question.
    pub async fn edge<A: Future<Output = ()> + Send>(
        &self,
        answer: impl Fn(Ask, SendStream) -> A + Send + Sync + 'static,
    ) -> Edge {
        let key = rcgen::KeyPair::generate().unwrap();
        let token = self.roster.tokens()[0].id.clone();
        let made = self.roster.enrol(&token, "test", key.public_key_raw(), WallTime::now()).unwrap();
        let config = client(ALPN_FEED, Some((&made.certificate, &key)));
        let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let connection =
            endpoint.connect_with(config, self.address, SERVER_NAME).unwrap().await.expect("it connects");
        let (mut control, receive) = connection.open_bi().await.unwrap();
        let wish =
            Subscribe { name: "test".to_owned(), number: 0, stream: self.hub.stream().clone(), have: None };
        control.write_all(&encode(&Call::Subscribe(wish)).unwrap()).await.unwrap();
        let asked = connection.clone();
        let answering = tokio::spawn(async move {
            while let Ok((send, receive)) = asked.accept_bi().await {
                answer(question(receive).await, send).await;
            }
        });
        Edge { _endpoint: endpoint, connection, _control: (control, receive), answering }
    }

    /// Ends the edges, then itself.
    pub async fn stop(self, edges: Vec<Edge>) {
        for edge in edges {
            edge.leave().await;
        }
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// An edge that a test plays.
#[derive(Debug)]
pub struct Edge {
    _endpoint: Endpoint,
    connection: Connection,
    _control: (SendStream, RecvStream),
    answering: tokio::task::JoinHandle<()>,
}

impl Edge {
    /// Calls the origin; returns the call's stream.
    #[cfg(test)]
    pub(crate) async fn call(&self, call: &Call) -> (SendStream, RecvStream) {
        let (mut send, receive) = self.connection.open_bi().await.unwrap();
        send.write_all(&encode(call).unwrap()).await.unwrap();
        (send, receive)
    }

    /// The code with which the origin closes.
    #[cfg(test)]
    pub(crate) async fn closed(&self) -> Option<crate::CloseCode> {
        match tokio::time::timeout(LONG, self.connection.closed()).await.expect("it is closed") {
            quinn::ConnectionError::ApplicationClosed(close) => crate::CloseCode::from_code(close.error_code),
            other => panic!("{other}"),
        }
    }

    pub(crate) async fn leave(self) {
        self.connection.close(0_u32.into(), b"");
        self.answering.await.unwrap();
    }
}

async fn question(mut receive: RecvStream) -> Ask {
    let mut frames = Frames::new();
    frames.feed(&receive.read_to_end(1 << 20).await.unwrap());
    frames.next_message().unwrap().expect("a whole question")
}

/// Answers with a text.
pub async fn say(mut send: SendStream, text: &str) {
    send.write_all(text.as_bytes()).await.unwrap();
    send.finish().unwrap();
}

/// The messages for one edge, for tests of what publishes.
#[derive(Debug)]
pub struct Listener {
    subscription: Subscription,
    frames: Frames,
}

impl Listener {
    /// Subscribes.
    #[must_use]
    pub fn new(hub: &Hub) -> Self {
        let wish = Subscribe { name: "test".to_owned(), number: 0, stream: hub.stream().clone(), have: None };
        Self { subscription: hub.subscribe(&wish), frames: Frames::new() }
    }

    /// All that came on the control stream since the last call.
    pub fn told(&mut self) -> Vec<ToEdge> {
        let Self { subscription, frames } = self;
        subscription.queue.with(|queue| {
            loop {
                match queue.next_action() {
                    Action::Control(message) => {
                        queue.wrote_control(message.len());
                        frames.feed(&message);
                    }
                    Action::Write { stream, pieces, .. } => {
                        queue.wrote(&stream, pieces.iter().map(Bytes::len).sum());
                    }
                    Action::Finish(stream) => queue.finished(&stream),
                    Action::Reset(_) => {}
                    Action::Idle => break,
                }
            }
        });
        std::iter::from_fn(|| frames.next_message().unwrap()).collect()
    }
}

/// Trusts whoever answers.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
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
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// Settings of a client with a certificate, or without.
pub(super) fn client(alpn: &[u8], own: Option<(&[u8], &rcgen::KeyPair)>) -> quinn::ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting));
    let mut tls = match own {
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
            tls.with_client_auth_cert(vec![CertificateDer::from(certificate.to_vec())], key).unwrap()
        }
        None => tls.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![alpn.to_vec()];
    let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    config.transport_config(Arc::new(transport(128, MAX_ASKS)));
    config
}
