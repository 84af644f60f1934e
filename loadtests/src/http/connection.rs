//! One HTTP connection: requests one after another on HTTP/1.1, side by side on HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HOST, HeaderMap, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::http::url::Url;
use crate::http::wire::Wire;

/// Longest wait for a connection and its handshakes.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Largest body that is kept, in bytes: a segment of six seconds at 40 Mbit/s.
const LARGEST_BODY_BYTES: usize = 32 * 1024 * 1024;

/// The reason why a request had no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection could not be made.
    #[error("connect: {0}")]
    Connect(#[source] std::io::Error),
    /// The connection or the exchange failed.
    #[error("exchange: {0}")]
    Exchange(#[from] hyper::Error),
    /// The server had ended the connection in order before the request was sent: on another it may be sent again
    /// (RFC 9112 §9.6, RFC 9113 §6.8).
    #[error("the connection was over before the request was sent")]
    NotSent,
    /// The request could not be made.
    #[error("request: {0}")]
    Request(#[from] http::Error),
    /// No answer in time.
    #[error("no answer in time")]
    Deadline,
    /// A body larger than any that is expected.
    #[error("the body is larger than {LARGEST_BODY_BYTES} bytes")]
    TooLarge,
}

/// An answer, complete.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body as it came; empty if it was only counted.
    pub body: Bytes,
    /// Bytes of the body.
    pub length: usize,
    /// SHA-256 of the body as it came, if it was asked for.
    pub digest: Option<[u8; 32]>,
}

impl Answer {
    /// A header as text; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// True if the body is gzip.
    #[must_use]
    pub fn is_gzip(&self) -> bool {
        self.header("content-encoding") == "gzip"
    }
}

/// The way to reach a server.
#[derive(Clone)]
pub struct Dialer {
    /// The server; the URL's path is not used.
    pub server: Url,
    /// HTTP/2, by prior knowledge without TLS.
    pub http2: bool,
    /// TLS settings, needed for `https`.
    pub tls: Option<Arc<ClientConfig>>,
}

/// A connection. Dropping it closes it.
pub struct Connection {
    sender: Sender,
    driver: Arc<Driver>,
    authority: String,
    scheme: &'static str,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// The task that moves a connection's bytes; it ends with the last handle.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The treatment of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Keep it.
    Body,
    /// Count it and let it go.
    Length,
    /// Count it, digest it and let it go.
    Digest,
}

impl Dialer {
    /// Makes a connection.
    ///
    /// # Errors
    /// When it cannot be made in time.
    pub async fn connect(&self) -> Result<Connection, HttpError> {
        let deadline = Instant::now() + CONNECT_DEADLINE;
        timeout_at(deadline, self.open()).await.map_err(|_| HttpError::Deadline)?
    }

    async fn open(&self) -> Result<Connection, HttpError> {
        let server = &self.server;
        let wire = Wire::connect(server, self.tls.as_ref()).await.map_err(HttpError::Connect)?;
        let (sender, driver) = self.shake(wire).await?;
        let driver = Arc::new(Driver(driver));
        Ok(Connection { sender, driver, authority: server.authority(), scheme: server.scheme() })
    }

    async fn shake(&self, wire: Wire) -> Result<(Sender, JoinHandle<()>), HttpError> {
        let io = TokioIo::new(wire);
        if self.http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            Ok((Sender::Http2(sender), tokio::spawn(async move { drop(connection.await) })))
        } else {
            let (sender, connection) = http1::handshake(io).await?;
            Ok((Sender::Http1(sender), tokio::spawn(async move { drop(connection.await) })))
        }
    }
}

impl Connection {
    /// A second handle for requests side by side on the same connection: HTTP/2 only.
    #[must_use]
    pub fn beside(&self) -> Option<Self> {
        let Sender::Http2(sender) = &self.sender else { return None };
        Some(Self {
            sender: Sender::Http2(sender.clone()),
            driver: Arc::clone(&self.driver),
            authority: self.authority.clone(),
            scheme: self.scheme,
        })
    }

    /// Asks with GET, gzip accepted.
    ///
    /// Cancel safe on HTTP/2; on HTTP/1.1 a cancelled request closes the connection.
    ///
    /// # Errors
    /// When the exchange fails or is not complete within `limit`.
    pub async fn get(&mut self, path: &str, keep: Keep, limit: Duration) -> Result<Answer, HttpError> {
        let request = self.request(Method::GET, path)?.header(ACCEPT_ENCODING, "gzip");
        self.send(request.body(Full::default())?, keep, limit).await
    }

    /// The beginning of a request on this connection.
    ///
    /// # Errors
    /// When `path` is none.
    pub fn request(&self, method: Method, path: &str) -> Result<http::request::Builder, http::Error> {
        let builder = Request::builder().method(method).header(USER_AGENT, "farcast-load");
        Ok(match self.sender {
            Sender::Http1(_) => builder.uri(path).header(HOST, &self.authority),
            Sender::Http2(_) => builder.uri(format!("{}://{}{path}", self.scheme, self.authority)),
        })
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When the exchange fails or is not complete within `limit`.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        keep: Keep,
        limit: Duration,
    ) -> Result<Answer, HttpError> {
        let exchange = async {
            let response = match &mut self.sender {
                Sender::Http1(sender) => {
                    sender.ready().await.map_err(|_| HttpError::NotSent)?;
                    sender.try_send_request(request).await.map_err(unsent)?
                }
                Sender::Http2(sender) => {
                    sender.ready().await.map_err(|_| HttpError::NotSent)?;
                    sender.try_send_request(request).await.map_err(unsent)?
                }
            };
            collect(response, keep).await
        };
        timeout_at(Instant::now() + limit, exchange).await.map_err(|_| HttpError::Deadline)?
    }

    /// True if the connection has been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }
}

fn unsent<B>(mut error: TrySendError<B>) -> HttpError {
    match error.take_message() {
        Some(_) => HttpError::NotSent,
        None => HttpError::Exchange(error.into_error()),
    }
}

async fn collect(response: http::Response<Incoming>, keep: Keep) -> Result<Answer, HttpError> {
    let (parts, mut incoming) = response.into_parts();
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut length = 0;
    let mut digest = (keep == Keep::Digest).then(Sha256::new);
    while let Some(frame) = incoming.frame().await {
        if let Ok(data) = frame?.into_data() {
            length += data.len();
            if length > LARGEST_BODY_BYTES {
                return Err(HttpError::TooLarge);
            }
            if let Some(digest) = &mut digest {
                digest.update(&data);
            }
            if keep == Keep::Body {
                pieces.push(data);
            }
        }
    }
    let body = if pieces.len() == 1 { pieces.swap_remove(0) } else { pieces.concat().into() };
    let digest = digest.map(|digest| digest.finalize().into());
    Ok(Answer { status: parts.status, headers: parts.headers, body, length, digest })
}
