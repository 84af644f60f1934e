//! Replies: JSON in Owncast's shapes.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use serde::Serialize;

use super::route::Method;
use farcast_store::{Store, StoreError};

/// A whole reply.
pub type Reply = Response<Bytes>;

/// The end of every JSON document, as in Owncast.
const END: u8 = b'\n';

/// Seconds after which a client may ask again where the store or the link was away.
const RETRY_AFTER_S: u64 = 2;

#[derive(Serialize)]
struct Simple<'a> {
    success: bool,
    message: &'a str,
}

#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
}

/// A body of this type, with the headers that all have.
#[must_use]
pub fn with_body(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = empty(status);
    *reply.body_mut() = body.into();
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// No body.
#[must_use]
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// A JSON document as bytes. One that has no form in JSON is null, which no type of ours is.
#[must_use]
pub fn json_bytes(value: &impl Serialize) -> Bytes {
    let mut bytes = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
    bytes.push(END);
    bytes.into()
}

/// A JSON document.
#[must_use]
pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    with_body(status, "application/json", json_bytes(value))
}

/// 200 with a JSON document.
#[must_use]
pub fn ok(value: &impl Serialize) -> Reply {
    json(StatusCode::OK, value)
}

/// `{"success":true,"message":…}`.
#[must_use]
pub fn done(message: &str) -> Reply {
    ok(&Simple { success: true, message })
}

/// `{"success":false,"message":…}` with a status of its own.
#[must_use]
pub fn refused(status: StatusCode, message: &str) -> Reply {
    json(status, &Simple { success: false, message })
}

/// `{"success":false,"message":…}` with 400: the request is at fault.
#[must_use]
pub fn bad_request(message: &str) -> Reply {
    refused(StatusCode::BAD_REQUEST, message)
}

/// `{"error":…}`.
#[must_use]
pub fn problem(status: StatusCode, error: &str) -> Reply {
    json(status, &Problem { error })
}

/// `{"success":false,"message":…}` with 503 and a time after which to try again.
#[must_use]
pub fn unavailable(message: &str) -> Reply {
    let mut reply = refused(StatusCode::SERVICE_UNAVAILABLE, message);
    reply.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S.into());
    reply
}

/// The reply while the store was never read.
#[must_use]
pub fn store_not_reached(store: &Store) -> Reply {
    unavailable(&format!("{} has not been reached yet", store.place()))
}

/// The reply for a failure of the store.
#[must_use]
pub fn store_failed(error: &StoreError) -> Reply {
    if *error == StoreError::Displaced {
        return unavailable("another origin has taken over, nothing was changed");
    }
    if !error.may_pass() {
        tracing::error!(%error, "the store refuses what the API asks");
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "the store refused this, see the log");
    }
    match error {
        StoreError::Unknown(_) => unavailable("the store was lost while this was saved: look whether it was"),
        _ => unavailable("the store is not available, nothing was changed"),
    }
}

/// 405 for a path that knows another method.
#[must_use]
pub fn method_not_allowed(asked: &http::Method, known: Method) -> Reply {
    let mut reply = refused(StatusCode::METHOD_NOT_ALLOWED, &format!("{asked} not supported"));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(known.allow()));
    reply
}

/// The answer to OPTIONS, a CORS preflight among others.
#[must_use]
pub fn options(known: Method) -> Reply {
    let mut reply = empty(StatusCode::NO_CONTENT);
    let headers = reply.headers_mut();
    let allow = HeaderValue::from_static(known.allow());
    headers.insert(ALLOW, allow.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allow);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    reply
}

/// Removes the permission for pages of other sites to read a reply whose request carried a login ([`super::login`]): it
/// would tell them whether a password that they try is right. A reply that caches keep is left as it is, since they keep
/// it for others too, and it is the same for all.
pub fn guard_login<B>(reply: &mut Response<B>, has_login: bool) {
    let is_kept = reply.headers().get(CACHE_CONTROL).is_some_and(|value| value != "no-store");
    if has_login && !is_kept {
        reply.headers_mut().remove(ACCESS_CONTROL_ALLOW_ORIGIN);
    }
}

/// Adds a header.
#[must_use]
pub fn with(mut reply: Reply, name: HeaderName, value: &'static str) -> Reply {
    reply.headers_mut().insert(name, HeaderValue::from_static(value));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_sites_read_no_answer_to_a_login() {
        let allowed = |mut reply: Reply, has_login| {
            guard_login(&mut reply, has_login);
            reply.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)
        };
        assert!(allowed(done("x"), false) && !allowed(done("x"), true));
        assert!(!allowed(empty(StatusCode::UNAUTHORIZED), true));
        assert!(allowed(with(done("x"), CACHE_CONTROL, "public, max-age=20"), true));
        assert_eq!(options(Method::Post).headers()[ACCESS_CONTROL_ALLOW_HEADERS], "Content-Type");
    }
}
