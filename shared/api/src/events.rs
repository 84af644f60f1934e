//! The requests that are answered by a stream of events (server-sent events) instead of a whole reply: the rules on which
//! the origin, and an edge that passes such a request on, have to agree.
//!
//! Standards: HTML, "Server-sent events" (`text/event-stream`).

use std::time::Duration;

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

/// The path at which the server's state is sent as it changes.
pub const EVENTS_PATH: &str = "/api/admin/events";

/// The type of such a stream.
pub const CONTENT_TYPE_EVENTS: &str = "text/event-stream";

/// Longest life of a stream. Its reader then opens a new one, so that a forgotten reader does not keep it for ever.
/// It is shorter than the life of a connection of the origin's listener.
pub const STREAM_LIFETIME: Duration = Duration::from_secs(240);

/// A header for nginx and similar proxies: pass each event on when it comes.
static X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// True if a request asks for such a stream.
#[must_use]
pub fn is_asked<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && request.uri().path() == EVENTS_PATH
}

/// True if the head of a reply is that of a stream.
#[must_use]
pub fn is_stream(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::OK && headers.get(CONTENT_TYPE).is_some_and(|value| value == CONTENT_TYPE_EVENTS)
}

/// The reply that a stream is the body of.
#[must_use]
pub fn reply<B>(body: B) -> Response<B> {
    let mut reply = Response::new(body);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_EVENTS));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(&X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_of_its_path_asks_for_a_stream_and_only_a_success_is_one() {
        let asks = |method: &str, path: &str| {
            is_asked(&Request::builder().method(method).uri(path).body(()).unwrap())
        };
        assert!(asks("GET", EVENTS_PATH) && asks("GET", "/api/admin/events?once=true"));
        assert!(
            !asks("HEAD", EVENTS_PATH) && !asks("POST", EVENTS_PATH) && !asks("GET", "/api/admin/eventss")
        );
        let reply = reply(());
        assert!(is_stream(reply.status(), reply.headers()));
        assert!(!is_stream(StatusCode::UNAUTHORIZED, reply.headers()));
        assert!(!is_stream(StatusCode::OK, &HeaderMap::new()));
    }
}
