//! Building responses.

use std::time::Duration;

use bytes::Bytes;
use farcast_api::Reply;
use farcast_api::negotiate::{Choice, Wanted};
use farcast_pages::Asset;
use http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::body::Body;
use super::lifetime::Cached;
use crate::live::{Failure, Object, Playlist};

/// The header that tells no room for new viewers from other reasons for a 503.
const FULL: HeaderName = HeaderName::from_static("farcast-full");

const PRIORITY: HeaderName = HeaderName::from_static("priority");

/// Methods that are answered.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// Headers that scripts of other sites may read: the profile's Age, Date and Content-Length, and those that explain a
/// failure.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Age, Date, Content-Length, Content-Range, ETag, Farcast-Full, Retry-After");

/// Urgency of playlists, and of the lowest variant's media (RFC 9218; appendix B.1: media 2 to 6).
const PLAYLIST_URGENCY: &str = "u=1";
const MEDIA_URGENCIES: [&str; 5] = ["u=2", "u=3", "u=4", "u=5", "u=6"];

/// A response with what all responses have.
fn response(status: StatusCode, body: Body) -> Response<Body> {
    let length = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    response
}

/// A playlist.
pub(super) fn playlist(
    playlist: &Playlist,
    choice: &Choice,
    cached: Cached,
    target_duration: Duration,
) -> Response<Body> {
    let gzip = choice.gzip;
    let body = if gzip { playlist.gzip() } else { playlist.identity() };
    let mut response = response(StatusCode::OK, body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.apple.mpegurl"));
    headers.insert(CACHE_CONTROL, max_age(cached, target_duration));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(PRIORITY, HeaderValue::from_static(PLAYLIST_URGENCY));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The description of an object.
pub(super) struct Description {
    pub(super) content_type: &'static str,
    pub(super) etag: String,
    /// Rank of its variant, 0 for the lowest rate.
    pub(super) rank: usize,
    pub(super) target_duration: Duration,
}

/// A media object, or the range of it that was asked for.
pub(super) fn object(
    object: Object,
    description: &Description,
    choice: &Choice,
    may_be_partial: bool,
    first_byte: &prometheus::Histogram,
) -> Response<Body> {
    let Description { content_type, etag, rank, target_duration } = description;
    let len = object.len();
    let range = if may_be_partial { choice.wanted(etag, len) } else { Wanted::All };
    let mut response = if choice.has_already(etag) {
        response(StatusCode::NOT_MODIFIED, Body::default())
    } else {
        match range {
            Wanted::All => response(StatusCode::OK, Body::object(object, first_byte)),
            Wanted::Bytes { first, last } => {
                let piece = object.slice(first, last - first + 1);
                let mut response = response(StatusCode::PARTIAL_CONTENT, Body::object(piece, first_byte));
                insert(response.headers_mut(), CONTENT_RANGE, &format!("bytes {first}-{last}/{len}"));
                response
            }
            Wanted::Unsatisfiable => {
                let mut response = error(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "the range lies beyond the end",
                    *target_duration,
                );
                insert(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{len}"));
                return response;
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let max_age = Cached::Object.max_age_s(*target_duration);
    insert(headers, CACHE_CONTROL, &format!("public, max-age={max_age}, immutable"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let urgency = MEDIA_URGENCIES[(*rank).min(MEDIA_URGENCIES.len() - 1)];
    headers.insert(PRIORITY, HeaderValue::from_static(urgency));
    insert(headers, ETAG, etag);
    response
}

/// A reply of the API. HEAD has its length without its body.
pub(super) fn of_api(reply: Reply, is_head: bool) -> Response<Body> {
    let len = reply.body().len();
    let status = reply.status();
    let mut response = reply.map(|body| if is_head { Body::default() } else { body.into() });
    let has_length = status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
    if has_length && !status.is_informational() {
        response.headers_mut().insert(CONTENT_LENGTH, len.into());
    }
    response
}

/// A file of the pages.
pub(super) fn page(asset: &Asset, choice: &Choice) -> Response<Body> {
    let mut response = of_api(asset.reply(choice), false);
    response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    response
}

/// Leads a media player from the page to the playlist.
pub(super) fn to_playlist() -> Response<Body> {
    let mut response = text(StatusCode::TEMPORARY_REDIRECT, "the playlist is at /hls/stream.m3u8");
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/hls/stream.m3u8"));
    response
}

/// Leads a viewer to the page of another edge.
pub(super) fn to_edge(location: &str) -> Response<Body> {
    let mut response = text(StatusCode::TEMPORARY_REDIRECT, &format!("a better edge for you is {location}"));
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location);
    }
    // It depends on the viewer.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// Tells a new viewer that there is no room: a page that loads itself again, or a line that the player's page knows by
/// [`FULL`].
pub(super) fn turned_away(is_page: bool, retry_after_s: u64) -> Response<Body> {
    let mut response = if is_page {
        let page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width\">\n<meta http-equiv=\"refresh\" content=\"{retry_after_s}\">\n\
             <title>Full · Voll</title>\n<p>There is no room for more viewers here at the moment. This page tries again by \
             itself.</p>\n<p lang=\"de\">Für weitere Zuschauer ist hier gerade kein Platz. Diese Seite versucht es von selbst \
             wieder.</p>\n</html>\n"
        );
        let mut response = response(StatusCode::SERVICE_UNAVAILABLE, Bytes::from(page).into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "there is no room for more viewers here at the moment")
    };
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, retry_after_s.into());
    headers.insert(FULL, HeaderValue::from_static("1"));
    response
}

/// Leads whoever came without TLS to the same with it.
pub(super) fn to_https(location: &str) -> Response<Body> {
    let mut response = text(StatusCode::PERMANENT_REDIRECT, &format!("use {location}"));
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location);
    }
    // An operator can still change their mind.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    response
}

/// The answer to an authority's challenge (RFC 8555 §8.3).
pub(super) fn challenge(key_authorization: &str) -> Response<Body> {
    let mut response = response(StatusCode::OK, Bytes::from(key_authorization.to_owned()).into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The steering manifest of one player.
pub(super) fn steering(manifest: Vec<u8>) -> Response<Body> {
    let mut response = response(StatusCode::OK, Bytes::from(manifest).into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An error with a line of text, which no cache keeps; one that may pass says when to ask again.
pub(super) fn error(status: StatusCode, line: &str, target_duration: Duration) -> Response<Body> {
    let mut response = text(status, line);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, target_duration.as_secs().max(1).into());
    }
    response
}

/// The one place that maps failures to statuses.
pub(super) fn failure(failure: Failure, target_duration: Duration) -> Response<Body> {
    let status = match failure {
        Failure::NotFound | Failure::NoBroadcast => StatusCode::NOT_FOUND,
        Failure::Refused(_) => StatusCode::BAD_REQUEST,
        Failure::TimedOut | Failure::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    error(status, &failure.to_string(), target_duration)
}

/// A line of text that no cache keeps.
pub(super) fn text(status: StatusCode, line: &str) -> Response<Body> {
    let mut response = response(status, Bytes::from(format!("{line}\n")).into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A method that is not answered.
pub(super) fn method_not_allowed() -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here");
    response.headers_mut().insert(ALLOW, METHODS);
    response
}

/// The answer to a CORS preflight.
pub(super) fn preflight() -> Response<Body> {
    let mut response = response(StatusCode::NO_CONTENT, Body::default());
    let headers = response.headers_mut();
    headers.insert(ALLOW, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn max_age(cached: Cached, target_duration: Duration) -> HeaderValue {
    let text = format!("public, max-age={}", cached.max_age_s(target_duration));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("no-store"))
}

/// Inserts a value that is made here of digits, letters and punctuation; anything else is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
