//! HTTP requests that an edge passes on to the origin. The edge sends the head; the origin answers with a reply, or asks
//! for the body first, which it does only after it has checked the login. A request's body is its length
//! ([`forwarded_length`]), then its bytes, so that an incomplete one is never taken for a whole one; a reply's body ends
//! with the stream. A request without a body sends the length 0 right after the head.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::frame::FrameError;

/// Most bytes of a request's body: the longest that any path of the API takes, and a little.
pub const MAX_FORWARDED_BYTES: usize = 2 * 1024 * 1024 + 64 * 1024;

/// Most bytes of a reply's body.
pub const MAX_REPLY_BYTES: usize = 16 * 1024 * 1024;

/// Headers that concern one connection (RFC 9110 §7.6.1), or that the next sender of the body decides.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
];

type Headers = Vec<(String, Vec<u8>)>;

/// Head of a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForwardedRequest {
    method: String,
    /// Path and query.
    target: String,
    headers: Headers,
    /// The address that asked the edge.
    pub peer: IpAddr,
}

impl ForwardedRequest {
    /// The head of a request that `peer` sent. The name that HTTP/2 carries beside the headers becomes a Host header.
    #[must_use]
    pub fn new<B>(request: &Request<B>, peer: IpAddr) -> Self {
        let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut headers = pack(request.headers());
        if let Some(authority) = request.uri().authority().filter(|_| !request.headers().contains_key("host"))
        {
            headers.push(("host".to_owned(), authority.as_str().as_bytes().to_vec()));
        }
        Self { method: request.method().to_string(), target: target.to_owned(), headers, peer }
    }

    /// The request with this body.
    ///
    /// # Errors
    /// [`FrameError::OutOfBounds`] when the head is none of HTTP.
    pub fn into_request<B>(self, body: B) -> Result<Request<B>, FrameError> {
        let mut request = Request::new(body);
        *request.method_mut() =
            Method::from_bytes(self.method.as_bytes()).map_err(|_| FrameError::OutOfBounds("method"))?;
        *request.uri_mut() = self.target.parse().map_err(|_| FrameError::OutOfBounds("target"))?;
        *request.headers_mut() = unpack(self.headers)?;
        Ok(request)
    }
}

/// The origin's answers to a request that is passed on. [`Self::SendBody`] comes once at most, then the reply.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ForwardAnswer {
    /// The body is wanted.
    SendBody,
    /// Head of the reply; its body follows.
    Reply(ForwardedReply),
}

/// Bytes of the length of a request's body.
pub const FORWARDED_LENGTH_BYTES: usize = 4;

/// The length of a request's body, as it is sent in front of it; none beyond what that can tell.
#[must_use]
pub fn forwarded_length(len: usize) -> Option<Bytes> {
    let len = u32::try_from(len).ok()?;
    Some(Bytes::copy_from_slice(&len.to_be_bytes()))
}

/// Head of a reply.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForwardedReply {
    status: u16,
    headers: Headers,
}

impl ForwardedReply {
    /// The head of a reply.
    #[must_use]
    pub fn new<B>(reply: &Response<B>) -> Self {
        Self { status: reply.status().as_u16(), headers: pack(reply.headers()) }
    }

    /// The reply with this body.
    ///
    /// # Errors
    /// [`FrameError::OutOfBounds`] when the head is none of HTTP.
    pub fn into_reply<B>(self, body: B) -> Result<Response<B>, FrameError> {
        let mut reply = Response::new(body);
        *reply.status_mut() =
            StatusCode::from_u16(self.status).map_err(|_| FrameError::OutOfBounds("status"))?;
        *reply.headers_mut() = unpack(self.headers)?;
        Ok(reply)
    }
}

fn pack(headers: &HeaderMap) -> Headers {
    let kept = headers.iter().filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()));
    kept.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn unpack(headers: Headers) -> Result<HeaderMap, FrameError> {
    let wrong = FrameError::OutOfBounds("headers");
    let mut map = HeaderMap::with_capacity(headers.len().min(64));
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| FrameError::OutOfBounds("headers"))?;
        let value = HeaderValue::from_bytes(&value).map_err(|_| FrameError::OutOfBounds("headers"))?;
        map.try_append(name, value).map_err(|_| FrameError::OutOfBounds("headers"))?;
    }
    if map.len() > 1024 { Err(wrong) } else { Ok(map) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_survive_the_way_but_for_what_concerns_one_connection() {
        let request = Request::post("http://edge.example/api/admin/x?a=b")
            .header("authorization", "Basic YWRtaW46eA==")
            .header("connection", "close")
            .header("content-length", "3")
            .body(())
            .unwrap();
        let peer = IpAddr::from([192, 0, 2, 1]);
        let head = ForwardedRequest::new(&request, peer);
        let bytes = super::super::encode(&head).unwrap();
        let head: ForwardedRequest = super::super::decode(&bytes[4..]).unwrap();
        let back = head.into_request(()).unwrap();
        assert_eq!((back.method(), back.uri().to_string().as_str()), (&Method::POST, "/api/admin/x?a=b"));
        let names: Vec<_> = back.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["authorization", "host"]);
        let reply = Response::builder().status(404).header("x", "y").body(()).unwrap();
        let back = ForwardedReply::new(&reply).into_reply(()).unwrap();
        assert_eq!((back.status().as_u16(), &back.headers()["x"]), (404, &HeaderValue::from_static("y")));
    }

    #[test]
    fn what_is_not_http_is_refused() {
        let head = |method: &str, target: &str, name: &str, value: &[u8]| ForwardedRequest {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![(name.to_owned(), value.to_vec())],
            peer: IpAddr::from([0, 0, 0, 0]),
        };
        assert!(head("GET", "/", "a", b"b").into_request(()).is_ok());
        for wrong in [
            head("G T", "/", "a", b"b"),
            head("GET", "/ x", "a", b"b"),
            head("GET", "/", "a b", b"b"),
            head("GET", "/", "a", b"\n"),
        ] {
            assert!(wrong.into_request(()).is_err());
        }
        assert!(ForwardedReply { status: 99, headers: Vec::new() }.into_reply(()).is_err());
    }
}
