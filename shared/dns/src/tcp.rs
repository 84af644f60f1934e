//! Queries over TCP (RFC 7766): one listener, one task for each connection.
//!
//! A connection may ask as often as it likes, without waiting for replies; they come in the order of the queries. A message
//! that has begun, and a reply that is sent, have [`Limits::idle`](crate::limits::Limits::idle) to get through, and a
//! connection ends after [`LIFETIME`] whatever it does: nobody holds a place by being slow.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use farcast_service::accept::Accepting;
use farcast_service::entrance::{Entrance, Seat, State};
use farcast_service::tasks::Contained;

use crate::frames::{Frames, WrongLength};
use crate::metrics::Metrics;
use crate::outcome::Transport;
use crate::query::Unanswerable;
use crate::responder::Responder;

/// Longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(120);
/// Replies are sent when so many bytes of them wait, and when there are no more queries.
const SEND_AT: usize = 16 * 1024;
/// Longest time for connections to end at shutdown.
const DRAIN: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Tcp {
    pub(crate) responder: Arc<Responder>,
    pub(crate) entrance: Entrance,
    pub(crate) metrics: Metrics,
    pub(crate) contained: Contained,
    pub(crate) idle: Duration,
}

/// Why a connection ends before its client ends it.
enum End {
    /// It was closed, or broke.
    Closed,
    /// Something did not happen in time.
    Late,
    /// What came cannot be a query.
    Malformed,
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self::Closed
    }
}

impl From<WrongLength> for End {
    fn from(_: WrongLength) -> Self {
        Self::Malformed
    }
}

impl Tcp {
    /// Serves a listener until `shutdown`. Owns its connections' tasks. Dropping the future cuts them.
    pub(crate) async fn run(
        self,
        listener: TcpListener,
        mut accepting: Accepting,
        shutdown: CancellationToken,
    ) {
        // Accepted, and waiting for a place.
        let mut newcomer: Option<(TcpStream, SocketAddr)> = None;
        let mut connections = JoinSet::new();
        loop {
            let waiting = newcomer.as_ref().map(|(_, peer)| *peer);
            let entered = tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = accepting.next(|| listener.accept()), if waiting.is_none() => {
                    newcomer = Some(accepted);
                    continue;
                }
                entered = self.entrance.enter_newcomer(waiting) => entered,
            };
            let Some((stream, peer)) = newcomer.take() else { continue };
            let Ok(seat) = entered else {
                self.metrics.refused.inc();
                continue;
            };
            self.metrics.accepted.inc();
            let (tcp, shutdown) = (self.clone(), shutdown.clone());
            connections.spawn(async move { tcp.connect(stream, peer.ip(), seat, shutdown).await });
        }
        drop(listener);
        let drained = async { while connections.join_next().await.is_some() {} };
        // Connections that outlive the drain are cut when the set is dropped.
        let _ = timeout(DRAIN, drained).await;
    }

    async fn connect(self, stream: TcpStream, peer: IpAddr, seat: Seat, shutdown: CancellationToken) {
        let _open = Open::new(&self.metrics);
        let contained = self.contained.clone();
        let served = contained.run(timeout(LIFETIME, self.converse(stream, peer, &seat)));
        let end = tokio::select! {
            () = shutdown.cancelled() => return,
            () = seat.taken_away() => return,
            end = served => end,
        };
        if let Some(Ok(Err(End::Late)) | Err(_)) = end {
            self.metrics.timed_out.inc();
        }
    }

    async fn converse(&self, mut stream: TcpStream, peer: IpAddr, seat: &Seat) -> Result<(), End> {
        let _ = stream.set_nodelay(true);
        let (mut frames, mut out, mut reply) = (Frames::new(), Vec::new(), Vec::new());
        let mut deadline = Instant::now() + self.idle;
        let mut state = State::Fresh;
        loop {
            let mut is_progress = false;
            while let Some(message) = frames.next().inspect_err(|_| self.metrics.wrong_length.inc())? {
                self.answer(message, peer, &mut reply, &mut out)?;
                is_progress = true;
                if out.len() >= SEND_AT {
                    self.send(&mut stream, &mut out).await?;
                }
            }
            if is_progress {
                self.send(&mut stream, &mut out).await?;
                // Who asked once may be a flood of such; who goes on asking is a resolver that rests in between.
                seat.note(std::mem::replace(&mut state, State::Resting));
                deadline = Instant::now() + self.idle;
            }
            let was_within = frames.is_within();
            let read = timeout_at(deadline, stream.read(frames.space())).await.map_err(|_| End::Late)??;
            if read == 0 {
                return Err(End::Closed);
            }
            frames.came(read);
            if !was_within {
                // A message has begun.
                deadline = Instant::now() + self.idle;
            }
        }
    }

    /// Adds the reply to a message, behind its length.
    fn answer(
        &self,
        message: &[u8],
        peer: IpAddr,
        reply: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), End> {
        let answer = match self.responder.answer(message, peer, Transport::Tcp) {
            Ok(answer) => answer,
            Err(why @ (Unanswerable::Short | Unanswerable::Response)) => {
                self.metrics.unanswerable(why);
                return Err(End::Malformed);
            }
        };
        self.metrics.answered(answer.outcome(), Transport::Tcp);
        if answer.write(reply) {
            let len = u16::try_from(reply.len()).map_err(|_| End::Malformed)?;
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(reply);
        }
        Ok(())
    }

    async fn send(&self, stream: &mut TcpStream, out: &mut Vec<u8>) -> Result<(), End> {
        timeout(self.idle, stream.write_all(out)).await.map_err(|_| End::Late)??;
        out.clear();
        Ok(())
    }
}

/// A connection that is counted while it is open.
struct Open<'m>(&'m Metrics);

impl<'m> Open<'m> {
    fn new(metrics: &'m Metrics) -> Self {
        metrics.connections.inc();
        Self(metrics)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}
