//! The client and a real server.

use std::net::SocketAddr;
use std::pin::Pin;

use http::StatusCode;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::server::{Answer, Server};
use super::*;

const LIMITS: Limits = Limits { deadline: Duration::from_secs(30), body_bytes: 1000 };

fn whole(body: &str) -> Answer {
    Answer::Whole(StatusCode::OK, body.to_owned())
}

async fn post(client: &HttpClient, uri: &str) -> Result<Response<Bytes>, HttpClientError> {
    client.send(Request::post(uri).body(Bytes::from_static(b"question")).unwrap(), LIMITS).await
}

fn client() -> HttpClient {
    HttpClient::new(Reach::Anywhere).unwrap()
}

/// A client of the public network, for which every name is at these addresses.
fn public_client(addresses: &[&str]) -> HttpClient {
    let found: Vec<SocketAddr> =
        addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
    let lookup = move |_| -> Pin<Box<dyn Future<Output = _> + Send>> {
        let found = found.clone();
        Box::pin(async move { Ok(found) })
    };
    HttpClient::build(public_authorities(), Resolver::new(Reach::Public, lookup)).unwrap()
}

#[tokio::test]
async fn a_request_is_answered() {
    let mut server = Server::start(Answer::Whole(StatusCode::IM_A_TEAPOT, "answer".to_owned())).await;
    let uri = format!("http://{}/a?b=c", server.address);
    let answer = post(&client(), &uri).await.unwrap();
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::IM_A_TEAPOT, &b"answer"[..]));
    let request = server.arrived().pop().unwrap();
    assert_eq!((request.uri().to_string().as_str(), &request.body()[..]), ("/a?b=c", &b"question"[..]));
    let header = |name: &str| request.headers()[name].to_str().unwrap();
    assert_eq!(header("host"), server.address.to_string());
    assert_eq!(header("content-length"), "8");
    assert!(header("user-agent").starts_with("Farcast/"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut target = Server::start(whole("")).await;
    let server = Server::start(Answer::Redirect(
        StatusCode::PERMANENT_REDIRECT,
        format!("http://{}/", target.address),
    ))
    .await;
    let answer = post(&client(), &format!("http://{}/", server.address)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
    assert!(target.arrived().is_empty());
}

#[tokio::test]
async fn a_body_up_to_the_limit_is_read_and_a_larger_one_refused() {
    let server = Server::start(whole(&"x".repeat(1000))).await;
    let (client, uri) = (client(), format!("http://{}/", server.address));
    assert_eq!(post(&client, &uri).await.unwrap().body().len(), 1000);
    for answer in [whole(&"x".repeat(1001)), Answer::Endless] {
        server.answer(answer);
        assert!(matches!(post(&client, &uri).await, Err(HttpClientError::TooLarge(1000))));
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_at_the_deadline() {
    for silence in [Answer::Silence, Answer::Head] {
        let mut server = Server::start(silence).await;
        let uri = format!("http://{}/", server.address);
        let asking = tokio::spawn(async move { post(&client(), &uri).await });
        server.requests.recv().await.unwrap();
        // From here on nothing but the clock can end it, so the clock may run at once.
        tokio::time::pause();
        let before = tokio::time::Instant::now();
        assert!(matches!(asking.await.unwrap(), Err(HttpClientError::Deadline(_))));
        assert!(before.elapsed() < LIMITS.deadline + Duration::from_secs(1));
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_may_have_got_the_request() {
    let server = Server::start(Answer::Hangup).await;
    let outcome = post(&client(), &format!("http://{}/", server.address)).await;
    assert!(matches!(outcome, Err(HttpClientError::Exchange { .. })), "{outcome:?}");
}

#[tokio::test]
async fn what_is_no_address_of_http_is_refused() {
    for uri in ["/api/ping", "ftp://localhost/", "localhost:80", "http://:80/"] {
        let outcome = post(&client(), uri).await;
        assert!(matches!(outcome, Err(HttpClientError::Address(_))), "{uri}: {outcome:?}");
    }
}

#[tokio::test]
async fn over_tls_only_a_server_of_a_trusted_authority_is_asked() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let certificate = CertificateDer::from(cert.der().to_vec());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut server = Server::start_with(whole("answer"), Some(TlsAcceptor::from(Arc::new(tls)))).await;
    let uri = format!("https://{}/", server.address);

    let outcome = post(&client(), &uri).await;
    assert!(matches!(&outcome, Err(HttpClientError::Connect { .. })), "{outcome:?}");
    assert!(outcome.unwrap_err().to_string().contains("UnknownIssuer"));
    assert!(server.arrived().is_empty());

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let trusting = HttpClient::build(roots, Resolver::of_the_system(Reach::Anywhere)).unwrap();
    assert_eq!(&post(&trusting, &uri).await.unwrap().body()[..], b"answer");
}

#[tokio::test]
async fn a_client_of_the_public_network_connects_to_no_other_whatever_names_resolve_to() {
    let mut server = Server::start(whole("answer")).await;
    let port = server.address.port();
    for addresses in [&["127.0.0.1"][..], &["::ffff:127.0.0.1"], &["10.0.0.1", "127.0.0.1", "::1"]] {
        for scheme in ["http", "https"] {
            let uri = format!("{scheme}://bot.example.org:{port}/");
            let outcome = post(&public_client(addresses), &uri).await;
            assert!(matches!(outcome, Err(HttpClientError::NotPublic)), "{addresses:?} {outcome:?}");
        }
    }
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        // Not looked up.
        let outcome = post(&public_client(&["1.1.1.1"]), &format!("http://{host}:{port}/")).await;
        assert!(matches!(outcome, Err(HttpClientError::NotPublic)), "{host} {outcome:?}");
    }
    assert!(server.arrived().is_empty());
    // The system's own resolver, for what is an address to it alone.
    let system = HttpClient::new(Reach::Public).unwrap();
    let outcome = post(&system, &format!("http://localhost:{port}/")).await;
    assert!(matches!(outcome, Err(HttpClientError::NotPublic)), "{outcome:?}");
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn a_name_that_is_nowhere_is_told_apart_from_a_private_one() {
    let outcome = post(&public_client(&[]), "http://bot.example.org/").await;
    assert!(matches!(outcome, Err(HttpClientError::Connect { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_head_is_given_whatever_becomes_of_the_body() {
    let server = Server::start(Answer::Endless).await;
    let request = || Request::post(format!("http://{}/", server.address)).body(Bytes::new()).unwrap();
    let head = client().send_for_head(request(), LIMITS).await.unwrap();
    assert_eq!(head.status, StatusCode::OK);
    server.answer(Answer::Hangup);
    let outcome = client().send_for_head(request(), LIMITS).await;
    assert!(matches!(outcome, Err(HttpClientError::Exchange { .. })), "{outcome:?}");
}
