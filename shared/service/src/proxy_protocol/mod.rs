//! The PROXY protocol, version 2: a proxy that passes connections on as they are (HAProxy's `send-proxy-v2`, a load balancer of
//! the fourth layer) tells at the beginning of each, before TLS, whose it is.
//!
//! Place in the flow: a listener asks [`source`] for connections of the networks that are configured, and of no others: anybody
//! else could name any address. What is read is [`header`].
//!
//! Bounds: [`header::MOST_BYTES`] bytes, [`WITHIN`]. A connection that begins otherwise is closed and counted.

pub mod header;

use std::io;
use std::time::Duration;

use prometheus::{IntCounterVec, Opts, Registry};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use farcast_telemetry::make::Make as _;

use self::header::{HEAD_BYTES, Head, MOST_BYTES, Malformed, Source};
use crate::accept::Listener;

/// Longest time for the header, which proxies send with the first byte or before it.
pub const WITHIN: Duration = Duration::from_secs(5);

/// Why the source of a connection is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its first bytes are no header.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The connection ended.
    #[error("ended before its header did")]
    Ended(#[from] io::Error),
    /// No header came within [`WITHIN`].
    #[error("sent no header in time")]
    Late,
}

impl Error {
    fn label(&self) -> &'static str {
        match self {
            Self::Malformed(Malformed::VersionOne) => "version_1",
            Self::Malformed(Malformed::Signature) => "missing",
            Self::Malformed(_) => "malformed",
            Self::Ended(_) => "ended",
            Self::Late => "late",
        }
    }
}

/// Headers of a listener, counted. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics(IntCounterVec);

impl Metrics {
    const OUTCOMES: [&'static str; 8] =
        ["proxied", "own", "unknown", "version_1", "missing", "malformed", "ended", "late"];

    /// Registers them.
    ///
    /// # Errors
    /// When those of this listener are registered already.
    pub fn new(listener: Listener, registry: &Registry) -> Result<Self, prometheus::Error> {
        let opts = Opts::new(
            "farcast_proxy_protocol_connections_total",
            "Connections of the networks in proxy_protocol, by what their header said; the last five were closed.",
        );
        let opts = opts.const_label("listener", listener.label());
        let counters = registry.add(IntCounterVec::new(opts, &["outcome"])?)?;
        for outcome in Self::OUTCOMES {
            counters.with_label_values(&[outcome]).reset();
        }
        Ok(Self(counters))
    }

    fn count(&self, outcome: &str) {
        self.0.with_label_values(&[outcome]).inc();
    }
}

/// Whose a connection is, by the header that it begins with. Nothing behind the header is read. Not cancel safe: what was
/// read is lost.
///
/// # Errors
/// [`Error`]: the connection is to be closed.
pub async fn source(stream: &mut (impl AsyncRead + Unpin), metrics: &Metrics) -> Result<Source, Error> {
    let read = match timeout(WITHIN, read(stream)).await {
        Ok(read) => read,
        Err(_) => Err(Error::Late),
    };
    metrics.count(match &read {
        Ok(Source::Of(_)) => "proxied",
        Ok(Source::Own) => "own",
        Ok(Source::Unknown) => "unknown",
        Err(error) => error.label(),
    });
    read
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Source, Error> {
    let mut bytes = [0; MOST_BYTES];
    let (beginning, behind) = bytes.split_at_mut(HEAD_BYTES);
    stream.read_exact(beginning).await?;
    let head = Head::of(beginning.first_chunk().ok_or(Malformed::Length)?)?;
    let rest = behind.get_mut(..head.rest()).ok_or(Malformed::TooLong)?;
    stream.read_exact(rest).await?;
    Ok(head.finish(bytes.get(..HEAD_BYTES + head.rest()).ok_or(Malformed::Length)?)?)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    const HEADER: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xc3\x50\x01\xbb";

    fn metrics() -> Metrics {
        Metrics::new(Listener::Viewers, &Registry::new()).unwrap()
    }

    #[tokio::test]
    async fn a_header_that_comes_in_pieces_is_read_to_its_end_and_no_further() {
        let (mut proxy, mut here) = tokio::io::duplex(1);
        let sending = tokio::spawn(async move {
            proxy.write_all(HEADER).await.unwrap();
            proxy.write_all(b"GET").await.unwrap();
        });
        let metrics = metrics();
        let expected: SocketAddr = "192.0.2.7:50000".parse().unwrap();
        assert_eq!(source(&mut here, &metrics).await.unwrap(), Source::Of(expected));
        let mut behind = [0; 3];
        here.read_exact(&mut behind).await.unwrap();
        assert_eq!(&behind, b"GET");
        sending.await.unwrap();
        assert_eq!(metrics.0.with_label_values(&["proxied"]).get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_something_else_or_nothing_is_told_apart() {
        let metrics = metrics();
        let cases: [(&[u8], &str); 4] = [
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "missing"),
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n", "version_1"),
            (&HEADER[..20], "ended"),
            (b"\r\n\r\n\0\r\nQUIT\n\x31\x11\x00\x0c", "malformed"),
        ];
        for (bytes, outcome) in cases {
            assert!(source(&mut &bytes[..], &metrics).await.is_err());
            assert_eq!(metrics.0.with_label_values(&[outcome]).get(), 1, "{outcome}");
        }
        let (_silent, mut here) = tokio::io::duplex(1);
        assert!(matches!(source(&mut here, &metrics).await, Err(Error::Late)));
        assert_eq!(metrics.0.with_label_values(&["late"]).get(), 1);
    }
}
