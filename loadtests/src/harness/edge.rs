//! A test's questions to an edge.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::HOST;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use crate::check::siblings::resolve;
use crate::harness::wait;
use crate::http::connection::{Answer, Dialer, Keep};
use crate::http::gzip;
use crate::http::url::Url;
use crate::playlist::{MediaPlaylist, Multivariant};

/// Longest wait for an answer; a blocking one may take three target durations.
const LIMIT: Duration = Duration::from_secs(25);
/// Path of the multivariant playlist.
pub const MULTIVARIANT: &str = "/hls/stream.m3u8";

/// An edge as viewers reach it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Its HTTP address.
    pub http: SocketAddr,
}

/// The header by which the admin logs in.
#[must_use]
pub fn login(password: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", STANDARD.encode(format!("admin:{password}"))))
}

impl Edge {
    /// A dialer whose path is the multivariant playlist's.
    ///
    /// # Errors
    /// Never for a socket address.
    pub fn dialer(&self) -> anyhow::Result<Dialer> {
        let server: Url = format!("http://{}{MULTIVARIANT}", self.http).parse()?;
        Ok(Dialer { server, http2: false, tls: None })
    }

    /// Address of the multivariant playlist.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{MULTIVARIANT}", self.http)
    }

    /// Asks with GET on a new connection.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let mut connection = self.dialer()?.connect().await?;
        Ok(connection.get(path, Keep::Body, LIMIT).await?)
    }

    /// Asks on a new connection, with headers and a body. The body of the answer is as it came.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Response<Bytes>> {
        let exchange = async {
            let socket = TcpStream::connect(self.http).await?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
            let driver = AbortOnDropHandle::new(tokio::spawn(connection));
            let mut request = Request::builder().method(method).uri(path).header(HOST, self.http.to_string());
            for (name, value) in headers {
                request = request.header(*name, value);
            }
            let (head, body) = sender.send_request(request.body(Full::new(body.into()))?).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            drop(driver);
            Ok(Response::from_parts(head, body))
        };
        tokio::time::timeout(LIMIT, exchange).await.context("no answer in time")?
    }

    /// Asks the admin API, through this edge, for a document: GET without a value, else POST of `{"value": …}`.
    ///
    /// # Errors
    /// When there is no answer, or none of JSON.
    pub async fn admin(
        &self,
        password: &str,
        path: &str,
        value: Option<Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let headers = [login(password)];
        let (method, body) = match value {
            None => (Method::GET, String::new()),
            Some(value) => (Method::POST, json!({ "value": value }).to_string()),
        };
        let answer = self.ask(method, &format!("/api/admin/{path}"), &headers, body).await?;
        Ok((answer.status(), serde_json::from_slice(answer.body()).unwrap_or_default()))
    }

    /// A document of the public API.
    ///
    /// # Errors
    /// When there is no answer, or none of JSON.
    pub async fn document(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.ask(Method::GET, path, &[], "").await?;
        Ok(serde_json::from_slice(answer.body())?)
    }

    /// The multivariant playlist; `None` while there is none.
    pub async fn multivariant(&self) -> Option<Multivariant> {
        let answer = self.get(MULTIVARIANT).await.ok()?;
        let text = (answer.status == StatusCode::OK).then(|| gzip::text(&answer.body, answer.is_gzip()).ok());
        Multivariant::parse(&text??).ok()
    }

    /// The full Media Playlist of a variant; `None` while there is none.
    pub async fn playlist(&self, variant: usize) -> Option<MediaPlaylist> {
        let answer = self.get(&format!("/hls/{variant}/stream.m3u8")).await.ok()?;
        let text = (answer.status == StatusCode::OK).then(|| gzip::text(&answer.body, answer.is_gzip()).ok());
        MediaPlaylist::parse(&text??).ok()
    }

    /// Waits until the playlist of `variant` satisfies `condition`.
    ///
    /// # Errors
    /// Names `what` when it does not within `limit`.
    pub async fn until(
        &self,
        what: &str,
        variant: usize,
        limit: Duration,
        condition: impl Fn(&MediaPlaylist) -> bool,
    ) -> anyhow::Result<MediaPlaylist> {
        wait::until(what, limit, || async { self.playlist(variant).await.filter(&condition) }).await
    }

    /// Waits until `complete` segments of a live variant are complete.
    ///
    /// # Errors
    /// When they are not within `limit`.
    pub async fn playable(
        &self,
        variant: usize,
        complete: usize,
        limit: Duration,
    ) -> anyhow::Result<MediaPlaylist> {
        let what = format!("{complete} complete segments of variant {variant} at {}", self.http);
        let count = |playlist: &MediaPlaylist| playlist.segments.iter().filter(|s| s.is_complete()).count();
        self.until(&what, variant, limit, |playlist| !playlist.ended && count(playlist) >= complete).await
    }

    /// SHA-256 of all objects that a variant's playlist lists, by path: init sections, segments, parts.
    ///
    /// # Errors
    /// When one that is no gap is missing.
    pub async fn objects(
        &self,
        variant: usize,
        playlist: &MediaPlaylist,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let base = format!("/hls/{variant}/stream.m3u8");
        let mut found = BTreeMap::new();
        for segment in playlist.segments.iter().filter(|segment| !segment.gap) {
            let parts = segment.parts.iter().filter(|part| !part.gap).map(|part| &part.uri);
            for uri in segment.map.iter().chain(&segment.uri).chain(parts) {
                let path = resolve(&base, uri);
                if found.contains_key(&path) {
                    continue;
                }
                let answer = self.get(&path).await.with_context(|| path.clone())?;
                anyhow::ensure!(answer.status == StatusCode::OK, "{path}: status {}", answer.status);
                let hash = Sha256::digest(&answer.body);
                found.insert(path, hash.iter().map(|byte| format!("{byte:02x}")).collect());
            }
        }
        Ok(found)
    }
}
