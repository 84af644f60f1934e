//! Requests that an edge passes on: no body is read, here or there, before the origin asks for it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use farcast_api::budget::{self, Budget, MIN_BUDGET};
use farcast_api::{Reply, events, reply};
use farcast_link::receiver::{FetchError, Offered};
use farcast_link::sender::forward::ForwardedBody;
use farcast_link::sender::{Api, EdgeId, Opening};
use farcast_link::{ForwardedRequest, MAX_EVENT_STREAMS, MAX_FORWARDED_BYTES, Picture};
use http::{Request, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::rig::{Door, Edge, Origin};

/// Refused requests that are tried, since a refusal races with the end of its request.
const REFUSALS: usize = 200;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Answers who has a login with the length of their body, which it reads; others without reading any.
#[derive(Debug)]
struct Lengths(watch::Sender<usize>);

/// A stream of so many pieces that is then open until it is dropped.
struct Ticks {
    left: usize,
    open: watch::Sender<usize>,
}

impl Body for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.left.checked_sub(1) else { return Poll::Pending };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data: tick\n\n")))))
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.open.send_modify(|open| *open -= 1);
    }
}

impl Api for Lengths {
    fn answer(
        &self,
        request: Request<ForwardedBody>,
        _peer: IpAddr,
        _edge: EdgeId,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            if !request.headers().contains_key("authorization") {
                return reply::empty(StatusCode::UNAUTHORIZED);
            }
            match request.into_body().collect().await {
                Ok(body) => reply::done(&body.to_bytes().len().to_string()),
                Err(_) => reply::bad_request("the body broke off"),
            }
        })
    }

    /// A stream of two pieces that is never over, to who has a login.
    fn events(&self, head: http::request::Parts, _peer: IpAddr, _edge: EdgeId) -> Opening<'_> {
        let opened = if head.headers.contains_key("authorization") {
            self.0.send_modify(|open| *open += 1);
            Ok(events::reply(Ticks { left: 2, open: self.0.clone() }.boxed_unsync()))
        } else {
            Err(reply::empty(StatusCode::UNAUTHORIZED))
        };
        Box::pin(std::future::ready(opened))
    }

    fn picture(&self, picture: Picture) -> Option<Bytes> {
        (picture == Picture::Preview).then(|| Bytes::from_static(b"a picture"))
    }

    fn certificate(&self) -> Option<bytes::Bytes> {
        None
    }
}

/// A body of `pieces` pieces of 1000 bytes; counts how often it is asked for one.
struct Counted {
    pieces: usize,
    breaks_off: bool,
    asked: Arc<AtomicUsize>,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.pieces.checked_sub(1) {
            None if self.breaks_off => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            None => Poll::Ready(None),
            Some(left) => {
                self.pieces = left;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'a'; 1000])))))
            }
        }
    }
}

/// An origin with that API, and an edge that is linked to it, in folders of their own.
async fn linked() -> ([TempDir; 2], Origin, Edge) {
    linked_with(Lengths(watch::Sender::new(0))).await
}

async fn linked_with(api: Lengths) -> ([TempDir; 2], Origin, Edge) {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let origin =
        Origin::start_with(dirs[0].path(), "127.0.0.1:0".parse().unwrap(), Door::Open, Some(Arc::new(api)))
            .await;
    let edge = Edge::start(dirs[1].path(), origin.token());
    edge.until_up().await;
    (dirs, origin, edge)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_read_only_once_the_origin_asks_for_it_and_arrives_whole_or_not_at_all() {
    let (_dirs, origin, edge) = linked().await;
    let budget = Budget::new(MIN_BUDGET, budget::Metrics::new(&prometheus::Registry::new()).unwrap());
    let ask = async |login: bool, pieces: Option<usize>, breaks_off: bool| {
        let mut request = Request::post("/api/admin/x");
        if login {
            request = request.header("authorization", "Basic eA==");
        }
        let head = ForwardedRequest::new(&request.body(()).unwrap(), PEER);
        let asked = Arc::new(AtomicUsize::new(0));
        let body = pieces.map(|pieces| Offered {
            body: Counted { pieces, breaks_off, asked: Arc::clone(&asked) },
            share: budget.share(PEER),
            limit_bytes: MAX_FORWARDED_BYTES,
        });
        let reply = edge.forwarder.forward(head, body).await;
        let text = String::from_utf8(reply.body().to_vec()).unwrap();
        (reply.status().as_u16(), asked.load(Ordering::Relaxed), text)
    };

    for _ in 0..REFUSALS {
        let answer = ask(false, Some(2000), false).await;
        assert_eq!(answer, (401, 0, String::new()), "strangers' bodies are left alone");
        assert_eq!(ask(false, None, false).await, (401, 0, String::new()));
    }
    let (status, _, text) = ask(true, Some(2000), false).await;
    assert!(status == 200 && text.contains("\"2000000\""), "{status} {text}");
    let (status, _, text) = ask(true, None, false).await;
    assert!(status == 200 && text.contains("\"0\""), "{status} {text}");
    let (status, _, text) = ask(true, Some(3), true).await;
    assert!(status == 400 && text.contains("broke off"), "{status} {text}");
    assert_eq!(ask(true, Some(3000), false).await.0, 413);

    // What others hold leaves no memory: the edge says so, and the origin is not told anything.
    let mut held = budget.share(IpAddr::V4(Ipv4Addr::LOCALHOST));
    held.grow(16 << 20).unwrap();
    assert_eq!(ask(true, Some(1), false).await.0, 503);
    drop(held);
    assert_eq!(ask(true, Some(1), false).await.0, 200);
    edge.stop().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_of_the_broadcast_are_had_for_the_asking() {
    let (_dirs, origin, edge) = linked().await;
    let fetcher = &edge.fetcher;
    assert_eq!(fetcher.picture(Picture::Preview).await.as_deref(), Ok(&b"a picture"[..]));
    assert_eq!(fetcher.picture(Picture::Thumbnail).await, Err(FetchError::NotFound));
    origin.stop().await;
    edge.until_word("down").await;
    assert_eq!(fetcher.picture(Picture::Preview).await, Err(FetchError::LinkDown));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_events_is_passed_on_piece_by_piece_and_ends_at_the_origin_when_nobody_reads() {
    let opened = watch::Sender::new(0);
    let (_dirs, origin, edge) = linked_with(Lengths(opened.clone())).await;
    let open = async |login: bool| {
        let mut request = Request::get(events::EVENTS_PATH);
        if login {
            request = request.header("authorization", "Basic eA==");
        }
        edge.forwarder.events(ForwardedRequest::new(&request.body(()).unwrap(), PEER)).await
    };
    // Many, since a refusal races with the end of the request, and must win however it comes out.
    for _ in 0..REFUSALS {
        assert_eq!(open(false).await.unwrap_err().status(), StatusCode::UNAUTHORIZED);
    }
    let mut streams = Vec::new();
    for _ in 0..MAX_EVENT_STREAMS {
        streams.push(open(true).await.unwrap().into_body());
    }
    assert_eq!(open(true).await.unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);

    let mut stream = streams.remove(0);
    let mut text = Vec::new();
    while text.len() < 24 {
        text.extend(stream.frame().await.expect("it goes on").unwrap().into_data().unwrap());
    }
    assert_eq!(text, b"data: tick\n\ndata: tick\n\n");
    drop((stream, streams));
    let mut opened = opened.subscribe();
    let ended = opened.wait_for(|open| *open == 0);
    tokio::time::timeout(std::time::Duration::from_secs(40), ended)
        .await
        .expect("the origin is told")
        .unwrap();

    let mut last = open(true).await.expect("places are given back").into_body();
    origin.stop().await;
    while last.frame().await.is_some() {}
    edge.stop().await;
}
