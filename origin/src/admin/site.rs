//! Detection of cross-site requests. Browsers send a login that they remember along with whatever a page refers to, an
//! `<img>` for one; programs without a browser are trusted by their login.
//!
//! Standards: Fetch Metadata (`Sec-Fetch-Site`, `Sec-Fetch-Dest`), RFC 6454 (`Origin`), RFC 9110 §10.1.3 (`Referer`).

use http::header::{CONTENT_TYPE, HOST, ORIGIN, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};

/// True if a POST is cross-site and the browser did not have to ask first (no CORS preflight): it would send the
/// password along.
pub(super) fn is_cross_post(headers: &HeaderMap) -> bool {
    if !headers.contains_key(ORIGIN) {
        return false;
    }
    let content_type = text(headers, CONTENT_TYPE).unwrap_or_default();
    let asked = content_type
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    !asked && !is_of_this_host(headers)
}

/// True if a login is sent by another page than this site's own: it would learn, or have its visitors' browsers try,
/// the password. A browser names the origin of every POST; where it sends `Sec-Fetch-Site` as well, that holds behind
/// proxies that change the Host.
pub(super) fn is_cross_login(headers: &HeaderMap) -> bool {
    match text(headers, "sec-fetch-site") {
        Some(site) => !matches!(site, "same-origin" | "none"),
        None => headers.contains_key(ORIGIN) && !is_of_this_host(headers),
    }
}

/// True if the page that sends a POST has the address of this server.
fn is_of_this_host(headers: &HeaderMap) -> bool {
    let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes).unwrap_or_default();
    let host = headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let of_host = |scheme: &&[u8]| origin.strip_prefix(*scheme) == Some(host);
    !host.is_empty() && [&b"http://"[..], b"https://"].iter().any(of_host)
}

/// True if a GET that changes something is cross-site, or not a deliberate navigation or call: a picture's address does
/// not end a broadcast. A browser sends Fetch Metadata to https and to its own machine at least; over plain http it
/// sends `Origin` or `Referer`, and one that sends neither is not trusted. Programs send none of these and are no
/// browsers.
pub(super) fn is_cross_get(headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, "sec-fetch-site") {
        let for_what = text(headers, "sec-fetch-dest").unwrap_or("empty");
        return match (site, for_what) {
            // What a page's own script asks; a neighbour's page may be the admin's.
            ("same-origin" | "same-site" | "none", "empty") => false,
            // What somebody follows on the same page or types.
            ("same-origin" | "none", "document") => false,
            _ => true,
        };
    }
    let host = text(headers, HOST).unwrap_or_default();
    let of_this_host = |address: &str| {
        let uri: Option<Uri> = address.parse().ok();
        uri.is_some_and(|uri| uri.authority().is_some_and(|from| from.as_str().eq_ignore_ascii_case(host)))
    };
    match headers.get(ORIGIN).or_else(|| headers.get(REFERER)) {
        Some(from) => !from.to_str().is_ok_and(of_this_host),
        None => text(headers, USER_AGENT).is_some_and(|agent| agent.contains("Mozilla/")),
    }
}

fn text(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    const BROWSER: (&str, &str) = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0");
    const HERE: (&str, &str) = ("host", "live.example.org:8080");

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        list.iter().map(header).collect()
    }

    #[test]
    fn the_admins_own_page_and_programs_may_get() {
        for given in [
            // curl, a bot, a program of the admin.
            &[HERE][..],
            &[HERE, ("user-agent", "curl/8.5.0")],
            // The page's fetch, over https and over plain http.
            &[HERE, BROWSER, ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "empty")],
            &[HERE, BROWSER, ("sec-fetch-site", "same-site"), ("sec-fetch-dest", "empty")],
            &[HERE, BROWSER, ("referer", "http://live.example.org:8080/admin/config/")],
            &[HERE, BROWSER, ("origin", "http://live.example.org:8080")],
            // Its address typed, or a link of the page itself.
            &[HERE, BROWSER, ("sec-fetch-site", "none"), ("sec-fetch-dest", "document")],
            &[HERE, BROWSER, ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "document")],
        ] {
            assert!(!is_cross_get(&headers(given)), "{given:?}");
        }
    }

    #[test]
    fn pages_of_others_and_pictures_may_not() {
        for given in [
            &[HERE, BROWSER, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "image")][..],
            &[HERE, BROWSER, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "empty")],
            &[HERE, BROWSER, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")],
            // What the referrer policy hides does not help, nor does a neighbour's or the page's own picture.
            &[HERE, BROWSER, ("sec-fetch-site", "same-site"), ("sec-fetch-dest", "image")],
            &[HERE, BROWSER, ("sec-fetch-site", "same-site"), ("sec-fetch-dest", "document")],
            &[HERE, BROWSER, ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "image")],
            &[HERE, BROWSER, ("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "iframe")],
            &[HERE, BROWSER, ("sec-fetch-site", "strange")],
            // Over plain http there is the Referer, or nothing, or an origin that is none.
            &[HERE, BROWSER, ("referer", "https://evil.example/page")],
            &[HERE, BROWSER, ("referer", "http://live.example.org:8080.evil.example/")],
            &[HERE, BROWSER, ("referer", "http://evil.example/http://live.example.org:8080/")],
            &[HERE, BROWSER, ("referer", "http://live.example.org/")],
            &[HERE, BROWSER, ("origin", "null")],
            &[
                HERE,
                BROWSER,
                ("origin", "https://evil.example"),
                ("referer", "http://live.example.org:8080/"),
            ],
            &[HERE, BROWSER],
            &[BROWSER, ("referer", "/")],
        ] {
            assert!(is_cross_get(&headers(given)), "{given:?}");
        }
    }

    #[test]
    fn a_post_of_another_site_has_to_be_what_a_browser_asks_before() {
        let evil = ("origin", "https://evil.example");
        assert!(is_cross_post(&headers(&[HERE, evil])));
        assert!(is_cross_post(&headers(&[HERE, evil, ("content-type", "text/plain")])));
        assert!(is_cross_post(&headers(&[HERE, ("origin", "null")])));
        for fine in [
            &[HERE][..],
            &[HERE, ("origin", "http://live.example.org:8080")],
            &[HERE, evil, ("content-type", "application/JSON; charset=utf-8")],
        ] {
            assert!(!is_cross_post(&headers(fine)), "{fine:?}");
        }
    }
    #[test]
    fn a_login_comes_from_this_sites_page_or_from_a_program() {
        let here = ("origin", "http://live.example.org:8080");
        let json = ("content-type", "application/json");
        for fine in [
            &[HERE][..],
            &[HERE, here, json],
            // Behind a proxy that changes the host.
            &[HERE, ("origin", "https://live.example.org"), ("sec-fetch-site", "same-origin"), json],
        ] {
            assert!(!is_cross_login(&headers(fine)), "{fine:?}");
        }
        for wrong in [
            &[HERE, ("origin", "https://evil.example"), json][..],
            &[HERE, ("origin", "http://live.example.org:9000"), json],
            &[HERE, ("origin", "null"), json],
            &[HERE, here, ("sec-fetch-site", "cross-site"), json],
            &[HERE, here, ("sec-fetch-site", "same-site"), json],
            &[("origin", "http://"), json],
        ] {
            assert!(is_cross_login(&headers(wrong)), "{wrong:?}");
        }
    }
}
