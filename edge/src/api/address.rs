//! The address of this server, as the client has reached it.

use farcast_settings::OperatorSettings;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// The port that addresses of HTTPS need not name.
const HTTPS_PORT: u16 = 443;

/// Scheme and host of the request, without a slash at the end.
pub(crate) fn asked(uri: &Uri, headers: &HeaderMap, is_secure: bool) -> String {
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| headers.get(HOST)?.to_str().ok()).unwrap_or_default();
    format!("{}://{host}", if is_secure { "https" } else { "http" })
}

/// The address of the same over TLS at this port. None where the request names no host.
pub(crate) fn secure(uri: &Uri, headers: &HeaderMap, port: u16) -> Option<String> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let authority = uri.authority().cloned().or(host)?;
    let port = if port == HTTPS_PORT { String::new() } else { format!(":{port}") };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Some(format!("https://{}{port}{path}", authority.host()))
}

/// The beginning of our own links: the address that the owner set, or else the one of the request.
pub(crate) fn public<'a>(runtime: &'a OperatorSettings, asked: &'a str) -> &'a str {
    if runtime.server_url.is_empty() { asked } else { &runtime.server_url }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_same_over_tls_is_at_the_host_that_was_asked_whatever_its_port() {
        let secure = |uri: &str, host: Option<&str>, port| {
            let host = host.map(|host| (HOST, HeaderValue::from_str(host).unwrap()));
            secure(&uri.parse().unwrap(), &host.into_iter().collect(), port)
        };
        for (uri, host, port, expected) in [
            ("/", "a.example:8080", 443, "https://a.example/"),
            ("/watch?x=1&y=%20", "a.example", 8443, "https://a.example:8443/watch?x=1&y=%20"),
            ("/", "[2001:db8::1]:80", 443, "https://[2001:db8::1]/"),
            ("/", "192.0.2.1", 8443, "https://192.0.2.1:8443/"),
            ("http://b.example:80/c", "a.example", 443, "https://b.example/c"),
        ] {
            assert_eq!(secure(uri, Some(host), port).as_deref(), Some(expected));
        }
        assert_eq!(secure("/", None, 443), None);
        assert_eq!(secure("/", Some("a b"), 443), None);
    }
}
