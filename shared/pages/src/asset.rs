//! A file of a page, and the answer that carries it.

use bytes::Bytes;
use farcast_api::negotiate::Choice;
use farcast_api::{Reply, reply};
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, VARY,
};
use http::{HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

/// Names under these folders carry a hash of their content, so they never change.
const HASHED_PREFIXES: [&str; 2] = ["assets/", "admin/assets/"];

/// A file of a page.
#[derive(Debug)]
pub struct Asset {
    /// Its content type.
    pub content_type: &'static str,
    /// The permission for caches.
    pub cache_control: &'static str,
    /// Its strong tag, of its content.
    pub etag: String,
    /// Its content.
    pub identity: Bytes,
    /// Absent where it does not help.
    pub gzip: Option<Bytes>,
    /// As `gzip`.
    pub brotli: Option<Bytes>,
    /// The page's policy, with the sites that may show it in a frame.
    pub policy: HeaderValue,
}

impl Asset {
    /// A file without compressed forms.
    #[must_use]
    pub fn new(name: &str, identity: Bytes, policy: HeaderValue) -> Self {
        let digest = Sha256::digest(&identity);
        let hash: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let is_hashed = HASHED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        Self {
            content_type: content_type(name),
            cache_control: if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" },
            etag: format!("\"{hash}\""),
            identity,
            gzip: None,
            brotli: None,
            policy,
        }
    }

    /// The answer to a client with this choice: compressed as it accepts, and empty where it has the file already.
    #[must_use]
    pub fn reply(&self, choice: &Choice) -> Reply {
        let brotli = self.brotli.as_ref().filter(|_| choice.brotli).map(|body| ("br", body));
        let gzip = self.gzip.as_ref().filter(|_| choice.gzip).map(|body| ("gzip", body));
        let encoded = brotli.or(gzip);
        // The encodings are different representations (RFC 9110 §8.8.3.3); the tag says which.
        let etag = match encoded {
            Some((coding, _)) => format!("{}-{coding}\"", self.etag.trim_end_matches('"')),
            None => self.etag.clone(),
        };
        let is_whole = !choice.has_already(&etag);
        let mut reply = reply::empty(if is_whole { StatusCode::OK } else { StatusCode::NOT_MODIFIED });
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        // It is of digits, letters and punctuation.
        if let Ok(etag) = HeaderValue::try_from(etag) {
            headers.insert(ETAG, etag);
        }
        if let Some((coding, _)) = encoded.filter(|_| is_whole) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        if is_whole {
            *reply.body_mut() = encoded.map_or(&self.identity, |(_, body)| body).clone();
        }
        reply
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};

    use super::*;

    fn asset(name: &str) -> Asset {
        let mut asset = Asset::new(name, Bytes::from_static(b"plain"), HeaderValue::from_static("p"));
        asset.brotli = Some(Bytes::from_static(b"brotli"));
        asset
    }

    #[test]
    fn hashed_files_are_kept_for_ever() {
        for name in ["assets/a-abc123.js", "admin/assets/a-abc123.js"] {
            assert!(asset(name).cache_control.contains("immutable"), "{name}");
        }
        assert_eq!(asset("logo.png").cache_control, "no-cache");
    }

    #[test]
    fn each_form_has_a_tag_of_its_own_and_who_has_it_gets_no_body() {
        let page = asset("index.html");
        let ask = |headers: &[(http::HeaderName, &str)]| {
            let header = |(name, value): &(http::HeaderName, &str)| {
                (name.clone(), HeaderValue::from_str(value).unwrap())
            };
            page.reply(&Choice::of(&headers.iter().map(header).collect()))
        };
        let (plain, brotli) = (ask(&[]), ask(&[(ACCEPT_ENCODING, "gzip, br")]));
        assert_eq!((plain.body().as_ref(), brotli.body().as_ref()), (&b"plain"[..], &b"brotli"[..]));
        assert_eq!(brotli.headers()[CONTENT_ENCODING], "br");
        let tag = brotli.headers()[ETAG].to_str().unwrap();
        assert_ne!(plain.headers()[ETAG], tag);
        let again = ask(&[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, tag)]);
        assert!(
            again.status() == 304
                && again.body().is_empty()
                && !again.headers().contains_key(CONTENT_ENCODING)
        );
        assert_eq!(ask(&[(IF_NONE_MATCH, tag)]).status(), 200);
    }
}
