//! HTTP client for external servers: the directory, webhooks.
//!
//! Invariants: every request has a deadline for all of it, and a limit on the answer's size; redirects are answers like any
//! other, so that nothing is sent to an address that nobody configured; what is sent over TLS goes to a server whose
//! certificate a public authority made (Mozilla's list, compiled in); a client that is for the public network only
//! ([`Reach::Public`]) connects to no other address, whatever a name resolves to and whenever it does.
//!
//! HTTP/1.1 (RFC 9112) only: requests are few and far between.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, USER_AGENT};
use http::response::Parts;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};
use tokio::time::{Instant, timeout_at};

pub mod network;
mod resolve;
#[cfg(test)]
pub(crate) mod server;
#[cfg(test)]
mod tests;

pub use self::resolve::Reach;
use self::resolve::{NotPublic, Resolver};

/// Longest time for an address to accept a connection, before the next address of the same name is tried.
const CONNECT: Duration = Duration::from_secs(5);

/// Time for which a connection is kept for another request: a burst of them needs one.
const IDLE: Duration = Duration::from_secs(20);

/// Most bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;

const AGENT: &str = concat!("Farcast/", env!("CARGO_PKG_VERSION"));

/// The limits of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Deadline of the whole exchange: name resolution, connection, TLS, request, answer.
    pub deadline: Duration,
    /// Largest body of the answer.
    pub body_bytes: usize,
}

/// Asks. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    reach: Reach,
}

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The address is not one of HTTP with a host.
    #[error("{0} is not an address of http or https")]
    Address(Uri),
    /// The server is of no public network, and the client for no other. It got nothing.
    #[error("its address is of no public network")]
    NotPublic,
    /// The server was not reached: its name, the network, TLS. It got nothing.
    #[error("cannot connect: {}", innermost(source.as_ref()))]
    Connect {
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection failed; the server may have got the request.
    #[error("the connection failed: {}", innermost(source.as_ref()))]
    Exchange {
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer took too long; the server may have got the request.
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    /// The answer is too large.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
}

/// The reason why authorities of a file cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file cannot be read as PEM.
    #[error("the file of authorities cannot be read: {0}")]
    File(#[from] pem::Error),
    /// TLS does not take one of them.
    #[error("an authority in the file is of no use: {0}")]
    Tls(#[from] rustls::Error),
    /// There is none.
    #[error("the file of authorities has no certificate")]
    None,
}

impl HttpClient {
    /// A client that trusts the public authorities.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(reach: Reach) -> Result<Self, rustls::Error> {
        Self::build(public_authorities(), Resolver::of_the_system(reach))
    }

    /// A client that trusts the authorities in a PEM file alone. Blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be read or has no certificate, or TLS cannot be set up.
    pub fn trusting(file: &Path, reach: Reach) -> Result<Self, RootsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file)? {
            roots.add(certificate?)?;
        }
        if roots.is_empty() {
            return Err(RootsError::None);
        }
        Ok(Self::build(roots, Resolver::of_the_system(reach))?)
    }

    fn build(roots: RootCertStore, resolver: Resolver) -> Result<Self, rustls::Error> {
        let reach = resolver.reach();
        let tls =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(connector);
        Ok(Self { client, reach })
    }

    /// Asks once, and reads all of the answer, whatever its status. When the future is dropped the server may have got the
    /// request.
    ///
    /// # Errors
    /// [`HttpClientError`] when there is no whole answer.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, HttpClientError> {
        let until = Instant::now() + limits.deadline;
        let (head, body) = self.answer(request, limits.deadline, until).await?;
        let body = timeout_at(until, Limited::new(body, limits.body_bytes).collect());
        match body.await.map_err(|_| HttpClientError::Deadline(limits.deadline))? {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(HttpClientError::TooLarge(limits.body_bytes)),
            Err(source) => Err(HttpClientError::Exchange { source }),
        }
    }

    /// Sends one request, and returns the head of the answer. Its body is read within the limits, so that the connection
    /// can be used again, and thrown away. When the future is dropped the server may have got the request.
    ///
    /// # Errors
    /// [`HttpClientError`] when there is no head.
    pub async fn send_for_head(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Parts, HttpClientError> {
        let until = Instant::now() + limits.deadline;
        let (head, body) = self.answer(request, limits.deadline, until).await?;
        let _ = timeout_at(until, Limited::new(body, limits.body_bytes).collect()).await;
        Ok(head)
    }

    async fn answer(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
        until: Instant,
    ) -> Result<(Parts, Incoming), HttpClientError> {
        let uri = request.uri();
        let host = uri.host().filter(|host| !host.is_empty());
        let Some(host) = host.filter(|_| matches!(uri.scheme_str(), Some("http" | "https"))) else {
            return Err(HttpClientError::Address(uri.clone()));
        };
        // The resolver is not asked for these.
        if network::literal(host).is_some_and(|address| !self.reach.permits(address)) {
            return Err(HttpClientError::NotPublic);
        }
        let mut request = request.map(Full::new);
        request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        match timeout_at(until, self.client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer.into_parts()),
            Ok(Err(error)) if chain(&error).any(|error| error.is::<NotPublic>()) => {
                Err(HttpClientError::NotPublic)
            }
            Ok(Err(error)) if error.is_connect() => Err(HttpClientError::Connect { source: error.into() }),
            Ok(Err(error)) => Err(HttpClientError::Exchange { source: error.into() }),
            Err(_) => Err(HttpClientError::Deadline(deadline)),
        }
    }
}

fn public_authorities() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost cause of an error, which says most: those around it are hyper's layers.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}
