//! HTTP Basic authentication (RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The user name of the only account.
const USER: &str = "admin";

/// The admin password of a request (HTTP Basic); none if it has none.
pub(super) fn password(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let login = String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()?;
    let (user, password) = login.split_once(':')?;
    (user == USER).then(|| password.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn given(authorization: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        password(&headers)
    }

    #[test]
    fn the_admins_password_is_read() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(given(&basic("admin:a:b")), Some("a:b".to_owned()));
        assert_eq!(given(&basic("admin:")), Some(String::new()));
        assert_eq!(given(&basic("admin:x").replace("Basic", "bAsIc ")), Some("x".to_owned()));
        for other in [
            basic("root:x"),
            basic("admin"),
            "Bearer abc".to_owned(),
            "Basic".to_owned(),
            "Basic %%".to_owned(),
        ] {
            assert_eq!(given(&other), None, "{other}");
        }
        assert_eq!(password(&HeaderMap::new()), None);
    }
}
