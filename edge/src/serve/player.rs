//! The player page, embedded in the program (see `build.rs`).

use std::collections::HashMap;

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest, Sha256};

use crate::live::gzip;

include!(concat!(env!("OUT_DIR"), "/player_files.rs"));

/// Shown where the page was not built before the program.
const PLACEHOLDER: &[u8] = b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Farcast edge</title>\
<h1>This edge is running</h1><p>Its player page was not built into it: run <code>npm ci &amp;&amp; npm run build</code> in \
<code>shared/web</code> and build the edge again. The stream is at <a href=\"/hls/stream.m3u8\">/hls/stream.m3u8</a>.</p></html>";

/// Names under this folder carry a hash of their content, so they never change.
const HASHED_PREFIX: &str = "assets/";

/// Only our own scripts, also where the page is shown in a frame; media from blobs (Media Source Extensions), workers too (hls.js).
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; \
style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; \
worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'";

/// A file of the page.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) content_type: &'static str,
    pub(super) cache_control: &'static str,
    pub(super) etag: String,
    pub(super) identity: Bytes,
    /// Absent where it does not help.
    pub(super) gzip: Option<Bytes>,
}

/// All files of the page by name.
#[derive(Debug)]
pub(super) struct Player {
    files: HashMap<&'static str, Asset>,
    /// What the page may do, and who may show it.
    pub(super) policy: HeaderValue,
}

impl Player {
    /// What is in the program; `frame_ancestors` may show it in a frame.
    pub(super) fn embedded(frame_ancestors: &str) -> Self {
        let mut files: HashMap<_, _> =
            FILES.iter().map(|(name, bytes)| (*name, asset(name, bytes))).collect();
        files.entry("index.html").or_insert_with(|| asset("index.html", PLACEHOLDER));
        let policy =
            HeaderValue::try_from(format!("{CONTENT_SECURITY_POLICY}; frame-ancestors {frame_ancestors}"))
                .unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        Self { files, policy }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Asset> {
        self.files.get(name)
    }
}

fn asset(name: &str, bytes: &'static [u8]) -> Asset {
    let (content_type, is_text) = content_type(name);
    let hash: String = Sha256::digest(bytes).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let gzip = is_text.then(|| gzip(bytes)).filter(|gzip| gzip.len() < bytes.len());
    let cache_control =
        if name.starts_with(HASHED_PREFIX) { "public, max-age=31536000, immutable" } else { "no-cache" };
    Asset {
        content_type,
        cache_control,
        etag: format!("\"{hash}\""),
        identity: Bytes::from_static(bytes),
        gzip,
    }
}

fn content_type(name: &str) -> (&'static str, bool) {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => ("text/html; charset=utf-8", true),
        Some("js" | "mjs") => ("text/javascript; charset=utf-8", true),
        Some("css") => ("text/css; charset=utf-8", true),
        Some("json" | "map") => ("application/json", true),
        Some("webmanifest") => ("application/manifest+json", true),
        Some("svg") => ("image/svg+xml", true),
        Some("txt") => ("text/plain; charset=utf-8", true),
        Some("png") => ("image/png", false),
        Some("jpg" | "jpeg") => ("image/jpeg", false),
        Some("webp") => ("image/webp", false),
        Some("ico") => ("image/x-icon", false),
        Some("woff2") => ("font/woff2", false),
        _ => ("application/octet-stream", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_page() {
        let player = Player::embedded("'self'");
        let page = player.get("index.html").expect("a page");
        assert_eq!((page.content_type, page.cache_control), ("text/html; charset=utf-8", "no-cache"));
        assert!(player.get("../Cargo.toml").is_none());
    }

    #[test]
    fn hashed_files_are_kept_for_ever_and_text_is_gzipped() {
        let script = asset("assets/player-abc123.js", &[b'a'; 2000]);
        assert!(script.cache_control.contains("immutable"));
        assert!(script.gzip.is_some());
        assert!(asset("logo.png", &[0; 2000]).gzip.is_none());
    }
}
