//! The viewer page, the admin page and their files: embedded in the program (see `build.rs`), or read from a folder by who changes them.
//!
//! HTML is filled in before it is sent ([`super::page`]): once per change of the settings, since what is filled in depends on
//! nothing else but the address by which the server is reached.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use farcast_shared::runtime::Runtime;
use http::HeaderValue;
use sha2::{Digest, Sha256};

use super::page::{self, Facts, Place};
use crate::live::gzip;

/// A file as `build.rs` embeds it.
struct File {
    name: &'static str,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// Shown where the page was not built before the program.
const PLACEHOLDER: &[u8] = b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Farcast edge</title>\
<h1>This edge is running</h1><p>Its pages were not built into it: run <code>npm ci &amp;&amp; npm run build</code> in \
<code>shared/web</code> and build the edge again. The stream is at <a href=\"/hls/stream.m3u8\">/hls/stream.m3u8</a>.</p></html>";

/// Names under these folders carry a hash of their content, so they never change.
const HASHED_PREFIXES: [&str; 2] = ["assets/", "admin/assets/"];
/// What a browser reads that makes an application of the page.
const MANIFEST: &str = "manifest.webmanifest";
/// Where the viewer page is in a folder of all pages.
const FOLDER: &str = "viewer";
/// What names of the admin page's files begin with, which is its folder as well.
pub(super) const ADMIN_PREFIX: &str = "admin/";

/// A file of the page.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) content_type: &'static str,
    pub(super) cache_control: &'static str,
    pub(super) etag: String,
    pub(super) identity: Bytes,
    /// Absent where they do not help.
    pub(super) gzip: Option<Bytes>,
    pub(super) brotli: Option<Bytes>,
    /// What the page may do, and who may show it.
    pub(super) policy: HeaderValue,
}

/// Pages that were filled in for these settings and this address.
#[derive(Debug)]
struct Filled {
    of: Arc<Runtime>,
    base: String,
    pages: HashMap<String, Arc<Asset>>,
}

/// All files of the page by name.
#[derive(Debug)]
pub(super) struct Pages {
    files: HashMap<&'static str, Arc<Asset>>,
    folder: Option<PathBuf>,
    frame_ancestors: String,
    filled: Mutex<Option<Filled>>,
}

impl Pages {
    /// What is in the program, or in `folder`; `frame_ancestors` may show it in a frame.
    pub(super) fn new(frame_ancestors: &str, folder: Option<&Path>) -> Self {
        let policy = page::policy(None, frame_ancestors);
        let embedded = |file: &File| {
            let mut asset = asset(file.name, Bytes::from_static(file.identity), &policy);
            asset.brotli = file.brotli.map(Bytes::from_static);
            asset.gzip = file.gzip.map(Bytes::from_static);
            (file.name, Arc::new(asset))
        };
        let mut files: HashMap<_, _> = FILES.iter().map(embedded).collect();
        for name in ["index.html", "admin/index.html"] {
            let placeholder = || Arc::new(asset(name, Bytes::from_static(PLACEHOLDER), &policy));
            files.entry(name).or_insert_with(placeholder);
        }
        Self {
            files,
            folder: folder.map(Path::to_owned),
            frame_ancestors: frame_ancestors.to_owned(),
            filled: Mutex::default(),
        }
    }

    /// A file. HTML has `facts` filled in, if they are known, and links by `base`, the address of the server.
    pub(super) fn get(&self, name: &str, facts: Option<&Facts>, base: &str) -> Option<Arc<Asset>> {
        let Some(facts) = facts else { return self.plain(name) };
        if name == MANIFEST {
            return Some(Arc::new(self.finished(name, page::manifest(&facts.runtime).into(), facts)));
        }
        if !name.ends_with(".html") {
            return self.plain(name);
        }
        let base = if facts.runtime.server_url.is_empty() { base } else { &facts.runtime.server_url };
        if let Some(filled) = &*self.lock()
            && self.folder.is_none()
            && Arc::ptr_eq(&filled.of, &facts.runtime)
            && filled.base == base
            && let Some(page) = filled.pages.get(name)
        {
            return Some(Arc::clone(page));
        }
        let template = self.plain(name)?;
        let html = page::fill(&String::from_utf8_lossy(&template.identity), facts, base);
        // Not while others wait: a stranger's every request may name another address.
        let page = Arc::new(self.finished(name, html.into(), facts));
        match &mut *self.lock() {
            Some(filled) if Arc::ptr_eq(&filled.of, &facts.runtime) && filled.base == base => {
                filled.pages.insert(name.to_owned(), Arc::clone(&page));
            }
            other => {
                let pages = HashMap::from([(name.to_owned(), Arc::clone(&page))]);
                *other = Some(Filled { of: Arc::clone(&facts.runtime), base: base.to_owned(), pages });
            }
        }
        Some(page)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Filled>> {
        self.filled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finished(&self, name: &str, bytes: Bytes, facts: &Facts) -> Asset {
        let place = Place::of(name);
        let facts = Some(facts).filter(|_| place != Place::Admin);
        let policy = page::policy(facts, place.frame_ancestors(&self.frame_ancestors));
        let mut asset = asset(name, bytes, &policy);
        asset.gzip = Some(gzip(&asset.identity)).filter(|gzip| gzip.len() < asset.identity.len());
        asset
    }

    /// A file as it is. Reading it from the folder blocks: that is for who changes the pages, not for an audience.
    fn plain(&self, name: &str) -> Option<Arc<Asset>> {
        let Some(folder) = &self.folder else { return self.files.get(name).cloned() };
        let is_plain = name
            .split('/')
            .all(|piece| !piece.is_empty() && !piece.starts_with('.') && !piece.contains(['\\', ':', '\0']));
        let folder = if name.starts_with(ADMIN_PREFIX) { folder.clone() } else { folder.join(FOLDER) };
        let bytes = is_plain.then(|| std::fs::read(folder.join(name)).ok()).flatten()?;
        let mut asset = asset(name, bytes.into(), &page::policy(None, &self.frame_ancestors));
        asset.cache_control = "no-cache";
        Some(Arc::new(asset))
    }
}

fn asset(name: &str, identity: Bytes, policy: &HeaderValue) -> Asset {
    let hash: String = Sha256::digest(&identity).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let cache_control = if HASHED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    Asset {
        content_type: content_type(name),
        cache_control,
        etag: format!("\"{hash}\""),
        identity,
        gzip: None,
        brotli: None,
        policy: policy.clone(),
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
    use super::*;

    fn facts(name: &str) -> Facts {
        let runtime = Runtime { name: name.to_owned(), ..Runtime::default() };
        Facts { runtime: Arc::new(runtime), config: Bytes::from_static(b"{}") }
    }

    #[test]
    fn there_is_always_a_page() {
        let pages = Pages::new("'self'", None);
        let page = pages.get("index.html", None, "").expect("a page");
        assert_eq!((page.content_type, page.cache_control), ("text/html; charset=utf-8", "no-cache"));
        assert!(pages.get("../Cargo.toml", None, "").is_none());
    }

    #[test]
    fn hashed_files_are_kept_for_ever() {
        let policy = page::policy(None, "'self'");
        for name in ["assets/a-abc123.js", "admin/assets/a-abc123.js"] {
            assert!(asset(name, Bytes::new(), &policy).cache_control.contains("immutable"), "{name}");
        }
        assert_eq!(asset("logo.png", Bytes::new(), &policy).cache_control, "no-cache");
    }

    #[test]
    fn pages_of_a_folder_are_as_they_are_now_and_nothing_outside_of_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let viewer = folder.path().join(FOLDER);
        std::fs::create_dir(&viewer).unwrap();
        std::fs::write(folder.path().join("secret.html"), "secret").unwrap();
        let pages = Pages::new("'self'", Some(folder.path()));
        let facts = facts("Ada");
        for text in ["one", "two"] {
            std::fs::write(
                viewer.join("index.html"),
                format!("{text}<!--farcast:head-->x<!--/farcast:head-->"),
            )
            .unwrap();
            let page = pages.get("index.html", Some(&facts), "http://a").unwrap();
            let html = String::from_utf8_lossy(&page.identity).into_owned();
            assert!(html.starts_with(text) && html.contains("<title>Ada</title>"), "{html}");
        }
        for name in ["../secret.html", "./index.html", "a/../index.html", "", "/etc/passwd"] {
            assert!(pages.get(name, Some(&facts), "").is_none(), "{name}");
        }
    }

    #[test]
    fn the_admin_page_is_in_no_frame_and_shows_nothing_of_other_sites() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("admin")).unwrap();
        std::fs::write(folder.path().join("admin/index.html"), "the admin page").unwrap();
        let pages = Pages::new("*", Some(folder.path()));
        let runtime =
            Runtime { page_content: "![](https://a.example/b.png)".to_owned(), ..Runtime::default() };
        let facts = Facts { runtime: Arc::new(runtime), config: Bytes::from_static(b"{}") };
        let page = pages.get("admin/index.html", Some(&facts), "http://a").unwrap();
        assert_eq!(page.identity, "the admin page");
        let policy = page.policy.to_str().unwrap();
        assert!(policy.ends_with("frame-ancestors 'none'") && !policy.contains("a.example"), "{policy}");
        assert!(
            Pages::new("*", None).get("admin/index.html", None, "").is_some(),
            "at least what is missing"
        );
    }

    #[test]
    fn a_page_is_filled_in_once_per_settings_and_address() {
        let pages = Pages::new("'self'", None);
        let (one, other) = (facts("one"), facts("other"));
        let get = |facts: &Facts, base| pages.get("index.html", Some(facts), base).unwrap();
        let first = get(&one, "http://a");
        assert!(Arc::ptr_eq(&first, &get(&one, "http://a")));
        assert!(!Arc::ptr_eq(&first, &get(&one, "http://b")));
        assert!(!Arc::ptr_eq(&first, &get(&other, "http://a")));
    }

    #[test]
    fn the_manifest_is_of_the_settings() {
        let pages = Pages::new("'self'", None);
        let manifest = pages.get(MANIFEST, Some(&facts("Ada \"A\"")), "").unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest.identity).unwrap();
        assert_eq!(manifest["name"], "Ada \"A\"");
    }
}
