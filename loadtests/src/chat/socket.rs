//! One WebSocket as a client: the upgrade (RFC 6455 §4), then frames both ways.
//!
//! A poll reads into a buffer that all connections of a thread share, so that a connection that waits
//! costs its socket and little else. Pings and the server's closing are answered here.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use crate::chat::frame::{Decoder, Event, FrameError, Opcode, encode};
use crate::http::url::Url;
use crate::http::wire::Wire;

/// Bytes of the read buffer of each thread.
const SCRATCH_BYTES: usize = 64 * 1024;
/// Longest answer to the upgrade, in bytes.
const LONGEST_ANSWER_BYTES: usize = 16 * 1024;
/// Bytes of a refusal that are kept.
const KEPT_REFUSAL_BYTES: usize = 200;
/// Longest wait for the rest of a refusal.
const REFUSAL_DEADLINE: Duration = Duration::from_secs(2);
/// Most bytes that wait to be written: pongs to a server that does not read them.
const MOST_UNSENT_BYTES: usize = 64 * 1024;
/// The text with which the key is hashed (§1.3).
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// The reason why there is no WebSocket any more, or never was.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The connection failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The server did not upgrade.
    #[error("not upgraded: status {status} {body}")]
    Refused {
        /// Its status line's code.
        status: String,
        /// The beginning of its body.
        body: String,
    },
    /// The answer to the upgrade is not what §4.1 asks for.
    #[error("upgrade: {0}")]
    Upgrade(&'static str),
    /// The server broke the protocol.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// The server closed.
    #[error("closed by the server: {code} {reason}")]
    Closed {
        /// The reason's number, 1005 if it gave none (§7.1.5).
        code: u16,
        /// The reason's text.
        reason: String,
    },
    /// The connection ended without a close frame.
    #[error("the connection ended")]
    Ended,
    /// The server does not read.
    #[error("the server does not take what it is sent")]
    Unread,
}

/// A WebSocket.
pub struct Socket {
    wire: Wire,
    decoder: Decoder,
    /// Bytes to write.
    unsent: Vec<u8>,
    unflushed: bool,
    closed: Option<(u16, String)>,
    /// Bytes that came with the answer to the upgrade.
    early: Vec<u8>,
}

impl Socket {
    /// Connects and upgrades. Without a deadline of its own; cancel safe.
    ///
    /// # Errors
    /// When the server cannot be reached or does not upgrade.
    pub async fn connect(
        server: &Url,
        path: &str,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<Self, SocketError> {
        let mut wire = Wire::connect(server, tls).await?;
        let key = STANDARD.encode(rand::random::<[u8; 16]>());
        let (authority, scheme) = (server.authority(), server.scheme());
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: {scheme}://{authority}\r\n\
             User-Agent: farcast-load\r\n\r\n"
        );
        wire.write_all(request.as_bytes()).await?;
        wire.flush().await?;
        let mut answer = Vec::new();
        let end = loop {
            if wire.read_buf(&mut answer).await? == 0 {
                return Err(SocketError::Ended);
            }
            if let Some(end) = memchr::memmem::find(&answer, b"\r\n\r\n") {
                break end;
            }
            if answer.len() > LONGEST_ANSWER_BYTES {
                return Err(SocketError::Upgrade("a header without an end"));
            }
        };
        let early = answer.split_off(end + 4);
        let head =
            std::str::from_utf8(&answer).map_err(|_| SocketError::Upgrade("a header that is no text"))?;
        let status = upgraded(head, &accept(&key))?;
        if let Some(status) = status {
            return Err(SocketError::Refused { status, body: refusal(&mut wire, head, early).await });
        }
        Ok(Self {
            wire,
            decoder: Decoder::default(),
            unsent: Vec::new(),
            unflushed: false,
            closed: None,
            early,
        })
    }

    /// Writes a frame when [`poll`](Self::poll) is next called.
    pub fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        encode(opcode, payload, rand::random(), &mut self.unsent);
    }

    /// Writes what waits, reads what is there once and shows what it completes. `Ready` when something was read.
    ///
    /// # Errors
    /// When the connection is over, also by the server's closing, which has been answered then.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        on: &mut impl FnMut(Event<'_>),
    ) -> Poll<Result<(), SocketError>> {
        self.poll_write(cx);
        let early = std::mem::take(&mut self.early);
        if early.is_empty() {
            ready!(SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(&mut self.wire).poll_read(cx, &mut buffer))?;
                if buffer.filled().is_empty() {
                    return Poll::Ready(Err(SocketError::Ended));
                }
                Poll::Ready(self.take(buffer.filled(), on))
            }))?;
        } else {
            self.take(&early, on)?;
        }
        // The reply is written now; if there is no room, before the next reading.
        self.poll_write(cx);
        Poll::Ready(match self.closed.take() {
            Some((code, reason)) => Err(SocketError::Closed { code, reason }),
            None => Ok(()),
        })
    }

    fn take(&mut self, bytes: &[u8], on: &mut impl FnMut(Event<'_>)) -> Result<(), SocketError> {
        let (unsent, closed) = (&mut self.unsent, &mut self.closed);
        self.decoder.feed(bytes, |event| match event {
            // Nothing counts after a close frame (§5.5.1).
            _ if closed.is_some() => {}
            Event::Ping(payload) => {
                encode(Opcode::Pong, payload, rand::random(), unsent);
                on(event);
            }
            Event::Close { code, reason } => {
                let echo = code.map_or([].as_slice(), |_| reason);
                let payload = code.map(u16::to_be_bytes).into_iter().flatten().chain(echo.iter().copied());
                encode(Opcode::Close, &payload.collect::<Vec<_>>(), rand::random(), unsent);
                *closed = Some((code.unwrap_or(1005), String::from_utf8_lossy(reason).into_owned()));
                on(event);
            }
            event => on(event),
        })?;
        if self.unsent.len() > MOST_UNSENT_BYTES { Err(SocketError::Unread) } else { Ok(()) }
    }

    /// Writes as much as there is room for. An error is left for the reading to find, after what the server
    /// still said, such as why it closed.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        while !self.unsent.is_empty() {
            match Pin::new(&mut self.wire).poll_write(cx, &self.unsent) {
                Poll::Ready(Ok(count @ 1..)) => {
                    self.unsent.drain(..count);
                    self.unflushed = true;
                }
                Poll::Ready(_) => self.unsent = Vec::new(),
                Poll::Pending => return,
            }
        }
        if self.unflushed && Pin::new(&mut self.wire).poll_flush(cx).is_ready() {
            self.unflushed = false;
            self.unsent = Vec::new();
        }
    }

    /// Says goodbye (1000), and waits for the server's answer for so long.
    pub async fn close(mut self, limit: Duration) {
        self.send(Opcode::Close, &1000_u16.to_be_bytes());
        let answered = async { while poll_fn(|cx| self.poll(cx, &mut |_| {})).await.is_ok() {} };
        // Either way it is over.
        let _ = timeout(limit, answered).await;
    }
}

/// A server's answer to a key (§4.2.2).
#[must_use]
pub fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(MAGIC).finalize())
}

/// Checks the answer's header (§4.1). The status if it is a refusal.
fn upgraded(head: &str, accept: &str) -> Result<Option<String>, SocketError> {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
    let status =
        status.and_then(|line| line.get(..3)).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    let status = status.ok_or(SocketError::Upgrade("no HTTP/1.1"))?;
    if status != "101" {
        return Ok(Some(status.to_owned()));
    }
    let header = |name: &str| {
        let mut fields = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
    };
    if !header("upgrade").eq_ignore_ascii_case("websocket") {
        return Err(SocketError::Upgrade("no Upgrade: websocket"));
    }
    if !header("connection").split(',').any(|item| item.trim().eq_ignore_ascii_case("upgrade")) {
        return Err(SocketError::Upgrade("no Connection: Upgrade"));
    }
    if header("sec-websocket-accept") != accept {
        return Err(SocketError::Upgrade("a wrong Sec-WebSocket-Accept"));
    }
    if !header("sec-websocket-extensions").is_empty() || !header("sec-websocket-protocol").is_empty() {
        return Err(SocketError::Upgrade("an extension or a protocol that was not asked for"));
    }
    Ok(None)
}

/// The beginning of a refusal's body.
async fn refusal(wire: &mut Wire, head: &str, mut body: Vec<u8>) -> String {
    let length = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.filter_map(|(_, value)| value.trim().parse().ok()).next();
    let wanted = length.unwrap_or(usize::MAX).min(KEPT_REFUSAL_BYTES);
    let rest = async { while body.len() < wanted && wire.read_buf(&mut body).await.is_ok_and(|n| n > 0) {} };
    // The bytes that are there by then will do.
    let _ = timeout(REFUSAL_DEADLINE, rest).await;
    body.truncate(KEPT_REFUSAL_BYTES);
    String::from_utf8_lossy(&body).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_standard_has_its_answer() {
        // RFC 6455 §1.3.
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn an_answer_must_be_that_of_the_standard() {
        let good = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n\
                    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: k\r\n\r\n";
        assert!(matches!(upgraded(good, "k"), Ok(None)));
        assert!(
            matches!(upgraded("HTTP/1.1 403 Forbidden\r\n\r\n", "k"), Ok(Some(status)) if status == "403")
        );
        for (from, to) in [
            ("HTTP/1.1", "HTTP/1.0"),
            ("101", "é"),
            ("WebSocket", "h2c"),
            ("Upgrade\r\nSec", "close\r\nSec"),
            (": k", ": K"),
            ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
        ] {
            assert!(upgraded(&good.replace(from, to), "k").is_err(), "{to}");
        }
    }
}
