//! The logins of a request, as far as edges and the origin have to agree on them: the session's cookie, the header
//! against forged requests, and whether the request came by TLS.
//!
//! Standards: RFC 6265bis (cookies; §4.1.3.2 for `__Host-`), RFC 7617 (Basic).

use std::time::Duration;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The path at which a password is exchanged for a session.
pub const LOGIN_PATH: &str = "/api/admin/login";
/// Most bytes of a login's body; edges take no more from unauthenticated clients.
pub const MAX_LOGIN_BYTES: usize = 4 * 1024;
/// Longest time for that body to arrive: a page sends it together with the head.
pub const LOGIN_DEADLINE: Duration = Duration::from_secs(2);

/// The cookie of a session that began over plain HTTP.
pub const SESSION_COOKIE: &str = "farcast_session";
/// The same over TLS. Browsers take this name only from the very host, over TLS, so no neighbour can put one there.
pub const SECURE_SESSION_COOKIE: &str = "__Host-farcast_session";

/// The header by which a page proves that it could read the answer to its login.
pub static CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
/// The header that says how the request reached the first of our programs. A client that sets it itself decides only
/// whether its own cookie is sent over TLS only.
pub static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Cookies of a name that are looked at: a browser may send one of each path, and neighbours of a name over plain HTTP put
/// some before the right one.
const MAX_COOKIES: usize = 32;

/// The values of the cookies of a name, as many as are looked at.
pub fn cookies<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.filter(move |(found, _)| *found == name).map(|(_, value)| value).take(MAX_COOKIES)
}

/// True if a request has, or asks for, a login: pages of other sites must not read its answer.
#[must_use]
pub fn is_there(path: &str, headers: &HeaderMap) -> bool {
    path == LOGIN_PATH || headers.contains_key(AUTHORIZATION) || has_session(headers)
}

/// True if a request has the cookie of a session, valid or not.
#[must_use]
pub fn has_session(headers: &HeaderMap) -> bool {
    [SESSION_COOKIE, SECURE_SESSION_COOKIE].into_iter().any(|name| cookies(headers, name).next().is_some())
}

/// True if a request came by TLS, according to the program that accepted it.
#[must_use]
pub fn is_secure(headers: &HeaderMap) -> bool {
    headers.get(&FORWARDED_PROTO).is_some_and(|proto| proto == "https")
}

/// Says of a request whether it came by TLS, whatever its sender said. In the clear nothing is said, which costs less.
pub fn set_secure(headers: &mut HeaderMap, is_secure: bool) {
    if is_secure {
        headers.insert(&FORWARDED_PROTO, HeaderValue::from_static("https"));
    } else {
        headers.remove(&FORWARDED_PROTO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_login_is_a_password_a_session_or_the_way_to_one() {
        assert!(is_there(LOGIN_PATH, &HeaderMap::new()));
        assert!(is_there("/", &headers(&["a=b; farcast_session=x"])));
        assert!(is_there("/", &headers(&["a=b", "__Host-farcast_session=x"])));
        let basic = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Basic x"))]);
        assert!(is_there("/", &basic));
        assert!(!is_there("/", &headers(&["farcast_login=x; xfarcast_session=y; farcast_session"])));
    }

    #[test]
    fn a_few_cookies_of_a_name_are_looked_at() {
        let given = headers(&["n=1; m=2;n=3", "n=4=5; n=6; n=7"]);
        assert_eq!(cookies(&given, "n").collect::<Vec<_>>(), ["1", "3", "4=5", "6", "7"]);
        let many = headers(&["n=1"; 40]);
        assert_eq!(cookies(&many, "n").count(), MAX_COOKIES);
    }

    #[test]
    fn what_a_client_says_of_its_connection_gives_way_to_what_is_known() {
        let mut given = HeaderMap::from_iter([(FORWARDED_PROTO.clone(), HeaderValue::from_static("https"))]);
        assert!(is_secure(&given));
        set_secure(&mut given, false);
        assert!(!is_secure(&given));
    }
}
