//! Pictures as pages show them: our own, and how one is answered. A picture of somebody's is no page: SVG runs nothing and
//! loads nothing.

use bytes::Bytes;
use farcast_api::negotiate::Choice;
use farcast_api::{Reply, reply};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};

/// Farcast's own logo.
pub const LOGO: &[u8] = include_bytes!("logo.svg");
/// The same at 32 × 32, for `/favicon.ico`.
pub const ICON: &[u8] = include_bytes!("favicon.ico");

/// Time for which caches keep pictures of the server.
pub const FOR_A_DAY: &str = "public, max-age=86400";

/// The policy of a picture that is opened by itself.
const PICTURE_ONLY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Media types that are pictures; anything else is not shown as one.
const TYPES: [&str; 5] = ["image/svg+xml", "image/png", "image/gif", "image/jpeg", "image/webp"];

/// The media type of a picture, if it is one.
#[must_use]
pub fn known_type(content_type: &str) -> Option<&'static str> {
    TYPES.into_iter().find(|known| *known == content_type)
}

/// One of our own, or that the caller has it.
#[must_use]
pub fn own(
    content_type: &'static str,
    bytes: &'static [u8],
    request: &HeaderMap,
    cache_control: &'static str,
) -> Reply {
    let etag = concat!("\"farcast-", env!("CARGO_PKG_VERSION"), "\"");
    answer(content_type, etag, Bytes::from_static(bytes), request, cache_control)
}

/// A picture, or that the caller has it.
#[must_use]
pub fn answer(
    content_type: &'static str,
    etag: &str,
    bytes: Bytes,
    request: &HeaderMap,
    cache_control: &'static str,
) -> Reply {
    let has = Choice::of(request).has_already(etag);
    let mut reply = reply::empty(if has { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    if !has {
        *reply.body_mut() = bytes;
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_ONLY));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    reply
}

#[cfg(test)]
mod tests {
    use http::header::IF_NONE_MATCH;

    use super::*;

    #[test]
    fn a_picture_does_nothing_and_is_sent_once() {
        let first = own("image/svg+xml", LOGO, &HeaderMap::new(), FOR_A_DAY);
        assert!(first.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().ends_with("sandbox"));
        let asked = HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]);
        let again = own("image/svg+xml", LOGO, &asked, FOR_A_DAY);
        assert!(again.status() == StatusCode::NOT_MODIFIED && again.body().is_empty());
        assert_eq!((known_type("image/png"), known_type("text/html")), (Some("image/png"), None));
    }
}
