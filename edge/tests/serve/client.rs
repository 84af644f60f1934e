//! A viewer's connection.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::task::AbortOnDropHandle;

/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) enum Sender {
    One(http1::SendRequest<Empty<Bytes>>),
    Two(http2::SendRequest<Empty<Bytes>>),
}

/// Dropping it closes the connection.
pub(crate) struct Client {
    pub(crate) sender: Sender,
    pub(crate) task: AbortOnDropHandle<()>,
}

impl Client {
    pub(crate) async fn plain(socket: TcpStream) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
        let task = tokio::spawn(async move { drop(connection.await) });
        Self { sender: Sender::One(sender), task: AbortOnDropHandle::new(task) }
    }

    pub(crate) async fn secure(stream: TlsStream<TcpStream>) -> Self {
        let io = TokioIo::new(stream);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        let task = tokio::spawn(async move { drop(connection.await) });
        Self { sender: Sender::Two(sender), task: AbortOnDropHandle::new(task) }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.ask(Method::GET, path, &[]).await
    }

    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Reply {
        let mut request = Request::builder().method(method);
        request = match self.sender {
            Sender::One(_) => request.uri(path).header("host", "localhost"),
            Sender::Two(_) => request.uri(format!("https://localhost{path}")),
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::new()).unwrap();
        let answer = async {
            let response = match &mut self.sender {
                Sender::One(sender) => sender.send_request(request).await.unwrap(),
                Sender::Two(sender) => sender.send_request(request).await.unwrap(),
            };
            let (parts, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Reply { status: parts.status, headers: parts.headers, body }
        };
        tokio::time::timeout(PATIENCE, answer).await.expect("an answer")
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// Checks the status, the cache lifetime and what all replies have.
    pub(crate) fn is(&self, status: u16, cache_control: &str) -> &Self {
        assert_eq!((self.status.as_u16(), self.header("cache-control")), (status, cache_control), "{self:?}");
        assert_eq!(self.header("access-control-allow-origin"), "*");
        assert!(self.headers.get("age").is_none());
        if status >= 400 {
            assert_eq!(self.header("content-type"), "text/plain; charset=utf-8");
            assert_eq!(self.text().lines().count(), 1);
        }
        self
    }
}
