//! A mock of an external server, for tests.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::LOCATION;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

/// The server's answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Whole(StatusCode, String),
    Redirect(StatusCode, String),
    /// A body without end.
    Endless,
    /// A head, and a body that never comes.
    Head,
    /// Nothing at all.
    Silence,
    /// Closes the connection.
    Hangup,
}

/// Dropping it closes all connections.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Requests, as they arrive.
    pub(crate) requests: mpsc::Receiver<Request<Bytes>>,
    answer: Arc<Mutex<Answer>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::start_with(answer, None).await
    }

    pub(crate) async fn start_with(answer: Answer, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::channel(16);
        let answer = Arc::new(Mutex::new(answer));
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&answer), sender));
        Self { address, requests, answer, _task: AbortOnDropHandle::new(task) }
    }

    /// Sets the answer from now on.
    pub(crate) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// The requests that have arrived.
    pub(crate) fn arrived(&mut self) -> Vec<Request<Bytes>> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    answer: Arc<Mutex<Answer>>,
    requests: mpsc::Sender<Request<Bytes>>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (answer, requests, tls) = (Arc::clone(&answer), requests.clone(), tls.clone());
        connections.spawn(async move {
            match tls {
                None => serve(stream, answer, requests).await,
                Some(tls) => {
                    // A client may not like the certificate.
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, answer, requests).await;
                    }
                }
            }
        });
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Arc<Mutex<Answer>>,
    requests: mpsc::Sender<Request<Bytes>>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (answer, requests) = (answer.lock().unwrap().clone(), requests.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            requests.send(Request::from_parts(head, body)).await.unwrap();
            let whole = |status, body: String| {
                Response::builder().status(status).body(Full::new(Bytes::from(body)).boxed()).unwrap()
            };
            Ok(match answer {
                Answer::Whole(status, body) => whole(status, body),
                Answer::Redirect(status, to) => {
                    let mut answer = whole(status, String::new());
                    answer.headers_mut().insert(LOCATION, to.parse().unwrap());
                    answer
                }
                Answer::Endless => {
                    Response::new(BoxBody::new(Unending(Some(Bytes::from_static(&[b' '; 1000])))))
                }
                Answer::Head => Response::new(BoxBody::new(Unending(None))),
                Answer::Silence => std::future::pending().await,
                Answer::Hangup => return Err(io::Error::other("hang up")),
            })
        }
    });
    // A client may leave.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A body that repeats this for ever, or never comes.
struct Unending(Option<Bytes>);

impl Body for Unending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &self.0 {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes.clone())))),
            None => Poll::Pending,
        }
    }
}
