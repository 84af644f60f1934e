//! Checks that the head of a request names its host and the length of its body unambiguously: RFC 9112 §3.2 and
//! §6.3, RFC 9113 §8.3.1.
//!
//! A head that proxies and servers may read differently is refused, because such differences are how requests are smuggled
//! past a proxy. hyper itself refuses the worst (a Transfer-Encoding that does not end in `chunked`, or in HTTP/1.0;
//! lengths that differ). It answers a request with both Transfer-Encoding and Content-Length by the former, then closes the
//! connection, as RFC 9112 §6.1 demands; the length is not to be seen here any more.

use http::header::{HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, Request, Version};

/// The fault in the head of a request, if there is one; such a request is answered 400, and its connection closed.
///
/// # Errors
/// The text of the answer.
pub fn check<B>(request: &Request<B>) -> Result<(), &'static str> {
    let headers = request.headers();
    match request.version() {
        Version::HTTP_11 => {
            if one_host(headers)?.is_none() {
                return Err("HTTP/1.1 needs a Host header");
            }
        }
        Version::HTTP_09 | Version::HTTP_10 => {
            one_host(headers)?;
        }
        _ => return check_authority(request),
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err("Transfer-Encoding may only be chunked"),
    }
}

/// The one Host header that there may be.
fn one_host(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else { return Ok(None) };
    if hosts.next().is_some() {
        return Err("there may be one Host header only");
    }
    // It may be empty, where the request target has no authority.
    let is_host = |text: &str| {
        text.is_empty() || is_plain(text) || (text.parse::<Authority>().is_ok() && !text.contains('@'))
    };
    host.to_str().ok().filter(|text| is_host(text)).map(Some).ok_or("the Host header is no host")
}

/// True for a name or an IPv4 address, with or without a port: nearly all hosts are, and each request has one to be
/// checked.
fn is_plain(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !host.is_empty() && host.bytes().all(is_name) && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// HTTP/2 has the host in `:authority`; a Host header beside it has to say the same.
fn check_authority<B>(request: &Request<B>) -> Result<(), &'static str> {
    match (request.uri().authority(), one_host(request.headers())?) {
        (Some(authority), Some(host)) if !authority.as_str().eq_ignore_ascii_case(host) => {
            Err("the Host header differs from :authority")
        }
        (None, None) => Err("a request needs its :authority or a Host header"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(version: Version, uri: &str, headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap())
    }

    #[test]
    fn http_1_1_has_one_host_and_its_transfer_encoding_is_chunked_or_none() {
        let head = |headers: &[_]| head(Version::HTTP_11, "/", headers);
        for fine in [
            &[("host", "live.example.org")][..],
            &[("host", "live.example.org:8080")],
            &[("host", "[2001:db8::1]:8080")],
            &[("host", "")],
            &[("host", "a"), ("transfer-encoding", "Chunked")],
        ] {
            assert_eq!(head(fine), Ok(()), "{fine:?}");
        }
        for wrong in [
            &[][..],
            &[("host", "a"), ("host", "a")],
            &[("host", "a"), ("host", "b")],
            &[("host", "a b")],
            &[("host", "user@a")],
            &[("host", "a/b")],
            &[("host", "a, b")],
            &[("host", "a"), ("transfer-encoding", "gzip, chunked")],
            &[("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[("host", "a"), ("transfer-encoding", "identity")],
            &[("host", "a"), ("transfer-encoding", "chunked;x=y")],
        ] {
            assert!(head(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn older_and_newer_versions_have_their_own_rules() {
        assert_eq!(head(Version::HTTP_10, "/", &[]), Ok(()));
        assert!(head(Version::HTTP_10, "/", &[("host", "a"), ("host", "a")]).is_err());
        let two = |uri: &str, headers: &[_]| head(Version::HTTP_2, uri, headers);
        assert_eq!(two("https://a/", &[]), Ok(()));
        assert_eq!(two("https://a/", &[("host", "A")]), Ok(()));
        assert_eq!(two("/", &[("host", "a")]), Ok(()));
        assert!(two("https://a/", &[("host", "b")]).is_err());
        assert!(two("/", &[]).is_err());
    }
}
