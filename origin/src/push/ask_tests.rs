//! Tests of asking: a server and edges of a few lines, over QUIC on the loopback.

use std::net::SocketAddr;

use farcast_feed::time::WallTime;
use farcast_link::{ALPN_FEED, Frames, MAX_ASKS, SERVER_NAME, Subscribe, ToOrigin, transport};
use farcast_store::memory::Memory;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Endpoint, RecvStream, SendStream};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::push::{Hub, HubConfig, Identity, Server, ServerConfig};
use crate::roster::{self, Roster};

/// Nothing takes so long.
const LONG: Duration = Duration::from_secs(20);

/// An origin whose edges a test plays.
pub(crate) struct Origin {
    pub(crate) hub: Hub,
    roster: Arc<Roster>,
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Arc::new(Identity::load_or_create(folder.path()).unwrap());
        let hub = Hub::new(HubConfig::default(), Metrics::new(&prometheus::Registry::new()).unwrap());
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
        let server = Server::new(ServerConfig::default(), Arc::clone(&roster), hub.clone(), store, None);
        let task = tokio::spawn(server.run(endpoint, stop.clone()));
        Self { hub, roster, address, stop, task, _folder: folder }
    }

    /// Of the standing join token.
    pub(crate) fn secret(&self) -> [u8; 32] {
        self.roster.tokens()[0].secret().unwrap()
    }

    pub(crate) async fn until_edges(&self, count: usize) {
        let reached = async {
            while self.hub.connected().lock().by_number.len() != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LONG, reached).await.expect("so many edges are there");
    }

    /// An edge that subscribed, and does `answer` with each question.
    pub(crate) async fn edge<A: Future<Output = ()> + Send>(
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
        let wish = Subscribe { name: "test".to_owned(), stream: self.hub.stream().clone(), have: None };
        control.write_all(&encode(&ToOrigin::Subscribe(wish)).unwrap()).await.unwrap();
        let asked = connection.clone();
        let answering = tokio::spawn(async move {
            while let Ok((send, receive)) = asked.accept_bi().await {
                answer(question(receive).await, send).await;
            }
        });
        Edge { _endpoint: endpoint, connection, _control: (control, receive), answering }
    }

    pub(crate) async fn stop(self, edges: Vec<Edge>) {
        for edge in edges {
            edge.leave().await;
        }
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub(crate) struct Edge {
    _endpoint: Endpoint,
    connection: Connection,
    _control: (SendStream, RecvStream),
    answering: tokio::task::JoinHandle<()>,
}

impl Edge {
    async fn leave(self) {
        self.connection.close(0_u32.into(), b"");
        self.answering.await.unwrap();
    }
}

async fn question(mut receive: RecvStream) -> Ask {
    let mut frames = Frames::new();
    frames.feed(&receive.read_to_end(1 << 20).await.unwrap());
    frames.next_message().unwrap().expect("a whole question")
}

pub(crate) async fn say(mut send: SendStream, text: &str) {
    send.write_all(text.as_bytes()).await.unwrap();
    send.finish().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_edges_are_asked_and_those_that_left_are_not() {
    let origin = Origin::start();
    let here = origin
        .edge(|ask, send| async move {
            let Ask::Tell { client, name, body } = ask else { panic!("{ask:?}") };
            say(send, &(client == 7 && name == "Ada" && body == "<p>x</p>").to_string()).await;
        })
        .await;
    let elsewhere = origin.edge(|_, send| say(send, "false")).await;
    let left = origin.edge(|_, send| say(send, "true")).await;
    origin.until_edges(3).await;
    left.leave().await;
    origin.until_edges(2).await;
    let ask = Ask::Tell { client: 7, name: "Ada".to_owned(), body: "<p>x</p>".to_owned() };
    let mut told = origin.hub.connected().ask_all::<bool>(&ask).await;
    told.answers.sort_unstable();
    assert_eq!((told.answers, told.failed), (vec![false, true], 0));
    origin.stop(vec![here, elsewhere]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edges_that_fail_are_left_out_and_counted() {
    let origin = Origin::start();
    let mut edges = Vec::new();
    edges.push(origin.edge(|_, send| say(send, "[1]")).await);
    edges.push(origin.edge(|_, send| say(send, "[1")).await);
    edges.push(origin.edge(|_, send| say(send, "true")).await);
    edges.push(origin.edge(|_, mut send: SendStream| async move { send.reset(1_u32.into()).unwrap() }).await);
    // One that keeps the stream and says nothing.
    edges.push(
        origin
            .edge(|_, send| async move {
                // The origin gives up.
                let _ = send.stopped().await;
            })
            .await,
    );
    edges.push(
        origin
            .edge(|_, mut send| async move {
                // The origin stops reading.
                let _ = send.write_all(&vec![b'1'; MAX_ANSWER_BYTES + 1]).await;
            })
            .await,
    );
    origin.until_edges(6).await;
    let began = std::time::Instant::now();
    let asked = tokio::time::timeout(LONG, origin.hub.connected().ask_all::<Vec<u32>>(&Ask::Clients));
    let asked = asked.await.expect("it has a deadline");
    assert_eq!((asked.answers, asked.failed), (vec![vec![1]], 5));
    assert!(began.elapsed() < DEADLINE + Duration::from_secs(3), "all at once");
    origin.stop(edges).await;
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

/// With a certificate, or without.
pub(crate) fn client(alpn: &[u8], own: Option<(&[u8], &rcgen::KeyPair)>) -> quinn::ClientConfig {
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
