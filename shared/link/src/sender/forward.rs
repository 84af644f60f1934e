//! Answering HTTP requests that an edge passes on: the edge is asked for the body only when the handler reads it,
//! which is after the login was checked.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use farcast_api::Reply;
use farcast_api::events::{self, STREAM_LIFETIME};
use http::{Request, Response, request};
use http_body::Frame;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use quinn::{RecvStream, SendStream};
use tokio::sync::oneshot;

use super::identity::EdgeId;
use super::queue::STORE_PRIORITY;
use crate::{
    FORWARDED_LENGTH_BYTES, ForwardAnswer, ForwardedReply, ForwardedRequest, MAX_FORWARDED_BYTES, Picture,
    encode,
};

/// Bytes of a body that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// Longest time for a request in all; a stream of events, until it is opened.
const DEADLINE: Duration = Duration::from_secs(20);

/// The body of a request that an edge passes on. Nothing of it comes until it is polled.
#[derive(Debug)]
pub struct ForwardedBody {
    /// Taken when it is polled for the first time.
    ask: Option<oneshot::Sender<()>>,
    /// Bytes that have arrived and were not read yet.
    buffer: BytesMut,
    /// Bytes that are still to be read, once the length is known.
    left: Option<usize>,
    stream: RecvStream,
}

impl ForwardedBody {
    /// The body of a stream of which `first` was read already; and what tells when it is wanted.
    fn new(first: BytesMut, stream: RecvStream) -> (Self, oneshot::Receiver<()>) {
        let (ask, asked) = oneshot::channel();
        (Self { ask: Some(ask), buffer: first, left: None, stream }, asked)
    }
}

/// A reply's body that comes piece by piece, for as long as it is read.
pub type EventBody = UnsyncBoxBody<Bytes, Infallible>;

/// A stream of events that is being opened, or the reply that refuses it.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Result<Response<EventBody>, Reply>> + Send + 'a>>;

/// The handler of HTTP requests that edges pass on.
pub trait Api: Send + Sync + std::fmt::Debug {
    /// Answers a request that `peer` sent to an edge, as `edge` says.
    fn answer(
        &self,
        request: Request<ForwardedBody>,
        peer: IpAddr,
        edge: EdgeId,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>>;

    /// Opens the stream of events that a request asks for ([`farcast_api::events`]), or says why not.
    fn events(&self, head: request::Parts, peer: IpAddr, edge: EdgeId) -> Opening<'_>;

    /// The newest picture of the broadcast, if there is one.
    fn picture(&self, picture: Picture) -> Option<Bytes>;

    /// The certificate of all edges with its private key, as JSON, if there is one; at most
    /// [`MAX_CERTIFICATE_BYTES`](crate::MAX_CERTIFICATE_BYTES).
    fn certificate(&self) -> Option<Bytes>;
}

fn broken(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, why)
}

impl http_body::Body for ForwardedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if let Some(ask) = this.ask.take() {
            // Nobody listens any more only when the edge has gone, which reading will tell.
            let _ = ask.send(());
        }
        loop {
            if this.left.is_none()
                && let Some(length) = this.buffer.first_chunk::<FORWARDED_LENGTH_BYTES>()
            {
                let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                if length > MAX_FORWARDED_BYTES {
                    return Poll::Ready(Some(Err(broken("it is longer than any"))));
                }
                this.buffer.advance(FORWARDED_LENGTH_BYTES);
                this.left = Some(length);
            }
            match this.left {
                Some(0) => return Poll::Ready(None),
                Some(left) if !this.buffer.is_empty() => {
                    let piece = this.buffer.split_to(left.min(this.buffer.len())).freeze();
                    this.left = Some(left - piece.len());
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                _ => {}
            }
            let mut room = [0; READ_BYTES];
            match ready!(this.stream.poll_read(context, &mut room)) {
                Ok(0) => return Poll::Ready(Some(Err(broken("it ended early")))),
                Ok(read) => this.buffer.extend_from_slice(&room[..read]),
                Err(error) => return Poll::Ready(Some(Err(broken(error)))),
            }
        }
    }
}

/// Answers a request that a viewer sent to the edge.
pub(super) async fn answer(
    send: SendStream,
    receive: RecvStream,
    edge: EdgeId,
    head: ForwardedRequest,
    first: BytesMut,
    api: &dyn Api,
) -> Option<()> {
    send.set_priority(STORE_PRIORITY).ok()?;
    let peer = head.peer;
    let (body, asked) = ForwardedBody::new(first, receive);
    let request = head.into_request(body).ok()?;
    if events::is_asked(&request) {
        let (head, _body) = request.into_parts();
        return stream(send, head, peer, edge, api).await;
    }
    let answered = answer_whole(send, asked, api.answer(request, peer, edge));
    tokio::time::timeout(DEADLINE, answered).await.ok().flatten()
}

/// Gives a stream of events for as long as the edge reads it, and it lasts.
async fn stream(
    mut send: SendStream,
    head: request::Parts,
    peer: IpAddr,
    edge: EdgeId,
    api: &dyn Api,
) -> Option<()> {
    let opened = tokio::time::timeout(DEADLINE, api.events(head, peer, edge)).await.ok()?;
    let mut reply = match opened {
        Ok(reply) => reply,
        Err(refused) => return tokio::time::timeout(DEADLINE, give(&mut send, refused)).await.ok().flatten(),
    };
    let head = encode(&ForwardAnswer::Reply(ForwardedReply::new(&reply))).ok()?;
    tokio::time::timeout(DEADLINE, send.write_chunk(head)).await.ok()?.ok()?;
    // An edge that does not read keeps nothing for longer than the stream may last.
    let ends = tokio::time::sleep(STREAM_LIFETIME + DEADLINE);
    tokio::pin!(ends);
    loop {
        let piece = tokio::select! {
            piece = reply.body_mut().frame() => piece,
            _ = send.stopped() => return None,
            () = &mut ends => return None,
        };
        let Some(Ok(piece)) = piece else { return send.finish().ok() };
        let Ok(piece) = piece.into_data() else { continue };
        tokio::select! {
            written = send.write_chunk(piece) => written.ok()?,
            () = &mut ends => return None,
        }
    }
}

async fn give(send: &mut SendStream, reply: Reply) -> Option<()> {
    let head = encode(&ForwardAnswer::Reply(ForwardedReply::new(&reply))).ok()?;
    send.write_all_chunks(&mut [head, reply.into_body()]).await.ok()?;
    send.finish().ok()
}

async fn answer_whole(
    mut send: SendStream,
    mut asked: oneshot::Receiver<()>,
    mut answering: Pin<Box<dyn Future<Output = Reply> + Send + '_>>,
) -> Option<()> {
    let mut may_ask = true;
    let reply = loop {
        tokio::select! {
            biased;
            reply = &mut answering => break reply,
            wanted = &mut asked, if may_ask => {
                may_ask = false;
                if wanted.is_ok() {
                    send.write_chunk(encode(&ForwardAnswer::SendBody).ok()?).await.ok()?;
                }
            }
            _ = send.stopped() => return None,
        }
    };
    give(&mut send, reply).await
}
