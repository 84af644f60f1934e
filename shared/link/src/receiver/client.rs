//! The client: keeps one link to the origin, for ever.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant, SystemTime};

use farcast_feed::name::StreamName;
use farcast_trace::Tracer;
use quinn::{Connecting, Connection, ConnectionError, Endpoint};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::LinkEvent;
use super::asked::Asked;
use super::backoff::Backoff;
use super::enrol::{By, EnrolError, enrol};
use super::fetch::Fetcher;
use super::forward::Forwarder;
use super::identity::{Identity, IdentityFile};
use super::metrics::Metrics;
use super::session::{Channel, End, Session, any_closed};
use super::store::OriginEngine;
use super::tls::{TlsError, client_config};
use crate::{ALPN_ENROL, ALPN_FEED, CloseCode, JoinToken, MAX_NAME_BYTES, SERVER_NAME};

/// Longest time for resolving a name, and for a handshake, per address.
pub(super) const DIAL_DEADLINE: Duration = Duration::from_secs(5);

/// Longest time for an enrolment once connected.
const ENROL_DEADLINE: Duration = Duration::from_secs(15);

/// Time for the origin to see that this edge closes.
pub(super) const DRAIN: Duration = Duration::from_secs(1);

/// First of TLS's alerts among QUIC's error codes (RFC 9001 §4.8).
const CRYPTO_ERROR: u64 = 0x100;

/// Alerts with which a server refuses a client's certificate (RFC 8446 §6.2): bad, unsupported, revoked,
/// expired, unknown, unknown authority, decrypt error, required.
const CERTIFICATE_ALERTS: [u64; 8] = [42, 43, 44, 45, 46, 48, 51, 116];

/// Settings of a [`Client`].
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The folder of the edge's identity.
    pub data_dir: PathBuf,
    /// The join token; needed for the first start, and where the certificate was lost or is not accepted any more.
    pub token: Option<JoinToken>,
    /// The edge's name, for people; cut at 255 bytes.
    pub name: String,
}

/// Keeps the link to the origin.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    file: IdentityFile,
    metrics: Metrics,
    link: watch::Sender<Option<Connection>>,
    /// The name that the origin gave.
    given_name: watch::Sender<Option<String>>,
    fetcher: Fetcher,
    asked: Option<Arc<dyn Asked>>,
    tracer: Option<Tracer>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("there is neither an identity nor a join token")]
    NoToken,
    #[error("no address of the origin could be resolved")]
    NoAddress,
    #[error("the origin did not answer in time")]
    Deadline,
    #[error("a socket cannot be opened")]
    Socket(#[source] std::io::Error),
    #[error("the identity cannot be stored")]
    Store(#[source] std::io::Error),
    #[error("the connection cannot be started")]
    Connect(#[from] quinn::ConnectError),
    #[error("the connection failed")]
    Connection(#[from] ConnectionError),
    #[error("enrolment failed")]
    Enrol(#[from] EnrolError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Client {
    /// A client that does nothing yet.
    #[must_use]
    pub fn new(mut config: ClientConfig, metrics: Metrics) -> Self {
        let mut end = config.name.len().min(MAX_NAME_BYTES);
        while !config.name.is_char_boundary(end) {
            end -= 1;
        }
        config.name.truncate(end);
        let (link, links) = watch::channel(None);
        let fetcher = Fetcher::new(links, metrics.clone());
        let file = IdentityFile::new(&config.data_dir);
        let given_name = watch::Sender::new(file.load().and_then(|identity| identity.name()));
        Self { file, config, metrics, link, given_name, fetcher, asked: None, tracer: None }
    }

    /// The name that the origin gave to this edge, under which others know it; none before it has enrolled. It changes when
    /// the edge enrols again.
    #[must_use]
    pub fn given_name(&self) -> watch::Receiver<Option<String>> {
        self.given_name.subscribe()
    }

    /// Fetches over whatever link this client has.
    #[must_use]
    pub fn fetcher(&self) -> Fetcher {
        self.fetcher.clone()
    }

    /// The origin's store over whatever link this client has.
    #[must_use]
    pub fn origin_engine(&self) -> OriginEngine {
        OriginEngine::new(self.link.subscribe())
    }

    /// Passes HTTP requests on over whatever link this client has.
    #[must_use]
    pub fn forwarder(&self) -> Forwarder {
        Forwarder::new(self.link.subscribe(), self.metrics.clone())
    }

    /// Lets the origin ask.
    #[must_use]
    pub fn with_answers(self, asked: Arc<dyn Asked>) -> Self {
        Self { asked: Some(asked), ..self }
    }

    /// Gives spans of the parts that are traced.
    #[must_use]
    pub fn with_tracer(self, tracer: Option<Tracer>) -> Self {
        Self { tracer, ..self }
    }

    /// Dials, subscribes to the streams and sends the events of each to its sink, again and again, until `shutdown` or
    /// until nobody listens to one of them. At most [`crate::MAX_SUBSCRIPTIONS`] streams, each once; the origin takes
    /// no more.
    pub async fn run(
        self,
        streams: impl IntoIterator<Item = (StreamName, mpsc::Sender<LinkEvent>)>,
        shutdown: CancellationToken,
    ) {
        let channel = |(stream, sink)| Channel::new(stream, sink, &self.metrics, self.tracer.clone());
        let channels: Vec<_> = streams.into_iter().map(channel).collect();
        self.keep(&channels, shutdown).await;
    }

    async fn keep(self, channels: &[Channel], shutdown: CancellationToken) {
        let mut backoff = Backoff::default();
        // The certificate was refused: get another before dialling again.
        let mut refused = false;
        loop {
            let began = Instant::now();
            let attempt = tokio::select! {
                () = shutdown.cancelled() => return,
                () = any_closed(channels) => return,
                attempt = Box::pin(self.dial(refused)) => attempt,
            };
            match attempt {
                Ok((endpoint, connection)) => {
                    let end = self.serve(&connection, channels, &shutdown).await;
                    let reason = connection.close_reason();
                    refused = reason.as_ref().is_some_and(refuses_certificate);
                    let _ = tokio::time::timeout(DRAIN, endpoint.wait_idle()).await;
                    if end == End::Stopped {
                        return;
                    }
                    tracing::warn!(
                        reason = reason.map(|r| r.to_string()),
                        refused,
                        "the link to the origin is lost"
                    );
                }
                Err(error) => {
                    refused = matches!(&error, DialError::Connection(reason) if refuses_certificate(reason));
                    self.metrics.dial_failed();
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, cause, "the origin cannot be reached");
                }
            }
            let wait = backoff.after(began.elapsed(), rand::random());
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = any_closed(channels) => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn serve(
        &self,
        connection: &Connection,
        channels: &[Channel],
        shutdown: &CancellationToken,
    ) -> End {
        let (name, asked) = (&self.config.name, self.asked.as_ref());
        let session = Session { name, channels, metrics: &self.metrics, shutdown, asked };
        let ready = self.when_ready(connection.clone());
        let run = Box::pin(session.run(connection, &ready));
        let end = self.metrics.panics.run(run).await.unwrap_or_else(|| {
            // As a link that is lost: dialled again, to go on from the last position received.
            connection.close(CloseCode::Internal.code(), CloseCode::Internal.reason().as_bytes());
            End::LinkLost
        });
        self.metrics.up.set(0);
        let was_up = self.link.send_replace(None).is_some();
        if was_up && end == End::LinkLost {
            for channel in channels {
                // A sink that is gone or a shutdown is seen by the caller.
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    _ = channel.sink.send(LinkEvent::Down) => {}
                }
            }
        }
        end
    }

    /// The callback for when the origin has answered a subscription; it runs once a connection.
    fn when_ready(&self, connection: Connection) -> Arc<dyn Fn() + Send + Sync> {
        let (metrics, link) = (self.metrics.clone(), self.link.clone());
        let once = Once::new();
        Arc::new(move || {
            once.call_once(|| {
                metrics.up.set(1);
                metrics.links.inc();
                link.send_replace(Some(connection.clone()));
                tracing::info!(origin = %connection.remote_address(), "the link to the origin is up");
            });
        })
    }

    async fn dial(&self, refused: bool) -> Result<(Endpoint, Connection), DialError> {
        let stored = self.file.load();
        let token = self.config.token.as_ref();
        let usable = stored.filter(|identity| {
            let other_origin = token.is_some_and(|token| token.fingerprint != identity.fingerprint);
            token.is_none() || !(refused || other_origin)
        });
        let now = SystemTime::now();
        let identity = match (usable, token) {
            (Some(identity), Some(token)) if identity.has_expired(now) => {
                tracing::warn!("this edge's certificate has expired, it enrols again");
                self.enrol(By::Token(token)).await?
            }
            (Some(identity), _) if identity.needs_renewal(now) => {
                match self.enrol(By::Certificate(&identity)).await {
                    Ok(renewed) => renewed,
                    // There is time to try again.
                    Err(error) => {
                        tracing::warn!(%error, "this edge's certificate could not be renewed");
                        identity
                    }
                }
            }
            (Some(identity), _) => identity,
            (None, token) => self.enrol(By::Token(token.ok_or(DialError::NoToken)?)).await?,
        };
        self.given_name.send_if_modified(|known| {
            let given = identity.name();
            let is_new = *known != given;
            *known = given;
            is_new
        });
        // The token is the newer word on where the origin is.
        let addresses = token.map_or(&identity.addresses, |token| &token.addresses);
        let config = client_config(ALPN_FEED, identity.fingerprint, Some(&identity))?;
        connect_any(addresses, &config).await
    }

    async fn enrol(&self, by: By<'_>) -> Result<Identity, DialError> {
        let presented = match by {
            By::Certificate(identity) => Some(identity),
            By::Token(_) => None,
        };
        let config = client_config(ALPN_ENROL, by.fingerprint(), presented)?;
        // The token is the newer word on where the origin is.
        let addresses = self.config.token.as_ref().map_or(by.addresses(), |token| &token.addresses);
        let (endpoint, connection) = connect_any(addresses, &config).await?;
        let identity = tokio::time::timeout(ENROL_DEADLINE, enrol(&connection, by, &self.config.name))
            .await
            .map_err(|_| DialError::Deadline)??;
        let _ = tokio::time::timeout(DRAIN, endpoint.wait_idle()).await;
        self.file.save(&identity).map_err(DialError::Store)?;
        self.metrics.enrolments.inc();
        tracing::info!("this edge has a new certificate");
        Ok(identity)
    }
}

/// Tries all addresses that the names resolve to, in order; the last failure is the one reported.
async fn connect_any(
    addresses: &[String],
    config: &quinn::ClientConfig,
) -> Result<(Endpoint, Connection), DialError> {
    let mut failure = DialError::NoAddress;
    for address in addresses {
        let lookup = tokio::time::timeout(DIAL_DEADLINE, tokio::net::lookup_host(address)).await;
        let Ok(Ok(resolved)) = lookup else { continue };
        for remote in resolved {
            match connect(remote, config).await {
                Ok(link) => return Ok(link),
                Err(error) => failure = error,
            }
        }
    }
    Err(failure)
}

async fn connect(
    remote: SocketAddr,
    config: &quinn::ClientConfig,
) -> Result<(Endpoint, Connection), DialError> {
    let (endpoint, connecting) = connecting(remote, config)?;
    let connection =
        tokio::time::timeout(DIAL_DEADLINE, connecting).await.map_err(|_| DialError::Deadline)??;
    Ok((endpoint, connection))
}

/// Begins a handshake, on a socket of its own.
///
/// # Panics
/// Outside a tokio runtime.
pub(super) fn connecting(
    remote: SocketAddr,
    config: &quinn::ClientConfig,
) -> Result<(Endpoint, Connecting), DialError> {
    let local: SocketAddr =
        if remote.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let endpoint = Endpoint::client(local).map_err(DialError::Socket)?;
    let connecting = endpoint.connect_with(config.clone(), remote, SERVER_NAME)?;
    Ok((endpoint, connecting))
}

/// True if the origin refused this edge's certificate.
fn refuses_certificate(reason: &ConnectionError) -> bool {
    match reason {
        ConnectionError::ConnectionClosed(close) => {
            let code = u64::from(close.error_code);
            code.checked_sub(CRYPTO_ERROR).is_some_and(|alert| CERTIFICATE_ALERTS.contains(&alert))
        }
        ConnectionError::ApplicationClosed(close) => {
            CloseCode::from_code(close.error_code) == Some(CloseCode::NotEnrolled)
        }
        _ => false,
    }
}
