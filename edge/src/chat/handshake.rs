//! The opening handshake (RFC 6455 §4.2), from HTTP/1.1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Version};
use sha1::{Digest, Sha1};

/// The text that RFC 6455 §1.3 appends to a key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The headers of the answer to a request that opens a WebSocket; none if it does not.
#[must_use]
pub fn accept(method: &Method, version: Version, headers: &HeaderMap) -> Option<HeaderMap> {
    let key = headers.get(SEC_WEBSOCKET_KEY)?.as_bytes();
    let asked = *method == Method::GET
        && version == Version::HTTP_11
        && has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, "websocket")
        && headers.get(SEC_WEBSOCKET_VERSION)?.as_bytes() == b"13"
        && STANDARD.decode(key).is_ok_and(|key| key.len() == 16);
    if !asked {
        return None;
    }
    let accept = STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize());
    Some(HeaderMap::from_iter([
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&accept).ok()?),
    ]))
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(change: impl Fn(&mut HeaderMap)) -> Option<HeaderMap> {
        let mut headers = HeaderMap::from_iter([
            (CONNECTION, HeaderValue::from_static("keep-alive, Upgrade")),
            (UPGRADE, HeaderValue::from_static("WebSocket")),
            (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            (SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")),
        ]);
        change(&mut headers);
        accept(&Method::GET, Version::HTTP_11, &headers)
    }

    /// RFC 6455 §1.3.
    #[test]
    fn the_standards_example() {
        assert_eq!(request(|_| ()).unwrap()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_opens_no_socket_is_told_from_what_does() {
        for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_KEY] {
            assert!(request(|headers| drop(headers.remove(&name))).is_none(), "{name}");
            assert!(request(|headers| drop(headers.insert(&name, HeaderValue::from_static("8")))).is_none());
        }
        assert!(accept(&Method::GET, Version::HTTP_2, &HeaderMap::new()).is_none());
    }
}
