//! Queries over UDP: one socket, one task.
//!
//! Sockets are driven through `quinn-udp`, which takes many datagrams with one system call, and answers from the address
//! that was asked, as resolvers demand, where a machine has several and the socket is bound to none of them.

use std::io::{self, IoSliceMut};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Instant;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio_util::sync::CancellationToken;

use farcast_service::accept::PAUSE;
use farcast_service::tasks::Contained;

use crate::frames::MAX_QUERY;
use crate::limiter::{Kind, Limiter, Verdict};
use crate::metrics::Metrics;
use crate::outcome::{Outcome, Transport};
use crate::reply::{Code, MAX_UDP_REPLY};
use crate::responder::Responder;

/// Bytes for one read: several small queries of one client may come as one.
const READ_BYTES: usize = 4 * MAX_QUERY;

/// Bytes of queries that the kernel keeps while others are answered, its own accounting included: some thousand. It gives
/// what `net.core.rmem_max` allows.
const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// A socket with what answers on it.
pub(crate) struct Udp {
    socket: tokio::net::UdpSocket,
    state: UdpSocketState,
    responder: Arc<Responder>,
    limiter: Limiter,
    metrics: Metrics,
    contained: Contained,
}

impl Udp {
    /// For a socket that is bound.
    pub(crate) fn new(
        socket: UdpSocket,
        responder: Arc<Responder>,
        limiter: Limiter,
        metrics: Metrics,
        contained: Contained,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        state.set_recv_buffer_size(UdpSockRef::from(&socket), RECEIVE_BUFFER_BYTES)?;
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        Ok(Self { socket, state, responder, limiter, metrics, contained })
    }

    /// Answers until `shutdown`. Dropping the future loses at most what came and was not answered.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut bytes = vec![0; READ_BYTES * BATCH_SIZE];
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut reply = Vec::with_capacity(usize::from(MAX_UDP_REPLY));
        loop {
            let read = self.socket.async_io(Interest::READABLE, || {
                let mut buffers: Vec<_> = bytes.chunks_exact_mut(READ_BYTES).map(IoSliceMut::new).collect();
                self.state.recv(UdpSockRef::from(&self.socket), &mut buffers, &mut metas)
            });
            let count = tokio::select! {
                () = shutdown.cancelled() => return,
                read = read => match read {
                    Ok(count) => count,
                    Err(error) => {
                        // What a reply met on its way may be reported here. Memory that ran out comes back.
                        tracing::debug!(%error, "a read of DNS queries failed, trying again");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            let now = Instant::now();
            for (meta, bytes) in metas.iter().zip(bytes.chunks_exact(READ_BYTES)).take(count) {
                let bytes = bytes.get(..meta.len).unwrap_or(bytes);
                for message in bytes.chunks(meta.stride.max(1)) {
                    self.answer(message, meta, now, &mut reply);
                }
            }
        }
    }

    fn answer(&mut self, message: &[u8], meta: &RecvMeta, now: Instant, reply: &mut Vec<u8>) {
        let (responder, limiter, metrics) = (&self.responder, &mut self.limiter, &self.metrics);
        let is_written = self.contained.call(|| {
            let answer = match responder.answer(message, meta.addr.ip(), Transport::Udp) {
                Ok(answer) => answer,
                Err(why) => {
                    metrics.unanswerable(why);
                    return false;
                }
            };
            let outcome = answer.outcome();
            metrics.answered(outcome, Transport::Udp);
            match limiter.judge(meta.addr.ip(), kind(outcome), now) {
                Verdict::Send => answer.write(reply),
                Verdict::Truncate => {
                    metrics.truncated.inc();
                    answer.write_truncated(reply)
                }
                Verdict::Drop => {
                    metrics.dropped.inc();
                    false
                }
            }
        });
        if is_written == Some(true) && self.send(meta, reply).is_err() {
            self.metrics.unsent.inc();
        }
    }

    /// Sends a reply, or not: a resolver asks again, and nobody waits here for one client.
    fn send(&self, meta: &RecvMeta, reply: &[u8]) -> io::Result<()> {
        let (destination, src_ip) = (meta.addr, meta.dst_ip);
        let transmit = Transmit { destination, ecn: None, contents: reply, segment_size: None, src_ip };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
    }
}

fn kind(outcome: Outcome) -> Kind {
    match outcome.code {
        Code::NoError if outcome.is_positive => Kind::Positive,
        Code::NoError | Code::NxDomain => Kind::Negative,
        _ => Kind::Refusal,
    }
}
